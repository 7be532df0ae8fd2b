import { parsePrometheusText } from '../../src/cli/prometheus-text.ts';
import type { ExpiryRun, PutLatency } from './expiry-report.ts';
import { createExpiring, fillExpiring } from './fill.ts';
import { LoadProcess } from './load-process.ts';
import { startTarget, type Target } from './targets.ts';
import { EXPIRING_COUNT } from './workloads.ts';

/** How long filling takes at the most, before what is filled in comes to its end. */
const FILL_MS = 8000;
const POLL_MS = 200;
/** How long it is waited for the last item. */
const GONE_MS_MAX = 60_000;

export interface ExpiryBenchOptions {
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly measuredMs: number;
  readonly warmUpMs: number;
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** Measures PutItem alone, and from the moment on in which items of another table come to their end. */
export async function expiryBench(options: ExpiryBenchOptions): Promise<readonly ExpiryRun[]> {
  const { rounds, connections, stopped, say } = options;
  const load = new LoadProcess();
  const target = await startTarget('tidemark');
  try {
    await createExpiring(target.port);
    const runs: ExpiryRun[] = [];
    for (let round = 1; round <= rounds; round += 1)
      for (const count of connections) {
        stopped.throwIfAborted();
        const run = await measureOnce({ ...options, load, target, round, count });
        say(`round ${round}: ${EXPIRING_COUNT} items gone in ${run.seconds?.toFixed(1) ?? '?'} s`);
        runs.push(run);
      }
    return runs;
  } finally {
    await load.stop();
    await target.stop();
  }
}

interface Once extends ExpiryBenchOptions {
  readonly load: LoadProcess;
  readonly target: Target;
  readonly round: number;
  /** Of connections. */
  readonly count: number;
}

async function measureOnce({ load, target, round, count, ...options }: Once): Promise<ExpiryRun> {
  const { measuredMs, warmUpMs } = options;
  const puts = async (warmMs: number): Promise<PutLatency> =>
    load.run({
      workload: 'PutItem',
      connections: count,
      warmUpMs: warmMs,
      measuredMs,
      port: target.port,
      serverPid: target.pid,
    });
  const alone = await puts(warmUpMs);
  const before = await expiredCount(target);
  // A time to live has whole seconds, and is over once they are past.
  const endsAtMs = Math.ceil((Date.now() + FILL_MS) / 1000) * 1000;
  await fillExpiring(target.port, endsAtMs / 1000);
  await sleep(endsAtMs - Date.now() - warmUpMs);
  const goneMs = untilGone(target, before + EXPIRING_COUNT, endsAtMs);
  const beside = await puts(warmUpMs);
  const ms = await goneMs;
  const seconds = ms === undefined ? undefined : ms / 1000;
  return { round, connections: count, items: EXPIRING_COUNT, seconds, alone, beside };
}

/** Milliseconds from `endsAtMs` until so many are gone, as the region counts them. */
async function untilGone(
  target: Target,
  count: number,
  endsAtMs: number,
): Promise<number | undefined> {
  while (Date.now() < endsAtMs + GONE_MS_MAX) {
    if ((await expiredCount(target)) >= count) return Date.now() - endsAtMs;
    await sleep(POLL_MS);
  }
  return undefined;
}

async function expiredCount({ operationsPort }: Target): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
  return parsePrometheusText(await response.text())
    .filter(({ name }) => name === 'tidemark_expired_items_total')
    .reduce((sum, { value }) => sum + value, 0);
}

const sleep = async (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms));
  });
