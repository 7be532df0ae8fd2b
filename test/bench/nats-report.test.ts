import { expect, test } from 'vitest';

import { parsePrometheusText } from '../../src/cli/prometheus-text.ts';
import { FIGURES } from './goals.ts';
import { histogramOf } from './nats-bench.ts';
import type { CatchUp, Cost, Latency, NatsRounds } from './nats-report.ts';
import { natsFigures, natsReportText } from './nats-report.ts';

const CPU = { sourceCpuUs: 20, targetCpuUs: 80, natsCpuUs: undefined };

const latency = (round: number, p50Ms: number, bareP50Ms: number): Latency => ({
  ...CPU,
  round,
  writesPerSecond: 200,
  failures: 0,
  writeP50Ms: 1,
  bareP50Ms,
  bareP99Ms: bareP50Ms * 2,
  records: 2000,
  meanMs: p50Ms,
  p50Ms,
  p99Ms: p50Ms * 2,
});

const catchUp = (round: number, recordsPerSecond: number): CatchUp => ({
  ...CPU,
  round,
  cutSeconds: 60,
  writtenPerSecond: 5000,
  failures: 0,
  records: recordsPerSecond * 10,
  seconds: 10,
  recordsPerSecond,
});

const cost = (round: number, globalCpuUs: number, regionalCpuUs: number): Cost => ({
  round,
  globalPerSecond: 2000,
  regionalPerSecond: 1990,
  failures: 0,
  globalCpuUs,
  regionalCpuUs,
  lagP50Ms: 2,
  lagP99Ms: 21,
  writeAgeP50Ms: 4,
  writeAgeP99Ms: 25,
});

const valuesOf = (rounds: NatsRounds): Readonly<Record<string, number>> =>
  Object.fromEntries(natsFigures(rounds).map(({ name, value }) => [name, value]));

test('figures are medians of the rounds, and a cost is held against that of its own round', () => {
  const latencies = [latency(1, 4, 0.5), latency(2, 100, 1), latency(3, 3, 0.5)];
  const costs = [cost(1, 300, 100), cost(2, 150, 100), cost(3, 240, 200)];
  const catchUps = [catchUp(1, 9000), catchUp(2, 11_000)];
  expect(valuesOf({ latencies, costs, catchUps })).toEqual({
    [FIGURES.natsLatencyTimes]: 8,
    [FIGURES.natsCpuTimes]: 1.5,
    [FIGURES.natsLagP50]: 2,
    [FIGURES.natsLagP99]: 21,
    [FIGURES.natsWriteAgeP50]: 4,
    [FIGURES.natsWriteAgeP99]: 25,
    [FIGURES.natsCatchUp]: 10_000,
  });
});

test('what is not measured is no figure', () => {
  const unmeasured = { ...latency(1, 4, 0.5), p50Ms: undefined };
  expect(valuesOf({ latencies: [unmeasured], costs: [], catchUps: [catchUp(1, 9999)] })).toEqual({
    [FIGURES.natsCatchUp]: 9999,
  });
});

test('the report has a row for each round, and the writes that failed', () => {
  const failed = { ...catchUp(1, 12_000), failures: 3 };
  const text = natsReportText({
    latencies: [latency(1, 4, 0.5)],
    costs: [cost(1, 150, 100)],
    catchUps: [failed],
  });
  expect(text).toMatch(/^ *1 +200 +4\.00 +4\.00 +8\.00 +0\.50 +1\.00 +8\.0 x +20 +80 +-$/mu);
  expect(text).toMatch(/^ *1 +2,000 +1,990 +150 +100 +1\.50 x +2\.00 +21\.00 +4\.00 +25\.00$/mu);
  expect(text).toMatch(/^ *1 +60 +5,000 +120,000 +10\.0 +12,000 +20 +80 +-$/mu);
  expect(text).toContain('3 writes failed');
});

const bucketLine = (le: string, count: number): string =>
  `tidemark_replication_latency_seconds_bucket{le="${le}",source="a",target="b"} ${count}`;

const scrape = (fast: number, slow: number, sum: number): string => {
  return [
    bucketLine('0.002', fast),
    bucketLine('0.004', fast + slow),
    bucketLine('+Inf', fast + slow),
    `tidemark_replication_latency_seconds_sum{source="a",target="b"} ${sum}`,
    `tidemark_replication_latency_seconds_count{source="a",target="b"} ${fast + slow}`,
  ].join('\n');
};

test('what a histogram had before the measurement does not count', () => {
  const before = parsePrometheusText(scrape(100, 0, 0.1));
  const after = parsePrometheusText(scrape(100, 10, 0.13));
  const { records, meanMs, p50Ms } = histogramOf(after, before);
  expect(records).toBe(10);
  expect(meanMs).toBeCloseTo(3);
  expect(p50Ms).toBeCloseTo(3);
});

test('each histogram is read for itself', () => {
  const text = [
    scrape(10, 0, 0.01),
    scrape(0, 10, 0.03).replaceAll('latency_seconds', 'write_age_seconds'),
  ].join('\n');
  const samples = parsePrometheusText(text);
  expect(histogramOf(samples, []).meanMs).toBeCloseTo(1);
  expect(histogramOf(samples, [], 'tidemark_replication_write_age_seconds').meanMs).toBeCloseTo(3);
  expect(histogramOf(samples, [], 'tidemark_replication_unknown').p50Ms).toBeUndefined();
});

test('a first scrape without the histogram is one with nothing in it', () => {
  const { records, p99Ms } = histogramOf(parsePrometheusText(scrape(10, 0, 0.01)), []);
  expect(records).toBe(10);
  expect(p99Ms).toBeLessThanOrEqual(2);
});
