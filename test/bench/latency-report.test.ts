import { expect, test } from 'vitest';

import { ALONE, BESIDE, FIGURES, goalsOf } from './goals.ts';
import { latencyFigures, latencyText, type LatencyRun } from './latency-report.ts';

const run = (round: number, p99Ms: number, beside: string): LatencyRun => ({
  round,
  operation: 'GetItem',
  connections: 16,
  beside,
  peakPerSecond: 20_000,
  askedPerSecond: 10_000,
  ratePerSecond: 9990,
  failures: 0,
  p50Ms: 1,
  p99Ms,
  longestRunMs: p99Ms * 2,
  longestPauseMs: 1,
  compactions: 3,
  background: beside === ALONE ? undefined : { scannedPages: 7, writtenItems: 1, bootstraps: 2 },
});

test('figures are medians of the rounds, alone and beside the rest', () => {
  const runs = [run(1, 2, ALONE), run(1, 9, BESIDE), run(2, 2.4, ALONE), run(2, 5, BESIDE)];
  const figures = latencyFigures(runs);
  expect(Object.fromEntries(figures.map(({ name, value }) => [name, value]))).toEqual({
    [FIGURES.halfPeakP99('GetItem', ALONE)]: 2.2,
    [FIGURES.longestRun('GetItem', ALONE)]: 4.4,
    [FIGURES.halfPeakP99('GetItem', BESIDE)]: 7,
    [FIGURES.longestRun('GetItem', BESIDE)]: 14,
  });
  expect(goalsOf(figures).map(({ reached }) => reached)).toEqual([true, true, false, false]);
});

test('the table tells what ran beside', () => {
  const text = latencyText([run(1, 2, ALONE), run(1, 9, BESIDE)]);
  expect(text).toMatch(/GetItem +1 +20,000 +10,000 +9,990 +1\.00 +2\.00 +4\.0 +1\.0 +3 +alone$/mu);
  expect(text).toMatch(/9\.00 +18\.0 +1\.0 +3 +7 +2 +beside compaction/);
});
