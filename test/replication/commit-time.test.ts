import { expect, test } from 'vitest';

import { commitTimes, committedMsOf, knowsCommits } from '../../src/replication/commit-time.ts';

const clocks = { clock: { monotonicMs: () => 700 }, nowMs: () => 5000 };

test("a commit is told by the region's clock, and only where the process knows when it was", () => {
  expect(committedMsOf({ durableMs: 690.25 }, clocks)).toBe(4990.25);
  expect(committedMsOf({ durableMs: undefined }, clocks)).toBeUndefined();
});

test('each record gets the time of its entry', () => {
  const runs = [
    { records: 2, committedMs: 5 },
    { records: 1, committedMs: undefined },
  ];
  expect(knowsCommits(runs)).toBe(true);
  expect(knowsCommits(runs.slice(1))).toBe(false);
  expect(commitTimes(runs, 3)).toEqual([5, 5, undefined]);
});

test('runs of more or fewer records than there are say nothing, and cost no memory', () => {
  const runs = [{ records: 4_294_967_295, committedMs: 5 }];
  expect(commitTimes(runs, 3)).toEqual([]);
  expect(commitTimes([], 3)).toEqual([]);
});
