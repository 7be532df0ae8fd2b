import { expect, test } from 'vitest';

import { compareFigures, keptComparisonText } from './kept-comparison.ts';

const rate = (value: number) => ({ name: 'Get: per second', value, better: 'more' as const });
const latency = (value: number) => ({ name: 'Get: p99 ms', value, better: 'less' as const });

test.each([
  [rate(100), rate(89), true],
  [rate(100), rate(91), false],
  [rate(100), rate(300), false],
  [latency(10), latency(11.1), true],
  [latency(10), latency(10.9), false],
  [latency(10), latency(1), false],
  [latency(0), latency(1), true],
])('from %j to %j is worse: %s', (before, now, isRegression) => {
  expect(compareFigures([now], [before]).changes).toMatchObject([{ isRegression }]);
});

test('the text has ratios, names what is worse, and counts what cannot be compared', () => {
  const comparison = compareFigures([rate(50), latency(5)], [rate(100)]);
  expect(comparison.unmatched).toEqual(['Get: p99 ms']);
  const text = keptComparisonText(comparison);
  expect(text).toMatch(/Get: per second +100\.0 +50\.00 +0\.50 +WORSE/);
  expect(text).toContain('Worse by more than 10 %: Get: per second');
  expect(text).toContain('one side only: 1');
  expect(keptComparisonText(compareFigures([rate(1)], [rate(1)]))).toContain('Nothing is worse');
});
