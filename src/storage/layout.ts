import { assert, present } from '../base/assert.ts';
import { HASHES, hashOf, hashRange, SYSTEM_TABLE, type HashRange } from './key-layout.ts';

/**
 * Which partition of a region holds which hashes: every hash lies in one. Immutable; a split makes another one. Numbers are
 * given out once and in order, so that they do not follow the order of hashes once there was a split.
 */
export class Layout {
  /** The first hash of each partition, in order, and its number. */
  readonly #starts: Float64Array;
  readonly #numbers: readonly number[];
  readonly #ranges: readonly HashRange[];

  /** `count` partitions of the same width. */
  static even(count: number): Layout {
    return new Layout(Array.from({ length: count }, (_, number) => hashRange(number, count)));
  }

  /** `ranges`: by number. Together they must hold every hash once. */
  constructor(ranges: readonly HashRange[]) {
    const inOrder = [...ranges.entries()].toSorted(([, a], [, b]) => a.from - b.from);
    let end = 0;
    for (const [, { from, to }] of inOrder) {
      assert(from === end && to > from, 'every hash lies in one partition');
      end = to;
    }
    assert(end === HASHES, 'every hash lies in one partition');
    this.#ranges = ranges;
    this.#starts = Float64Array.from(inOrder, ([, { from }]) => from);
    this.#numbers = inOrder.map(([number]) => number);
  }

  get count(): number {
    return this.#ranges.length;
  }

  /** The numbers of all partitions, in the order of their hashes. */
  get inOrder(): readonly number[] {
    return this.#numbers;
  }

  hashesOf(partition: number): HashRange {
    return present(this.#ranges[partition], `hashes of partition ${partition}`);
  }

  partitionOfHash(hash: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= hash) low = middle;
      else high = middle - 1;
    }
    return this.#numbers[low] ?? 0;
  }

  /** Which partition holds an item of a table, by the hash at the head of its key. */
  partitionOf(table: number, itemKey: Uint8Array): number {
    return table === SYSTEM_TABLE ? 0 : this.partitionOfHash(hashOf(itemKey));
  }

  /** The layout in which the partition with the next number has the hashes of `parent` from `middle` on. */
  split(parent: number, middle: number): Layout {
    const { from, to } = this.hashesOf(parent);
    assert(middle > from && middle < to, 'a split leaves hashes on both sides');
    const lower = { from, to: middle };
    const ranges = this.#ranges.map((range, number) => (number === parent ? lower : range));
    return new Layout([...ranges, { from: middle, to }]);
  }
}
