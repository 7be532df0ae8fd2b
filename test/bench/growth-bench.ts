import { createTable, writeBatches } from './fill.ts';
import { GROWN, GROWN_WORKLOADS, grownBatches } from './grown-table.ts';
import type { GrowthRun } from './growth-report.ts';
import { LoadProcess } from './load-process.ts';
import { median } from './median.ts';
import { processUsage } from './process-usage.ts';
import { startTarget, type Target } from './targets.ts';

/** Inputs of `BatchWriteItem` between two words of progress: a million items. */
const SLICE_ITEMS = 1_000_000;
/** What was filled in is applied and merged for a while longer. */
const SETTLE_MS = 10_000;
/** LevelDB merges what reads have to look past, once: this part of the time of `sustainedMs` it is read for that before it is measured. */
const READ_IN_PART = 0.2;

export interface GrowthBenchOptions {
  /** Of items, rising. */
  readonly sizes: readonly number[];
  /** How long items are put at each size. */
  readonly sustainedMs: number;
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** One daemon whose table grows from size to size, and is measured at each. */
export async function growthBench(options: GrowthBenchOptions): Promise<readonly GrowthRun[]> {
  const { sizes, stopped } = options;
  const load = new LoadProcess();
  const target = await startTarget('tidemark');
  try {
    await createTable(target.port, GROWN);
    const runs: GrowthRun[] = [];
    let from = 0;
    for (const items of sizes) {
      const filledPerSecond = await grow({ ...options, target }, from, items);
      from = items;
      stopped.throwIfAborted();
      runs.push({
        items,
        filledPerSecond,
        ...(await measureAt(items, { ...options, load, target })),
      });
    }
    return runs;
  } finally {
    await load.stop();
    await target.stop();
  }
}

async function grow(
  { target, stopped, say }: GrowthBenchOptions & { readonly target: Target },
  from: number,
  to: number,
): Promise<number> {
  const startedMs = performance.now();
  for (let at = from; at < to; at += SLICE_ITEMS) {
    stopped.throwIfAborted();
    const end = Math.min(at + SLICE_ITEMS, to);
    await writeBatches(target.port, grownBatches(at, end));
    say(`${end.toLocaleString('en-US')} items`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return (to - from) / seconds;
}

interface Measuring extends GrowthBenchOptions {
  readonly load: LoadProcess;
  readonly target: Target;
}

async function measureAt(
  items: number,
  measuring: Measuring,
): Promise<Omit<GrowthRun, 'items' | 'filledPerSecond'>> {
  const { target, rounds, sustainedMs, say } = measuring;
  // Else the smallest, which comes first, would be measured with code that is not compiled yet, and all others gain by it.
  for (const { name } of [GROWN_WORKLOADS.put, GROWN_WORKLOADS.query, GROWN_WORKLOADS.get])
    await run(name, items, measuring);
  const readInMs = sustainedMs * READ_IN_PART;
  await run(GROWN_WORKLOADS.get.name, items, { ...measuring, measuredMs: readInMs });
  const gets: number[] = [];
  const queries: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    gets.push((await run(GROWN_WORKLOADS.get.name, items, measuring)).ratePerSecond);
    queries.push((await run(GROWN_WORKLOADS.query.name, items, measuring)).ratePerSecond);
  }
  const puts = await run(GROWN_WORKLOADS.put.name, items, {
    ...measuring,
    measuredMs: sustainedMs,
  });
  const getsPerSecond = median(gets) ?? 0;
  const queriesPerSecond = median(queries) ?? 0;
  say(
    `${items.toLocaleString('en-US')} items: ${Math.round(getsPerSecond)} GetItem, ` +
      `${Math.round(queriesPerSecond)} Query, ${Math.round(puts.ratePerSecond)} PutItem per second`,
  );
  return {
    getsPerSecond,
    queriesPerSecond,
    putsPerSecond: puts.ratePerSecond,
    putP99Ms: puts.p99Ms,
    sustainedMs,
    failures: puts.failures,
    anonymousBytes: processUsage(target.pid)?.anonymousBytes,
  };
}

async function run(
  workload: string,
  items: number,
  { load, target, connections, warmUpMs, measuredMs, stopped }: Measuring,
) {
  stopped.throwIfAborted();
  return load.run({
    workload,
    items,
    connections: connections[0] ?? 1,
    warmUpMs,
    measuredMs,
    port: target.port,
    serverPid: target.pid,
  });
}
