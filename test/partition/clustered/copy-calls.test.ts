import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  packedBytes,
  packPairs,
  unpackPairs,
} from '../../../src/partition/clustered/copy-calls.ts';

const anyPairs = fc.array(
  fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 300 })),
);

const plain = (pairs: readonly (readonly [Uint8Array, Uint8Array])[]): unknown =>
  pairs.map((pair) => pair.map((bytes) => Buffer.from(bytes).toString('hex')));

test('pairs come out as they went in', () => {
  fc.assert(
    fc.property(anyPairs, (pairs) => {
      const packed = packPairs(pairs);
      expect(plain(unpackPairs(packed))).toEqual(plain(pairs));
      expect(packed.length).toBe(pairs.reduce((sum, pair) => sum + packedBytes(pair), 0));
    }),
  );
});

test('pairs that are cut off are refused', () => {
  const packed = packPairs([[Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)]]);
  for (let bytes = 1; bytes < packed.length; bytes += 1)
    expect(() => unpackPairs(packed.subarray(0, bytes))).toThrow(RangeError);
});
