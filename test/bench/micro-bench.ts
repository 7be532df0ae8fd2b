import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { MicroRun } from './micro-report.ts';
import { type MicroStep, openMicroSteps } from './micro-steps.ts';

export interface MicroBenchOptions {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** Each hot step by itself, in turns, in this process. */
export async function microBench(options: MicroBenchOptions): Promise<readonly MicroRun[]> {
  const { rounds, warmUpMs, measuredMs, stopped, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-micro-'));
  const { steps, close } = await openMicroSteps(folder);
  try {
    for (const step of steps) await timed(step, warmUpMs);
    const runs: MicroRun[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      say(`round ${round}...`);
      for (const step of steps) {
        stopped.throwIfAborted();
        runs.push({ round, step: step.name, ...(await timed(step, measuredMs)) });
      }
    }
    return runs;
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(
  { run, count }: MicroStep,
  forMs: number,
): Promise<Pick<MicroRun, 'us' | 'cpuUs'>> {
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  let done = 0;
  let elapsedMs = 0;
  do {
    const result = run();
    if (result instanceof Promise) await result;
    done += count;
    elapsedMs = performance.now() - startedMs;
  } while (elapsedMs < forMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { us: (elapsedMs * 1000) / done, cpuUs: (user + system) / done };
}
