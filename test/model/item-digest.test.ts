import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDigests, itemDigest, NO_DIGEST, subtractDigests } from '../../src/model/item-digest.ts';

const bytes = fc.uint8Array({ maxLength: 20 });
const version = fc.record({
  time: fc.maxSafeNat(),
  region: fc.constantFrom('us-east-1', 'eu-west-1'),
});
const digest = fc
  .tuple(bytes, version, bytes)
  .map(([key, of, image]) => itemDigest(key, of, image));

test('what is added and taken away leaves nothing, in any order', () => {
  fc.assert(
    fc.property(digest, digest, (a, b) => {
      expect(
        subtractDigests(subtractDigests(addDigests(addDigests(NO_DIGEST, a), b), a), b),
      ).toEqual(NO_DIGEST);
      expect(addDigests(a, b)).toEqual(addDigests(b, a));
    }),
  );
});

test('lanes stay unsigned 32-bit numbers', () => {
  fc.assert(
    fc.property(digest, digest, (a, b) => {
      const lanes = [...a, ...addDigests(a, b), ...subtractDigests(a, b)];
      expect(lanes.every((lane) => lane === lane >>> 0)).toBe(true);
    }),
  );
});

test('key, version and image each change both lanes', () => {
  const key = Buffer.from('key');
  const image = Buffer.from('image');
  const base = itemDigest(key, { time: 5, region: 'a' }, image);
  const others = [
    itemDigest(Buffer.from('kez'), { time: 5, region: 'a' }, image),
    itemDigest(key, { time: 6, region: 'a' }, image),
    itemDigest(key, { time: 5, region: 'b' }, image),
    itemDigest(key, { time: 5, region: 'a' }, Buffer.from('imagf')),
  ];
  for (const [first, second] of others) {
    expect(first).not.toBe(base[0]);
    expect(second).not.toBe(base[1]);
  }
  expect(itemDigest(key, { time: 5, region: 'a' }, image)).toEqual(base);
});
