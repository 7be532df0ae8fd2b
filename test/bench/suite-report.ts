import type { Figure } from './figure.ts';
import { figureName, figuresOf, ratioName } from './figure.ts';
import { FIGURES } from './goals.ts';
import type { LoadResult } from './load.ts';
import { median } from './median.ts';
import type { TargetName } from './targets.ts';
import { aligned, fixed, grouped } from './text-table.ts';

const BYTES_PER_MB = 1024 * 1024;

export interface Run extends LoadResult {
  readonly target: TargetName;
  readonly operation: string;
  readonly connections: number;
  readonly round: number;
  readonly itemsPerRequest: number;
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
  /** Tidemark's rate, in items, by this target's, round by round; undefined for Tidemark itself. */
  readonly tidemarkRatio: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly serverCpuSecondsPer1000: number | undefined;
  readonly generatorCpuSecondsPer1000: number | undefined;
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
      tidemarkRatio:
        target === 'tidemark'
          ? undefined
          : ratioOf(runs, { of: { operation, target: 'tidemark' }, by: first }),
      p50Ms: median(group.map((run) => run.p50Ms)),
      p99Ms: median(group.map((run) => run.p99Ms)),
      serverCpuSecondsPer1000: median(group.map((run) => run.serverCpuSecondsPer1000)),
      generatorCpuSecondsPer1000: median(group.map((run) => run.generatorCpuSecondsPer1000)),
    };
  });
}

interface Side {
  readonly operation: string;
  readonly target: TargetName;
}

interface Sides {
  readonly of: Side;
  readonly by: Side & { readonly connections: number };
}

/**
 * One side's rate by the other's, in items, at the same number of connections: the median of the rounds' ratios, so that
 * what slows the machine for a while slows both. Undefined where one of them did not run.
 */
function ratioOf(runs: readonly Run[], { of, by }: Sides): number | undefined {
  const rateOf = ({ operation, target }: Side, round: number): number | undefined => {
    const found = runs.find(
      (run) =>
        run.round === round &&
        run.connections === by.connections &&
        run.operation === operation &&
        run.target === target,
    );
    return found === undefined ? undefined : found.ratePerSecond * found.itemsPerRequest;
  };
  const rounds = new Set(runs.map(({ round }) => round));
  return median(
    [...rounds].map((round) => {
      const [own, other] = [rateOf(of, round), rateOf(by, round)];
      return own === undefined || other === undefined || other === 0 ? undefined : own / other;
    }),
  );
}

/** What is kept, compared and judged of the runs. */
export function suiteFigures(runs: readonly Run[], memory: readonly Memory[]): readonly Figure[] {
  const idle = memory.find(({ target }) => target === 'tidemark')?.idleBytes;
  return [
    ...summarize(runs).flatMap((row) => rowFigures(row, runs)),
    ...figuresOf('less', {
      [FIGURES.idleMegabytes]: idle === undefined ? undefined : idle / BYTES_PER_MB,
    }),
  ];
}

/** Targets whose rates are only there to be held against. */
const isPeer = (target: TargetName): boolean => target !== 'tidemark' && target !== 'relaxed';

/** Operations that are held against `PutItem` of the same target. */
const BY_PUT_ITEM: readonly string[] = ['streamed PutItem', 'TransactWriteItems'];

function rowFigures(row: Row, runs: readonly Run[]): readonly Figure[] {
  const { operation, connections, target, tidemarkRatio, serverCpuSecondsPer1000 } = row;
  if (isPeer(target)) {
    const relaxed = ratioOf(runs, { of: { operation, target: 'relaxed' }, by: row });
    return figuresOf('more', {
      [ratioName({ operation, connections, target: 'tidemark', by: target })]: tidemarkRatio,
      [ratioName({ operation, connections, target: 'relaxed', by: target })]: relaxed,
    });
  }
  const cpuUs = serverCpuSecondsPer1000 === undefined ? undefined : serverCpuSecondsPer1000 * 1000;
  const byPutItem = BY_PUT_ITEM.includes(operation)
    ? ratioOf(runs, { of: row, by: { ...row, operation: 'PutItem' } })
    : undefined;
  return [
    ...figuresOf('more', {
      [figureName(row, 'per second')]: row.ratePerSecond,
      [`${operation}, ${connections} connections: by PutItem`]: byPutItem,
    }),
    ...figuresOf('less', {
      [figureName(row, 'p50 ms')]: row.p50Ms,
      [figureName(row, 'p99 ms')]: row.p99Ms,
      [figureName(row, 'CPU us')]: cpuUs,
    }),
  ];
}

/** Operation and target. */
const TEXT_COLUMNS = [0, 2];

/** The tables for people. */
export function suiteText(rows: readonly Row[], memory: readonly Memory[]): string {
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
    grouped(row.ratePerSecond),
    row.tidemarkRatio === undefined ? '' : `${row.tidemarkRatio.toFixed(2)} x`,
    fixed(row.p50Ms, 2),
    fixed(row.p99Ms, 2),
    fixed(row.serverCpuSecondsPer1000, 4),
    fixed(row.generatorCpuSecondsPer1000, 4),
    row.failures === 0 ? '' : String(row.failures),
  ]);
  const memoryLines = memory.map(
    ({ target, idleBytes, loadedBytes }) =>
      `  ${target.padEnd(14)} idle ${megabytes(idleBytes)}, after the load ${megabytes(loadedBytes)}`,
  );
  return [
    ...aligned([head, ...table], TEXT_COLUMNS),
    ...(memory.length === 0 ? [] : ['', 'Resident memory', ...memoryLines]),
    '',
  ].join('\n');
}

const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? '-' : `${(bytes / BYTES_PER_MB).toFixed(0)} MB`;
