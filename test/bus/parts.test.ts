import fc from 'fast-check';
import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { PAYLOAD_BYTES_MAX } from '../../src/bus/bus.ts';
import {
  Assembly,
  cutFrom,
  cutOf,
  cutText,
  PART_BYTES_MAX,
  partBytesFor,
  partOf,
} from '../../src/bus/parts.ts';

const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0, word = length; at < length; at++) {
    word = Math.imul(word, 1_103_515_245) + 12_345;
    bytes[at] = word >>> 16;
  }
  return bytes;
};

test('a message that was cut is put together from its parts in any order, some of them twice', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 513, max: 40_000 }),
      fc.integer({ min: 512, max: 5000 }),
      fc.infiniteStream(fc.nat()),
      (length, partBytes, chances) => {
        const message = noise(length);
        fc.pre(length > partBytes);
        const cut = present(cutOf(message, partBytes), 'a cut');
        const assembly = new Assembly(cut);
        const left = Array.from({ length: cut.count }, (_, index) => index);
        while (left.length > 0) {
          const [index = 0] = left.splice(chances.next().value % left.length, 1);
          expect(assembly.isComplete).toBe(false);
          for (let times = 0; times < 2; times++)
            expect(assembly.put(index, partOf(message, partBytes, index))).toBe(true);
        }
        expect(assembly.isComplete).toBe(true);
        expect(Buffer.compare(assembly.message ?? new Uint8Array(0), message)).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

test('what fits into one part is not cut', () => {
  expect(cutOf(noise(1000), 1000)).toBeUndefined();
  expect(cutOf(noise(1001), 1000)).toMatchObject({ count: 2, totalBytes: 1001, partBytes: 1000 });
});

test('how a message was cut survives its header', () => {
  const cut = present(cutOf(noise(10_000), 700), 'a cut');
  expect(cutFrom(cutText(cut))).toEqual(cut);
});

test.each([
  '',
  '2 1000 600',
  '2 1000 600 x',
  '3 1000 600 1',
  '1 1000 1000 1',
  '2 1000 100 1',
  '-1 1000 600 1',
  '2 1000.5 600 1',
  `${Math.ceil((PAYLOAD_BYTES_MAX + 1) / 600)} ${PAYLOAD_BYTES_MAX + 1} 600 1`,
])('%o says of no message how it was cut', (text) => {
  expect(cutFrom(text)).toBeUndefined();
});

test('a part that is none of the message is refused, and one that was changed is found out', () => {
  const message = noise(2000);
  const cut = present(cutOf(message, 600), 'a cut');
  expect(cut.count).toBe(4);
  const assembly = new Assembly(cut);
  for (const [index, bytes] of [
    [-1, 600],
    [4, 600],
    [0.5, 600],
    [Number.NaN, 600],
    [0, 599],
    [0, 0],
    [3, 600],
  ] as const)
    expect(assembly.put(index, new Uint8Array(bytes))).toBe(false);
  for (let index = 0; index < 4; index++)
    assembly.put(
      index,
      Uint8Array.from(partOf(message, 600, index), (byte) => byte ^ 1),
    );
  expect(assembly.isComplete).toBe(true);
  expect(assembly.message).toBeUndefined();
});

test('a part leaves room for its headers, and is never longer than the limit', () => {
  expect(partBytesFor(64 * 1024)).toBeLessThan(64 * 1024);
  expect(partBytesFor(8 * 1024 * 1024)).toBe(PART_BYTES_MAX);
  expect(partBytesFor(0)).toBeGreaterThan(0);
});
