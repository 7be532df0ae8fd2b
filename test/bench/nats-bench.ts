import { join } from 'node:path';

import { findNatsServer, NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { histogramQuantile, type Sample, sumOf } from '../../src/cli/prometheus-text.ts';
import type { NatsOptions } from './bench-options.ts';
import { createShared, createTable } from './fill.ts';
import { LoadProcess } from './load-process.ts';
import { NatsEcho } from './nats-echo.ts';
import type { CatchUp, Cost, CpuPerRecord, Latency, NatsRounds } from './nats-report.ts';
import { processUsage } from './process-usage.ts';
import { RegionPair, samplesOf, startNats, TARGET } from './region-pair.ts';
import { packageFolder, type ServerProcess } from './server-process.ts';
import { ITEM_BYTES } from './bench-item.ts';
import { REGIONAL, SHARED_WORKLOADS } from './workloads.ts';

const LATENCY = 'tidemark_replication_latency_seconds';
/** What a write waits in all; a daemon that counts latency from there does not have it. */
const WRITE_AGE = 'tidemark_replication_write_age_seconds';
const PENDING = 'tidemark_replication_pending_records';

/** What a write of a global table is to cost, and its lag, is measured at this rate. */
const COST_WRITES_PER_SECOND = 2000;
const COST_CONNECTIONS = 16;
/** Moderate: far from what a region takes. */
const WRITES_PER_SECOND = 200;
const LATENCY_CONNECTIONS = 4;
const GATHER_CONNECTIONS = 16;
const PACED_WARM_UP_MS = 1000;
const POLL_MS = 250;
const SETTLED_MS_MAX = 600_000;

export interface NatsBenchOptions extends NatsOptions {
  readonly rounds: number;
  readonly measuredMs: number;
  readonly warmUpMs: number;
  /** Ends the bench between two steps. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

export interface NatsResults extends NatsRounds {
  /** Such as `2.15.2`. */
  readonly natsServer: string;
}

/** Starts two regions, measures latency and catch-up in turns, ends everything. */
export async function natsBench(options: NatsBenchOptions): Promise<NatsResults> {
  const { rounds, stopped, say, daemon, profileFolder } = options;
  const cacheFolder = join(packageFolder(), '.cache', 'bin');
  const found = await findNatsServer({ versionMin: NATS_VERSION_MIN, cacheFolder, say });
  const ends: (() => Promise<void>)[] = [];
  try {
    const load = new LoadProcess();
    ends.push(async () => load.stop());
    const bare = await startNats(found.path, 'bare');
    ends.push(async () => bare.stop());
    const echo = await NatsEcho.start(bare.url);
    ends.push(async () => echo.stop());
    const pair = await RegionPair.start({ natsServer: found.path, daemon, profileFolder });
    ends.push(async () => pair.stop());
    await createShared(pair.source.port, TARGET);
    await createTable(pair.source.port, REGIONAL);
    const bench = new PairBench({ ...options, pair, load, echo });
    const latencies: Latency[] = [];
    const costs: Cost[] = [];
    const catchUps: CatchUp[] = [];
    for (let round = 1; round <= rounds; round++) {
      stopped.throwIfAborted();
      latencies.push(await bench.latency(round));
      stopped.throwIfAborted();
      costs.push(await bench.cost(round));
      stopped.throwIfAborted();
      catchUps.push(await bench.catchUp(round));
    }
    return { natsServer: found.version, latencies, costs, catchUps };
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

interface PairBenchOptions extends NatsBenchOptions {
  readonly pair: RegionPair;
  readonly load: LoadProcess;
  readonly echo: NatsEcho;
}

class PairBench {
  readonly #options: PairBenchOptions;

  constructor(options: PairBenchOptions) {
    this.#options = options;
  }

  /** Both in the same seconds, so that whatever else the machine does slows both. */
  async latency(round: number): Promise<Latency> {
    const { pair, load, echo, warmUpMs, measuredMs, say } = this.#options;
    const order = {
      workload: SHARED_WORKLOADS.put.name,
      warmUpMs: 0,
      port: pair.source.port,
      serverPid: pair.source.pid,
    };
    // As fast as it goes: a compiler that has not seen a path often enough would be measured else.
    await load.run({ ...order, connections: GATHER_CONNECTIONS, measuredMs: warmUpMs });
    await this.#settled();
    const run = async (ms: number) => {
      const writing = load.run({
        ...order,
        connections: LATENCY_CONNECTIONS,
        ratePerSecond: WRITES_PER_SECOND,
        measuredMs: ms,
      });
      const asked = echo.ask({
        payloadBytes: ITEM_BYTES,
        ratePerSecond: WRITES_PER_SECOND,
        done: writing,
      });
      return Promise.all([writing, asked]);
    };
    await run(PACED_WARM_UP_MS);
    await this.#settled();
    const before = await samplesOf(pair.target);
    const usedBefore = this.#used();
    const [writes, bare] = await run(measuredMs);
    const cpu = cpuPer(writes.answers, usedBefore, this.#used());
    await this.#settled();
    const latency = histogramOf(await samplesOf(pair.target), before);
    const result = {
      round,
      writesPerSecond: writes.ratePerSecond,
      failures: writes.failures,
      writeP50Ms: writes.p50Ms,
      bareP50Ms: bare.quantileMs(0.5),
      bareP99Ms: bare.quantileMs(0.99),
      ...latency,
      ...cpu,
    };
    say(
      `round ${round}: to ${TARGET} p50 ${result.p50Ms?.toFixed(2)} ms, bare NATS ${result.bareP50Ms?.toFixed(2)} ms`,
    );
    return result;
  }

  /** A global table, and a regional one of the same items, one after the other; which is first changes. */
  async cost(round: number): Promise<Cost> {
    const { pair, say } = this.#options;
    const regional =
      round % 2 === 0 ? await this.#costOf(SHARED_WORKLOADS.regionalPut.name) : undefined;
    await this.#settled();
    const before = await samplesOf(pair.target);
    const shared = await this.#costOf(SHARED_WORKLOADS.put.name);
    await this.#settled();
    const after = await samplesOf(pair.target);
    const lag = histogramOf(after, before);
    const writeAge = histogramOf(after, before, WRITE_AGE);
    const other = regional ?? (await this.#costOf(SHARED_WORKLOADS.regionalPut.name));
    say(
      `round ${round}: a global write ${shared.cpuUs?.toFixed(0)} us, a regional one ${other.cpuUs?.toFixed(0)} us`,
    );
    return {
      round,
      globalPerSecond: shared.ratePerSecond,
      regionalPerSecond: other.ratePerSecond,
      failures: shared.failures + other.failures,
      globalCpuUs: shared.cpuUs,
      regionalCpuUs: other.cpuUs,
      lagP50Ms: lag.p50Ms,
      lagP99Ms: lag.p99Ms,
      writeAgeP50Ms: writeAge.p50Ms,
      writeAgeP99Ms: writeAge.p99Ms,
    };
  }

  /** What has to be shipped after the last answer is none of what an answer cost: at this rate next to nothing. */
  async #costOf(workload: string): Promise<{
    readonly ratePerSecond: number;
    readonly failures: number;
    readonly cpuUs: number | undefined;
  }> {
    const { pair, load, measuredMs } = this.#options;
    const { ratePerSecond, failures, serverCpuSecondsPer1000 } = await load.run({
      workload,
      connections: COST_CONNECTIONS,
      ratePerSecond: COST_WRITES_PER_SECOND,
      isOpen: true,
      warmUpMs: PACED_WARM_UP_MS,
      measuredMs,
      port: pair.source.port,
      serverPid: pair.source.pid,
    });
    const cpuUs =
      serverCpuSecondsPer1000 === undefined ? undefined : serverCpuSecondsPer1000 * 1000;
    return { ratePerSecond, failures, cpuUs };
  }

  async catchUp(round: number): Promise<CatchUp> {
    const { pair, load, cutMs, say } = this.#options;
    await pair.setLink(false);
    const writes = await load.run({
      workload: SHARED_WORKLOADS.batch.name,
      connections: GATHER_CONNECTIONS,
      warmUpMs: 0,
      measuredMs: cutMs,
      port: pair.source.port,
      serverPid: pair.source.pid,
    });
    const records = await this.#pending();
    say(`round ${round}: ${records} records wait for ${TARGET}`);
    const usedBefore = this.#used();
    await pair.setLink(true);
    const startedMs = performance.now();
    await this.#settled();
    const seconds = (performance.now() - startedMs) / 1000;
    const cpu = cpuPer(records, usedBefore, this.#used());
    const result = {
      round,
      cutSeconds: cutMs / 1000,
      writtenPerSecond: writes.ratePerSecond * SHARED_WORKLOADS.batch.itemsPerRequest,
      failures: writes.failures,
      records,
      seconds,
      recordsPerSecond: records / seconds,
      ...cpu,
    };
    say(`round ${round}: caught up with ${Math.round(result.recordsPerSecond)} records per second`);
    return result;
  }

  #used(): CpuUsed {
    const { source, target } = this.#options.pair;
    return {
      source: cpuSecondsOf(source),
      target: cpuSecondsOf(target),
      nats: cpuSecondsOf(target.nats),
    };
  }

  /** Waits until all is known to be applied in the target. */
  async #settled(): Promise<void> {
    const { stopped } = this.#options;
    const deadlineMs = performance.now() + SETTLED_MS_MAX;
    while ((await this.#pending()) > 0) {
      stopped.throwIfAborted();
      if (performance.now() > deadlineMs) throw new Error(`${TARGET} does not catch up`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #pending(): Promise<number> {
    return sumOf(await samplesOf(this.#options.pair.source), PENDING);
  }
}

/** Seconds of processor time. */
type CpuUsed = Readonly<Record<'source' | 'target' | 'nats', number | undefined>>;

const cpuSecondsOf = ({ pid }: ServerProcess): number | undefined => processUsage(pid)?.cpuSeconds;

/** Microseconds for each of `count`. */
function cpuPer(count: number, before: CpuUsed, after: CpuUsed): CpuPerRecord {
  const us = (name: keyof CpuUsed): number | undefined => {
    const [from, to] = [before[name], after[name]];
    return from === undefined || to === undefined
      ? undefined
      : ((to - from) * 1e6) / Math.max(1, count);
  };
  return { sourceCpuUs: us('source'), targetCpuUs: us('target'), natsCpuUs: us('nats') };
}

/** What was observed between two scrapes. */
export function histogramOf(
  after: readonly Sample[],
  before: readonly Sample[],
  histogram: string = LATENCY,
): Pick<Latency, 'records' | 'meanMs' | 'p50Ms' | 'p99Ms'> {
  const bounds = before.filter(({ name }) => name === `${histogram}_bucket`);
  const buckets = after
    .filter(({ name }) => name === `${histogram}_bucket`)
    .map((sample) => {
      const { le, source } = sample.labels;
      const same = bounds.find(({ labels }) => labels['le'] === le && labels['source'] === source);
      return { ...sample, value: sample.value - (same?.value ?? 0) };
    });
  const grown = (suffix: string): number =>
    sumOf(after, histogram + suffix) - sumOf(before, histogram + suffix);
  const quantileMs = (quantile: number): number | undefined => {
    const seconds = histogramQuantile(buckets, quantile);
    return seconds === undefined ? undefined : seconds * 1000;
  };
  const records = grown('_count');
  return {
    records,
    meanMs: records === 0 ? undefined : (grown('_sum') * 1000) / records,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
  };
}
