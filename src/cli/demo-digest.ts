import { createHash } from 'node:crypto';

import type { Item } from './demo-clients.ts';

const DIGEST_BITS = 128;
const DIGEST_DIGITS = DIGEST_BITS / 4;

/**
 * What a set of items comes to, whatever their order: the sum of their hashes. Items that are equal but for the order
 * of their attributes hash alike.
 */
export class ItemSetDigest {
  #sum = 0n;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(item: Item): void {
    const hash = createHash('sha256').update(canonicalJson(item)).digest();
    const number = (hash.readBigUInt64BE(0) << 64n) | hash.readBigUInt64BE(8);
    this.#sum = BigInt.asUintN(DIGEST_BITS, this.#sum + number);
    this.#count += 1;
  }

  /** Hexadecimal, 32 digits. */
  toString(): string {
    return this.#sum.toString(16).padStart(DIGEST_DIGITS, '0');
  }
}

/** JSON with the members of every object in the order of their names. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
