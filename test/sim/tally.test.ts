import { expect, test } from 'vitest';

import { Tally } from './workloads/tally.ts';

const tallyOf = (counts: readonly (string | undefined)[], least: number): Tally => {
  const tally = new Tally('beach');
  tally.asked = 5;
  tally.seen.push({ counts, least });
  return tally;
};

test('all places count the same, what was acknowledged at least and what was asked for at most', () => {
  expect(tallyOf(['3', '3', '3', '3'], 3).problems(true)).toEqual([]);
  expect(tallyOf(['5', '5', '5', '5'], 0).problems(true)).toEqual([]);
  expect(tallyOf([undefined, undefined, undefined, undefined], 0).problems(true)).toEqual([]);
});

test('the half of a request is a problem', () => {
  expect(tallyOf(['3', '3', '2', '3'], 2).problems(true)).toEqual(['the places count 3, 3, 2, 3']);
});

test('a request that was acknowledged and is not counted is a problem', () => {
  expect(tallyOf(['2', '2', '2', '2'], 3).problems(true)).toEqual([
    '2 is counted, and 3 were acknowledged',
  ]);
});

test('a request that is counted twice is a problem, unless its token may have been forgotten', () => {
  expect(tallyOf(['6', '6', '6', '6'], 5).problems(true)).toEqual(['6 is counted of 5']);
  expect(tallyOf(['6', '6', '6', '6'], 5).problems(false)).toEqual([]);
});
