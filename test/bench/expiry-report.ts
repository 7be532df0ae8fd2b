import { aligned, fixed, type Goal, goalLine, median } from './report.ts';

const SECONDS_MAX = 10;
const P99_TIMES_MAX = 1.5;

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

/** By the medians over the rounds. */
export function expiryGoalsOf(runs: readonly ExpiryRun[]): readonly Goal[] {
  const seconds = median(runs.map((run) => run.seconds));
  const times = median(runs.map(p99Times));
  const isAllGone = runs.every((run) => run.seconds !== undefined);
  return [
    {
      text: `expired items: gone within ${SECONDS_MAX} s`,
      measured: seconds,
      reached: isAllGone && (seconds ?? Infinity) <= SECONDS_MAX,
    },
    {
      text: `PutItem beside that, p99: within ${P99_TIMES_MAX} x of what it is alone`,
      measured: times,
      reached: (times ?? Infinity) <= P99_TIMES_MAX,
    },
  ];
}

/** The whole report for people. */
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
  return `${aligned(table).join('\n')}\n\n${expiryGoalsOf(runs).map(goalLine).join('\n')}\n`;
}

const latencyCells = ({ ratePerSecond, p50Ms, p99Ms }: PutLatency): readonly string[] => [
  String(Math.round(ratePerSecond)),
  fixed(p50Ms, 2),
  fixed(p99Ms, 2),
];
