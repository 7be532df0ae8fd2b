import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import { checkTable, isDamage } from './check-table.ts';
import { Copy } from './copy.ts';
import { withSnapshot } from './key-ranges.ts';
import { StoreError } from './key-value-store.ts';
import type { StorageNode } from './storage-node.ts';
import { tablesOf } from './table-count.ts';

/** How often it is looked for a storage node whose turn it is. */
const lookMs = 10_000;

/** From the end of one check of a storage node to the next one. */
const roundMs = 10 * 60 * 1000;

/** So much is read at a stretch, and then waited, which makes 4 MB per second: some 3 percent of a core. */
const stretchBytes = 128 * 1024;
const stretchMs = 32;

export interface ScrubOptions {
  /** The storage nodes that are up at the moment. */
  readonly nodes: () => readonly StorageNode[];
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The copy of a partition is not what was written to it (`damaged`), or the node's store could not be read. Again at
   * each check.
   */
  readonly onDamage: (zone: string, error: StoreError, partition?: number) => void;
}

/**
 * Reads the storage nodes through, one after the other and slowly, and finds what no request would: a flipped bit in a
 * key makes an item vanish without a checksum that fails. A node that was not closed cleanly has its first turn soon,
 * any other after a while.
 */
export class Scrub implements Service {
  readonly #options: ScrubOptions;
  readonly #stopped = new AbortController();
  /** When a node's next turn is, by the monotonic clock. */
  readonly #dueMs = new WeakMap<StorageNode, number>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { nodes, clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(lookMs, this.#stopped.signal);
      for (const node of nodes()) {
        if (node.uncounted.length > 0)
          await countSplitCopies(node, { ...this.#options, signal: this.#stopped.signal });
        if (this.#isDue(node)) await this.#check(node);
      }
    }
  }

  #isDue(node: StorageNode): boolean {
    if (this.#stopped.signal.aborted) return false;
    const nowMs = this.#options.clock.monotonicMs();
    let dueMs = this.#dueMs.get(node);
    if (dueMs === undefined) {
      dueMs = node.wasClosed ? nowMs + roundMs : nowMs;
      this.#dueMs.set(node, dueMs);
    }
    return nowMs >= dueMs;
  }

  async #check(node: StorageNode): Promise<void> {
    const { clock, logger, onDamage } = this.#options;
    const { zone } = node;
    const { signal } = this.#stopped;
    const startedMs = clock.monotonicMs();
    const isOver = (): boolean => signal.aborted || node.state !== 'open';
    try {
      const checked = await checkStore(node, {
        clock,
        signal,
        onDamage: (partition, error) => {
          if (!isOver()) onDamage(zone, error, partition);
        },
      });
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      logger.debug({ zone, ...checked, durationMs }, 'store of a zone read through');
    } catch (error) {
      // A node that is halted meanwhile has nothing to say of its store.
      if (isOver()) return;
      if (error instanceof StoreError) onDamage(zone, error);
      else logger.error({ zone, error }, 'store of a zone could not be read through');
    } finally {
      this.#dueMs.set(node, clock.monotonicMs() + roundMs);
    }
  }
}

/** After a split: counts what each side holds, slowly. Only what was counted can be checked. */
export async function countSplitCopies(
  node: StorageNode,
  {
    clock,
    logger,
    signal,
    onDamage,
  }: Pick<ScrubOptions, 'clock' | 'logger' | 'onDamage'> & { readonly signal: AbortSignal },
): Promise<void> {
  const { zone } = node;
  const isOver = (): boolean => signal.aborted || node.state !== 'open';
  if (isOver()) return;
  const partitions = node.uncounted.map(({ partition }) => partition);
  try {
    const isDone = await node.countSplit(pacer(clock, signal).pace);
    if (isDone) logger.debug({ zone, partitions }, 'split partitions counted');
  } catch (error) {
    if (isOver()) return;
    if (!(error instanceof StoreError)) throw error;
    for (const partition of partitions) onDamage(zone, error, partition);
  }
}

interface StoreCheck {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Once for each copy that is damaged. */
  readonly onDamage: (partition: number, error: StoreError) => void;
}

/**
 * Checks everything that a storage node holds, table by table, while it goes on applying. Resolves with how much there
 * was, and how many copies are damaged. Rejects with `StoreError` when the store cannot be read, or with the signal's reason.
 */
export async function checkStore(
  node: StorageNode,
  { clock, signal, onDamage }: StoreCheck,
): Promise<{ readonly tables: number; readonly bytes: number; readonly damaged: number }> {
  const { pace, totalBytes } = pacer(clock, signal);
  const whole = new Set(node.copies.keys());
  const blame = (partition: number, error: StoreError): void => {
    if (whole.delete(partition)) onDamage(partition, error);
  };
  const { store, partitionCount } = node;
  const tables = await checkOwnData(node, blame);
  for (const table of tables) {
    await withSnapshot(store, async (snapshot) =>
      checkTable({
        snapshot,
        table,
        partitions: [...whole],
        partitionCount,
        pace,
        onDamage: blame,
      }),
    );
  }
  return { tables: tables.length, bytes: totalBytes(), damaged: node.copies.size - whole.size };
}

/** Waits now and then, by how much was read; rejects with the signal's reason. */
function pacer(
  clock: Clock,
  signal: AbortSignal,
): { readonly pace: (bytes: number) => Promise<void>; readonly totalBytes: () => number } {
  let [total, stretch] = [0, 0];
  const pace = async (bytes: number): Promise<void> => {
    total += bytes;
    stretch += bytes;
    if (stretch >= stretchBytes) {
      await clock.sleep((stretch / stretchBytes) * stretchMs, signal);
      stretch = 0;
    }
    signal.throwIfAborted();
  };
  return { pace, totalBytes: () => total };
}

/** Checks what copies keep of themselves. Answers the tables of which there is anything. */
async function checkOwnData(
  { store, copies, partitionCount }: StorageNode,
  onDamage: StoreCheck['onDamage'],
): Promise<readonly number[]> {
  // What is in memory now is in any later snapshot.
  const inMemory = [...copies.values()].map(({ partition, forgotten }) => ({
    partition,
    origins: Object.keys(forgotten).length,
  }));
  return withSnapshot(store, async (snapshot) => {
    const counted = new Set<number>();
    for (const { partition, origins } of inMemory) {
      try {
        const stored = await Copy.load(snapshot, partition, partitionCount);
        for (const table of stored.tables) counted.add(table);
        if (stored.rebuilding || Object.keys(stored.forgotten).length >= origins) continue;
        throw new StoreError('damaged', `partition ${partition} has lost its forgotten vector`);
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamage(partition, error);
      }
    }
    return tablesOf(snapshot, counted);
  });
}
