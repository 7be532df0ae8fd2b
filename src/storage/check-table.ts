import { crc32 } from 'node:zlib';

import { NO_COUNTERS } from './apply.ts';
import { readHeldHashes } from './copy.ts';
import {
  droppedTableKey,
  dueKey,
  dueRange,
  itemKeyIn,
  itemKeyInTimeKey,
  holdsKey,
  itemSpaceRange,
  rebuildingKey,
  tableHashes,
  tombstoneTimeKey,
  tombstoneTimeRange,
  type HashRange,
  type ItemSpace,
} from './key-layout.ts';
import { forEachBatch } from './key-ranges.ts';
import { StoreError, type KeyValuePair, type KeyValueSnapshot } from './key-value-store.ts';
import { decodePair } from './read.ts';
import { readContents, TableCount } from './table-count.ts';

export interface TableCheck {
  /** Counters change in the same batch as what they count, so that one snapshot must agree with itself. */
  readonly snapshot: KeyValueSnapshot;
  readonly table: number;
  /**
   * The partitions whose copies are checked. One that is under rebuild, or was split and is not counted yet, is left out.
   */
  readonly partitions: readonly number[];
  /** How many there were before any was split. */
  readonly partitionCount: number;
  /** Called after so many bytes were read, and waited for. What it throws ends the check. */
  readonly pace: (bytes: number) => Promise<void>;
  /** That copy is damaged; the others are checked all the same. */
  readonly onDamage: (partition: number, error: StoreError) => void;
}

/**
 * Reads all that a store holds of a table, and compares it with what its copies have counted. Tells of a copy where a
 * value fails its checksum, or anything is missing, or too much, or not in its place. A table that is dropped is passed
 * over. Rejects with `StoreError` when the store cannot be read.
 */
export async function checkTable(check: TableCheck): Promise<void> {
  const { snapshot, table, onDamage } = check;
  if (snapshot.get(droppedTableKey(table)) !== undefined) return;
  const times = new Map<number, Listings>();
  const held: { partition: number; hashes: HashRange }[] = [];
  for (const partition of check.partitions) {
    if (snapshot.get(rebuildingKey(partition)) !== undefined) continue;
    try {
      const hashes = readHeldHashes(snapshot, partition, check.partitionCount);
      held.push({ partition, hashes });
      const found = await checkPartition(check, partition, tableHashes(table, partition, hashes));
      times.set(partition, found);
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(partition, error);
    }
  }
  const listed = {
    tombstones: tombstoneTimeRange(table, TIME_MAX),
    dues: dueRange(table, TIME_MAX),
  };
  for (const kind of ['tombstones', 'dues'] as const) {
    await forEachBatch(snapshot, listed[kind], async (pairs) => {
      for (const [key] of pairs) {
        const itemKey = itemKeyInTimeKey(key);
        const holder = held.find((each) => holdsKey(each, table, itemKey));
        if (holder !== undefined) times.get(holder.partition)?.[kind].listed(key);
      }
      await check.pace(bytesIn(pairs));
    });
  }
  for (const [partition, { tombstones, dues }] of times) {
    if (!tombstones.areEqual)
      onDamage(partition, damaged(check, partition, 'tombstones that are not listed'));
    else if (!dues.areEqual)
      onDamage(partition, damaged(check, partition, 'items whose due times are not listed'));
  }
}

/** What should be listed by time, and is. */
interface Listings {
  readonly tombstones: ListedTimes;
  readonly dues: ListedTimes;
}

export const isDamage = (error: unknown): error is StoreError =>
  error instanceof StoreError && error.code === 'damaged';

const TIME_MAX = Number.MAX_SAFE_INTEGER;

/** Answers the times that its tombstones, and its items that are due some day, should be listed under. */
async function checkPartition(
  check: TableCheck,
  partition: number,
  hashes: HashRange,
): Promise<Listings> {
  const { snapshot, table } = check;
  const found = new TableCount();
  const tombstones = new ListedTimes();
  const dues = new ListedTimes();
  const readSpace = async (space: ItemSpace, each: (pair: KeyValuePair) => void): Promise<void> =>
    forEachBatch(snapshot, itemSpaceRange(space, table, hashes), async (pairs) => {
      for (const pair of pairs) each(pair);
      await check.pace(bytesIn(pairs));
    });
  await readSpace('items', (pair) => {
    const item = decodePair(pair);
    found.add(pair[0], item);
    if (item.dueMs !== undefined) dues.found(dueKey(table, item.dueMs, itemKeyIn(pair[0])));
  });
  await readSpace('tombstones', (pair) => {
    const tombstone = decodePair(pair);
    found.add(pair[0], tombstone);
    tombstones.found(tombstoneTimeKey(table, tombstone.version.time, itemKeyIn(pair[0])));
  });
  const contents = await readContents(snapshot, partition);
  if (contents === undefined) return { tombstones, dues };
  const difference = found.differenceFrom(contents.get(table) ?? NO_COUNTERS);
  if (difference !== undefined) throw damaged(check, partition, difference);
  return { tombstones, dues };
}

/** Whether what has times and the list of these times are the same: sums of hashes over both. */
class ListedTimes {
  #balance = 0;
  #sum = 0;

  found(timeKey: Uint8Array): void {
    this.#balance += 1;
    this.#sum = (this.#sum + crc32(timeKey)) >>> 0;
  }

  listed(timeKey: Uint8Array): void {
    this.#balance -= 1;
    this.#sum = (this.#sum - crc32(timeKey)) >>> 0;
  }

  get areEqual(): boolean {
    return this.#balance === 0 && this.#sum === 0;
  }
}

const bytesIn = (pairs: readonly KeyValuePair[]): number =>
  pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);

const damaged = ({ table }: TableCheck, partition: number, difference: string): StoreError =>
  new StoreError(
    'damaged',
    `the copy of partition ${partition} holds of table ${table} ${difference}`,
  );
