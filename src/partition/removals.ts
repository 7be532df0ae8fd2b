import type { ItemRecord } from '../model/record.ts';

/** Keys are told apart by this many counters. */
const counters = 4096;

/**
 * Counts what is removed, by keys: where no item stands nothing else tells that one has come and gone. Keys that share a counter
 * are taken for each other, which costs a reader that compares another look.
 */
export class Removals {
  readonly #counts = new Float64Array(counters);

  note({ image, key }: ItemRecord): void {
    if (image === undefined) this.#counts[placeOf(key)] = this.at(key) + 1;
  }

  at(key: Uint8Array): number {
    return this.#counts[placeOf(key)] ?? 0;
  }
}

/** By the low bits of the hash at the head of an item key, and its last byte. */
const placeOf = (key: Uint8Array): number =>
  (((key[2] ?? 0) << 8) ^ (key[3] ?? 0) ^ ((key.at(-1) ?? 0) << 4)) % counters;
