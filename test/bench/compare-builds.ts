import type { BuildComparison, PairedRun } from './build-comparison.ts';
import { comparisonOf } from './build-comparison.ts';
import { fill } from './fill.ts';
import type { LoadResult } from './load.ts';
import { LoadProcess } from './load-process.ts';
import type { Target } from './targets.ts';
import { startTarget } from './targets.ts';

/** Each build runs so many times longer before the first pair: what is compiled on the way counts for neither. */
const FIRST_WARM_UPS = 8;

export interface CompareBuildsOptions {
  /** The `main.js` of the other build. */
  readonly main: string;
  readonly operations: readonly string[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => unknown;
}

/** Two daemons under the same load in turns; which of them is first changes from pair to pair. */
export async function compareBuilds(
  options: CompareBuildsOptions,
): Promise<readonly BuildComparison[]> {
  const { operations, connections, main, say } = options;
  const load = new LoadProcess();
  const targets: Target[] = [];
  try {
    const other = await startTarget('tidemark', { main });
    targets.push(other);
    const own = await startTarget('tidemark');
    targets.push(own);
    for (const { port } of targets) await fill(port);
    const comparisons: BuildComparison[] = [];
    for (const operation of operations) {
      for (const count of connections) {
        say(`${operation}, ${count} connections...`);
        const of = { operation, connections: count };
        const pairs = await pairsOf({ ...options, ...of, load, own, other });
        comparisons.push(comparisonOf(of, pairs));
      }
    }
    return comparisons;
  } finally {
    await load.stop();
    await Promise.all(targets.map(async (target) => target.stop()));
  }
}

interface Pairing extends Omit<CompareBuildsOptions, 'connections'> {
  readonly operation: string;
  readonly connections: number;
  readonly load: LoadProcess;
  readonly own: Target;
  readonly other: Target;
}

async function pairsOf(pairing: Pairing): Promise<readonly PairedRun[]> {
  const { own, other, rounds, measuredMs } = pairing;
  for (const target of [other, own]) await runOn(target, pairing, measuredMs * FIRST_WARM_UPS);
  const pairs: PairedRun[] = [];
  for (let round = 0; round < rounds; round++) {
    const ownFirst = round % 2 === 1 ? await runOn(own, pairing) : undefined;
    const others = await runOn(other, pairing);
    pairs.push({ own: ownFirst ?? (await runOn(own, pairing)), other: others });
  }
  return pairs;
}

async function runOn(
  { port, pid }: Target,
  { load, operation, connections, measuredMs, warmUpMs, stopped }: Pairing,
  firstMs = warmUpMs,
): Promise<LoadResult> {
  stopped.throwIfAborted();
  return load.run({
    workload: operation,
    connections,
    warmUpMs: firstMs,
    measuredMs,
    port,
    serverPid: pid,
  });
}
