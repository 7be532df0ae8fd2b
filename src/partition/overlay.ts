import { present } from '../base/assert.ts';
import { latin1Of } from '../base/latin1.ts';
import type { ItemRecord } from '../model/record.ts';

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
  /** What is applied and stays, oldest first, with what was overwritten since. */
  #applied: AppliedItem[] = [];
  /** Items at the front of `#applied` that are gone already; removed in one go now and then. */
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
      const made = { key, record, commit };
      this.#items.set(key, made);
      return made;
    }
    item.record = record;
    item.commit = commit;
    return item;
  }

  /** The same of all that one append carries. */
  setEach(commit: HeldCommit): void {
    const { keys, records } = commit;
    commit.items = records.map((record, place) =>
      this.set(present(keys[place], 'the key of a record'), record, commit),
    );
  }

  /** Every serving copy has applied `record`, which was set where `item` is since the last `clear`. */
  applied(item: OverlayItem, record: ItemRecord): void {
    // What came to be there since has another record.
    if (item.record !== record) return;
    if (record.image === undefined) {
      if (this.#items.get(item.key) === item) this.#items.delete(item.key);
      return;
    }
    // The append holds on to all that stood in its entry.
    item.commit = COMMITTED;
    // The image that it replaced stays with the record, and may be much larger than its own.
    const replacedBytes = record.oldImage?.length ?? 0;
    const bytes = record.image.length + replacedBytes + record.key.length + itemOverheadBytes;
    this.#applied.push({ item, record, bytes });
    this.#appliedBytes += bytes;
    this.#trim();
  }

  /** The same of all that one append carries. */
  appliedEach({ items, records }: HeldCommit): void {
    let place = 0;
    for (const record of records) {
      this.applied(present(items[place], 'where a record is held'), record);
      place += 1;
    }
  }

  #trim(): void {
    while (this.#appliedBytes > appliedBytesMax) {
      const oldest = this.#applied[this.#appliedStart];
      if (oldest === undefined) break;
      this.#appliedStart += 1;
      this.#appliedBytes -= oldest.bytes;
      // Whatever came to be at the key since has another record.
      if (oldest.item.record === oldest.record) this.#items.delete(oldest.item.key);
    }
    if (this.#appliedStart <= 1024) return;
    this.#applied = this.#applied.slice(this.#appliedStart);
    this.#appliedStart = 0;
  }

  clear(): void {
    this.#items.clear();
    this.#applied = [];
    this.#appliedStart = 0;
    this.#appliedBytes = 0;
  }
}

interface AppliedItem {
  readonly item: OverlayItem;
  readonly record: ItemRecord;
  readonly bytes: number;
}

/** What is held at one key: it changes with what is set there. */
export interface OverlayItem {
  readonly key: string;
  record: ItemRecord;
  /** The append that carries it; `COMMITTED` once every serving copy has applied it. */
  commit: Commit;
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
}

/** What was committed before anyone could ask. */
export const COMMITTED: Commit = { order: 0, done: true, durable: Promise.resolve() };

/** A map key for (table, item key): one character a byte. */
export const overlayKey = (table: number, key: Uint8Array): string => `${table}/${latin1Of(key)}`;
