import type { HybridTime } from '../clock/hybrid-time.ts';
import type { Entry, LogEnd } from '../log/entry.ts';
import type { ItemRecord, StoredItem } from '../model/record.ts';
import type { Version } from '../model/version.ts';
import type { EntryChange } from './index-entries.ts';
import type { ItemWrite, WriteOutcome } from './item-write.ts';

/**
 * A range of the region's hash space, for all tables: a deterministic state machine over its log. Everything
 * that changes goes through one queue at its leader; everything else follows what the log has committed.
 */
export interface Partition {
  readonly number: number;
  /** The last committed entry. */
  readonly committed: LogEnd;
  /**
   * Where other nodes have a part in it too: the end of what this node knows to be all that the log says of the partition's hashes, where
   * that is before `committed`. Behind it may be a split whose child this node has not heard of.
   */
  readonly told?: LogEnd | undefined;
  /** The first index that a follower can still read. */
  readonly first: number;
  /** Below this nothing of that origin, for a key with no item, is news: see `ForgetDecision`. */
  readonly forgotten: TimeVector;

  /** Evaluates and appends. Resolves when durable (or, refused, when what it saw is); rejects `ClientError`. */
  write(write: ItemWrite): Promise<WriteOutcome>;
  /** What a strong read answers. Waits for a pending write that it saw, and for `confirm`. */
  read(table: number, key: Uint8Array): Promise<StoredItem | undefined>;

  /** Resolves records of other regions, in order, against what stands here. Resolves when the outcome is durable. */
  receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]>;
  /**
   * Where other nodes have a part in it too: resolves once this node's layout has whatever split the partition has told of; with
   * `through`, whatever its log tells up to that entry. Rejects with `InternalServerError` where that takes too long.
   */
  layoutKnown?(through?: number): Promise<void>;
  /** Appends a no-op, so that the partition's time moves. */
  advanceTime(): Promise<LogEnd>;
  /**
   * Removes items without a trace, each only if what stands is that version: what an authoritative copy of the table
   * lacks. Never shipped. Resolves when durable.
   */
  discard(table: number, items: readonly DiscardedItem[]): Promise<void>;
  /** Appends a forgetting; every copy drops the same tombstones. */
  forget(decision: ForgetDecision): Promise<void>;

  /** What the log says of the entry at `index`: undefined when it is not kept any more, or not there yet. */
  endAt(index: number): Promise<LogEnd | undefined>;
  /**
   * Goes on under a new log id: opens an epoch whose chain peers cannot confuse with what they saw of the old
   * one, with all later versions above `time`.
   */
  fork(logId: string, time: HybridTime): Promise<LogEnd>;
  /** Committed entries after index `after`. Throws `LogError` `trimmed` when the first of them is gone. */
  follow(after: number): Follower;

  /**
   * Items and tombstones of a table in key order, after `after`, about `limitBytes` of them, from a copy that has
   * applied everything committed before the call. Empty at the end.
   */
  scan(
    table: number,
    after: Uint8Array | undefined,
    limitBytes: number,
  ): Promise<readonly ScannedItem[]>;
}

/** A partition as the secondary indexes of its region see it. */
export interface IndexedPartition extends Partition {
  /**
   * Says these items once more, each only if what stands is still that version: see the cause `backfill`. Resolves when
   * durable, and when what stood otherwise is.
   */
  reemit(table: number, items: readonly ItemVersion[]): Promise<void>;
  /** Up to where this partition has taken, for global indexes, what follows from the log of another. */
  indexStand(source: number): Promise<LogEnd | undefined>;
  /**
   * Takes a batch if it goes on where this partition stands with its source. Answers where that is then; when the batch
   * is not taken nothing is appended. Resolves when durable.
   */
  takeIndexBatch(batch: IndexBatch): Promise<LogEnd | undefined>;
  /** What this partition's own follower has kept by `keepShipped`. */
  shipped(): Promise<unknown>;
  /** Keeps a small JSON document of the follower of this partition's log. Resolves when durable. */
  keepShipped(document: unknown): Promise<void>;
}

/** What the log of one partition changes in the entries of global indexes in another: one entry of that one's log. */
export interface IndexBatch {
  /** The number of the partition whose log this follows from. */
  readonly source: number;
  /** Where the taker must stand with that log. */
  readonly after: LogEnd | undefined;
  /**
   * Where it stands with this batch. Undefined for a part of what follows from one entry, with the rest to come: it is
   * sent again if that does not come.
   */
  readonly to: LogEnd | undefined;
  /** At most one for a key: the last. */
  readonly changes: readonly VersionedChange[];
}

export interface VersionedChange extends EntryChange {
  /** Of the item from which it follows. */
  readonly version: Version;
}

export interface Follower {
  /** At least one entry, about `limitBytes` of them; waits for the first. Empty only once closed. */
  next(limitBytes: number): Promise<readonly CommittedEntry[]>;
  /** Moves to after index `after`, backwards too. Throws `LogError` `trimmed`. */
  seek(after: number): void;
  close(): void;
}

export interface CommittedEntry {
  readonly entry: Entry;
  /** Decoded when `entry.kind` is `records`, else empty. To ask for them may be to decode them: once for each object. */
  readonly records: readonly ItemRecord[];
  /**
   * When this process knew that it is durable, by its monotonic clock; undefined where it does not know: it was read again, as after
   * a start.
   */
  readonly durableMs: number | undefined;
}

/** Per region name, a hybrid time. A region that is not in it stands at 0. */
export type TimeVector = Readonly<Record<string, HybridTime>>;

/** A record of another region on its way in, with this region's table number. */
export interface ReceivedRecord {
  readonly table: number;
  readonly key: Uint8Array;
  readonly version: Version;
  readonly replaced: Version | undefined;
  readonly image: Uint8Array | undefined;
  readonly itemBytes: number;
  /**
   * `ship`: as it was made. `scan`: from a resync, where losing is no conflict. `bootstrap`: from the scan that fills
   * a new replica, which has forgotten nothing yet, so that `forgotten` does not apply to it.
   */
  readonly via: 'ship' | 'scan' | 'bootstrap';
}

/**
 * `won`: appended. `lost`: what stands here is newer. `duplicate`: it stands here already. `forgotten`: not newer
 * than what was forgotten of its origin. `conflict` is the loser that the winner had not seen, whichever it was.
 */
export interface Resolution {
  readonly kind: 'won' | 'lost' | 'duplicate' | 'forgotten';
  readonly conflict: Conflict | undefined;
}

export interface Conflict {
  readonly winner: Version;
  readonly loser: Version;
  /** Equal versions with different bytes: a clock or a disk has lied. Raises an alarm. */
  readonly alarm: boolean;
}

/** Last writer wins. Pure, so that every copy and every region comes to the same answer. */
export type Resolve = (
  current: StoredItem | undefined,
  incoming: ReceivedRecord,
  forgotten: TimeVector,
) => Resolution;

/**
 * `vector`: per origin region, the time up to which everything it made is applied here. `horizons`: per table
 * number, the time below which tombstones go: no more than every member's time in the vector.
 */
export interface ForgetDecision {
  readonly vector: TimeVector;
  readonly horizons: Readonly<Record<number, HybridTime>>;
}

export interface ItemVersion {
  readonly key: Uint8Array;
  readonly version: Version;
}

export type DiscardedItem = ItemVersion;

export interface ScannedItem extends StoredItem {
  readonly key: Uint8Array;
}
