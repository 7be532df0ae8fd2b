import { expect, test } from 'vitest';

import { expiryFigures, expiryReportText, type ExpiryRun } from './expiry-report.ts';
import { goalsOf } from './goals.ts';

const run = (
  seconds: number | undefined,
  [alone, beside]: readonly [number, number],
): ExpiryRun => ({
  round: 1,
  connections: 16,
  items: 10_000,
  seconds,
  alone: { ratePerSecond: 5000, failures: 0, p50Ms: 2, p99Ms: alone },
  beside: { ratePerSecond: 4000, failures: 0, p50Ms: 2, p99Ms: beside },
});

test('figures are medians of the rounds', () => {
  const figures = expiryFigures([run(4, [4, 5]), run(20, [4, 8]), run(5, [4, 4])]);
  expect(figures.map(({ value }) => value)).toEqual([5, 1.25]);
  expect(goalsOf(figures).map(({ reached }) => reached)).toEqual([true, true]);
});

test('items that stay miss the goal, however fast others went', () => {
  const goals = goalsOf(expiryFigures([run(4, [4, 7]), run(undefined, [4, 7])]));
  expect(goals.map(({ reached }) => reached)).toEqual([false, false]);
  expect(expiryReportText([run(undefined, [4, 7])])).toContain('1.75');
});
