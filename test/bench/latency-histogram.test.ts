import { expect, test } from 'vitest';

import { LatencyHistogram } from './latency-histogram.ts';

test('quantiles are right to within a bucket', () => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 1000; ms++) histogram.record(ms);
  expect(histogram.count).toBe(1000);
  for (const quantile of [0.01, 0.5, 0.99, 1]) {
    const ratio = (histogram.quantileMs(quantile) ?? 0) / (1000 * quantile);
    expect(ratio).toBeGreaterThan(0.97);
    expect(ratio).toBeLessThan(1.03);
  }
});

test('nothing recorded has no quantile', () => {
  expect(new LatencyHistogram().quantileMs(0.5)).toBeUndefined();
});

test('latencies beyond the last bucket count in it', () => {
  const histogram = new LatencyHistogram();
  histogram.record(0);
  histogram.record(1e9);
  expect(histogram.quantileMs(0.5)).toBeLessThan(0.002);
  expect(histogram.quantileMs(1)).toBeGreaterThan(60_000);
});
