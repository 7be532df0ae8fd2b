import { present } from '../base/assert.ts';
import { latin1Of } from '../base/latin1.ts';
import type { Entry } from '../log/entry.ts';
import { decodeItemAt, placeIn } from '../model/record-codec.ts';
import type { ItemDigest, ItemRecord, StoredItem } from '../model/record.ts';

/**
 * Bytes of items, about, that stay at hand after every serving copy has applied them. It is what the committed end of the
 * log keeps of records anyway.
 */
export const appliedBytesMax = 4 * 1024 * 1024;

/** What an item at hand costs besides its key and images, about. */
const itemOverheadBytes = 64;

/**
 * What the leader knows of keys without asking a store: the newest record of each key that is appended but not yet
 * durable (*pending*), or durable but not yet applied by every copy that serves reads. A read looks here
 * first and then in a copy; together they are the whole truth.
 *
 * Of what all serving copies have applied, the items of the latest records stay for a while: whoever writes one again,
 * or reads it, asks no store. Removals go at once, since what is left of them in a copy changes without a record.
 */
export class Overlay {
  readonly #items = new Map<string, OverlayItem>();
  /** What is applied and stays, oldest first, with what was overwritten since; and, in another array, the payload of each. */
  #applied: OverlayItem[] = [];
  #payloads: Uint8Array[] = [];
  /** How many at the front of both are gone already; removed in one go now and then. */
  #appliedStart = 0;
  #appliedBytes = 0;

  get size(): number {
    return this.#items.size;
  }

  get(key: string): OverlayItem | undefined {
    return this.#items.get(key);
  }

  /** What holds the record at its key, by which `applied` finds it without another look. */
  set(key: string, record: ItemRecord, commit: Commit): OverlayItem {
    const item = this.#items.get(key);
    if (item === undefined) {
      const made = new OverlayItem(key, record, commit);
      this.#items.set(key, made);
      return made;
    }
    item.set(record, commit);
    return item;
  }

  /** The same of all that one append carries. */
  setEach(commit: HeldCommit): void {
    const { keys, records } = commit;
    commit.items = records.map((record, place) =>
      this.set(present(keys[place], 'the key of a record'), record, commit),
    );
  }

  /**
   * Every serving copy has applied all that one append carries, which was set where its items are since the last `clear`. Keys and
   * images of its records are views of the payload of its entry. The records are not held any more.
   */
  applied({ items, records, entry }: HeldCommit): void {
    const { payload } = present(entry, 'the entry of what is applied');
    let kept = 0;
    let place = 0;
    for (const record of records) {
      const item = present(items[place], 'where a record is held');
      place += 1;
      // What came to be there since has another record.
      if (item.record !== record) continue;
      if (record.image === undefined) {
        if (this.#items.get(item.key) === item) this.#items.delete(item.key);
        continue;
      }
      item.keep(payload, record);
      this.#applied.push(item);
      this.#payloads.push(payload);
      kept += 1;
    }
    if (kept === 0) return;
    this.#appliedBytes += payload.length + kept * itemOverheadBytes;
    this.#trim();
  }

  #trim(): void {
    while (this.#appliedBytes > appliedBytesMax) {
      const item = this.#applied[this.#appliedStart];
      const payload = this.#payloads[this.#appliedStart];
      if (item === undefined || payload === undefined) break;
      this.#appliedStart += 1;
      this.#appliedBytes -= itemOverheadBytes;
      // The last of its entry takes the payload along.
      if (this.#payloads[this.#appliedStart] !== payload) this.#appliedBytes -= payload.length;
      // Whatever came to be at the key since is of another payload, or a record.
      if (item.isOf(payload)) this.#items.delete(item.key);
    }
    // What is gone holds payloads as long as it stands there.
    if (this.#appliedStart <= this.#applied.length / 2) return;
    this.#applied = this.#applied.slice(this.#appliedStart);
    this.#payloads = this.#payloads.slice(this.#appliedStart);
    this.#appliedStart = 0;
  }

  clear(): void {
    this.#items.clear();
    this.#applied = [];
    this.#payloads = [];
    this.#appliedStart = 0;
    this.#appliedBytes = 0;
  }
}

/**
 * What is held at one key: it changes with what is set there. As long as some serving copy has not applied it, it is the record;
 * then, where that lies in its entry's payload. A record is ten objects, which live for seconds: most of what was to be collected.
 */
export class OverlayItem {
  readonly key: string;
  /** Undefined once every serving copy has applied it. */
  record: ItemRecord | undefined;
  /** The append that carries it; `COMMITTED` once every serving copy has applied it. */
  commit: Commit;
  #payload: Uint8Array | undefined = undefined;
  #place = 0;
  /** The lanes of the item's digest, signed, which makes them small integers; not known where the first is undefined. */
  #lane: number | undefined = undefined;
  #otherLane = 0;

  constructor(key: string, record: ItemRecord, commit: Commit) {
    this.key = key;
    this.record = record;
    this.commit = commit;
  }

  set(record: ItemRecord, commit: Commit): void {
    this.record = record;
    this.commit = commit;
    this.#payload = undefined;
  }

  /** Holds what the record says of its item as it lies in the payload, and neither the record nor its append. */
  keep(payload: Uint8Array, record: ItemRecord): void {
    this.record = undefined;
    this.commit = COMMITTED;
    this.#payload = payload;
    this.#place = placeIn(payload, record);
    const { digest } = record;
    this.#lane = digest && digest[0] | 0;
    if (digest !== undefined) this.#otherLane = digest[1] | 0;
  }

  /** Whether this is what it holds an item of. */
  isOf(payload: Uint8Array): boolean {
    return this.#payload === payload;
  }

  /** The item, or its tombstone, as of the latest record. */
  get stored(): StoredItem {
    if (this.record !== undefined) return this.record;
    const payload = present(this.#payload, 'a payload, where there is no record');
    const stored = decodeItemAt(payload, this.#place);
    stored.digest = this.#digest;
    return stored;
  }

  /** What a reader sees. */
  get item(): StoredItem | undefined {
    const { stored } = this;
    return stored.image === undefined ? undefined : stored;
  }

  get #digest(): ItemDigest | undefined {
    return this.#lane === undefined ? undefined : [this.#lane >>> 0, this.#otherLane >>> 0];
  }
}

/** One append on its way: what a writer, or a reader that saw its work, waits for. */
export interface Commit {
  /** Counts appends in the order in which they were asked for, from 1; 0 is before all of them. */
  readonly order: number;
  /** Whether it is durable. */
  readonly done: boolean;
  /** Resolves when durable. Rejects with `InternalServerError` when that cannot be said in time, or never will be. */
  readonly durable: Promise<void>;
}

/** An append whose records are held here: the key of each, and the item. */
interface HeldCommit extends Commit {
  readonly records: readonly ItemRecord[];
  readonly keys: readonly string[];
  items: readonly OverlayItem[];
  /** Once it is appended. */
  readonly entry: Pick<Entry, 'payload'> | undefined;
}

/** What was committed before anyone could ask. */
export const COMMITTED: Commit = { order: 0, done: true, durable: Promise.resolve() };

/** A map key for (table, item key): one character a byte. */
export const overlayKey = (table: number, key: Uint8Array): string => `${table}/${latin1Of(key)}`;
