import { assert } from '../base/assert.ts';

/** Keeps the entries that were asked for last, up to a fixed number. */
export class LruCache<Value> {
  readonly #entriesMax: number;
  /** In the order of last use, which is the order in which a Map remembers insertions. */
  readonly #entries = new Map<string, Value>();

  constructor(entriesMax: number) {
    assert(entriesMax >= 1, 'a cache holds something');
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
