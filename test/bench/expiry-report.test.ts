import { expect, test } from 'vitest';

import { expiryGoalsOf, expiryReportText, type ExpiryRun } from './expiry-report.ts';

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

test('goals are judged by the medians of the rounds', () => {
  const [gone, times] = expiryGoalsOf([run(4, [4, 5]), run(20, [4, 8]), run(5, [4, 4])]);
  expect(gone).toMatchObject({ measured: 5, reached: true });
  expect(times).toMatchObject({ measured: 1.25, reached: true });
});

test('items that stay miss the goal, however fast others went', () => {
  const [gone, times] = expiryGoalsOf([run(4, [4, 7]), run(undefined, [4, 7])]);
  expect(gone?.reached).toBe(false);
  expect(times?.reached).toBe(false);
  expect(expiryReportText([run(undefined, [4, 7])])).toContain('1.75');
});
