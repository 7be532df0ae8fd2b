import { latin1Of } from '../base/latin1.ts';
import type { KeyValueOperation } from './key-value-store.ts';

/** How a store is read past its `get`. */
export interface AheadSource {
  /** The value of a key as of the call or later, if there is one. */
  value(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether there is something at each key, as of the call or later. */
  areThere(keys: readonly Uint8Array[]): Promise<readonly boolean[]>;
  /** How many tables there are. */
  tables(): Promise<number>;
}

/** With fewer tables it costs less to merge them than to wake another thread for each read, which takes 18 µs of the one that asks. */
export const deepTablesMin = 32;

/** So often, in changes, the tables are counted. */
export const changesPerCount = 4096;

/** Where there are more reads for each change the store may put itself in order for them. */
export const readsPerChange = 20;

/** Of the reads that changes have paid for, so many at most are yet to come. */
export const readsDueMax = 10_000;

/** Values that were read and not asked for: their readers found them elsewhere, or failed. */
export const keptMax = 1024;
export const keptBytesMax = 4 * 1024 * 1024;

/**
 * Values of single keys, read before they are asked for.
 *
 * LevelDB counts each `get` that has to look into more than one table against the first of them, and merges that table
 * with all that it covers once that was so for every 16 KB of it. It is meant for disks with arms. Under reads and
 * writes of random keys every table is merged on its way to the bottom as soon as it is written, each time with most of what
 * there is: with a million items of 400 bytes at 6,000 reads and writes a second that took 153 µs of CPU for each, without the reads
 * 21. Iterators are not counted so. While a large store is written to its single keys are therefore read by iterators, in another thread,
 * and `get` finds what they have read; where there are few changes it is read by `get`, and LevelDB merges what it likes to.
 */
export class ReadAhead {
  readonly #source: AheadSource;
  /** By the characters of the key. */
  readonly #kept = new Map<string, Uint8Array | undefined>();
  #keptBytes = 0;
  readonly #reading = new Map<string, Reading>();
  #isDeep = false;
  #changesUntilCount = 0;
  #readsDue = 0;

  constructor(source: AheadSource) {
    this.#source = source;
  }

  /** Whether to read ahead now. */
  get isWanted(): boolean {
    return this.#isDeep && this.#readsDue > 0;
  }

  /** Once this has resolved `taken` answers for the keys, unless they change first. */
  async read(keys: readonly Uint8Array[]): Promise<void> {
    this.#readsDue -= keys.length;
    const [only] = keys;
    if (only !== undefined && keys.length === 1) return this.#readOne(only);
    const begun = keys.map((key) => this.#begin(key));
    const areThere = await this.#areThere(keys, begun);
    if (areThere === undefined) return;
    await Promise.all(
      keys.map(async (key, at) => {
        const reading = begun[at];
        if (reading === undefined) return;
        if (areThere[at] === true) await this.#finish(reading, key);
        else this.#end(reading, undefined);
      }),
    );
  }

  /** Undefined where that cannot be said: then nothing is read. */
  async #areThere(
    keys: readonly Uint8Array[],
    begun: readonly (Reading | undefined)[],
  ): Promise<readonly boolean[] | undefined> {
    try {
      return await this.#source.areThere(keys);
    } catch {
      for (const reading of begun) if (reading !== undefined) this.#reading.delete(reading.name);
      return undefined;
    }
  }

  async #readOne(key: Uint8Array): Promise<void> {
    const reading = this.#begin(key);
    if (reading !== undefined) await this.#finish(reading, key);
  }

  /** Undefined where it is known, or another is at it. */
  #begin(key: Uint8Array): Reading | undefined {
    const name = latin1Of(key);
    if (this.#kept.has(name) || this.#reading.has(name)) return undefined;
    const reading = { name, isStale: false };
    this.#reading.set(name, reading);
    return reading;
  }

  async #finish(reading: Reading, key: Uint8Array): Promise<void> {
    try {
      this.#end(reading, await this.#source.value(key));
    } catch {
      // Whoever needs it reads it by `get`, and is told why that fails.
      this.#reading.delete(reading.name);
    }
  }

  #end({ name, isStale }: Reading, value: Uint8Array | undefined): void {
    this.#reading.delete(name);
    const bytes = value?.length ?? 0;
    if (isStale || bytes > keptBytesMax) return;
    this.#kept.set(name, value);
    this.#keptBytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptMax && this.#keptBytes <= keptBytesMax) break;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#keptBytes -= this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }

  /** What was read of a key, for one who asks; undefined where nothing was. */
  taken(key: Uint8Array): { readonly value: Uint8Array | undefined } | undefined {
    if (this.#kept.size === 0) return undefined;
    const name = latin1Of(key);
    if (!this.#kept.has(name)) return undefined;
    const value = this.#kept.get(name);
    this.#drop(name);
    return { value };
  }

  /** A batch is in the store, and nobody has been told yet. */
  changed(batch: readonly KeyValueOperation[]): void {
    this.#readsDue = Math.min(
      readsDueMax,
      Math.max(0, this.#readsDue) + batch.length * readsPerChange,
    );
    this.#changesUntilCount -= batch.length;
    if (this.#changesUntilCount <= 0) {
      this.#changesUntilCount = changesPerCount;
      void this.#count();
    }
    if (this.#kept.size + this.#reading.size === 0) return;
    for (const { key } of batch) {
      const name = latin1Of(key);
      this.#drop(name);
      const reading = this.#reading.get(name);
      if (reading !== undefined) reading.isStale = true;
    }
  }

  async #count(): Promise<void> {
    try {
      this.#isDeep = (await this.#source.tables()) >= deepTablesMin;
    } catch {
      // It stays as it was: the store is being closed, or will tell by itself what is wrong.
    }
  }

  /** The store was changed otherwise than by a batch. */
  forget(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
    for (const reading of this.#reading.values()) reading.isStale = true;
  }
}

interface Reading {
  readonly name: string;
  isStale: boolean;
}
