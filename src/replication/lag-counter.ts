import type { Clock } from '../base/clock.ts';
import { wallMsOf } from '../clock/hybrid-time.ts';
import { LogError } from '../log/replicated-log.ts';
import { isExpiry } from '../model/version.ts';
import type { CommittedEntry, Follower, Partition } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import { shippedBytes, sharedAs } from './batch.ts';
import { committedMsOf } from './commit-time.ts';
import type { LogLag } from './lag.ts';
import type { Tables } from './tables.ts';

export interface LagCounterOptions {
  readonly partition: Partition;
  readonly region: string;
  readonly peer: string;
  readonly tables: Tables;
  readonly lag: LogLag;
  readonly nowMs: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Counts what a log commits for one peer, whether or not the outbox gets to ship it: an outbox that stalls
 * reads no further, and the lag has to rise all the same.
 */
export class LagCounter {
  readonly #options: LagCounterOptions;
  #follower: Follower | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(options: LagCounterOptions) {
    this.#options = options;
  }

  /**
   * From after index `after` on, up to which the peer has everything. Called again it changes nothing, unless the peer
   * has less than it acknowledged: it is back on an older disk, or must be made equal. Then all is counted anew.
   */
  start(after: number): void {
    const { lag, partition } = this.#options;
    if (this.#running !== undefined && lag.acknowledged <= after) return;
    lag.countFrom(after, partition.committed.index);
    const follower = this.#follower;
    this.#follower = undefined;
    follower?.close();
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#follower?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { lag, partition } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        const trimmed = error instanceof LogError && error.code === 'trimmed';
        if (trimmed) lag.countedTo(partition.first - 1);
        else await this.#pause(error);
      }
    }
  }

  /** From what is counted on, until the follower is closed: at a stop, or because all is counted anew. */
  async #follow(): Promise<void> {
    const { partition, lag } = this.#options;
    const follower = partition.follow(Math.max(lag.counted ?? 0, partition.first - 1));
    this.#follower = follower;
    try {
      for (;;) {
        const entries = await follower.next(READ_BYTES);
        if (entries.length === 0 || this.#follower !== follower) return;
        for (const entry of entries) this.#count(entry);
      }
    } finally {
      follower.close();
    }
  }

  /**
   * From the commit on. Where that is not known, the version's time stands in, which is somewhat earlier. A far-ahead item drags its next
   * version along, so that time is taken for no later than now. An expiry has the time of the item; it came about with the entry.
   */
  #count(committed: CommittedEntry): void {
    const { entry, records } = committed;
    const { lag } = this.#options;
    let sums: Map<number, { records: number; bytes: number; time: number }> | undefined;
    const at = { log: this.#options.partition.number, index: entry.index };
    for (const record of records) {
      if (sharedAs(record, at, this.#options) === undefined) continue;
      sums ??= new Map();
      const { version } = record;
      const time = isExpiry(version) ? entry.partitionTime : version.time;
      const sum = sums.get(record.table) ?? { records: 0, bytes: 0, time };
      sum.records += 1;
      sum.bytes += shippedBytes(record);
      sum.time = Math.min(sum.time, time);
      sums.set(record.table, sum);
    }
    if (sums !== undefined) {
      const knownMs = committedMsOf(committed, this.#options);
      const nowMs = this.#options.nowMs();
      for (const [table, { records: count, bytes, time }] of sums) {
        const committedMs = knownMs ?? Math.min(wallMsOf(time), nowMs);
        lag.add({ index: entry.index, table, records: count, bytes, committedMs });
      }
    }
    lag.countedTo(entry.index);
  }

  async #pause(error: unknown): Promise<void> {
    const { logger, clock, peer, partition } = this.#options;
    logger.warn({ peer, log: partition.number, error }, 'lag cannot be counted; trying again');
    await clock.sleep(PAUSE_MS, this.#stopping.signal);
  }
}

const READ_BYTES = 256 * 1024;
const PAUSE_MS = 1000;
