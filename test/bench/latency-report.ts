import type { BackgroundDone } from './background-work.ts';
import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { FIGURES } from './goals.ts';
import { median } from './median.ts';
import { aligned, fixed, grouped } from './text-table.ts';

/** One operation at half of its peak, once. */
export interface LatencyRun {
  readonly round: number;
  readonly operation: string;
  /** At the peak. */
  readonly connections: number;
  readonly beside: string;
  readonly peakPerSecond: number;
  readonly askedPerSecond: number;
  /** As answered: lower than asked where the region could not keep up. */
  readonly ratePerSecond: number;
  readonly failures: number;
  /** From when requests were due. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly longestRunMs: number;
  /** For garbage. */
  readonly longestPauseMs: number;
  /** Of the region's stores meanwhile. */
  readonly compactions: number;
  /** What else was done; undefined alone. */
  readonly background: BackgroundDone | undefined;
}

/** By the medians over the rounds. */
export function latencyFigures(runs: readonly LatencyRun[]): readonly Figure[] {
  return groupsOf(runs).flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { operation, beside } = first;
    return figuresOf('less', {
      [FIGURES.halfPeakP99(operation, beside)]: median(group.map(({ p99Ms }) => p99Ms)),
      [FIGURES.longestRun(operation, beside)]: median(group.map((run) => run.longestRunMs)),
    });
  });
}

function groupsOf(runs: readonly LatencyRun[]): readonly (readonly LatencyRun[])[] {
  const groups = new Map<string, LatencyRun[]>();
  for (const run of runs) {
    const name = `${run.operation} ${run.connections} ${run.beside}`;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups.values()];
}

/** The table for people. */
export function latencyText(runs: readonly LatencyRun[]): string {
  const head = ['operation', 'round', 'peak/s', 'asked/s', 'answered/s', 'p50 ms', 'p99 ms'];
  const tail = ['longest run ms', 'garbage ms', 'compactions', 'pages', 'bootstraps', 'failed', ''];
  const lines = runs.map((run) => [
    run.operation,
    String(run.round),
    grouped(run.peakPerSecond),
    grouped(run.askedPerSecond),
    grouped(run.ratePerSecond),
    fixed(run.p50Ms, 2),
    fixed(run.p99Ms, 2),
    fixed(run.longestRunMs, 1),
    fixed(run.longestPauseMs, 1),
    String(run.compactions),
    String(run.background?.scannedPages ?? ''),
    String(run.background?.bootstraps ?? ''),
    run.failures === 0 ? '' : String(run.failures),
    run.beside,
  ]);
  return `${aligned([[...head, ...tail], ...lines], [0, 13]).join('\n')}\n`;
}
