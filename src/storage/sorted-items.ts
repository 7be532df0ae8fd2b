import type { StoredPageItem } from './read.ts';

/** Bytes of a key that make its head: as many as a number holds exactly. */
const HEAD_BYTES = 6;

/**
 * Items in key order, found by their keys. Each key is known by its head, a number made of the bytes behind those that
 * all keys begin with: the heads lie together in memory, while each key that is looked at is fetched from a place of its own,
 * which takes longer than to compare it.
 */
export class SortedItems {
  readonly #items: StoredPageItem[] = [];
  /** What all keys begin with. */
  #prefix: Uint8Array = NO_BYTES;
  /** By the place of the item. Keys of one head are told apart by the keys themselves. */
  #heads: number[] = [];

  get all(): readonly StoredPageItem[] {
    return this.#items;
  }

  /** The place of the first item at or after a key. */
  placeOf(key: Uint8Array): number {
    const order = compareStart(key, this.#prefix);
    if (order !== 0) return order < 0 ? 0 : this.#items.length;
    const head = headOf(key, this.#prefix.length);
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(middle, head, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(place: number, head: number, key: Uint8Array): boolean {
    const other = this.#heads[place] ?? 0;
    if (other !== head) return other < head;
    const item = this.#items[place];
    return item !== undefined && compareKeys(item.key, key) < 0;
  }

  /** Whether the item at a place has that key. */
  isAt(place: number, key: Uint8Array): boolean {
    const item = this.#items[place];
    return item !== undefined && compareKeys(item.key, key) === 0;
  }

  /** Puts an item in its place; answers what it has replaced. */
  put(item: StoredPageItem): StoredPageItem | undefined {
    const place = this.placeOf(item.key);
    if (this.isAt(place, item.key)) return this.#items.splice(place, 1, item)[0];
    this.#items.splice(place, 0, item);
    if (compareStart(item.key, this.#prefix) === 0 && this.#items.length > 1) {
      this.#heads.splice(place, 0, headOf(item.key, this.#prefix.length));
    } else this.#headAgain();
    return undefined;
  }

  /** Answers what was there. */
  remove(key: Uint8Array): StoredPageItem | undefined {
    const place = this.placeOf(key);
    if (!this.isAt(place, key)) return undefined;
    this.#heads.splice(place, 1);
    return this.#items.splice(place, 1)[0];
  }

  #headAgain(): void {
    const [first] = this.#items;
    const last = this.#items.at(-1);
    if (first === undefined || last === undefined) return;
    const shared = sharedBytes(first.key, last.key);
    this.#prefix = new Uint8Array(first.key.subarray(0, shared));
    this.#heads = this.#items.map(({ key }) => headOf(key, shared));
  }
}

const NO_BYTES = new Uint8Array(0);

/** The order of a key and of all that begin with `prefix`; 0 when it does, too. */
function compareStart(key: Uint8Array, prefix: Uint8Array): number {
  for (let at = 0; at < prefix.length; at += 1) {
    const difference = (key[at] ?? -1) - (prefix[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Orders as the bytes of the key from there on do, as far as it holds them: a key that ends is as one with zeros. */
function headOf(key: Uint8Array, from: number): number {
  let head = 0;
  for (let at = from; at < from + HEAD_BYTES; at += 1) head = head * 256 + (key[at] ?? 0);
  return head;
}

/** As `Buffer.compare`, which is a call out of JavaScript and takes longer than to look at the bytes of a key. */
function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function sharedBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < shorter && a[shared] === b[shared]) shared += 1;
  return shared;
}
