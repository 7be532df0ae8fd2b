import type { Clock } from '../base/clock.ts';
import { letShortOnesPass, PAGE_REST_MS_MAX } from '../base/give-way.ts';
import type { StoredItem } from '../model/record.ts';
import {
  DamagedValueError,
  decodeStoredImage,
  decodeStoredItem,
  type StoredImage,
} from '../model/stored-item-codec.ts';
import {
  itemKeyIn,
  itemSpaceKey,
  itemSpaceRange,
  type HashRange,
  type ItemSpace,
} from './key-layout.ts';
import {
  StoreError,
  type KeyRange,
  type KeyValueIterator,
  type KeyValuePair,
  type KeyValueSnapshot,
} from './key-value-store.ts';

/** What can be asked for one key: a store or a snapshot. */
export interface KeyValueReader {
  get(key: Uint8Array): Uint8Array | undefined;
}

/** The item at a key; undefined where there is none, whatever tombstone there may be. Throws `StoreError`. */
export function readItem(
  reader: KeyValueReader,
  table: number,
  key: Uint8Array,
): StoredItem | undefined {
  return readValue(reader, itemSpaceKey('items', table, key));
}

/** The item at a key, else its tombstone, whose image is undefined. Throws `StoreError`. */
export function readItemOrTombstone(
  reader: KeyValueReader,
  table: number,
  key: Uint8Array,
): StoredItem | undefined {
  return readItem(reader, table, key) ?? readValue(reader, itemSpaceKey('tombstones', table, key));
}

function readValue(reader: KeyValueReader, key: Uint8Array): StoredItem | undefined {
  const value = reader.get(key);
  return value === undefined ? undefined : decodePair([key, value]);
}

/** The item or tombstone under a key of an `ItemSpace`, verified. Throws `StoreError` `damaged`. */
export const decodePair = (pair: KeyValuePair): StoredItem => decoded(decodeStoredItem, pair);

function decoded<Item extends StoredImage>(
  decode: (value: Uint8Array, key: Uint8Array) => Item,
  [key, value]: KeyValuePair,
): Item {
  try {
    return decode(value, key);
  } catch (error) {
    if (!(error instanceof DamagedValueError)) throw error;
    throw new StoreError('damaged', error.message, { cause: error });
  }
}

export interface PageRequest {
  readonly table: number;
  /** Item key bytes, or the head of some, from `from` inclusive to `to` exclusive; undefined for the table's ends. */
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
  readonly forward: boolean;
  readonly limit: number | undefined;
  /** Item key bytes after which, in the direction of reading, the page starts. It need not exist. */
  readonly startAfter: Uint8Array | undefined;
  /** The page ends with the item by which the sum of the sizes passes this. */
  readonly byteLimit: number;
}

/** The same members as the region's `Page`. */
export interface StoredPage {
  readonly items: readonly StoredPageItem[];
  /** Whether the page stopped at a bound. There may be nothing behind it. */
  readonly more: boolean;
  readonly itemBytes: number;
}

export interface StoredPageItem {
  readonly key: Uint8Array;
  readonly image: Uint8Array;
  readonly itemBytes: number;
}

const PAIRS_PER_READ_MAX = 128;

/** What is read of a page before shorter requests go first, and then each time again: less than a millisecond's work. */
export const ROUND_BYTES = 128 * 1024;

/**
 * One page of a table's items in key order, of a store as it is now or of a snapshot. A long one is read in rounds, between which
 * short requests go first. Throws `StoreError`.
 */
export async function readPage(
  source: Pick<KeyValueSnapshot, 'iterate'>,
  request: PageRequest,
  clock: Clock,
): Promise<StoredPage> {
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  const items: StoredPageItem[] = [];
  let itemBytes = 0;
  const iterator = source.iterate(pageRange(request), { reverse: !request.forward });
  // oxlint-disable-next-line typescript/promise-function-async -- a promise around it would be one that nobody has begun
  const next = (wanted: number): Promise<readonly KeyValuePair[]> =>
    begun(iterator.next(Math.min(wanted, PAIRS_PER_READ_MAX)));
  let reading = next(limit);
  let roundEndBytes = ROUND_BYTES;
  let restMsLeft = PAGE_REST_MS_MAX;
  try {
    for (;;) {
      const pairs = await reading;
      if (pairs.length === 0) return { items, more: false, itemBytes };
      if (itemBytes >= roundEndBytes) {
        roundEndBytes = itemBytes + ROUND_BYTES;
        restMsLeft -= await letShortOnesPass(clock, restMsLeft);
      }
      const read = items.length + pairs.length;
      // The store reads on, in a thread of its own, unless the page is likely to end with these.
      const isLast = read >= limit || (itemBytes / items.length) * read > request.byteLimit;
      if (!isLast) reading = next(limit - read);
      for (const pair of pairs) {
        const item = pageItem(pair);
        items.push(item);
        itemBytes += item.itemBytes;
        if (items.length >= limit || itemBytes > request.byteLimit) {
          return { items, more: true, itemBytes };
        }
      }
      if (isLast) reading = next(limit - read);
    }
  } finally {
    await iterator.close();
  }
}

/** It may fail while nobody waits for it yet, or with the page complete without it, which then is no matter. */
// oxlint-disable-next-line typescript/promise-function-async -- the same promise
function begun<T>(reading: Promise<T>): Promise<T> {
  reading.catch(() => undefined);
  return reading;
}

/** Shares the bytes of the pair. Throws `StoreError`. */
export function pageItem(pair: KeyValuePair): StoredPageItem {
  const { image, itemBytes } = decoded(decodeStoredImage, pair);
  if (image === undefined) throw new StoreError('damaged', 'a stored item has no image');
  return { key: itemKeyIn(pair[0]), image, itemBytes };
}

/** The range that is left of a page's when it starts after a key. */
function pageRange({ table, from, to, forward, startAfter }: PageRequest): KeyRange {
  const whole = itemSpaceRange('items', table, { from: 0, to: 2 ** 32 });
  const range = {
    from: from === undefined ? whole.from : itemSpaceKey('items', table, from),
    to: to === undefined ? whole.to : itemSpaceKey('items', table, to),
  };
  if (startAfter === undefined) return range;
  return forward
    ? { from: later(range.from, successor(itemSpaceKey('items', table, startAfter))), to: range.to }
    : { from: range.from, to: earlier(range.to, itemSpaceKey('items', table, startAfter)) };
}

const later = (a: Uint8Array, b: Uint8Array): Uint8Array => (Buffer.compare(a, b) >= 0 ? a : b);
const earlier = (a: Uint8Array, b: Uint8Array): Uint8Array => (Buffer.compare(a, b) <= 0 ? a : b);

/** The least key above a key. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export interface VersionScan {
  readonly table: number;
  /** The part of the table to scan: see `tableHashRange`. */
  readonly hashes: HashRange;
  /** Item key bytes of the last one had; undefined to begin. */
  readonly after: Uint8Array | undefined;
  /** The scan ends with the one by which keys and images together pass this. */
  readonly limitBytes: number;
}

/** The same members as the partition's `ScannedItem`. */
export interface StoredVersion extends StoredItem {
  readonly key: Uint8Array;
}

/** Items and tombstones together, in key order, at least one where there is one. Throws `StoreError`. */
export async function scanVersions(
  snapshot: KeyValueSnapshot,
  scan: VersionScan,
): Promise<readonly StoredVersion[]> {
  const items = new Cursor(snapshot.iterate(scanRange('items', scan)));
  const tombstones = new Cursor(snapshot.iterate(scanRange('tombstones', scan)));
  const found: StoredVersion[] = [];
  try {
    let bytes = 0;
    while (bytes <= scan.limitBytes) {
      const [item, tombstone] = [await items.peek(), await tombstones.peek()];
      const cursor = precedes(item, tombstone) ? items : tombstones;
      const next = cursor.take();
      if (next === undefined) break;
      found.push(next);
      bytes += next.key.length + (next.image?.length ?? 0);
    }
  } finally {
    await items.close();
    await tombstones.close();
  }
  return found;
}

function scanRange(space: ItemSpace, { table, hashes, after }: VersionScan): KeyRange {
  const range = itemSpaceRange(space, table, hashes);
  if (after === undefined) return range;
  return { from: successor(itemSpaceKey(space, table, after)), to: range.to };
}

/** Whether an item comes before a tombstone; one that is not there comes last. */
function precedes(item: KeyValuePair | undefined, tombstone: KeyValuePair | undefined): boolean {
  if (tombstone === undefined) return true;
  if (item === undefined) return false;
  return Buffer.compare(itemKeyIn(item[0]), itemKeyIn(tombstone[0])) < 0;
}

/** Reads an iterator pair by pair, fetching some at a time. */
class Cursor {
  readonly #iterator: KeyValueIterator;
  #pairs: readonly KeyValuePair[] = [];
  #at = 0;
  #ended = false;

  constructor(iterator: KeyValueIterator) {
    this.#iterator = iterator;
  }

  async peek(): Promise<KeyValuePair | undefined> {
    if (this.#at === this.#pairs.length && !this.#ended) {
      this.#pairs = await this.#iterator.next(PAIRS_PER_READ_MAX);
      this.#at = 0;
      this.#ended = this.#pairs.length === 0;
    }
    return this.#pairs[this.#at];
  }

  /** Moves past what `peek` has answered. */
  take(): StoredVersion | undefined {
    const pair = this.#pairs[this.#at];
    if (pair === undefined) return undefined;
    this.#at += 1;
    return { ...decodePair(pair), key: itemKeyIn(pair[0]) };
  }

  async close(): Promise<void> {
    await this.#iterator.close();
  }
}
