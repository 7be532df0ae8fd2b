import { expect, test } from 'vitest';

import { comparisonOf, comparisonText, type PairedRun } from './build-comparison.ts';

const of = { operation: 'PutItem', connections: 16 };

const pair = (own: number, other: number): PairedRun => ({
  own: { ratePerSecond: 1000 / own, serverCpuSecondsPer1000: own / 1000 },
  other: { ratePerSecond: 1000 / other, serverCpuSecondsPer1000: other / 1000 },
});

test('ratios are taken pair by pair, so that a slow while of the machine is none of a build', () => {
  // Twice as slow for two pairs of five: the build is a tenth cheaper in each of them.
  const pairs = [pair(90, 100), pair(180, 200), pair(180, 200), pair(90, 100), pair(90, 100)];
  const found = comparisonOf(of, pairs);
  expect(found).toMatchObject({ ...of, pairs: 5, ownCpuUs: 90, otherCpuUs: 100 });
  for (const part of ['median', 'low', 'high'] as const)
    expect(found.cpuRatio?.[part]).toBeCloseTo(0.9);
  expect(found.rateRatio?.median).toBeCloseTo(1 / 0.9);
  expect(comparisonText([found])).toMatch(
    /PutItem +16 +5 +100\.0 +90\.0 +0\.900 \(0\.90 to 0\.90\)/,
  );
});

test('the quarters show how far the pairs are apart', () => {
  const found = comparisonOf(
    of,
    [1, 2, 3, 4, 5].map((own) => pair(own, 1)),
  );
  expect(found.cpuRatio).toEqual({ median: 3, low: 2, high: 4 });
});

test('where no processor time is to be had, rates are compared', () => {
  const run = { ratePerSecond: 10, serverCpuSecondsPer1000: undefined };
  const found = comparisonOf(of, [{ own: run, other: run }]);
  expect(found).toMatchObject({ cpuRatio: undefined, ownCpuUs: undefined });
  expect(found.rateRatio?.median).toBe(1);
  expect(comparisonText([found])).toContain('-');
});
