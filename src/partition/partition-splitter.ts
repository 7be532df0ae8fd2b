import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LocalPartition } from './local-partition.ts';
import type { RegionPartitions } from './region-partitions.ts';
import { forcedSplitPoint } from './held-weight.ts';
import { SplitNeed, type SplitLimits } from './split-need.ts';
import type { LoadSample } from './split-point.ts';
import { SplitRefused } from './split-refused.ts';

/** How often it is looked whether a partition has grown too large or too busy. */
export const splitLookMs = 10_000;

/** From one split of a region to the next that nobody asked for: what the last one has changed is to show first. */
export const splitPauseMs = 60_000;

export interface PartitionSplitterOptions {
  readonly partitions: RegionPartitions;
  /** What a partition commits. */
  readonly load: (partition: number) => LoadSample;
  readonly limits: SplitLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Decides when and where partitions are split, one at a time: see `SplitNeed`. */
export class PartitionSplitter implements Service {
  readonly #options: PartitionSplitterOptions;
  readonly #stopped = new AbortController();
  readonly #need: SplitNeed;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PartitionSplitterOptions) {
    this.#options = options;
    this.#need = new SplitNeed(options);
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
    // All of them: looks are counted in a row.
    const busy = partitions.all.filter((partition) => this.#need.isBusy(partition));
    const isFull = partitions.all.length >= limits.partitions;
    const isPaused = clock.monotonicMs() < this.#pausedUntilMs;
    if (isFull || partitions.isSplitting || isPaused) return undefined;
    for (const partition of busy) {
      const middle = this.#need.loadPoint(partition);
      if (middle !== undefined) return this.#split(partition, middle, 'load');
    }
    for (const partition of partitions.all) {
      const middle = await this.#need.sizePoint(partition);
      if (middle !== undefined) return this.#split(partition, middle, 'size');
    }
    return undefined;
  }

  async #split(partition: LocalPartition, middle: number, by: 'load' | 'size'): Promise<number> {
    const { partitions, clock, logger } = this.#options;
    const { number } = partition;
    logger.info({ partition: number, middle, by }, 'a partition is to be split');
    this.#pausedUntilMs = clock.monotonicMs() + splitPauseMs;
    const child = await partitions.split(number, middle);
    this.#need.forget(partition);
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
