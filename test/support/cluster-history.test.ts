import { expect, test } from 'vitest';

import { ClusterHistory, floorOf } from './cluster-history.ts';

function written(number: number) {
  const history = new ClusterHistory();
  const key = history.open('k', 'us-east-1');
  key.attempted = number;
  history.acknowledge(key, number);
  return { history, key };
}

test('an acknowledged write that is not there is lost, and a later one in its place is not', () => {
  const { history } = written(3);
  expect(history.lost(new Map())).toEqual(['k: 3 was acknowledged, 0 is there']);
  expect(history.lost(new Map([['k', 2]]))).toHaveLength(1);
  expect(history.lost(new Map([['k', 3]]))).toEqual([]);
  expect(history.lost(new Map([['k', 4]]))).toEqual([]);
  expect(history.acknowledgedCount).toBe(1);
});

test('a strong read below what was acknowledged or read before goes back', () => {
  const { history, key } = written(3);
  key.attempted = 4;
  history.read(key, 4, floorOf(key));
  expect(history.wrong).toEqual([]);
  history.read(key, 3, floorOf(key));
  expect(history.wrong).toEqual(['a strong read of k went back from 4 to 3']);
});

test('a read that was sent before an acknowledgement may answer what was before it', () => {
  const { history, key } = written(3);
  const floor = floorOf(key);
  key.attempted = 4;
  history.acknowledge(key, 4);
  history.read(key, 3, floor);
  expect(history.wrong).toEqual([]);
});

test('a number that nobody wrote is wrong', () => {
  const { history, key } = written(3);
  history.read(key, 5, floorOf(key));
  expect(history.wrong).toEqual(['a strong read of k answered 5, which nobody wrote']);
});
