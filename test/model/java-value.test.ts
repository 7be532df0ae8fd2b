import { expect, test } from 'vitest';

import { checkJavaValue, parseJavaItem } from '../../src/model/java-value.ts';

const nested = (levels: number, leaf: unknown): unknown =>
  levels === 0 ? leaf : { L: [nested(levels - 1, leaf)] };

test('an item is read into canonical form', () => {
  expect(parseJavaItem({ a: { N: '01.50' }, b: { M: { c: { NS: ['1e1'] } } } })).toEqual({
    a: { N: '1.5' },
    b: { M: { c: { NS: ['10'] } } },
  });
});

test.each([
  ['an attribute without a name, first', { a: { N: 'x' }, '': { S: 'a' } }, 'Empty attribute name'],
  [
    'one that is nested, last',
    { a: { M: { '': { S: 'a' } } }, b: nested(40, { S: 'a' }) },
    'Nesting',
  ],
  ['a nested one alone', { a: { M: { '': { S: 'a' } } } }, 'Empty attribute name'],
  ['a number out of range', { a: { N: '1e126' } }, 'Number overflow'],
  ['a number whose magnitude turns around', { a: { L: [{ N: '1e2147483647' }] } }, 'underflow'],
  ['a number whose exponent is too long', { a: { NS: ['1e-2147483649'] } }, 'cannot be converted'],
])('an item is refused for %s', (_, item, text) => {
  expect(() => parseJavaItem(item)).toThrow(text);
});

test('as many levels as are stored are looked at', () => {
  expect(() => {
    checkJavaValue(nested(31, { S: 'a' }), 1);
  }).not.toThrow();
  expect(() => {
    checkJavaValue(nested(32, { S: 'a' }), 1);
  }).toThrow('Nesting Levels');
});
