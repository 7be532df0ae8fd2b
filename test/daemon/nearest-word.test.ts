import { expect, test } from 'vitest';

import { nearest } from '../../src/daemon/nearest-word.ts';

const NAMES = ['partitions', 'peers', 'zones', 'a', 'b'];

test.each([
  ['partition', 'partitions'],
  ['PEERS', 'peers'],
  ['zoens', 'zones'],
  ['A', 'a'],
  ['c', undefined],
  ['zone', 'zones'],
  ['quota', undefined],
  ['', undefined],
])('%o is taken for %o', (word, expected) => {
  expect(nearest(word, NAMES)).toBe(expected);
});
