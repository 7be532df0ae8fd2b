import { assert } from '../base/assert.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import type { KeyRange } from './key-value-store.ts';

/**
 * Every key of one store, by its first byte:
 *
 * | key                                                          | value                                     |
 * | ------------------------------------------------------------ | ----------------------------------------- |
 * | `0x00 ...`                                                   | the adapter's own                         |
 * | `d`, table (4)                                               | a dropped table: `DROPPED`, then `CLEARED`        |
 * | `i`, table (4), item key                                     | an item: `encodeStoredItem`               |
 * | `m`, partition (2), `a`, table (4)                           | what a split left uncounted: `encodeCounters` |
 * | `m`, partition (2), `c`, table (4)                           | `encodeCounters`                          |
 * | `m`, partition (2), `e`                                      | where epochs ended: `encodePositions`     |
 * | `m`, partition (2), `f`                                      | the forgotten vector: `encodeTimeVector`  |
 * | `m`, partition (2), `h`                                      | hashes that a split gave it: `encodeHeldHashes` |
 * | `m`, partition (2), `p`                                      | the applied position: `encodePosition`    |
 * | `m`, partition (2), `r`                                      | empty: a rebuild is under way             |
 * | `m`, partition (2), `u`                                      | not counted since a split: `encodeNumbers` |
 * | `q`, table (4), time (8), item key                           | empty: a tombstone by its time            |
 * | `s`, `closed`                                                | empty: closed with everything synced      |
 * | `s`, `format`                                                | the format version, as text               |
 * | `t`, table (4), item key                                     | a tombstone: `encodeStoredItem`           |
 * | `x`, table (4), time (8), item key                           | empty: an item by its `dueMs`             |
 *
 * Numbers are big endian, so that bytes order as they do. An item key begins with the hash of its partition key.
 *
 * Format history: 1, the first; 2, the checksum of an item or tombstone covers its whole key here; 3, as 2, with
 * partitions that were split: written with the first split.
 */
export const STORE_FORMAT_VERSION = 2;
export const SPLIT_STORE_FORMAT_VERSION = 3;

/** The catalogue's own table. It lies in partition 0 entirely, whatever the hashes of its keys. */
export const SYSTEM_TABLE = 0;

/**
 * What a partition keeps of itself as items, so that it is written, copied and recovered with them: how far it has
 * followed other logs. The last of all numbers, so that no table gets it.
 */
export const PARTITION_TABLE = 0xffff_ffff;

/** A partition's number has two bytes. */
const PARTITION_NUMBERS_MAX = 65_536;

/** How many hashes there are: 0 up to, without it, this. */
export const HASHES = 2 ** 32;
const TABLE_BYTES = 4;
const TIME_BYTES = 8;
const TABLE_PREFIX_BYTES = 1 + TABLE_BYTES;
const TIME_PREFIX_BYTES = TABLE_PREFIX_BYTES + TIME_BYTES;

const SPACES = {
  dropped: 0x64,
  items: 0x69,
  meta: 0x6d,
  times: 0x71,
  store: 0x73,
  tombstones: 0x74,
  dues: 0x78,
};

/** The spaces that hold one thing per item key of a table. */
export type ItemSpace = 'items' | 'tombstones';

export const FORMAT_KEY: Uint8Array = Buffer.from('sformat', 'latin1');
export const CLOSED_KEY: Uint8Array = Buffer.from('sclosed', 'latin1');

/** Everything but the adapter's own. */
export const everyKey: KeyRange = { from: Uint8Array.of(1), to: Uint8Array.of(0xff) };

/** A partition's hashes: from `from` inclusive to `to` exclusive; `to` may be 2^32. */
export interface HashRange {
  readonly from: number;
  readonly to: number;
}

/** Of a partition of `partitions`, before any was split. */
export const hashRange = (partition: number, partitions: number): HashRange => ({
  from: Math.floor((partition * HASHES) / partitions),
  to: Math.floor(((partition + 1) * HASHES) / partitions),
});

/** The hashes of one table that a partition holds; empty for the system table outside partition 0. */
export const tableHashRange = (table: number, partition: number, partitions: number): HashRange =>
  tableHashes(table, partition, hashRange(partition, partitions));

/** The same of a partition that holds `hashes`. */
export function tableHashes(table: number, partition: number, hashes: HashRange): HashRange {
  if (table !== SYSTEM_TABLE) return hashes;
  return partition === 0 ? { from: 0, to: HASHES } : { from: 0, to: 0 };
}

/** The hash at the head of an item's key. Allocates nothing. */
export const hashOf = (itemKey: Uint8Array): number => readUint32(itemKey, 0);

/** Whether a partition that holds `hashes` holds an item of a table. */
export function holdsKey(
  { partition, hashes }: { readonly partition: number; readonly hashes: HashRange },
  table: number,
  itemKey: Uint8Array,
): boolean {
  if (table === SYSTEM_TABLE) return partition === 0;
  const hash = hashOf(itemKey);
  return hash >= hashes.from && hash < hashes.to;
}

/** Whether two ranges have a hash in common. */
export const overlap = (a: HashRange, b: HashRange): boolean => a.from < b.to && b.from < a.to;

export function itemSpaceKey(space: ItemSpace, table: number, itemKey: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(TABLE_PREFIX_BYTES + itemKey.length);
  key[0] = SPACES[space];
  writeUint32(key, 1, table);
  key.set(itemKey, TABLE_PREFIX_BYTES);
  return key;
}

/** The item key inside a key of an `ItemSpace`; shares its bytes. */
export const itemKeyIn = (key: Uint8Array): Uint8Array => key.subarray(TABLE_PREFIX_BYTES);

/** The table and the hash of a key of that space as one number; undefined of a key of another, or of a very late table. */
export function tableAndHashOf(space: ItemSpace, key: Uint8Array): number | undefined {
  if (key[0] !== SPACES[space]) return undefined;
  return tableAndHash(readUint32(key, 1), readUint32(key, TABLE_PREFIX_BYTES));
}

/** The same of their parts. */
export const tableAndHash = (table: number, hash: number): number | undefined =>
  table < TABLES_WITH_HASH ? table * HASHES + hash : undefined;

/** So many tables and their hashes fit into a number. */
const TABLES_WITH_HASH = 2 ** 21;

/** The keys of a table in one space with hashes in a range. */
export function itemSpaceRange(space: ItemSpace, table: number, hashes: HashRange): KeyRange {
  return { from: hashBound(space, table, hashes.from), to: hashBound(space, table, hashes.to) };
}

/** The least key in a space at or after a hash; a hash of 2^32 is the end of the table. */
function hashBound(space: ItemSpace, table: number, hash: number): Uint8Array {
  if (hash === HASHES) return tableBound(SPACES[space], table + 1);
  const key = Buffer.allocUnsafe(TABLE_PREFIX_BYTES + 4);
  key[0] = SPACES[space];
  writeUint32(key, 1, table);
  writeUint32(key, TABLE_PREFIX_BYTES, hash);
  return key;
}

/** A tombstone's place in the order of times. `time` is a whole number of ticks. */
export function tombstoneTimeKey(table: number, time: HybridTime, itemKey: Uint8Array): Uint8Array {
  return timeKey(SPACES.times, { table, time }, itemKey);
}

/** An item's place in the order of due times. `dueMs` is a whole number. */
export const dueKey = (table: number, dueMs: number, itemKey: Uint8Array): Uint8Array =>
  timeKey(SPACES.dues, { table, time: dueMs }, itemKey);

function timeKey(space: number, place: TimePlace, itemKey: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(TIME_PREFIX_BYTES + itemKey.length);
  writeTimePrefix(key, space, place);
  key.set(itemKey, TIME_PREFIX_BYTES);
  return key;
}

interface TimePlace {
  readonly table: number;
  readonly time: number;
}

export const itemKeyInTimeKey = (key: Uint8Array): Uint8Array => key.subarray(TIME_PREFIX_BYTES);

/** All tombstones of a table with times below `before`, oldest first. */
export function tombstoneTimeRange(table: number, before: HybridTime): KeyRange {
  return { from: tableBound(SPACES.times, table), to: timeBound(SPACES.times, table, before) };
}

/** All items of a table that are due before a time, the longest due first; behind `after`, a key of the range. */
export function dueRange(table: number, beforeMs: number, after?: Uint8Array): KeyRange {
  const from = after === undefined ? tableBound(SPACES.dues, table) : Buffer.concat([after, NUL]);
  return { from, to: timeBound(SPACES.dues, table, beforeMs) };
}

const NUL = new Uint8Array(1);

/** The time in a key that `dueKey` made. */
export const dueMsIn = (key: Uint8Array): number =>
  readUint32(key, TABLE_PREFIX_BYTES) * HASHES + readUint32(key, TABLE_PREFIX_BYTES + 4);

function timeBound(space: number, table: number, time: number): Uint8Array {
  const bound = Buffer.allocUnsafe(TIME_PREFIX_BYTES);
  writeTimePrefix(bound, space, { table, time });
  return bound;
}

function writeTimePrefix(key: Buffer, space: number, { table, time }: TimePlace): void {
  assert(Number.isSafeInteger(time) && time >= 0, 'a time is a whole number');
  key[0] = space;
  writeUint32(key, 1, table);
  writeUint32(key, TABLE_PREFIX_BYTES, Math.floor(time / HASHES));
  writeUint32(key, TABLE_PREFIX_BYTES + 4, time % HASHES);
}

/** Everything that belongs to one table, but for its counters. */
export function tableRanges(table: number): readonly KeyRange[] {
  return [SPACES.items, SPACES.times, SPACES.tombstones, SPACES.dues].map((space) => ({
    from: tableBound(space, table),
    to: tableBound(space, table + 1),
  }));
}

/** The least key of a table in a space; table 2^32 stands for the end of the space. */
function tableBound(space: number, table: number): Uint8Array {
  if (table === HASHES) return Uint8Array.of(space + 1);
  const key = Buffer.allocUnsafe(TABLE_PREFIX_BYTES);
  key[0] = space;
  writeUint32(key, 1, table);
  return key;
}

/** A space whole, of every table. */
export const itemSpaceOfAll = (space: ItemSpace): KeyRange => spaceRange(SPACES[space]);

function spaceRange(space: number): KeyRange {
  return { from: Uint8Array.of(space), to: Uint8Array.of(space + 1) };
}

export const tombstoneTimesOfAll: KeyRange = spaceRange(SPACES.times);
export const duesOfAll: KeyRange = spaceRange(SPACES.dues);

export const positionKey = (partition: number): Uint8Array => metaKey(partition, 'p');
export const forgottenKey = (partition: number): Uint8Array => metaKey(partition, 'f');
export const epochEndsKey = (partition: number): Uint8Array => metaKey(partition, 'e');
export const epochStartsKey = (partition: number): Uint8Array => metaKey(partition, 's');
export const rebuildingKey = (partition: number): Uint8Array => metaKey(partition, 'r');
export const heldHashesKey = (partition: number): Uint8Array => metaKey(partition, 'h');
export const uncountedKey = (partition: number): Uint8Array => metaKey(partition, 'u');

/** Everything that all partitions keep of themselves. */
export const metaOfAll: KeyRange = spaceRange(SPACES.meta);

/** The partition of a `heldHashesKey`; undefined of any other key. */
export const partitionOfHeldHashesKey = (key: Uint8Array): number | undefined =>
  key.length === 4 && key[3] === HELD_HASHES_LETTER
    ? ((key[1] ?? 0) << 8) | (key[2] ?? 0)
    : undefined;

const HELD_HASHES_LETTER = 'h'.charCodeAt(0);

/** Everything that a partition keeps of itself. */
export const metaRange = (partition: number): KeyRange => ({
  from: metaBound(partition),
  to: metaBound(partition + 1),
});

export const countersKey = (partition: number, table: number): Uint8Array =>
  tableMetaKey(partition, 'c', table);

/** What a split left uncounted of a table: see `Copy.contents`. */
export const uncountedTableKey = (partition: number, table: number): Uint8Array =>
  tableMetaKey(partition, 'a', table);

function tableMetaKey(partition: number, letter: string, table: number): Uint8Array {
  const key = Buffer.allocUnsafe(8);
  key.set(metaKey(partition, letter));
  writeUint32(key, 4, table);
  return key;
}

export const uncountedTablesRange = (partition: number): KeyRange => ({
  from: metaKey(partition, 'a'),
  to: metaKey(partition, 'b'),
});

export const countersRange = (partition: number): KeyRange => ({
  from: metaKey(partition, 'c'),
  to: metaKey(partition, 'd'),
});

export const tableOfCountersKey = (key: Uint8Array): number => readUint32(key, 4);

export function droppedTableKey(table: number): Uint8Array {
  return tableBound(SPACES.dropped, table);
}

/** The marks of all dropped tables. */
export const droppedTablesRange: KeyRange = spaceRange(SPACES.dropped);

/** The table of any key that has it after its first byte. */
export const tableOfKey = (key: Uint8Array): number => readUint32(key, 1);

function metaKey(partition: number, letter: string): Uint8Array {
  const key = Buffer.allocUnsafe(4);
  key.set(metaBound(partition));
  key[3] = letter.charCodeAt(0);
  return key.subarray(0, 4);
}

function metaBound(partition: number): Uint8Array {
  if (partition === PARTITION_NUMBERS_MAX) return Uint8Array.of(SPACES.meta + 1);
  assert(partition >= 0 && partition < PARTITION_NUMBERS_MAX, 'a partition number has two bytes');
  return Uint8Array.of(SPACES.meta, partition >>> 8, partition & 0xff);
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}
