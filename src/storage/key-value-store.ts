/**
 * Ordered keys on one storage node, as a port. Keys order as unsigned bytes, shorter first; those that begin with
 * 0x00, and the empty one, are the adapter's own. A batch
 * is atomic. What was written without `sync` may be lost by a power cut, but only as a suffix of
 * batches: never a part of one, never one from the middle.
 */
export interface KeyValueStore {
  /** Synchronous, because most reads hit memory. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Whether it is cheaper in the end to read ahead what `get` is asked for. */
  readonly readsAhead: boolean;
  /** Reads what `get` will be asked for right after this. Never rejects: what fails, fails again by `get`. */
  readAhead(keys: readonly Uint8Array[]): Promise<void>;
  /** Resolves when the batch is visible to reads and, with `sync`, survives a power cut with all before it. */
  write(batch: readonly KeyValueOperation[], options?: { readonly sync?: boolean }): Promise<void>;
  /** The pairs of a range as they are now: what is written while they are read is not among them. Cheaper than by a snapshot. */
  iterate(range: KeyRange, options?: IterateOptions): KeyValueIterator;
  /** A consistent view from now on. It must be closed. */
  snapshot(): KeyValueSnapshot;
  /** Removes every key of the range. Not atomic; may be repeated. */
  clear(range: KeyRange): Promise<void>;
  close(): Promise<void>;
}

export type KeyValueOperation =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: Uint8Array };

/** From `from` (inclusive) to `to` (exclusive). */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface IterateOptions {
  readonly reverse?: boolean;
}

export interface KeyValueSnapshot {
  get(key: Uint8Array): Uint8Array | undefined;
  /** The pairs of a range in order, or in reverse order. It must be closed. */
  iterate(range: KeyRange, options?: IterateOptions): KeyValueIterator;
  close(): Promise<void>;
}

export interface KeyValueIterator {
  /** Up to `count` further pairs; an empty answer is the end. */
  next(count: number): Promise<readonly KeyValuePair[]>;
  close(): Promise<void>;
}

export type KeyValuePair = readonly [key: Uint8Array, value: Uint8Array];

/**
 * `locked`: another process has it. `full`: no space; open the store again when there is some. `damaged`: a checksum
 * failed, a batch is missing, or a copy does not hold what it has counted. `format`: another version of this program
 * wrote it; nothing is wrong with it. After a write that failed, every later one fails: what it left is not known.
 */
export type StoreErrorCode = 'locked' | 'full' | 'damaged' | 'format' | 'io';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
