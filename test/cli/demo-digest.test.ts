import { expect, test } from 'vitest';

import type { Item } from '../../src/cli/demo-clients.ts';
import { ItemSetDigest } from '../../src/cli/demo-digest.ts';

const digestOf = (...items: readonly Item[]): string => {
  const digest = new ItemSetDigest();
  for (const item of items) digest.add(item);
  return digest.toString();
};

const rome: Item = { name: { S: 'Rome' }, at: { M: { x: { N: '1' }, y: { N: '2' } } } };
const oslo: Item = { name: { S: 'Oslo' }, at: { M: { x: { N: '3' }, y: { N: '4' } } } };

test('neither the order of items nor that of attributes counts', () => {
  const turned: Item = { at: { M: { y: { N: '2' }, x: { N: '1' } } }, name: { S: 'Rome' } };
  expect(digestOf(rome, oslo)).toBe(digestOf(oslo, turned));
});

test('every value counts, and so does how often an item is there', () => {
  const moved: Item = { ...rome, at: { M: { x: { N: '1' }, y: { N: '3' } } } };
  expect(digestOf(rome, oslo)).not.toBe(digestOf(moved, oslo));
  expect(digestOf(rome)).not.toBe(digestOf(rome, rome));
  expect(digestOf(rome)).not.toBe(digestOf(rome, oslo));
});

test('values are not mistaken for others that are spelled alike', () => {
  expect(digestOf({ a: { S: '1' } })).not.toBe(digestOf({ a: { N: '1' } }));
  expect(digestOf({ a: { L: [{ S: 'x' }, { S: 'y' }] } })).not.toBe(
    digestOf({ a: { L: [{ S: 'y' }, { S: 'x' }] } }),
  );
});
