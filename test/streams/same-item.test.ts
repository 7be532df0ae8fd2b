import { expect, test } from 'vitest';

import { isSameItem } from '../../src/streams/same-item.ts';

const image = (item: object): Uint8Array => Buffer.from(JSON.stringify(item));

test('order of attributes and of members of sets makes no other item', () => {
  const one = { a: { SS: ['x', 'y'] }, m: { M: { p: { N: '1' }, q: { NS: ['2', '3'] } } } };
  const other = { m: { M: { q: { NS: ['3', '2'] }, p: { N: '1' } } }, a: { SS: ['y', 'x'] } };
  expect(isSameItem(image(one), image(other))).toBe(true);
});

test.each([
  [{ a: { S: 'x' } }, { a: { S: 'y' } }],
  [{ a: { S: 'x' } }, { b: { S: 'x' } }],
  [{ a: { S: '1' } }, { a: { N: '1' } }],
  [{ a: { SS: ['1'] } }, { a: { NS: ['1'] } }],
  [{ a: { L: [{ S: 'x' }, { S: 'y' }] } }, { a: { L: [{ S: 'y' }, { S: 'x' }] } }],
  [{ a: { M: { p: { S: 'x' } } } }, { a: { M: { q: { S: 'x' } } } }],
])('%o and %o are two', (a, b) => {
  expect(isSameItem(image(a), image(b))).toBe(false);
  expect(isSameItem(image(a), image({ ...b, more: { S: '' } }))).toBe(false);
});
