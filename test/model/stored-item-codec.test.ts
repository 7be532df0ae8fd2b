import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredItem } from '../../src/model/record.ts';
import {
  DamagedValueError,
  decodeStoredItem,
  encodeStoredItem,
} from '../../src/model/stored-item-codec.ts';

const version = fc.record({
  time: fc.maxSafeNat(),
  region: fc.constantFrom('us-east-1', 'eu-west-1'),
});
const stored: fc.Arbitrary<StoredItem> = fc.record({
  version,
  replaced: fc.option(version, { nil: undefined }),
  image: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: undefined }),
  itemBytes: fc.integer({ min: 0, max: 409_600 }),
});

/** Plain arrays for bytes, so that only content is compared. */
const plain = ({ image, ...rest }: StoredItem): unknown => ({
  ...rest,
  image: image === undefined ? undefined : [...image],
});

test('a stored item comes back as it was', () => {
  fc.assert(
    fc.property(stored, (item) => {
      expect(plain(decodeStoredItem(encodeStoredItem(item)))).toEqual(plain(item));
    }),
  );
});

test('the image is a view of the bytes that were read', () => {
  const item = { version: { time: 1, region: 'a' }, replaced: undefined, itemBytes: 1 };
  const value = encodeStoredItem({ ...item, image: Buffer.from('{}') });
  expect(decodeStoredItem(value).image?.buffer).toBe(value.buffer);
});

test('any changed or missing byte is damage', () => {
  fc.assert(
    fc.property(stored, fc.nat(), fc.integer({ min: 1, max: 255 }), (item, place, mask) => {
      const value = Uint8Array.from(encodeStoredItem(item));
      const at = place % value.length;
      value[at] = (value[at] ?? 0) ^ mask;
      expect(() => decodeStoredItem(value)).toThrow(DamagedValueError);
      expect(() => decodeStoredItem(encodeStoredItem(item).subarray(0, at))).toThrow(
        DamagedValueError,
      );
    }),
  );
});
