import { crc32 } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredItem } from '../../src/model/record.ts';
import {
  DamagedValueError,
  decodeStoredImage,
  decodeStoredItem,
  encodeStoredItem,
} from '../../src/model/stored-item-codec.ts';

const version = fc.record({
  time: fc.maxSafeNat(),
  region: fc.constantFrom('us-east-1', 'eu-west-1'),
});
const stored: fc.Arbitrary<StoredItem> = fc.record(
  {
    version,
    replaced: fc.option(version, { nil: undefined }),
    image: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: undefined }),
    itemBytes: fc.integer({ min: 0, max: 409_600 }),
    dueMs: fc.maxSafeNat(),
  },
  { requiredKeys: ['version', 'replaced', 'image', 'itemBytes'] },
);

const KEY = Buffer.from('i\0\0\0\x01key');

/** Plain arrays for bytes, so that only content is compared. */
const plain = ({ image, ...rest }: StoredItem): unknown => ({
  ...rest,
  image: image === undefined ? undefined : [...image],
});

test('a stored item comes back as it was', () => {
  fc.assert(
    fc.property(stored, (item) => {
      expect(plain(decodeStoredItem(encodeStoredItem(item, KEY), KEY))).toEqual(plain(item));
    }),
  );
});

test('what a page shows of a stored item is that of the whole one', () => {
  fc.assert(
    fc.property(stored, fc.nat(9), (item, before) => {
      const encoded = encodeStoredItem(item, KEY);
      const { image, itemBytes } = decodeStoredItem(encoded, KEY);
      // As a Buffer, and as a view of a part of other bytes.
      const part = new Uint8Array([...new Uint8Array(before), ...encoded]).subarray(before);
      for (const value of [encoded, part]) {
        const shown = decodeStoredImage(value, KEY);
        expect(shown.itemBytes).toBe(itemBytes);
        expect(shown.image && [...shown.image]).toEqual(image && [...image]);
      }
    }),
  );
});

test('the image is a view of the bytes that were read', () => {
  const item = { version: { time: 1, region: 'a' }, replaced: undefined, itemBytes: 1 };
  const value = encodeStoredItem({ ...item, image: Buffer.from('{}') }, KEY);
  expect(decodeStoredItem(value, KEY).image?.buffer).toBe(value.buffer);
});

test('what is never due is still written as programs before this one did', () => {
  const item = { version: { time: 1, region: 'a' }, replaced: undefined, itemBytes: 1 };
  const image = Buffer.from('{}');
  expect(encodeStoredItem({ ...item, image }, KEY)[4]).toBe(2);
  expect(encodeStoredItem({ ...item, image, dueMs: 0 }, KEY)[4]).toBe(3);
});

test('any changed or missing byte is damage', () => {
  fc.assert(
    fc.property(stored, fc.nat(), fc.integer({ min: 1, max: 255 }), (item, place, mask) => {
      const value = Uint8Array.from(encodeStoredItem(item, KEY));
      const at = place % value.length;
      value[at] = (value[at] ?? 0) ^ mask;
      expect(() => decodeStoredItem(value, KEY)).toThrow(DamagedValueError);
      expect(() => decodeStoredImage(value, KEY)).toThrow(DamagedValueError);
      expect(() => decodeStoredItem(encodeStoredItem(item, KEY).subarray(0, at), KEY)).toThrow(
        DamagedValueError,
      );
    }),
  );
});

test('a value under any other key is damage', () => {
  fc.assert(
    fc.property(stored, fc.uint8Array({ maxLength: 40 }), (item, other) => {
      fc.pre(Buffer.compare(other, KEY) !== 0);
      const value = encodeStoredItem(item, KEY);
      expect(() => decodeStoredItem(value, other)).toThrow(DamagedValueError);
    }),
  );
});

test('a value of another format is refused with both formats in words', () => {
  const item = { version: { time: 1, region: 'a' }, replaced: undefined, itemBytes: 1 };
  const value = Uint8Array.from(encodeStoredItem({ ...item, image: Buffer.from('{}') }, KEY));
  value[4] = 1;
  expect(() => decodeStoredItem(value, KEY)).toThrow('it says format 1, and this program reads 3');
  const sealed = Buffer.from(value);
  sealed.writeUInt32BE(crc32(sealed.subarray(4), crc32(KEY)), 0);
  expect(() => decodeStoredItem(sealed, KEY)).toThrow('of another format: it says format 1');
});
