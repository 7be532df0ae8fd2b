import type { LoadResult } from './load.ts';
import type { TargetName } from './targets.ts';

const BYTES_PER_MB = 1024 * 1024;

export interface Run extends LoadResult {
  readonly target: TargetName;
  readonly operation: string;
  readonly connections: number;
  readonly round: number;
}

export interface Memory {
  readonly target: TargetName;
  /** Resident, before the first request; undefined where the system does not tell. */
  readonly idleBytes: number | undefined;
  /** Resident, after the last one. */
  readonly loadedBytes: number | undefined;
}

/** One operation at one number of connections on one target: medians over the rounds. */
export interface Row {
  readonly operation: string;
  readonly connections: number;
  readonly target: TargetName;
  readonly ratePerSecond: number;
  readonly failures: number;
  /** Tidemark's rate by this target's, round by round; undefined for Tidemark itself. */
  readonly tidemarkRatio: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly serverCpuSecondsPer1000: number | undefined;
  readonly generatorCpuSecondsPer1000: number | undefined;
}

export interface Goal {
  readonly text: string;
  readonly measured: number | undefined;
  readonly reached: boolean;
}

/** The middle value, the mean of two; undefined for none. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** A row for each target, operation and number of connections, in the order in which they ran first. */
export function summarize(runs: readonly Run[]): readonly Row[] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const name = `${run.operation} ${run.connections} ${run.target}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [run]);
    else group.push(run);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { operation, connections, target } = first;
    return {
      operation,
      connections,
      target,
      ratePerSecond: median(group.map((run) => run.ratePerSecond)) ?? 0,
      failures: group.reduce((sum, run) => sum + run.failures, 0),
      tidemarkRatio: median(group.map((run) => tidemarkRatio(run, runs))),
      p50Ms: median(group.map((run) => run.p50Ms)),
      p99Ms: median(group.map((run) => run.p99Ms)),
      serverCpuSecondsPer1000: median(group.map((run) => run.serverCpuSecondsPer1000)),
      generatorCpuSecondsPer1000: median(group.map((run) => run.generatorCpuSecondsPer1000)),
    };
  });
}

function tidemarkRatio(run: Run, runs: readonly Run[]): number | undefined {
  if (run.target === 'tidemark' || run.ratePerSecond === 0) return undefined;
  const own = runs.find(
    ({ target, operation, connections, round }) =>
      target === 'tidemark' &&
      operation === run.operation &&
      connections === run.connections &&
      round === run.round,
  );
  return own === undefined ? undefined : own.ratePerSecond / run.ratePerSecond;
}

/** The goals of which the runs say something. */
export function goalsOf(rows: readonly Row[], memory: readonly Memory[]): readonly Goal[] {
  const ratio = (operation: string, connections: number): readonly Row[] =>
    rows.filter(
      (row) =>
        row.target === 'dynalite' && row.operation === operation && row.connections === connections,
    );
  const atLeast = (text: string, least: number, found: readonly Row[]): readonly Goal[] =>
    found.map(({ tidemarkRatio: measured }) => ({
      text,
      measured,
      reached: (measured ?? 0) >= least,
    }));
  const idle = memory.filter(({ target }) => target === 'tidemark');
  return [
    ...atLeast('GetItem, 16 connections: at least 1.5 x dynalite', 1.5, ratio('GetItem', 16)),
    ...atLeast('GetItem, 64 connections: at least 1.5 x dynalite', 1.5, ratio('GetItem', 64)),
    ...atLeast(
      'PutItem, three synced copies, 64 connections: at least 0.8 x dynalite, which syncs nothing',
      0.8,
      ratio('PutItem', 64),
    ),
    ...streamedRatios(rows).map(({ connections, measured }) => ({
      text: `streamed PutItem, ${connections} connections: at least 0.9 x PutItem`,
      measured,
      reached: measured >= 0.9,
    })),
    ...idle.map(({ idleBytes }) => ({
      text: 'an idle daemon of one region: under 150 MB',
      measured: idleBytes === undefined ? undefined : idleBytes / BYTES_PER_MB,
      reached: (idleBytes ?? Infinity) < 150 * BYTES_PER_MB,
    })),
  ];
}

/** What a stream leaves of the rate of PutItem, by the number of connections. */
function streamedRatios(
  rows: readonly Row[],
): readonly { readonly connections: number; readonly measured: number }[] {
  const own = rows.filter(({ target }) => target === 'tidemark');
  return own.flatMap(({ operation, connections, ratePerSecond }) => {
    const bare = own.find((row) => row.operation === 'PutItem' && row.connections === connections);
    if (operation !== 'streamed PutItem' || bare === undefined) return [];
    return [{ connections, measured: ratePerSecond / bare.ratePerSecond }];
  });
}

/** The whole report for people. */
export function reportText(rows: readonly Row[], memory: readonly Memory[]): string {
  const head = [
    'operation',
    'conn',
    'target',
    'per second',
    'Tidemark is',
    'p50 ms',
    'p99 ms',
    'CPU s/1000',
    'load CPU',
    'failed',
  ];
  const table = rows.map((row) => [
    row.operation,
    String(row.connections),
    row.target,
    Math.round(row.ratePerSecond).toLocaleString('en-US'),
    row.tidemarkRatio === undefined ? '' : `${row.tidemarkRatio.toFixed(2)} x`,
    fixed(row.p50Ms, 2),
    fixed(row.p99Ms, 2),
    fixed(row.serverCpuSecondsPer1000, 4),
    fixed(row.generatorCpuSecondsPer1000, 4),
    row.failures === 0 ? '' : String(row.failures),
  ]);
  const memoryLines = memory.map(
    ({ target, idleBytes, loadedBytes }) =>
      `  ${target.padEnd(10)} idle ${megabytes(idleBytes)}, after the load ${megabytes(loadedBytes)}`,
  );
  const goalLines = goalsOf(rows, memory).map(goalLine);
  return [
    ...aligned([head, ...table], TEXT_COLUMNS),
    '',
    'Resident memory',
    ...memoryLines,
    ...(goalLines.length === 0 ? [] : ['', 'Goals', ...goalLines]),
    '',
  ].join('\n');
}

/** Operation and target. */
const TEXT_COLUMNS = [0, 2];

export const goalLine = ({ text, measured, reached }: Goal): string =>
  `  ${reached ? 'reached   ' : 'FELL SHORT'} ${text} (${fixed(measured, 2)})`;

export const fixed = (value: number | undefined, digits: number): string =>
  value?.toFixed(digits) ?? '-';

const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? '-' : `${(bytes / BYTES_PER_MB).toFixed(0)} MB`;

/** Columns of one width each: those of text to the left, the others to the right. */
export function aligned(
  lines: readonly (readonly string[])[],
  textColumns: readonly number[] = [],
): readonly string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return textColumns.includes(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
