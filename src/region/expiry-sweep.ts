import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ExpiringTable } from './indexed-tables.ts';

/** How often a partition with nothing due is looked at. */
export const expiryLookMs = 200;

/** So many items are removed at a time: one entry of the log, and one short run of the leader. */
export const expiryBatchMax = 32;

/** How often it is looked for partitions that are new. */
const watchMs = 1000;

/** Pause after what could not be done. */
const retryMs = 1000;

/** A partition as the sweep sees it. */
export type SweptPartition = Pick<LocalPartition, 'dueItems' | 'expire'>;

export interface LedPartition {
  readonly number: number;
  /** While it is led in this process. */
  readonly leading: SweptPartition | undefined;
}

export interface ExpirySweepOptions {
  /** All of the region, as they are now: a split adds to them. */
  readonly partitions: () => readonly LedPartition[];
  /** The tables whose items are to go. */
  readonly tables: () => readonly ExpiringTable[];
  /** The region's wall time. */
  readonly nowMs: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long after its time an item is removed at the earliest. */
  readonly delayMs: number;
  /** How many items are removed in a second at the most, in all partitions together. */
  readonly itemsPerSecond: number;
  readonly onExpired: (table: ExpiringTable, items: number) => void;
}

/** Where the sweep is in one table of one partition. */
interface Place {
  /** Undefined: at what has been due longest. */
  next: Uint8Array | undefined;
  /** Since when the sweep could have removed what it found first; undefined while it finds nothing. */
  dueSinceMs: number | undefined;
}

/**
 * Removes items whose time to live is over. One loop per partition, so that one that takes no writes holds up no other;
 * each removes its part of what may go in a second.
 */
export class ExpirySweep implements Service {
  readonly #options: ExpirySweepOptions;
  readonly #stopped = new AbortController();
  /** By the number of a partition, by table number. */
  readonly #places = new Map<number, Map<number, Place>>();
  readonly #running: Promise<void>[] = [];

  constructor(options: ExpirySweepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running.push(this.#watch());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  /** Sees to it that every partition is swept. */
  async #watch(): Promise<void> {
    const { partitions, clock } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      for (const { number } of partitions()) {
        if (this.#places.has(number)) continue;
        const places = new Map<number, Place>();
        this.#places.set(number, places);
        this.#running.push(this.#run(number, places));
      }
      await clock.sleep(watchMs, signal);
    }
  }

  /** For how long the sweep could have removed, in the worst case, an item that still stands; 0 while it keeps up. */
  get lagMs(): number {
    const sinceMs = [...this.#places.values()]
      .flatMap((places) => [...places.values()])
      .map(({ dueSinceMs }) => dueSinceMs ?? Number.POSITIVE_INFINITY);
    const lagMs = this.#options.nowMs() - Math.min(...sinceMs);
    return Number.isFinite(lagMs) ? Math.max(0, lagMs) : 0;
  }

  async #run(number: number, places: Map<number, Place>): Promise<void> {
    const { clock, logger, partitions, itemsPerSecond } = this.#options;
    const { signal } = this.#stopped;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        const startedMs = clock.monotonicMs();
        const all = partitions();
        const partition = all.find((each) => each.number === number)?.leading;
        const itemMs = (1000 * all.length) / itemsPerSecond;
        if (partition === undefined) places.clear();
        const found = partition === undefined ? 0 : await this.#round(partition, places);
        isFailing = false;
        const restMs = found * itemMs - (clock.monotonicMs() - startedMs);
        await clock.sleep(found === 0 ? expiryLookMs : Math.max(0, restMs), signal);
      } catch (error) {
        if (!isFailing)
          logger.warn({ partition: number, error }, 'expired items are not removed; trying again');
        isFailing = true;
        await clock.sleep(retryMs, signal);
      }
    }
  }

  /** One batch of each table. Answers how many items were looked at; as many as a batch has where there are more keys to read. */
  async #round(partition: SweptPartition, places: Map<number, Place>): Promise<number> {
    const tables = this.#options.tables();
    for (const number of places.keys())
      if (!tables.some((table) => table.number === number)) places.delete(number);
    let found = 0;
    for (const table of tables) {
      if (this.#stopped.signal.aborted) return found;
      let place = places.get(table.number);
      if (place === undefined) places.set(table.number, (place = NOWHERE()));
      found += await this.#sweep(partition, table, place);
    }
    return found;
  }

  async #sweep(partition: SweptPartition, table: ExpiringTable, place: Place): Promise<number> {
    const { nowMs, delayMs, onExpired } = this.#options;
    const beforeMs = Math.max(0, Math.floor(nowMs() - delayMs));
    const { number } = table;
    const due = { table: number, beforeMs, limit: expiryBatchMax, after: place.next };
    const { keys, firstDueMs, next } = await partition.dueItems(due);
    if (place.next === undefined)
      place.dueSinceMs = firstDueMs === undefined ? undefined : firstDueMs + delayMs;
    if (keys.length > 0) {
      const expired = await partition.expire({ table: number, keys, beforeMs });
      if (expired > 0) onExpired(table, expired);
    }
    place.next = next;
    return keys.length === 0 && next !== undefined ? expiryBatchMax : keys.length;
  }
}

const NOWHERE = (): Place => ({ next: undefined, dueSinceMs: undefined });
