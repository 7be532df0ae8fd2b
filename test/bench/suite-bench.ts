import { fill } from './fill.ts';
import { LevelIteration } from './level-iteration.ts';
import type { WorkloadResult } from './load-process.ts';
import { LoadProcess } from './load-process.ts';
import { processUsage } from './process-usage.ts';
import type { Memory, Run } from './suite-report.ts';
import type { Target, TargetName } from './targets.ts';
import { optionalPeers, startTarget } from './targets.ts';
import { targetsOf, workloadNamed } from './workloads.ts';

/** A server that has answered its first request may still be tidying up after its start. */
const SETTLE_MS = 2000;

export interface SuiteOptions {
  readonly operations: readonly string[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

export interface SuiteResults {
  readonly runs: readonly Run[];
  readonly memory: readonly Memory[];
}

/** Starts everything, measures, ends everything. */
export async function suiteBench(options: SuiteOptions): Promise<SuiteResults> {
  const { operations, say } = options;
  const wanted = new Set(operations.flatMap((name) => targetsOf(workloadNamed(name))));
  const optional = optionalPeers(process.env);
  const names = (['bare', 'dynalite', ...optional, 'tidemark', 'relaxed'] as const).filter((name) =>
    wanted.has(name),
  );
  const load = new LoadProcess();
  const targets: Target[] = [];
  let level: LevelIteration | undefined;
  try {
    for (const name of names) targets.push(await startTarget(name));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const idle = targets.map(residentBytes);
    for (const target of targets.filter(({ name }) => name !== 'bare')) {
      say(`filling ${target.name}...`);
      await fill(target.port);
    }
    level = wanted.has('level') ? await LevelIteration.start() : undefined;
    const runs = await measure({ ...options, targets, load, level });
    const memory = targets.map((target, at) => ({
      target: target.name,
      idleBytes: idle[at],
      loadedBytes: residentBytes(target),
    }));
    return { runs, memory };
  } finally {
    await load.stop();
    await Promise.all([...targets, level].map(async (target) => target?.stop()));
  }
}

const residentBytes = ({ pid }: Target): number | undefined => processUsage(pid)?.residentBytes;

interface Measuring extends SuiteOptions {
  readonly targets: readonly Target[];
  readonly level: LevelIteration | undefined;
  readonly load: LoadProcess;
}

/** Targets take turns within each operation, so that whatever slows the machine for a while slows them all. */
async function measure(measuring: Measuring): Promise<readonly Run[]> {
  const { operations, rounds, stopped, say } = measuring;
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const operation of operations) {
      const workload = workloadNamed(operation);
      for (const connections of workload.connections ?? measuring.connections) {
        for (const target of turnsOf(measuring, targetsOf(workload))) {
          stopped.throwIfAborted();
          const result = await runOn(target, measuring, { operation, connections });
          runs.push({ target: target.name, operation, connections, round, ...result });
          say(
            `round ${round}: ${operation}, ${connections} connections, ${target.name}: ` +
              `${Math.round(result.ratePerSecond)}/s`,
          );
        }
      }
    }
  }
  return runs;
}

function turnsOf(
  { targets, level }: Measuring,
  names: readonly TargetName[],
): readonly (Target | LevelIteration)[] {
  const all = level === undefined ? targets : [level, ...targets];
  return all.filter(({ name }) => names.includes(name));
}

async function runOn(
  target: Target | LevelIteration,
  { load, warmUpMs, measuredMs }: Measuring,
  { operation, connections }: { readonly operation: string; readonly connections: number },
): Promise<WorkloadResult> {
  if (target.name === 'level') return target.run({ warmUpMs, measuredMs });
  return load.run({
    workload: operation,
    connections,
    warmUpMs,
    measuredMs,
    port: target.port,
    serverPid: target.pid,
  });
}
