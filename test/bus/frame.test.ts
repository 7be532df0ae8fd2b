import { createHash, randomBytes } from 'node:crypto';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { FrameErrorCode } from '../../src/bus/frame.ts';
import {
  decodeFrame,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_VERSION,
  FrameError,
} from '../../src/bus/frame.ts';

const codeOf = (read: () => unknown): FrameErrorCode | undefined => {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof FrameError) return error.code;
    throw error;
  }
};

test('a payload comes out of its frame as it went in', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 5000, size: 'max' }),
        fc.tuple(fc.string(), fc.nat(3000)).map(([text, times]) => Buffer.from(text.repeat(times))),
      ),
      (payload) => {
        expect(Buffer.compare(decodeFrame(encodeFrame(payload)), payload)).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

test('what repeats is deflated, what is short or does not shrink is not', () => {
  const repeating = Buffer.alloc(100_000, 'tidemark ');
  expect(encodeFrame(repeating).length).toBeLessThan(2000);
  const short = Buffer.alloc(1000, 'a');
  expect(encodeFrame(short).length).toBe(FRAME_HEADER_BYTES + 1000);
  const noise = Buffer.alloc(4096);
  for (let at = 0, word = 1; at < noise.length; at++) {
    word = Math.imul(word, 1_103_515_245) + 12_345;
    noise[at] = word >>> 16;
  }
  expect(encodeFrame(noise).length).toBe(FRAME_HEADER_BYTES + noise.length);
});

test('the longest payload fits, and one byte more is refused', () => {
  const longest = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX);
  expect(decodeFrame(encodeFrame(longest)).length).toBe(longest.length);
  expect(codeOf(() => encodeFrame(new Uint8Array(FRAME_PAYLOAD_BYTES_MAX + 1)))).toBe('too-large');
});

test('a frame of another version is refused with both versions', () => {
  const frame = encodeFrame(Buffer.from('hello'));
  frame[2] = FRAME_VERSION + 1;
  expect(codeOf(() => decodeFrame(frame))).toBe('version');
  expect(() => decodeFrame(frame)).toThrow(
    `version ${FRAME_VERSION + 1}, and this daemon speaks version ${FRAME_VERSION}`,
  );
});

test.each(['', 'T', 'Tm', '{"json":true}'])('%o is no frame', (text) => {
  expect(codeOf(() => decodeFrame(Buffer.from(text)))).toBe('foreign');
});

test('no flipped bit, no cut and no addition goes unnoticed', () => {
  const payload = Buffer.alloc(3000, 'tidemark ');
  const frame = encodeFrame(payload);
  fc.assert(
    fc.property(fc.nat(frame.length * 8 - 1), (bit) => {
      const damaged = Uint8Array.from(frame);
      const at = bit >> 3;
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
      expect(['damaged', 'foreign', 'version']).toContain(codeOf(() => decodeFrame(damaged)));
    }),
    { numRuns: 500 },
  );
  for (let length = 3; length < frame.length; length++) {
    expect(codeOf(() => decodeFrame(frame.subarray(0, length)))).toBe('damaged');
  }
  expect(codeOf(() => decodeFrame(Buffer.concat([frame, Buffer.of(0)])))).toBe('damaged');
});

/** Of 128 KB: a row of items as a batch has them, whose text is made by `textOf`. */
const rowOf = (textOf: (place: number) => string): Buffer =>
  Buffer.from(
    Array.from(
      { length: 330 },
      (_, place) => `{"id":{"S":"item ${place}"},"text":{"S":"${textOf(place)}"}}`,
    )
      .join('')
      .padEnd(128 * 1024, ' ')
      .slice(0, 128 * 1024),
  );

const hexOf = (place: number): string =>
  createHash('shake256', { outputLength: 170 }).update(String(place)).digest('hex');

test.each([
  ['that repeats', rowOf(() => 'a street in a city, '.repeat(17)), 0.05],
  ['in which only names repeat', rowOf(hexOf), 0.6],
  ['of which nothing repeats', randomBytes(128 * 1024), 1.01],
])(
  'a large batch %s comes out as it went in, and as short as is worth its time',
  (_, payload, most) => {
    const frame = encodeFrame(payload);
    expect(Buffer.compare(decodeFrame(frame), payload)).toBe(0);
    expect(frame.length).toBeLessThan(payload.length * most);
  },
);
