import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../base/clock.ts';

/** Of one store; the newest, which are the next to be merged. */
export const FILES_HELD_MAX = 256;

/** Between two looks: a file is seldom merged, and so removed, sooner after it was made. */
export const LOOK_EVERY_MS = 100;

/** LevelDB merges on for some time after the last write; after so many looks that found nothing new the store is left alone. */
export const LOOKS_IN_VAIN_MAX = 100;

/** What of the system is used. */
export interface HeldFilesDisk {
  /** Names, in any order. */
  list(directory: string): Promise<readonly string[]>;
  /** Rejects for a file that is gone. */
  open(path: string): Promise<HeldFile>;
}

export interface HeldFile {
  close(): Promise<void>;
}

/**
 * Keeps the files of a LevelDB store open, and closes those whose names are gone, one after the other.
 *
 * LevelDB removes files under the lock that every read takes for a moment, and with the last name of a file its space is given back: to a disk that is
 * told of it at once (`discard`) that takes 15 to 20 ms for a table of 4 MB, for which a read on the event loop waited, and all others with it. The
 * space of a file that is open somewhere is given back when it is closed, which is done in another thread, and with no lock.
 * A crash leaves nothing behind. It is done as well as it can be: a file that cannot be opened is not held.
 */
export class HeldFiles {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #disk: HeldFilesDisk;
  readonly #held = new Map<string, HeldFile>();
  readonly #stopping = new AbortController();
  #looksLeft = 0;
  #looking: Promise<void> | undefined;

  constructor(directory: string, clock: Clock, disk: HeldFilesDisk = NODE_DISK) {
    this.#directory = directory;
    this.#clock = clock;
    this.#disk = disk;
  }

  /** The store was written to: files will come and go. */
  changed(): void {
    this.#looksLeft = LOOKS_IN_VAIN_MAX;
    if (this.#stopping.signal.aborted) return;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  /** How many are open now. */
  get size(): number {
    return this.#held.size;
  }

  /** To be called when LevelDB has closed the store. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
    await this.#letAllGo();
  }

  async #letAllGo(): Promise<void> {
    for (const name of this.#held.keys()) await this.#letGo(name);
  }

  /** Ends with nothing held: what is removed from a store that nobody looks at takes no space. */
  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#looksLeft > 0 && !signal.aborted) {
      this.#looksLeft -= 1;
      if (await this.#lookOnce()) this.#looksLeft = LOOKS_IN_VAIN_MAX;
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      if (this.#looksLeft === 0) await this.#letAllGo();
    }
  }

  /** Whether anything has changed. */
  async #lookOnce(): Promise<boolean> {
    const there = newestOf(await this.#names());
    const wanted = new Set(there);
    const gone = [...this.#held.keys()].filter((name) => !wanted.has(name));
    const come = there.filter((name) => !this.#held.has(name));
    // First those that have come: they may be gone soon.
    let changes = gone.length;
    for (const name of come) if (await this.#hold(name)) changes += 1;
    for (const name of gone) await this.#letGo(name);
    return changes > 0;
  }

  /** None where the folder cannot be read: it may be another one's by now. */
  async #names(): Promise<readonly string[]> {
    try {
      return await this.#disk.list(this.#directory);
    } catch {
      return [];
    }
  }

  /** False where it is gone already, or this process has too many open. */
  async #hold(name: string): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false;
    try {
      this.#held.set(name, await this.#disk.open(join(this.#directory, name)));
      return true;
    } catch {
      return false;
    }
  }

  async #letGo(name: string): Promise<void> {
    const file = this.#held.get(name);
    this.#held.delete(name);
    try {
      await file?.close();
    } catch {
      // It was only read from.
    }
  }
}

/** Tables and write-ahead files are numbered in the order in which they are made. */
const numberIn = (name: string): number => Number.parseInt(name, 10);

const newestOf = (names: readonly string[]): readonly string[] =>
  names
    .filter((name) => name.endsWith('.ldb') || name.endsWith('.log'))
    .toSorted((a, b) => numberIn(b) - numberIn(a))
    .slice(0, FILES_HELD_MAX);

const NODE_DISK: HeldFilesDisk = {
  list: async (directory) => readdir(directory),
  open: async (path) => open(path, 'r'),
};
