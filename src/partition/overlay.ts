import type { ItemRecord } from '../model/record.ts';

/**
 * What the leader knows of keys before the stores do: the newest record of each key that is appended but not
 * yet durable (*pending*), or durable but not yet applied by every copy that serves reads. A read looks here
 * first and then in a copy; together they are the whole truth.
 */
export class Overlay {
  readonly #items = new Map<string, OverlayItem>();

  get size(): number {
    return this.#items.size;
  }

  get(key: string): OverlayItem | undefined {
    return this.#items.get(key);
  }

  set(key: string, item: OverlayItem): void {
    this.#items.set(key, item);
  }

  /** Forgets `record` unless something newer has taken its place. */
  drop(key: string, record: ItemRecord): void {
    if (this.#items.get(key)?.record === record) this.#items.delete(key);
  }

  clear(): void {
    this.#items.clear();
  }
}

export interface OverlayItem {
  readonly record: ItemRecord;
  /** The append that carries it. */
  readonly commit: Commit;
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

/** What was committed before anyone could ask. */
export const COMMITTED: Commit = { order: 0, done: true, durable: Promise.resolve() };

/** A map key for (table, item key): one character a byte. */
export const overlayKey = (table: number, key: Uint8Array): string =>
  `${table}/${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
