import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { FIGURES } from './goals.ts';
import { median } from './median.ts';
import { aligned, fixed } from './text-table.ts';

/** One round: PutItem as it is, and while items that have come to their end go. */
export interface ExpiryRun {
  readonly round: number;
  readonly connections: number;
  /** That ended at one moment. */
  readonly items: number;
  /** From that moment until the last was gone; undefined where some stood for longer than was waited. */
  readonly seconds: number | undefined;
  readonly alone: PutLatency;
  readonly beside: PutLatency;
}

export interface PutLatency {
  readonly ratePerSecond: number;
  readonly failures: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** How many times the p99 alone is the p99 beside expiry. */
const p99Times = ({ alone, beside }: ExpiryRun): number | undefined =>
  alone.p99Ms === undefined || beside.p99Ms === undefined ? undefined : beside.p99Ms / alone.p99Ms;

/** By the medians over the rounds. Where some items stood for longer than was waited, they were gone never. */
export function expiryFigures(runs: readonly ExpiryRun[]): readonly Figure[] {
  const isAllGone = runs.every((run) => run.seconds !== undefined);
  return figuresOf('less', {
    [FIGURES.expirySeconds]: isAllGone ? median(runs.map((run) => run.seconds)) : NEVER_SECONDS,
    [FIGURES.expiryP99Times]: median(runs.map(p99Times)),
  });
}

/** What stands for never, since JSON has no infinity. */
const NEVER_SECONDS = 1e9;

/** The table for people. */
export function expiryReportText(runs: readonly ExpiryRun[]): string {
  const head = ['round', 'conns', 'items', 'gone in s', 'alone/s', 'p50 ms', 'p99 ms'];
  const table = [
    [...head, 'beside/s', 'p50 ms', 'p99 ms', 'p99 x', 'failures'],
    ...runs.map((run) => [
      String(run.round),
      String(run.connections),
      String(run.items),
      fixed(run.seconds, 1),
      ...latencyCells(run.alone),
      ...latencyCells(run.beside),
      fixed(p99Times(run), 2),
      String(run.alone.failures + run.beside.failures),
    ]),
  ];
  return `${aligned(table).join('\n')}\n`;
}

const latencyCells = ({ ratePerSecond, p50Ms, p99Ms }: PutLatency): readonly string[] => [
  String(Math.round(ratePerSecond)),
  fixed(p50Ms, 2),
  fixed(p99Ms, 2),
];
