import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Level } from 'level';

import { LatencyHistogram } from './latency-histogram.ts';
import type { WorkloadResult } from './load-process.ts';
import { item, ITEM_COUNT } from './workloads.ts';

/** How many pairs come back at once: enough that the way into LevelDB does not count. */
const PAIRS_AT_ONCE = 1000;

interface LevelOrder {
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/**
 * The roof over `Scan`: the items of its table read from a LevelDB store from end to end, again and again, in a process of
 * their own. One pass counts as one answer.
 */
export class LevelIteration {
  readonly name = 'level';
  readonly #child: ChildProcess;
  readonly #folder: string;

  constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Rejects when the store cannot be filled. */
  static async start(): Promise<LevelIteration> {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-level-'));
    const child = fork(fileURLToPath(import.meta.url), ['--iterate', join(folder, 'store')]);
    const iteration = new LevelIteration(child, folder);
    await iteration.#reply();
    return iteration;
  }

  async run(order: LevelOrder): Promise<WorkloadResult> {
    this.#child.send(order);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other side is below
    return (await this.#reply()) as WorkloadResult;
  }

  async #reply(): Promise<unknown> {
    const ended = new AbortController();
    const exit = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('who iterates over level has ended');
    });
    exit.catch(() => {});
    try {
      const [message]: unknown[] = await Promise.race([once(this.#child, 'message'), exit]);
      return message;
    } finally {
      ended.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.disconnect();
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The iterating side: answers orders until the channel closes. */
async function serveOrders(directory: string): Promise<void> {
  const level = new Level<Uint8Array, Uint8Array>(directory, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  const batch = level.batch();
  for (let at = 0; at < ITEM_COUNT; at++) {
    const one = item(at);
    batch.put(Buffer.from(String(one['id']?.['S'])), Buffer.from(JSON.stringify(one)));
  }
  await batch.write();
  // Opened again, what was written is in files and not in memory only.
  await level.close();
  await level.open();
  process.on('message', (order: LevelOrder) => {
    void iterate(level, order).then((result) => process.send?.(result));
  });
  process.once('disconnect', () => void level.close());
  process.send?.('ready');
}

async function iterate(
  level: Level<Uint8Array, Uint8Array>,
  { warmUpMs, measuredMs }: LevelOrder,
): Promise<WorkloadResult> {
  await passes(level, warmUpMs);
  const before = process.cpuUsage();
  const startedMs = performance.now();
  const histogram = await passes(level, measuredMs);
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  return {
    ratePerSecond: (histogram.count * 1000) / elapsedMs,
    answers: histogram.count,
    failures: 0,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    serverCpuSecondsPer1000: (user + system) / 1e3 / Math.max(1, histogram.count),
    generatorCpuSecondsPer1000: 0,
    itemsPerRequest: ITEM_COUNT,
  };
}

/** Whole passes for about so long. */
async function passes(
  level: Level<Uint8Array, Uint8Array>,
  forMs: number,
): Promise<LatencyHistogram> {
  const histogram = new LatencyHistogram();
  const endMs = performance.now() + forMs;
  for (let startedMs = performance.now(); startedMs < endMs; startedMs = performance.now()) {
    const iterator = level.iterator();
    let items = 0;
    for (;;) {
      const pairs = await iterator.nextv(PAIRS_AT_ONCE);
      if (pairs.length === 0) break;
      items += pairs.length;
    }
    await iterator.close();
    if (items !== ITEM_COUNT) throw new Error(`level has ${items} items of ${ITEM_COUNT}`);
    histogram.record(performance.now() - startedMs);
  }
  return histogram;
}

if (extname(import.meta.filename) === '.js' && process.argv[2] === '--iterate')
  await serveOrders(process.argv[3] ?? '');
