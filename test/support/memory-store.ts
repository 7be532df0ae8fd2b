import {
  StoreError,
  type IterateOptions,
  type KeyRange,
  type KeyValueIterator,
  type KeyValueOperation,
  type KeyValuePair,
  type KeyValueSnapshot,
  type KeyValueStore,
  type StoreErrorCode,
} from '../../src/storage/key-value-store.ts';

/**
 * What a store leaves behind, in memory: open it, cut the power, open it again. Only what was synced is certain to
 * survive; of the batches after that, the first so many do.
 */
export class MemoryStoreDisk {
  #durable: readonly KeyValuePair[] = [];
  #unsynced: (readonly KeyValueOperation[])[] = [];
  #open: MemoryStore | undefined;
  #failWith: StoreErrorCode | undefined;

  /** Rejects with `locked` while a store of this disk is open. */
  async open(): Promise<MemoryStore> {
    if (this.#open !== undefined) throw new StoreError('locked', 'the store is open already');
    const store = new MemoryStore(this, this.#current());
    this.#open = store;
    return store;
  }

  /** Batches that a power cut may take. */
  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  /** Ends the open store and forgets all unsynced batches but the first `keep`. */
  powerCut(keep = 0): void {
    this.#unsynced.length = Math.min(keep, this.#unsynced.length);
    this.#open?.end();
    this.#open = undefined;
  }

  /** Every later write rejects with this code, changing nothing, until it is called with undefined. */
  failWrites(code: StoreErrorCode | undefined): void {
    this.#failWith = code;
  }

  /** Everything that stands in it, by key: what a store that is opened now would hold. */
  pairs(): readonly KeyValuePair[] {
    return this.#open?.pairs() ?? this.#current();
  }

  /** Puts an earlier content in place of everything. No store may be open. */
  restore(pairs: readonly KeyValuePair[]): void {
    this.#open?.end();
    this.#open = undefined;
    this.#durable = [...pairs];
    this.#unsynced = [];
  }

  /** Flips a bit in the value of a key, as a bad disk would. */
  damage(key: Uint8Array): void {
    this.#durable = this.#current().map((pair) => {
      if (Buffer.compare(pair[0], key) !== 0) return pair;
      const value = new Uint8Array(pair[1]);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      return [pair[0], value];
    });
    this.#unsynced = [];
    this.#open?.reset(this.#durable);
  }

  /** The store's own: keeps a batch. */
  record(batch: readonly KeyValueOperation[], sync: boolean): void {
    if (this.#failWith !== undefined) throw new StoreError(this.#failWith, 'a planned failure');
    this.#unsynced.push(batch);
    if (!sync) return;
    this.#durable = this.#current();
    this.#unsynced = [];
  }

  /** The store's own: it was closed. */
  release(): void {
    this.#open = undefined;
  }

  #current(): readonly KeyValuePair[] {
    const pairs = [...this.#durable];
    for (const batch of this.#unsynced) applyBatch(pairs, batch);
    return pairs;
  }
}

export class MemoryStore implements KeyValueStore {
  readonly readsAhead = false;
  readonly #disk: MemoryStoreDisk;
  /** Sorted. Shared with snapshots while `#shared`, and then copied before it is changed. */
  #pairs: KeyValuePair[];
  #shared = false;
  #closed = false;

  constructor(disk: MemoryStoreDisk, pairs: readonly KeyValuePair[]) {
    this.#disk = disk;
    this.#pairs = [...pairs];
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    return find(this.#pairs, key);
  }

  async readAhead(): Promise<void> {
    this.#assertOpen();
  }

  async write(
    batch: readonly KeyValueOperation[],
    options?: { readonly sync?: boolean },
  ): Promise<void> {
    this.#assertOpen();
    this.#change(batch.map(copyOf), options?.sync === true);
  }

  snapshot(): KeyValueSnapshot {
    this.#assertOpen();
    this.#shared = true;
    return new MemorySnapshot(this.#pairs, () => {
      this.#assertOpen();
    });
  }

  iterate(range: KeyRange, options?: IterateOptions): KeyValueIterator {
    return this.snapshot().iterate(range, options);
  }

  async clear(range: KeyRange): Promise<void> {
    this.#assertOpen();
    const doomed = this.#pairs.slice(
      lowerBound(this.#pairs, range.from),
      lowerBound(this.#pairs, range.to),
    );
    this.#change(
      doomed.map(([key]) => ({ kind: 'delete', key })),
      false,
    );
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#disk.release();
    this.#closed = true;
  }

  /** The disk's own: a copy of what it holds. */
  pairs(): readonly KeyValuePair[] {
    return [...this.#pairs];
  }

  /** The disk's own: the power is gone. */
  end(): void {
    this.#closed = true;
  }

  /** The disk's own: what is stored has changed underneath. */
  reset(pairs: readonly KeyValuePair[]): void {
    this.#pairs = [...pairs];
    this.#shared = false;
  }

  #change(batch: readonly KeyValueOperation[], sync: boolean): void {
    this.#disk.record(batch, sync);
    if (this.#shared) this.#pairs = [...this.#pairs];
    this.#shared = false;
    applyBatch(this.#pairs, batch);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('io', 'the store is closed');
  }
}

class MemorySnapshot implements KeyValueSnapshot {
  readonly #pairs: readonly KeyValuePair[];
  readonly #assertOpen: () => void;

  constructor(pairs: readonly KeyValuePair[], assertOpen: () => void) {
    this.#pairs = pairs;
    this.#assertOpen = assertOpen;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    return find(this.#pairs, key);
  }

  iterate(range: KeyRange, options?: IterateOptions): KeyValueIterator {
    this.#assertOpen();
    const pairs = this.#pairs.slice(
      lowerBound(this.#pairs, range.from),
      lowerBound(this.#pairs, range.to),
    );
    if (options?.reverse === true) pairs.reverse();
    return new MemoryIterator(pairs, this.#assertOpen);
  }

  async close(): Promise<void> {
    // Its pairs are garbage once nobody holds it.
  }
}

class MemoryIterator implements KeyValueIterator {
  #pairs: readonly KeyValuePair[];
  readonly #assertOpen: () => void;

  constructor(pairs: readonly KeyValuePair[], assertOpen: () => void) {
    this.#pairs = pairs;
    this.#assertOpen = assertOpen;
  }

  async next(count: number): Promise<readonly KeyValuePair[]> {
    this.#assertOpen();
    const pairs = this.#pairs.slice(0, count);
    this.#pairs = this.#pairs.slice(count);
    return pairs;
  }

  async close(): Promise<void> {
    this.#pairs = [];
  }
}

/** A store keeps bytes, not the caller's arrays. */
const copyOf = (operation: KeyValueOperation): KeyValueOperation =>
  operation.kind === 'put'
    ? { kind: 'put', key: new Uint8Array(operation.key), value: new Uint8Array(operation.value) }
    : { kind: 'delete', key: new Uint8Array(operation.key) };

function applyBatch(pairs: KeyValuePair[], batch: readonly KeyValueOperation[]): void {
  for (const operation of batch) {
    const at = lowerBound(pairs, operation.key);
    const found = matches(pairs[at], operation.key) ? 1 : 0;
    if (operation.kind === 'put') pairs.splice(at, found, [operation.key, operation.value]);
    else pairs.splice(at, found);
  }
}

function find(pairs: readonly KeyValuePair[], key: Uint8Array): Uint8Array | undefined {
  const pair = pairs[lowerBound(pairs, key)];
  return matches(pair, key) ? pair?.[1] : undefined;
}

const matches = (pair: KeyValuePair | undefined, key: Uint8Array): boolean =>
  pair !== undefined && Buffer.compare(pair[0], key) === 0;

/** The place of the first pair whose key is not below `key`. */
function lowerBound(pairs: readonly KeyValuePair[], key: Uint8Array): number {
  let low = 0;
  let high = pairs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const pair = pairs[middle];
    if (pair !== undefined && Buffer.compare(pair[0], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
