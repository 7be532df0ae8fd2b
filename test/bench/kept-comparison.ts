import type { Figure } from './figure.ts';
import { aligned } from './text-table.ts';

/** By how much a figure may be worse before it is named. */
const TOLERANCE = 0.1;

export interface FigureChange {
  readonly name: string;
  readonly before: number;
  readonly now: number;
  /** Now by before; undefined where there was none before. */
  readonly ratio: number | undefined;
  readonly isRegression: boolean;
}

export interface KeptComparison {
  readonly changes: readonly FigureChange[];
  /** Measured on one side only. */
  readonly unmatched: readonly string[];
}

/** What was measured on both sides, in this run's order. */
export function compareFigures(now: readonly Figure[], before: readonly Figure[]): KeptComparison {
  const known = new Map(before.map((figure) => [figure.name, figure]));
  const names = new Set(now.map(({ name }) => name));
  return {
    changes: now.flatMap((figure) => {
      const old = known.get(figure.name);
      return old === undefined ? [] : [changeOf(figure, old.value)];
    }),
    unmatched: [
      ...now.filter(({ name }) => !known.has(name)),
      ...before.filter(({ name }) => !names.has(name)),
    ].map(({ name }) => name),
  };
}

function changeOf({ name, value, better }: Figure, before: number): FigureChange {
  const ratio = before === 0 ? undefined : value / before;
  const isRegression =
    better === 'more' ? value < before * (1 - TOLERANCE) : value > before * (1 + TOLERANCE);
  return { name, before, now: value, ratio, isRegression };
}

/** For people: a line for each figure, and what is worse by more than a tenth named at the end. */
export function keptComparisonText({ changes, unmatched }: KeptComparison): string {
  const lines = changes.map(({ name, before, now, ratio, isRegression }) => [
    name,
    before.toPrecision(4),
    now.toPrecision(4),
    ratio === undefined ? '-' : ratio.toFixed(2),
    isRegression ? 'WORSE' : '',
  ]);
  const worse = changes.filter(({ isRegression }) => isRegression);
  return [
    '',
    ...aligned([['figure', 'before', 'now', 'ratio', ''], ...lines], [0, 4]),
    ...(unmatched.length === 0 ? [] : ['', `Measured on one side only: ${unmatched.length}`]),
    '',
    worse.length === 0
      ? 'Nothing is worse by more than 10 %.'
      : `Worse by more than 10 %: ${worse.map(({ name }) => name).join('; ')}`,
    '',
  ].join('\n');
}
