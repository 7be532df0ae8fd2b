import { addDigests, itemDigest } from '../model/item-digest.ts';
import type { StoredItem } from '../model/record.ts';
import { addCounters, NO_COUNTERS, type TableCounters } from './apply.ts';
import {
  countersRange,
  itemKeyIn,
  itemSpaceOfAll,
  itemSpaceRange,
  tableOfCountersKey,
  tableOfKey,
  uncountedKey,
  uncountedTablesRange,
  type ItemSpace,
} from './key-layout.ts';
import { readRange } from './key-ranges.ts';
import type { KeyValueSnapshot } from './key-value-store.ts';
import { decodeCounters } from './meta-codec.ts';

/**
 * Counts what is found of one table in one copy, to be compared with what the copy has counted as it applied. It sees
 * what no read can: an item whose key was damaged is one that is not there.
 */
export class TableCount {
  #counters: TableCounters = NO_COUNTERS;

  /** `key`: the whole key in an `ItemSpace`; `item`: what stands under it. */
  add(key: Uint8Array, item: StoredItem): void {
    const { itemCount, sizeBytes, tombstoneCount, digest } = this.#counters;
    const { image, version, itemBytes } = item;
    this.#counters =
      image === undefined
        ? { itemCount, sizeBytes, tombstoneCount: tombstoneCount + 1, digest }
        : {
            itemCount: itemCount + 1,
            sizeBytes: sizeBytes + itemBytes,
            tombstoneCount,
            digest: addDigests(digest, itemDigest(itemKeyIn(key), version, image)),
          };
  }

  get counters(): TableCounters {
    return this.#counters;
  }

  /** In words, how this differs from what a copy has counted; undefined when they are equal. */
  differenceFrom(expected: TableCounters): string | undefined {
    const found = this.#counters;
    if (found.itemCount !== expected.itemCount) {
      return `${found.itemCount} items where ${expected.itemCount} were counted`;
    }
    if (found.tombstoneCount !== expected.tombstoneCount) {
      return `${found.tombstoneCount} tombstones where ${expected.tombstoneCount} were counted`;
    }
    const isEqual =
      found.sizeBytes === expected.sizeBytes &&
      found.digest[0] === expected.digest[0] &&
      found.digest[1] === expected.digest[1];
    return isEqual ? undefined : 'other items than were counted';
  }
}

/** What a partition's copy has counted, by table. Rejects with `StoreError`. */
export async function readCounters(
  snapshot: KeyValueSnapshot,
  partition: number,
): Promise<Map<number, TableCounters>> {
  const counters = new Map<number, TableCounters>();
  for (const [key, value] of await readRange(snapshot, countersRange(partition))) {
    counters.set(tableOfCountersKey(key), decodeCounters(value));
  }
  return counters;
}

/**
 * What a partition's copy should hold, by table; undefined where a split has left that uncounted: see `Copy.contents`. Rejects
 * with `StoreError`.
 */
export async function readContents(
  snapshot: KeyValueSnapshot,
  partition: number,
): Promise<ReadonlyMap<number, TableCounters> | undefined> {
  if (snapshot.get(uncountedKey(partition)) !== undefined) return undefined;
  const contents = await readCounters(snapshot, partition);
  for (const [key, value] of await readRange(snapshot, uncountedTablesRange(partition))) {
    const table = tableOfCountersKey(key);
    contents.set(table, addCounters(contents.get(table) ?? NO_COUNTERS, decodeCounters(value)));
  }
  return contents;
}

/** The tables that were counted, and those of which anything stands in the store without having been, in order. */
export async function tablesOf(
  snapshot: KeyValueSnapshot,
  counted: Iterable<number>,
): Promise<readonly number[]> {
  const tables = new Set(counted);
  for (const space of ['items', 'tombstones'] as const) {
    for (const table of await tablesIn(snapshot, space)) tables.add(table);
  }
  return [...tables].toSorted((a, b) => a - b);
}

/** The tables that have anything in a space, found by skipping from one to the next. */
export async function tablesIn(
  snapshot: KeyValueSnapshot,
  space: ItemSpace,
): Promise<readonly number[]> {
  const tables: number[] = [];
  const { to } = itemSpaceOfAll(space);
  let { from } = itemSpaceOfAll(space);
  for (;;) {
    const iterator = snapshot.iterate({ from, to });
    const [first] = await iterator.next(1);
    await iterator.close();
    if (first === undefined) return tables;
    const table = tableOfKey(first[0]);
    tables.push(table);
    from = itemSpaceRange(space, table, { from: 0, to: 2 ** 32 }).to;
  }
}
