import { expect, test } from 'vitest';

import { BUCKETS_DEFAULT, bucketsFor, javaHashOrder } from '../../src/api/java-hash-order.ts';

test('names come in the order in which DynamoDB was seen to list them', () => {
  const names = ['pk', 'sk', 'a', 'b', 'c'];
  expect(javaHashOrder(names, bucketsFor(5))).toEqual(['sk', 'a', 'b', 'pk', 'c']);
  expect(javaHashOrder(['pk', 'sk', 'a'], BUCKETS_DEFAULT)).toEqual(['a', 'sk', 'pk']);
});

test('a set is made for what it is to hold', () => {
  expect([0, 1, 2, 3, 5, 6, 7].map(bucketsFor)).toEqual([1, 2, 4, 8, 8, 16, 16]);
});
