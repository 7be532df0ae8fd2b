import { assert } from '../base/assert.ts';

/**
 * Keeps the entries that were asked for last: the last half of `entriesMax` different ones for certain, never more than
 * `entriesMax`. To find one that was asked for lately changes nothing, because to note the order of each use costs more
 * than what is found saves.
 */
export class LruCache<Value> {
  readonly #recentMax: number;
  readonly #keepsOlder: boolean;
  #recent = new Map<string, Value>();
  /** What was recent before `#recent` was begun, and has not been asked for since. */
  #older = new Map<string, Value>();

  constructor(entriesMax: number) {
    assert(entriesMax >= 1, 'a cache holds something');
    this.#recentMax = Math.max(1, Math.floor(entriesMax / 2));
    this.#keepsOlder = 2 * this.#recentMax <= entriesMax;
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  get(key: string): Value | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: Value): void {
    this.#older.delete(key);
    if (this.#recent.size >= this.#recentMax && !this.#recent.has(key)) {
      this.#older = this.#keepsOlder ? this.#recent : new Map();
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }
}
