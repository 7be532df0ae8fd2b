import { join } from 'node:path';

import { findNatsServer, NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { BackgroundWork } from './background-work.ts';
import { compactionsIn } from './compaction-log.ts';
import { fill } from './fill.ts';
import { ALONE, BESIDE } from './goals.ts';
import type { LatencyRun } from './latency-report.ts';
import { LoadProcess } from './load-process.ts';
import { RegionPair } from './region-pair.ts';
import { packageFolder } from './server-process.ts';

/** Requests that are due are sent over so many, so that few wait for an answer to another one. */
const OPEN_CONNECTIONS = 64;

export interface LatencyBenchOptions {
  readonly operations: readonly string[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * Starts two regions, of which one is measured, and ends them. In each round each operation's peak is found first, and
 * then half of that is asked, alone and beside the background.
 */
export async function latencyBench(options: LatencyBenchOptions): Promise<readonly LatencyRun[]> {
  const { operations, connections, rounds, stopped, say } = options;
  const cacheFolder = join(packageFolder(), '.cache', 'bin');
  const { path } = await findNatsServer({ versionMin: NATS_VERSION_MIN, cacheFolder, say });
  const ends: (() => Promise<void>)[] = [];
  try {
    const load = new LoadProcess();
    ends.push(async () => load.stop());
    const pair = await RegionPair.start({
      natsServer: path,
      daemon: undefined,
      profileFolder: undefined,
      isProbed: true,
    });
    ends.push(async () => pair.stop());
    say('filling...');
    await fill(pair.source.port);
    await BackgroundWork.fill(pair.source.port);
    const runs: LatencyRun[] = [];
    for (let round = 1; round <= rounds; round += 1)
      for (const operation of operations)
        for (const count of connections) {
          stopped.throwIfAborted();
          const both = await measureOnce({ ...options, load, pair, round, operation, count });
          runs.push(...both);
        }
    return runs;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

interface Once extends LatencyBenchOptions {
  readonly load: LoadProcess;
  readonly pair: RegionPair;
  readonly round: number;
  readonly operation: string;
  /** Of connections, at the peak. */
  readonly count: number;
}

async function measureOnce(once: Once): Promise<readonly LatencyRun[]> {
  const { load, pair, operation, count, warmUpMs, measuredMs, stopped, say } = once;
  const { port, pid } = pair.source;
  const order = { workload: operation, warmUpMs, measuredMs, port, serverPid: pid };
  const peak = await load.run({ ...order, connections: count });
  stopped.throwIfAborted();
  const alone = await atHalf(once, peak.ratePerSecond, ALONE);
  stopped.throwIfAborted();
  const work = await BackgroundWork.start(pair);
  try {
    // What is asked for first, a page of a scan and a copy, is under way.
    await work.untilBusy();
    const beside = await atHalf(once, peak.ratePerSecond, BESIDE);
    const done = await work.stop();
    say(
      `round ${once.round}: ${operation} at ${Math.round(peak.ratePerSecond / 2)}/s: p99 ${alone.p99Ms?.toFixed(2)} ms, ` +
        `${beside.p99Ms?.toFixed(2)} ms beside ${done.scannedPages} pages, ${done.bootstraps} bootstraps`,
    );
    return [alone, { ...beside, background: done }];
  } finally {
    await work.stop();
  }
}

async function atHalf(once: Once, peakPerSecond: number, beside: string): Promise<LatencyRun> {
  const { load, pair, round, operation, count, warmUpMs, measuredMs } = once;
  const { port, pid, probe, folder } = pair.source;
  if (probe === undefined) throw new Error('a daemon without a probe');
  const order = {
    workload: operation,
    connections: OPEN_CONNECTIONS,
    ratePerSecond: peakPerSecond / 2,
    isOpen: true,
    port,
    serverPid: pid,
  };
  await load.run({ ...order, warmUpMs: 0, measuredMs: warmUpMs });
  await probe.loopDelay();
  const before = compactionsIn(folder);
  const result = await load.run({ ...order, warmUpMs: 0, measuredMs });
  const delay = await probe.loopDelay();
  return {
    round,
    operation,
    connections: count,
    beside,
    peakPerSecond,
    askedPerSecond: peakPerSecond / 2,
    ratePerSecond: result.ratePerSecond,
    failures: result.failures,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    longestRunMs: delay.longestMs,
    longestPauseMs: delay.longestPauseMs,
    compactions: compactionsIn(folder) - before,
    background: undefined,
  };
}
