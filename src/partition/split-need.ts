import type { Clock } from '../base/clock.ts';
import { heldBytes, sizeDividing } from './held-weight.ts';
import type { LocalPartition } from './local-partition.ts';
import { loadSplitPoint, SPLIT_SHARE_MIN, type LoadSample } from './split-point.ts';

/** Looks in a row in which a partition must have been too busy: a burst is none. */
export const splitBusyLooks = 6;

/** A partition that could not be divided by its size is read through again when it has grown by so much. */
export const splitGrowthMin = 1.1;

/** When partitions are split. 0 is never. */
export interface SplitLimits {
  /** Of all items of a partition, as DynamoDB counts them. */
  readonly bytes: number;
  /** That a partition commits. */
  readonly recordsPerSecond: number;
  /** A region has no more partitions than this. */
  readonly partitions: number;
}

export interface SplitNeedOptions {
  /** What a partition commits while it is led here. */
  readonly load: (partition: number) => LoadSample;
  readonly limits: Pick<SplitLimits, 'bytes' | 'recordsPerSecond'>;
  readonly clock: Clock;
}

/** What was seen of a partition at the last look. */
interface Look {
  readonly atMs: number;
  readonly records: number;
  /** In how many looks in a row it was too busy. */
  readonly busy: number;
}

/**
 * Whether partitions that are led in this process are to be split, and where. Only where the load, or what is held, is divided by it:
 * neither for one hot item nor for one item collection, whose items have one hash. What was seen of a partition goes with its term.
 */
export class SplitNeed {
  readonly #options: SplitNeedOptions;
  readonly #looks = new WeakMap<LocalPartition, Look>();
  /** What it held when nothing divided that. */
  readonly #undivided = new WeakMap<LocalPartition, number>();

  constructor(options: SplitNeedOptions) {
    this.#options = options;
  }

  /** One look at its load, since the look before. Answers whether it was too busy in so many of them that it is no burst. */
  isBusy(partition: LocalPartition): boolean {
    const { clock, limits, load } = this.#options;
    const { records } = load(partition.number);
    const nowMs = clock.monotonicMs();
    const before = this.#looks.get(partition) ?? { atMs: nowMs, records, busy: 0 };
    const rate = ((records - before.records) * 1000) / Math.max(1, nowMs - before.atMs);
    const isBusy = limits.recordsPerSecond > 0 && rate > limits.recordsPerSecond;
    const busy = isBusy ? before.busy + 1 : 0;
    this.#looks.set(partition, { atMs: nowMs, records, busy });
    return busy >= splitBusyLooks;
  }

  /** The hash that divides its load; undefined where none does. */
  loadPoint(partition: LocalPartition): number | undefined {
    return loadSplitPoint(this.#options.load(partition.number).hashes, partition.hashes);
  }

  /** The hash that divides what it holds; undefined where that is not too much, or none does. */
  async sizePoint(partition: LocalPartition): Promise<number | undefined> {
    const { clock, limits } = this.#options;
    const bytes = heldBytes(partition);
    if (limits.bytes === 0 || bytes === undefined || bytes <= limits.bytes) return undefined;
    if (bytes < (this.#undivided.get(partition) ?? 0) * splitGrowthMin) return undefined;
    const middle = await sizeDividing(partition, SPLIT_SHARE_MIN, clock);
    if (middle === undefined) this.#undivided.set(partition, bytes);
    return middle;
  }

  /** It was split: what was seen of it is of hashes that it has no more. */
  forget(partition: LocalPartition): void {
    this.#looks.delete(partition);
    this.#undivided.delete(partition);
    this.#options.load(partition.number).clear();
  }
}
