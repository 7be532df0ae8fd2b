import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { FIGURES } from './goals.ts';
import { median } from './median.ts';
import { aligned, fixed, grouped } from './text-table.ts';

/** How soon a daemon serves, once each way. */
export interface StartRun {
  readonly round: number;
  readonly items: number;
  readonly cleanMs: number;
  readonly killedMs: number;
}

/** By the medians over the rounds. */
export function startFigures(runs: readonly StartRun[]): readonly Figure[] {
  const [first] = runs;
  if (first === undefined) return [];
  return figuresOf('less', {
    [FIGURES.startSeconds('a clean stop', first.items)]: seconds(runs.map((run) => run.cleanMs)),
    [FIGURES.startSeconds('kill -9', first.items)]: seconds(runs.map((run) => run.killedMs)),
  });
}

function seconds(values: readonly number[]): number | undefined {
  const ms = median(values);
  return ms === undefined ? undefined : ms / 1000;
}

/** The table for people. */
export const startText = (runs: readonly StartRun[]): string =>
  `${aligned([
    ['round', 'items', 'after a clean stop s', 'after kill -9 s'],
    ...runs.map(({ round, items, cleanMs, killedMs }) => [
      String(round),
      grouped(items),
      fixed(cleanMs / 1000, 2),
      fixed(killedMs / 1000, 2),
    ]),
  ]).join('\n')}\n`;
