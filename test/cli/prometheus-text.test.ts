import { expect, test } from 'vitest';

import type { Sample } from '../../src/cli/prometheus-text.ts';
import { histogramQuantile, parsePrometheusText, sumOf } from '../../src/cli/prometheus-text.ts';

const buckets = (counts: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(counts).map(([le, value]) => ({ name: 'x_bucket', labels: { le }, value }));

test('a scrape is read, comments passed over, labels unescaped', () => {
  const text = [
    '# HELP x Words.',
    '# TYPE x counter',
    'x 3',
    'x_bucket{source="us-east-1",le="+Inf"} 12',
    String.raw`y{name="a\"b\\c\nd, e=\"f\""} 1.5e-3`,
    '',
  ].join('\n');
  expect(parsePrometheusText(text)).toEqual([
    { name: 'x', labels: {}, value: 3 },
    { name: 'x_bucket', labels: { source: 'us-east-1', le: '+Inf' }, value: 12 },
    { name: 'y', labels: { name: 'a"b\\c\nd, e="f"' }, value: 0.0015 },
  ]);
});

test('samples of one name are summed', () => {
  const samples = parsePrometheusText('x{a="1"} 2\nx{a="2"} 3\nxy 100\n');
  expect(sumOf(samples, 'x')).toBe(5);
  expect(sumOf(samples, 'z')).toBe(0);
});

test('quantiles are interpolated within their bucket', () => {
  const samples = buckets({ '0.1': 50, '0.2': 100, '+Inf': 100 });
  expect(histogramQuantile(samples, 0.25)).toBeCloseTo(0.05);
  expect(histogramQuantile(samples, 0.5)).toBeCloseTo(0.1);
  expect(histogramQuantile(samples, 0.75)).toBeCloseTo(0.15);
});

test('several histograms count together, whatever the order of their buckets', () => {
  const samples = [
    ...buckets({ '+Inf': 10, '1': 10 }),
    ...buckets({ '+Inf': 10, '2': 10, '1': 0 }),
  ];
  expect(histogramQuantile(samples, 0.5)).toBe(1);
  expect(histogramQuantile(samples, 1)).toBe(2);
});

test('what is above the last bound counts as that bound', () => {
  expect(histogramQuantile(buckets({ '5': 1, '+Inf': 10 }), 0.99)).toBe(5);
});

test('nothing observed has no quantile', () => {
  expect(histogramQuantile([], 0.5)).toBeUndefined();
  expect(histogramQuantile(buckets({ '5': 0, '+Inf': 0 }), 0.5)).toBeUndefined();
});
