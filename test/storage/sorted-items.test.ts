import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { StoredPageItem } from '../../src/storage/read.ts';
import { SortedItems } from '../../src/storage/sorted-items.ts';

/** Keys that begin alike, go on alike for more than a head, end early, and hold zeros. */
const anyKey = fc
  .tuple(
    fc.constantFrom('', 'order', 'order-0001'),
    fc.array(fc.constantFrom(0, 1, 255), { maxLength: 9 }),
  )
  .map(([start, end]) => Buffer.concat([Buffer.from(start), Buffer.from(end)]));

const itemWith = (key: Uint8Array): StoredPageItem => ({ key, image: key, itemBytes: 1 });
const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');

test('items are found, put and removed as in a list that is sorted anew each time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: anyKey, isPut: fc.boolean() }), { maxLength: 40 }),
      fc.array(anyKey, { maxLength: 10 }),
      (changes, bounds) => {
        const sorted = new SortedItems();
        const expected = new Map<string, StoredPageItem>();
        for (const { key, isPut } of changes) {
          const standing = expected.get(hex(key));
          const item = itemWith(key);
          expect(isPut ? sorted.put(item) : sorted.remove(key)).toBe(standing);
          if (isPut) expected.set(hex(key), item);
          else expected.delete(hex(key));
          const keys = [...expected.values()]
            .map((each) => each.key)
            .toSorted((a, b) => Buffer.compare(a, b));
          expect(sorted.all.map((each) => hex(each.key))).toEqual(keys.map(hex));
          for (const bound of bounds) {
            const place = keys.findIndex((each) => Buffer.compare(each, bound) >= 0);
            const found = sorted.placeOf(bound);
            expect(found).toBe(place === -1 ? keys.length : place);
            expect(sorted.isAt(found, bound)).toBe(expected.has(hex(bound)));
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});
