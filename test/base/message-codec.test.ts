import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeMessage, encodeMessage } from '../../src/base/message-codec.ts';

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** Byte strings as arrays, which compare by content whatever class holds them. */
const comparable = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, comparable(of)]));
};

test('plain data with byte strings comes back as it was', () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(comparable(decodeMessage(encodeMessage(value)))).toEqual(comparable(value));
    }),
  );
});

test('a member called __proto__ is a member like any other', () => {
  const value: unknown = JSON.parse('{"__proto__": {"S": "x"}}');
  const decoded = decodeMessage(encodeMessage({ value, image: Buffer.from('abc') }));
  expect(JSON.stringify(decoded)).toContain('{"__proto__":{"S":"x"}}');
});

test('members that are undefined are left out, and nothing at all is undefined', () => {
  expect(decodeMessage(encodeMessage({ a: undefined, b: 1 }))).toEqual({ b: 1 });
  expect(decodeMessage(encodeMessage(undefined))).toBeUndefined();
});

test('a message that is cut, or goes on behind its end, is refused', () => {
  const message = encodeMessage({ image: Buffer.from('some bytes') });
  expect(() => decodeMessage(message.subarray(0, message.length - 1))).toThrow(/holds the bytes/u);
  expect(() => decodeMessage(Buffer.concat([message, Buffer.from('x')]))).toThrow(/last bytes/u);
  expect(() => decodeMessage(message.subarray(0, 3))).toThrow(/out of range|outside/u);
});
