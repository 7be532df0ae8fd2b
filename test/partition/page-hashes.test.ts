import { expect, test } from 'vitest';

import { isWithin } from '../../src/partition/page-hashes.ts';
import { SYSTEM_TABLE } from '../../src/storage/key-layout.ts';

const hashed = (hash: number, ...rest: readonly number[]): Uint8Array => {
  const key = Buffer.alloc(4 + rest.length);
  key.writeUInt32BE(hash);
  key.set(rest, 4);
  return key;
};

const hashes = { from: 10, to: 20 };

test.each([
  [hashed(10), hashed(20), true],
  [hashed(10, 7), hashed(19, 255), true],
  [hashed(19), hashed(20), true],
  [hashed(9), hashed(20), false],
  [hashed(10), hashed(20, 0), false],
  [hashed(10), hashed(21), false],
  [hashed(20), hashed(20, 1), false],
  [undefined, hashed(20), false],
  [hashed(10), undefined, false],
])('a page from %o to %o is within its hashes: %s', (from, to, isSo) => {
  expect(isWithin({ table: 1, from, to }, hashes)).toBe(isSo);
});

test('a page without an end is within hashes that have none, and the system table lies apart', () => {
  expect(isWithin({ table: 1, from: hashed(30), to: undefined }, { from: 20, to: 2 ** 32 })).toBe(
    true,
  );
  expect(isWithin({ table: SYSTEM_TABLE, from: undefined, to: undefined }, hashes)).toBe(true);
});
