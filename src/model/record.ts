import type { Version } from './version.ts';

/** What an entry says of one item: results, never requests, so that applying it is the same everywhere. */
export interface ItemRecord {
  /** The number of this region's table (see `Table.number`); names live only in the catalogue. */
  readonly table: number;
  /** `ItemKey` bytes, as `encodeItemKey` makes them. */
  readonly key: Uint8Array;
  readonly version: Version;
  /**
   * The newest version from another write line that the writer had seen: the version that this write replaced, or,
   * when that was made in the same region, what that one carries here. A loser above it was not seen: a conflict.
   */
  readonly replaced: Version | undefined;
  /** The item's wire JSON in UTF-8; undefined for a tombstone. */
  readonly image: Uint8Array | undefined;
  /**
   * Whether a copy keeps the tombstone. Only a global table needs it; otherwise the key is just gone. The leader says
   * it, so that applying needs no catalogue. False where there is an image.
   */
  readonly keepsTombstone: boolean;
  /** The item's size as DynamoDB counts it; 0 for a tombstone. */
  readonly itemBytes: number;
  /** See `StoredItem.dueMs`. The leader alone says it. */
  readonly dueMs?: number | undefined;
  /** What stood at the key before, so that `apply` reads nothing. */
  readonly previous: Previous;
  /** See `StoredItem.digest`. */
  digest?: ItemDigest | undefined;
  /**
   * The image of the item that stood there, where something that follows the log needs it; only with a `previous` that
   * is an item. Absent does not mean that there was none.
   */
  readonly oldImage?: Uint8Array | undefined;
  readonly cause: Cause;
}

export type Previous =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'item';
      readonly digest: ItemDigest;
      readonly itemBytes: number;
      readonly dueMs?: number | undefined;
    }
  | { readonly kind: 'tombstone'; readonly time: number };

/** Two unsigned 32-bit lanes over key, version and image; a table's digest is their sum, lane by lane. */
export type ItemDigest = readonly [number, number];

/**
 * `system`: none of the users' data, or what follows from it inside this region, as an index's entries do. `backfill`: the
 * item as it stands, said once more for an index that is new; it changes nothing, and nobody else takes notice.
 */
export type Cause =
  | 'user'
  | 'expiry'
  | 'replication'
  | 'transaction'
  | 'restore'
  | 'system'
  | 'backfill';

/** What a store has at a key: an item, or the tombstone of one. */
export interface StoredItem {
  readonly version: Version;
  readonly replaced: Version | undefined;
  readonly image: Uint8Array | undefined;
  readonly itemBytes: number;
  /** When the item's time to live is to be looked at in this region, wall time. Absent: never. */
  readonly dueMs?: number | undefined;
  /** What `digestOf` has found; it alone sets it. */
  digest?: ItemDigest | undefined;
}
