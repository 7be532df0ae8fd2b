import { yieldTo, type Clock } from '../base/clock.ts';
import type { ItemRecord } from '../model/record.ts';
import type { Copy } from '../storage/copy.ts';
import {
  hashOf,
  itemKeyIn,
  itemSpaceRange,
  PARTITION_TABLE,
  SYSTEM_TABLE,
  type HashRange,
} from '../storage/key-layout.ts';
import { forEachBatch } from '../storage/key-ranges.ts';
import type { KeyValueSnapshot } from '../storage/key-value-store.ts';

/** What part of the load each side of a split must have at least: one hot item, or one item collection, has no such split. */
export const SPLIT_SHARE_MIN = 0.25;

/** Fewer samples say nothing. */
export const SPLIT_SAMPLES_MIN = 64;

/** Hashes that a sample holds: the latest. */
const samplesMax = 512;

/** One record in so many is looked at. */
const sampleEvery = 4;

/** In so many parts of equal width a partition's hashes are weighed. */
const weighedParts = 4096;

/** The hashes of some of the latest records that a partition has committed, and how many there were. */
export class LoadSample {
  readonly #hashes: number[] = [];
  #next = 0;
  /** Records since the process began. */
  records = 0;

  /** Records of the region's own tables are none of the load. */
  add(records: readonly ItemRecord[]): void {
    for (const { table, key, cause } of records) {
      if (table === SYSTEM_TABLE || cause === 'system') continue;
      this.records += 1;
      if (this.records % sampleEvery !== 0) continue;
      this.#hashes[this.#next % samplesMax] = hashOf(key);
      this.#next += 1;
    }
  }

  get hashes(): readonly number[] {
    return this.#hashes;
  }

  /** What was sampled is of no use any more: other hashes are held. */
  clear(): void {
    this.#hashes.length = 0;
    this.#next = 0;
  }
}

/** By partition. */
export class LoadSamples {
  readonly #samples = new Map<number, LoadSample>();

  of(partition: number): LoadSample {
    const sample = this.#samples.get(partition) ?? new LoadSample();
    this.#samples.set(partition, sample);
    return sample;
  }
}

/**
 * The hash that divides a load best: the first of those above it. Undefined where none leaves `SPLIT_SHARE_MIN` on both sides,
 * as where nearly everything goes to one item or one collection of items, or too little is known.
 */
export function loadSplitPoint(
  sample: readonly number[],
  { from, to }: HashRange,
): number | undefined {
  const hashes = sample.filter((hash) => hash >= from && hash < to).toSorted((a, b) => a - b);
  if (hashes.length < SPLIT_SAMPLES_MIN) return undefined;
  return dividing(
    hashes.map((hash) => ({ hash, weight: 1 })),
    SPLIT_SHARE_MIN,
  );
}

interface Weight {
  /** The first hash of what weighs. */
  readonly hash: number;
  readonly weight: number;
}

/** `weights`: in the order of their hashes. */
function dividing(weights: readonly Weight[], shareMin: number): number | undefined {
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  let [below, best, bestShare] = [0, 0, 0];
  let previous: number | undefined;
  for (const { hash, weight } of weights) {
    const share = Math.min(below, total - below) / total;
    if (previous !== undefined && hash > previous && share > bestShare)
      [best, bestShare] = [hash, share];
    below += weight;
    previous = hash;
  }
  return bestShare > 0 && bestShare >= shareMin ? best : undefined;
}

/**
 * The hash that divides what a copy holds best by its size, to about a part in some thousands. Undefined where none leaves
 * `shareMin` on both sides. Reads the copy through, and gives way to others as it does.
 */
export async function sizeSplitPoint(
  snapshot: KeyValueSnapshot,
  { copy, shareMin }: { readonly copy: Copy; readonly shareMin: number },
  clock: Clock,
): Promise<number | undefined> {
  const { from, to } = copy.hashes;
  const width = (to - from) / weighedParts;
  if (width < 1) return undefined;
  const weights = Array.from({ length: weighedParts }, () => 0);
  for (const table of copy.tables) {
    if (table === SYSTEM_TABLE || table === PARTITION_TABLE) continue;
    await forEachBatch(snapshot, itemSpaceRange('items', table, copy.hashes), async (pairs) => {
      for (const [key, value] of pairs) {
        const part = Math.floor((hashOf(itemKeyIn(key)) - from) / width);
        weights[part] = (weights[part] ?? 0) + key.length + value.length;
      }
      await yieldTo(clock);
    });
  }
  return dividing(
    weights
      .map((weight, part) => ({ hash: from + Math.ceil(part * width), weight }))
      .filter(({ weight }) => weight > 0),
    shareMin,
  );
}
