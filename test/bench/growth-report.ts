import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { FIGURES } from './goals.ts';
import { aligned, fixed, grouped } from './text-table.ts';

const BYTES_PER_MB = 1024 * 1024;

/** A table of one size. */
export interface GrowthRun {
  readonly items: number;
  /** Items, up to this size. */
  readonly filledPerSecond: number;
  /** Medians of the rounds. */
  readonly getsPerSecond: number;
  readonly queriesPerSecond: number;
  /** Of one long run. */
  readonly putsPerSecond: number;
  readonly putP99Ms: number | undefined;
  readonly sustainedMs: number;
  readonly failures: number;
  /** Of the daemon, after that; undefined where the system does not tell. */
  readonly anonymousBytes: number | undefined;
}

/** By the smallest size, which comes first. */
export function growthFigures(runs: readonly GrowthRun[]): readonly Figure[] {
  const [first, ...rest] = runs;
  if (first === undefined) return [];
  return [
    ...rest.flatMap((run) => [
      ...figuresOf('more', {
        [FIGURES.grownTimes('GetItem', run.items)]: run.getsPerSecond / first.getsPerSecond,
        [FIGURES.grownTimes('Query', run.items)]: run.queriesPerSecond / first.queriesPerSecond,
        [FIGURES.grownTimes('PutItem', run.items)]: run.putsPerSecond / first.putsPerSecond,
      }),
    ]),
    ...runs.flatMap(({ items, anonymousBytes }) =>
      figuresOf('less', {
        [FIGURES.grownMegabytes(items)]:
          anonymousBytes === undefined ? undefined : anonymousBytes / BYTES_PER_MB,
      }),
    ),
  ];
}

/** The table for people. */
export function growthText(runs: readonly GrowthRun[]): string {
  const [first] = runs;
  const head = ['items', 'filled/s', 'GetItem/s', '', 'Query/s', '', 'PutItem/s', ''];
  const tail = ['for s', 'p99 ms', 'failed', 'anonymous MB'];
  const lines = runs.map((run) => [
    grouped(run.items),
    grouped(run.filledPerSecond),
    grouped(run.getsPerSecond),
    by(run.getsPerSecond, first?.getsPerSecond),
    grouped(run.queriesPerSecond),
    by(run.queriesPerSecond, first?.queriesPerSecond),
    grouped(run.putsPerSecond),
    by(run.putsPerSecond, first?.putsPerSecond),
    fixed(run.sustainedMs / 1000, 0),
    fixed(run.putP99Ms, 2),
    run.failures === 0 ? '' : String(run.failures),
    run.anonymousBytes === undefined ? '-' : fixed(run.anonymousBytes / BYTES_PER_MB, 0),
  ]);
  return `${aligned([[...head, ...tail], ...lines]).join('\n')}\n`;
}

const by = (value: number, least: number | undefined): string =>
  least === undefined || least === 0 ? '-' : `${(value / least).toFixed(2)} x`;
