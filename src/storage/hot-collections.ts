import { hashOf, itemKeyIn, itemSpaceRange, tableAndHash, tableAndHashOf } from './key-layout.ts';
import type { KeyValueOperation, KeyValuePair, KeyValueSnapshot } from './key-value-store.ts';
import { pageItem, type PageRequest, type StoredPage, type StoredPageItem } from './read.ts';
import { SortedItems } from './sorted-items.ts';

/** What is kept at most, of all collections together, keys and images and what JavaScript needs for them. */
const HOT_BYTES_MAX = 8 * 1024 * 1024;

/** A collection above this is not kept: to read it whole would take longer than the pages that are asked for. */
const COLLECTION_BYTES_MAX = 128 * 1024;

/** What an item takes beside its bytes. */
const ITEM_OVERHEAD_BYTES = 300;

/** Collections that were missed once, and those known to be too large, that are remembered. */
const REMEMBERED_MAX = 4096;

/** Above this part of its bytes it is taken to be full: what is loaded then takes the place of another one. */
const FULL_PART = 0.75;

/** Items that are read, checked and put in order in the time that a page from memory spares. */
const ITEMS_PER_HIT = 25;

/** Hits of a displaced collection beyond these say nothing more of what is displaced next. */
const HITS_COUNTED_MAX = 32;

/** What a displaced collection changes of the opinion on those before it. */
const BALANCE_WEIGHT = 1 / 16;

/** While loading has not paid, one of so many is loaded all the same, to learn when it does again. */
const LOADS_SPARED = 16;

const PAIRS_PER_READ = 256;

/**
 * The items of one partition key, or of several of the same hash, in key order. A page of them is answered at once,
 * without a call into the store, whose iterators cost two changes of thread each.
 */
interface Collection {
  readonly items: SortedItems;
  bytes: number;
  /** Pages that were answered from it. */
  hits: number;
}

/**
 * The collections of a storage node that are read again and again, as its store holds them. Whoever writes to the store
 * says so by `changed` or `forget` once the batch is in the store, before anybody is told that it is: what a reader may
 * ask for is then here or nowhere.
 */
export class HotCollections {
  /** Least recently read first. */
  readonly #collections = new Map<number, Collection>();
  readonly #loading = new Map<number, Loading>();
  readonly #missed = new Set<number>();
  readonly #tooLarge = new Set<number>();
  readonly #bytesMax: number;
  #bytes = 0;
  /** By how many hits those displaced lately have paid for having been loaded; below zero they have not. */
  #balance = 0;
  #spared = 0;

  constructor(bytesMax: number = HOT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Of keys and items, with what they take beside. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The page, when its collection is here. */
  page(request: PageRequest): StoredPage | undefined {
    const id = collectionOf(request);
    if (id === undefined) return undefined;
    const collection = this.#collections.get(id);
    if (collection === undefined) return undefined;
    this.#collections.delete(id);
    this.#collections.set(id, collection);
    collection.hits += 1;
    return pageOf(collection.items, request);
  }

  /**
   * Whether the collection of a page that was missed is worth to be loaded: it was missed before, lately. Where there is no room that
   * is within as many misses as collections are kept: what comes back later would find itself displaced again. And where what was
   * displaced lately had not been asked for often enough to pay for its loading, few are loaded: of far more than there is room for,
   * asked for evenly, some come back soon by chance.
   */
  isWanted(request: PageRequest): boolean {
    const id = collectionOf(request);
    if (id === undefined || this.#loading.has(id) || this.#tooLarge.has(id)) return false;
    const isFull = this.#bytes > this.#bytesMax * FULL_PART;
    if (this.#missed.delete(id)) return !isFull || this.#mayPay();
    const most = isFull ? Math.min(this.#collections.size, REMEMBERED_MAX) : REMEMBERED_MAX;
    for (const oldest of this.#missed) {
      if (this.#missed.size < most) break;
      this.#missed.delete(oldest);
    }
    this.#missed.add(id);
    return false;
  }

  #mayPay(): boolean {
    if (this.#balance >= 0) return true;
    this.#spared += 1;
    if (this.#spared < LOADS_SPARED) return false;
    this.#spared = 0;
    return true;
  }

  /** Reads the collection of a page. Whatever changes it meanwhile undoes that. Throws `StoreError`. */
  async load(snapshot: () => KeyValueSnapshot, request: PageRequest): Promise<void> {
    const id = collectionOf(request);
    if (id === undefined || this.#loading.has(id)) return;
    const loading: Loading = { isStale: false };
    // Before the snapshot is taken: a change that it lacks is told after.
    this.#loading.set(id, loading);
    try {
      const from = snapshot();
      try {
        const collection = await readCollection(from, request);
        if (loading.isStale) return;
        if (collection === undefined) this.#noteTooLarge(id);
        else this.#keep(id, collection);
      } finally {
        await from.close();
      }
    } finally {
      this.#loading.delete(id);
    }
  }

  #noteTooLarge(id: number): void {
    if (this.#tooLarge.size >= REMEMBERED_MAX) this.#tooLarge.clear();
    this.#tooLarge.add(id);
  }

  #keep(id: number, collection: Collection): void {
    this.#collections.set(id, collection);
    this.#bytes += collection.bytes;
    this.#makeRoom();
  }

  #makeRoom(): void {
    for (const [id, { items, bytes, hits }] of this.#collections) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#collections.delete(id);
      this.#bytes -= bytes;
      const paid = Math.min(hits, HITS_COUNTED_MAX) - 1 - items.all.length / ITEMS_PER_HIT;
      this.#balance += (paid - this.#balance) * BALANCE_WEIGHT;
    }
  }

  /** A batch is in the store. */
  changed(operations: readonly KeyValueOperation[]): void {
    if (this.#collections.size === 0 && this.#loading.size === 0) return;
    for (const operation of operations) {
      const id = tableAndHashOf('items', operation.key);
      if (id === undefined) continue;
      const loading = this.#loading.get(id);
      if (loading !== undefined) loading.isStale = true;
      const collection = this.#collections.get(id);
      if (collection !== undefined) this.#change(id, collection, operation);
    }
    this.#makeRoom();
  }

  #change(id: number, collection: Collection, operation: KeyValueOperation): void {
    const before = collection.bytes;
    let gone: StoredPageItem | undefined;
    if (operation.kind === 'delete') gone = collection.items.remove(itemKeyIn(operation.key));
    else {
      const item = itemOf([operation.key, operation.value]);
      gone = collection.items.put(item);
      collection.bytes += bytesOf(item);
    }
    if (gone !== undefined) collection.bytes -= bytesOf(gone);
    this.#bytes += collection.bytes - before;
    if (collection.bytes <= COLLECTION_BYTES_MAX) return;
    this.#collections.delete(id);
    this.#bytes -= collection.bytes;
    this.#noteTooLarge(id);
  }

  /** The store was changed otherwise than by a batch that `changed` was told of. */
  forget(): void {
    this.#collections.clear();
    this.#bytes = 0;
    for (const loading of this.#loading.values()) loading.isStale = true;
  }
}

interface Loading {
  isStale: boolean;
}

/** Of a page within one hash; undefined of any other, as those of a Scan. */
function collectionOf({ table, from, to }: PageRequest): number | undefined {
  if (from === undefined || to === undefined || from.length <= HASH_BYTES) return undefined;
  const hash = hashOf(from);
  return hashOf(to) === hash ? tableAndHash(table, hash) : undefined;
}

const HASH_BYTES = 4;

async function readCollection(
  snapshot: KeyValueSnapshot,
  { table, from }: PageRequest,
): Promise<Collection | undefined> {
  const hash = from === undefined ? 0 : hashOf(from);
  const iterator = snapshot.iterate(itemSpaceRange('items', table, { from: hash, to: hash + 1 }));
  const collection = { items: new SortedItems(), bytes: ITEM_OVERHEAD_BYTES, hits: 0 };
  try {
    for (;;) {
      const pairs = await iterator.next(PAIRS_PER_READ);
      if (pairs.length === 0) return collection;
      for (const pair of pairs) {
        const item = itemOf(pair);
        collection.items.put(item);
        collection.bytes += bytesOf(item);
        if (collection.bytes > COLLECTION_BYTES_MAX) return undefined;
      }
    }
  } finally {
    await iterator.close();
  }
}

const bytesOf = ({ key, image }: StoredPageItem): number =>
  key.length + image.length + ITEM_OVERHEAD_BYTES;

/** With bytes of its own: those given may be a small part of what they would keep in memory. */
function itemOf(pair: KeyValuePair): StoredPageItem {
  const { key, image, itemBytes } = pageItem(pair);
  return { key: new Uint8Array(key), image: new Uint8Array(image), itemBytes };
}

/** As `readPage` cuts it. */
function pageOf(sorted: SortedItems, request: PageRequest): StoredPage {
  const { from, to, forward, startAfter, byteLimit } = request;
  const { all } = sorted;
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  let first = from === undefined ? 0 : sorted.placeOf(from);
  let end = to === undefined ? all.length : sorted.placeOf(to);
  if (startAfter !== undefined) {
    const at = sorted.placeOf(startAfter);
    if (forward) first = Math.max(first, sorted.isAt(at, startAfter) ? at + 1 : at);
    else end = Math.min(end, at);
  }
  const items: StoredPageItem[] = [];
  let itemBytes = 0;
  for (let read = 0; read < end - first; read += 1) {
    const item = all[forward ? first + read : end - 1 - read];
    if (item === undefined) break;
    items.push(item);
    itemBytes += item.itemBytes;
    if (items.length >= limit || itemBytes > byteLimit) return { items, more: true, itemBytes };
  }
  return { items, more: false, itemBytes };
}
