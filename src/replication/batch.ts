import { assert } from '../base/assert.ts';
import { endOf } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import type { ItemRecord } from '../model/record.ts';
import { isExpiry, originOf } from '../model/version.ts';
import type { CommittedEntry } from '../partition/partition.ts';
import { committedMsOf, type CommitClocks, type CommitRun } from './commit-time.ts';
import type { EntryPlace, Tables } from './tables.ts';

/** What one ship carries: all that its origin made in (from, to] of one log and the target has a table for. */
export interface Batch {
  readonly origin: string;
  /** The number of the origin's partition. */
  readonly log: number;
  readonly from: LogEnd;
  /** Its partition time is what the watermark rises to. */
  readonly to: LogEnd;
  readonly records: readonly ShippedRecord[];
  /** Of all records, or empty where nothing is known. They go beside the batch: see `encodeCommits`. */
  readonly commits?: readonly CommitRun[];
}

/** One write of the batch's origin, or an item's expiry there. */
export interface ShippedRecord {
  /** Global id of the table. */
  readonly table: string;
  readonly key: Uint8Array;
  readonly time: number;
  /** Of an expiry alone: the region that had made the item. See `expiryOf`. */
  readonly expiredOf?: string | undefined;
  readonly replaced: ItemRecord['replaced'];
  /** Undefined for a tombstone. */
  readonly image: Uint8Array | undefined;
  readonly itemBytes: number;
}

/** Before compression. A single entry with more goes alone. */
export const BATCH_BYTES_MAX = 128 * 1024;

/** What a record costs on the wire besides its key and image, about. */
const RECORD_OVERHEAD_BYTES = 40;

export const shippedBytes = (record: Pick<ItemRecord, 'key' | 'image'>): number =>
  record.key.length + (record.image?.length ?? 0) + RECORD_OVERHEAD_BYTES;

/**
 * The global id under which `record` of the entry at `at` goes to `peer`, or undefined when it does not: it was made
 * elsewhere, is none of the users' data, only says what was discarded here (`Partition.discard`) or stands already, its
 * table has no replica there, or that replica gets it by its copy.
 */
export function sharedAs(
  record: ItemRecord,
  at: EntryPlace,
  { region, peer, tables }: { region: string; peer: string; tables: Tables },
): string | undefined {
  const { cause, version } = record;
  // Whoever expired an item says so, whose ever the item was.
  const isOwn = isExpiry(version) ? cause === 'expiry' : version.region === region;
  if (!isOwn || cause === 'system' || cause === 'backfill') return undefined;
  const isDiscarded =
    cause === 'replication' && record.image === undefined && !record.keepsTombstone;
  if (isDiscarded) return undefined;
  return tables.shared(record.table, peer, at);
}

export const sameEnd = (a: LogEnd, b: LogEnd): boolean =>
  a.index === b.index && a.checksum === b.checksum && a.epoch === b.epoch && a.logId === b.logId;

/** Gathers committed entries of one log into batches for one peer. */
export class BatchBuilder {
  readonly #to: { readonly region: string; readonly peer: string; readonly tables: Tables };
  readonly #log: number;
  #from: LogEnd;
  #end: LogEnd;
  #records: ShippedRecord[] = [];
  #commits: CommitRun[] = [];
  #bytes = 0;
  readonly #clocks: CommitClocks;

  constructor(options: {
    readonly region: string;
    readonly peer: string;
    readonly tables: Tables;
    readonly log: number;
    readonly from: LogEnd;
    readonly clocks: CommitClocks;
  }) {
    this.#to = options;
    this.#clocks = options.clocks;
    this.#log = options.log;
    this.#from = options.from;
    this.#end = options.from;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  /** Whether entries were added since the last batch, with or without records. */
  get hasMoved(): boolean {
    return this.#end.index !== this.#from.index;
  }

  /** Adds the next entry; the batch before it, when it does not fit in any more. */
  add(committed: CommittedEntry): Batch | undefined {
    const { entry, records } = committed;
    assert(entry.index === this.#end.index + 1, 'entries are shipped in order');
    const shared: ShippedRecord[] = [];
    const at = { log: this.#log, index: entry.index };
    let bytes = 0;
    for (const record of records) {
      const table = sharedAs(record, at, this.#to);
      if (table === undefined) continue;
      const { key, version, replaced, image, itemBytes } = record;
      const expiredOf = isExpiry(version) ? originOf(version) : undefined;
      shared.push({ table, key, time: version.time, expiredOf, replaced, image, itemBytes });
      bytes += shippedBytes(record);
    }
    const full = this.#bytes > 0 && this.#bytes + bytes > BATCH_BYTES_MAX ? this.take() : undefined;
    this.#end = endOf(entry);
    for (const record of shared) this.#records.push(record);
    if (shared.length > 0) {
      const committedMs = committedMsOf(committed, this.#clocks);
      this.#commits.push({ records: shared.length, committedMs });
    }
    this.#bytes += bytes;
    return full;
  }

  /** What has gathered, even if it is nothing. */
  take(): Batch {
    const batch: Batch = {
      origin: this.#to.region,
      log: this.#log,
      from: this.#from,
      to: this.#end,
      records: this.#records,
      commits: this.#commits,
    };
    this.#from = this.#end;
    this.#records = [];
    this.#commits = [];
    this.#bytes = 0;
    return batch;
  }
}
