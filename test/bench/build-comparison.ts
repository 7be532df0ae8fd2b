import { aligned, fixed } from './text-table.ts';

/** What one run of each build told, one right after the other. */
export interface PairedRun {
  readonly other: BuildRun;
  readonly own: BuildRun;
}

export interface BuildRun {
  readonly ratePerSecond: number;
  readonly serverCpuSecondsPer1000: number | undefined;
}

/** Of this build by the other, over all pairs: the middle, and the quarters around it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface BuildComparison {
  readonly operation: string;
  readonly connections: number;
  readonly pairs: number;
  /** Microseconds of processor time per operation, medians; undefined where the system does not tell. */
  readonly ownCpuUs: number | undefined;
  readonly otherCpuUs: number | undefined;
  readonly cpuRatio: Spread | undefined;
  readonly rateRatio: Spread | undefined;
}

/** Ratios are taken pair by pair, so that what slows the machine for a while slows both sides of each. */
export function comparisonOf(
  { operation, connections }: { readonly operation: string; readonly connections: number },
  pairs: readonly PairedRun[],
): BuildComparison {
  const cpu = (side: keyof PairedRun): readonly (number | undefined)[] =>
    pairs.map((pair) => cpuUs(pair[side]));
  const cpuRatios = pairs.map(({ own, other }) => ratio(cpuUs(own), cpuUs(other)));
  const rateRatios = pairs.map(({ own, other }) => ratio(own.ratePerSecond, other.ratePerSecond));
  return {
    operation,
    connections,
    pairs: pairs.length,
    ownCpuUs: spreadOf(cpu('own'))?.median,
    otherCpuUs: spreadOf(cpu('other'))?.median,
    cpuRatio: spreadOf(cpuRatios),
    rateRatio: spreadOf(rateRatios),
  };
}

const cpuUs = ({ serverCpuSecondsPer1000 }: BuildRun): number | undefined =>
  serverCpuSecondsPer1000 === undefined ? undefined : serverCpuSecondsPer1000 * 1000;

const ratio = (own: number | undefined, other: number | undefined): number | undefined =>
  own === undefined || other === undefined || other === 0 ? undefined : own / other;

/** Undefined for no values. */
function spreadOf(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  const at = (part: number): number | undefined => sorted[Math.floor((sorted.length - 1) * part)];
  const [median, low, high] = [at(0.5), at(0.25), at(0.75)];
  return median === undefined || low === undefined || high === undefined
    ? undefined
    : { median, low, high };
}

/** For people. */
export function comparisonText(comparisons: readonly BuildComparison[]): string {
  const lines = comparisons.map(
    ({ operation, connections, pairs, ownCpuUs, otherCpuUs, cpuRatio, rateRatio }) => [
      operation,
      String(connections),
      String(pairs),
      fixed(otherCpuUs, 1),
      fixed(ownCpuUs, 1),
      spreadText(cpuRatio),
      spreadText(rateRatio),
    ],
  );
  const heads = ['operation', 'conn', 'pairs', 'CPU us there', 'here', 'CPU ratio', 'rate ratio'];
  return `${aligned([heads, ...lines], TEXT_COLUMNS).join('\n')}\n`;
}

/** The operation. */
const TEXT_COLUMNS = [0];

const spreadText = (spread: Spread | undefined): string =>
  spread === undefined
    ? '-'
    : `${spread.median.toFixed(3)} (${spread.low.toFixed(2)} to ${spread.high.toFixed(2)})`;
