import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { median } from './median.ts';
import { aligned, fixed } from './text-table.ts';

/** One step in one round, of each time that it was done. */
export interface MicroRun {
  readonly round: number;
  readonly step: string;
  readonly us: number;
  /** Of all threads of the process. */
  readonly cpuUs: number;
}

const stepsOf = (runs: readonly MicroRun[]) =>
  [...new Set(runs.map(({ step }) => step))].map((step) => {
    const own = runs.filter((run) => run.step === step);
    return {
      step,
      us: median(own.map(({ us }) => us)),
      least: Math.min(...own.map(({ us }) => us)),
      cpuUs: median(own.map(({ cpuUs }) => cpuUs)),
    };
  });

/** By the medians over the rounds. */
export const microFigures = (runs: readonly MicroRun[]): readonly Figure[] =>
  stepsOf(runs).flatMap(({ step, us, cpuUs }) =>
    figuresOf('less', { [`${step}: us`]: us, [`${step}: CPU us`]: cpuUs }),
  );

/** The table for people. */
export const microText = (runs: readonly MicroRun[]): string =>
  `${aligned(
    [
      ['step', 'us each', 'best round', 'CPU us'],
      ...stepsOf(runs).map(({ step, us, least, cpuUs }) => [
        step,
        fixed(us, 2),
        fixed(least, 2),
        fixed(cpuUs, 2),
      ]),
    ],
    [0],
  ).join('\n')}\n`;
