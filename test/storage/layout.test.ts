import fc from 'fast-check';
import { expect, test } from 'vitest';

import { HASHES, hashRange, SYSTEM_TABLE } from '../../src/storage/key-layout.ts';
import { Layout } from '../../src/storage/layout.ts';

const keyOf = (hash: number): Uint8Array => {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(hash);
  return key;
};

/** A layout after some splits, each of a partition and at a place that are drawn. */
const anyLayout = fc
  .record({
    count: fc.integer({ min: 1, max: 7 }),
    splits: fc.array(
      fc.record({ parent: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      { maxLength: 20 },
    ),
  })
  .map(({ count, splits }) => {
    let layout = Layout.even(count);
    for (const { parent, share } of splits) {
      const number = parent % layout.count;
      const { from, to } = layout.hashesOf(number);
      const middle = Math.floor(from + share * (to - from));
      if (middle > from && middle < to) layout = layout.split(number, middle);
    }
    return layout;
  });

test('every hash lies in the one partition whose range it is in, after any splits', () => {
  fc.assert(
    fc.property(anyLayout, fc.nat(HASHES - 1), (layout, hash) => {
      const edges = layout.inOrder.flatMap((number) => {
        const { from, to } = layout.hashesOf(number);
        return [from, to - 1];
      });
      for (const each of [hash, ...edges]) {
        const { from, to } = layout.hashesOf(layout.partitionOfHash(each));
        expect(each).toBeGreaterThanOrEqual(from);
        expect(each).toBeLessThan(to);
      }
    }),
  );
});

test('the order of hashes goes through all partitions without a gap', () => {
  fc.assert(
    fc.property(anyLayout, (layout) => {
      expect([...layout.inOrder].toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: layout.count }, (_, number) => number),
      );
      let end = 0;
      for (const number of layout.inOrder) {
        const { from, to } = layout.hashesOf(number);
        expect(from).toBe(end);
        end = to;
      }
      expect(end).toBe(HASHES);
    }),
  );
});

test('a split leaves the lower part where it was, and changes nothing of another partition', () => {
  const before = Layout.even(3);
  const { from, to } = before.hashesOf(1);
  const layout = before.split(1, from + 10);
  expect(layout.hashesOf(1)).toEqual({ from, to: from + 10 });
  expect(layout.hashesOf(3)).toEqual({ from: from + 10, to });
  expect(layout.hashesOf(0)).toEqual(hashRange(0, 3));
  expect(layout.hashesOf(2)).toEqual(hashRange(2, 3));
  expect(layout.inOrder).toEqual([0, 1, 3, 2]);
  // The one before is still what it was.
  expect(before.count).toBe(3);
  expect(before.partitionOfHash(from + 10)).toBe(1);
});

test('a split at an edge would leave nothing on one side, and is no split', () => {
  const layout = Layout.even(2);
  const { from, to } = layout.hashesOf(1);
  expect(() => layout.split(1, from)).toThrow('leaves hashes on both sides');
  expect(() => layout.split(1, to)).toThrow('leaves hashes on both sides');
  expect(() => new Layout([{ from: 0, to: 5 }])).toThrow('every hash lies in one partition');
});

test('the system table is of partition 0 for ever, whatever its hashes are', () => {
  const layout = Layout.even(2).split(0, 77);
  expect(layout.partitionOf(SYSTEM_TABLE, keyOf(HASHES - 1))).toBe(0);
  expect(layout.partitionOf(SYSTEM_TABLE, keyOf(100))).toBe(0);
  expect(layout.partitionOf(1, keyOf(100))).toBe(2);
});
