import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  attributeValuesEqual,
  compareAttributeValues,
  compareStrings,
} from '../../src/model/compare-values.ts';

test('strings order as their UTF-8 bytes do', () => {
  const text = fc.string({ unit: 'binary', maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareStrings(a, b))).toBe(
        Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }),
    { numRuns: 2000 },
  );
  expect(compareStrings('\u{1F600}', '\uFF5E')).toBeGreaterThan(0);
});

test('numbers order by value and binaries by unsigned bytes', () => {
  expect(compareAttributeValues({ N: '9' }, { N: '10' })).toBeLessThan(0);
  expect(compareAttributeValues({ N: '-1.5' }, { N: '-2' })).toBeGreaterThan(0);
  const low = Buffer.from([1]).toString('base64');
  const high = Buffer.from([0xff]).toString('base64');
  expect(compareAttributeValues({ B: low }, { B: high })).toBeLessThan(0);
});

test('values of different types and of other types have no order', () => {
  expect(compareAttributeValues({ S: '1' }, { N: '1' })).toBeUndefined();
  expect(compareAttributeValues({ BOOL: true }, { BOOL: true })).toBeUndefined();
});

test.each([
  [{ S: 'a' }, { S: 'a' }, true],
  [{ S: '1' }, { N: '1' }, false],
  [{ NULL: true }, { NULL: true }, true],
  [{ NULL: true }, { BOOL: true }, false],
  [{ BOOL: true }, { BOOL: false }, false],
  [{ SS: ['a', 'b'] }, { SS: ['b', 'a'] }, true],
  [{ SS: ['a', 'b'] }, { SS: ['b', 'c'] }, false],
  [{ SS: ['1'] }, { NS: ['1'] }, false],
  [{ L: [{ S: 'a' }, { S: 'b' }] }, { L: [{ S: 'b' }, { S: 'a' }] }, false],
  [{ M: { a: { N: '1' }, b: { L: [] } } }, { M: { b: { L: [] }, a: { N: '1' } } }, true],
  [{ M: { a: { N: '1' } } }, { M: { b: { N: '1' } } }, false],
  [{ M: { constructor: { S: 'x' } } }, { M: { a: { S: 'x' } } }, false],
] as const)('%j and %j are equal: %s', (a, b, equal) => {
  expect(attributeValuesEqual(a, b)).toBe(equal);
  expect(attributeValuesEqual(b, a)).toBe(equal);
});
