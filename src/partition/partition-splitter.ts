import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LocalPartition } from './local-partition.ts';
import type { RegionPartitions } from './region-partitions.ts';
import { forcedSplitPoint, heldBytes, sizeDividing } from './held-weight.ts';
import { loadSplitPoint, SPLIT_SHARE_MIN, type LoadSample } from './split-point.ts';
import { SplitRefused } from './split-refused.ts';

/** How often it is looked whether a partition has grown too large or too busy. */
export const splitLookMs = 10_000;

/** Looks in a row in which a partition must have been too busy: a burst is none. */
export const splitBusyLooks = 6;

/** From one split of a region to the next that nobody asked for: what the last one has changed is to show first. */
export const splitPauseMs = 60_000;

/** A partition that could not be divided by its size is read through again when it has grown by so much. */
const growthMin = 1.1;

export interface PartitionSplitterOptions {
  readonly partitions: RegionPartitions;
  /** What a partition commits. */
  readonly load: (partition: number) => LoadSample;
  readonly limits: SplitLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** When partitions are split. 0 is never. */
export interface SplitLimits {
  /** Of all items of a partition, as DynamoDB counts them. */
  readonly bytes: number;
  /** That a partition commits. */
  readonly recordsPerSecond: number;
  /** A region has no more partitions than this. */
  readonly partitions: number;
}

/**
 * Decides when and where partitions are split, one at a time. By itself only where the load, or what is held, is divided by it:
 * neither for one hot item nor for one item collection, whose items have one hash.
 */
export class PartitionSplitter implements Service {
  readonly #options: PartitionSplitterOptions;
  readonly #stopped = new AbortController();
  /** By partition: how many records it had committed at the last look, and in how many looks it was too busy. */
  readonly #busy = new Map<number, { readonly records: number; readonly looks: number }>();
  /** By partition, what it held when nothing divided that. */
  readonly #undivided = new Map<number, number>();
  #lookedMs: number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PartitionSplitterOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.monotonicMs();
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    await clock.sleep(splitLookMs, this.#stopped.signal);
    while (!this.#stopped.signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        logger.warn({ error }, 'a partition is not split for now');
      }
      await clock.sleep(splitLookMs, this.#stopped.signal);
    }
  }

  /** One look at all partitions; by itself it happens every few seconds. Answers the child, if one was split. */
  async look(): Promise<number | undefined> {
    const { clock, partitions, limits } = this.#options;
    const nowMs = clock.monotonicMs();
    const busy = this.#lookForBusy(nowMs - this.#lookedMs);
    this.#lookedMs = nowMs;
    const isFull = partitions.all.length >= limits.partitions;
    if (isFull || partitions.isSplitting || nowMs < this.#pausedUntilMs) return undefined;
    for (const partition of busy) {
      const middle = loadSplitPoint(this.#options.load(partition.number).hashes, partition.hashes);
      if (middle !== undefined) return this.#split(partition, middle, 'load');
    }
    for (const partition of partitions.all) {
      const middle = await this.#sizePoint(partition);
      if (middle !== undefined) return this.#split(partition, middle, 'size');
    }
    return undefined;
  }

  #lookForBusy(durationMs: number): readonly LocalPartition[] {
    const { partitions, load, limits } = this.#options;
    const busy: LocalPartition[] = [];
    for (const partition of partitions.all) {
      const { records } = load(partition.number);
      const before = this.#busy.get(partition.number);
      const rate = ((records - (before?.records ?? records)) * 1000) / Math.max(1, durationMs);
      const isBusy = limits.recordsPerSecond > 0 && rate > limits.recordsPerSecond;
      const looks = isBusy ? (before?.looks ?? 0) + 1 : 0;
      this.#busy.set(partition.number, { records, looks });
      if (looks >= splitBusyLooks) busy.push(partition);
    }
    return busy;
  }

  async #sizePoint(partition: LocalPartition): Promise<number | undefined> {
    const { limits } = this.#options;
    const bytes = heldBytes(partition);
    if (limits.bytes === 0 || bytes === undefined || bytes <= limits.bytes) return undefined;
    if (bytes < (this.#undivided.get(partition.number) ?? 0) * growthMin) return undefined;
    const middle = await sizeDividing(partition, SPLIT_SHARE_MIN, this.#options.clock);
    if (middle === undefined) this.#undivided.set(partition.number, bytes);
    return middle;
  }

  async #split(partition: LocalPartition, middle: number, by: 'load' | 'size'): Promise<number> {
    const { partitions, load, clock, logger } = this.#options;
    const { number } = partition;
    logger.info({ partition: number, middle, by }, 'a partition is to be split');
    this.#pausedUntilMs = clock.monotonicMs() + splitPauseMs;
    const child = await partitions.split(number, middle);
    load(number).clear();
    this.#busy.delete(number);
    return child;
  }

  /**
   * Splits a partition because an operator says so: where its load is divided best, else what it holds, else in the middle of its
   * hashes. Resolves with the number of the child once that leads its part. Rejects with `SplitRefused`.
   */
  async force(number: number): Promise<number> {
    const { partitions, limits, load } = this.#options;
    const partition = partitions.all[number];
    if (partition === undefined) throw new SplitRefused(`there is no partition ${number}`);
    if (partitions.all.length >= limits.partitions)
      throw new SplitRefused(
        `the region has ${partitions.all.length} partitions, as many as split.partitions lets it have`,
      );
    const middle = await forcedSplitPoint(partition, load(number).hashes, this.#options.clock);
    return partitions.split(number, middle);
  }
}
