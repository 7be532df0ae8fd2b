import { expect, test } from 'vitest';

import type { MetricDefinition } from '../../src/telemetry/metrics.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { PrometheusMetrics } from '../../src/telemetry/prometheus.ts';

/** The lines of a scrape that carry samples of one metric. */
const samplesOf = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(name));

const catalogue = Object.entries<MetricDefinition>(METRICS);

test.each(catalogue)(
  '%s is named after its kind and its unit, and explained',
  (name, definition) => {
    expect(name).toMatch(/^tidemark(?:_[a-z]+)+$/u);
    expect(definition.help).toMatch(/^\S.*\.$/u);
    expect(name.endsWith('_total')).toBe(definition.kind === 'counter');
    const base = name.replace(/_total$/u, '');
    expect(base.endsWith('_seconds')).toBe(definition.unit === 'seconds');
    expect(base.endsWith('_bytes')).toBe(definition.unit === 'bytes');
    expect(definition.buckets !== undefined).toBe(definition.kind === 'histogram');
    const buckets = definition.buckets ?? [];
    expect(buckets).toEqual(buckets.toSorted((left, right) => left - right));
    expect(new Set(buckets).size).toBe(buckets.length);
  },
);

test('everything in the catalogue is announced with help and type', async () => {
  const text = await new PrometheusMetrics().text();
  for (const [name, { kind, help }] of catalogue) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
  }
});

test('before anything is known no gauge has a sample', async () => {
  const text = await new PrometheusMetrics().text();
  const gauges = catalogue.filter(([, { kind }]) => kind === 'gauge').map(([name]) => name);
  expect(gauges.flatMap((name) => samplesOf(text, name))).toEqual([]);
});

test('milliseconds are exported as seconds', async () => {
  const metrics = new PrometheusMetrics();
  const labels = { operation: 'PutItem', code: 'ok' };
  metrics.histogram('tidemark_requests_seconds', labels).observeMs(3);
  const clamped = { source: 'us-east-1', target: 'eu-west-1' };
  metrics.counter('tidemark_replication_latency_clamped_seconds_total', clamped).addMs(250);
  metrics.gauge('tidemark_clock_offset_seconds', () => [
    { labels: { peer: 'eu-west-1' }, valueMs: -12 },
  ]);
  const text = await metrics.text();
  expect(text).toContain('tidemark_requests_seconds_sum{operation="PutItem",code="ok"} 0.003');
  expect(text).toContain(
    'tidemark_requests_seconds_bucket{le="0.0025",operation="PutItem",code="ok"} 0',
  );
  expect(text).toContain(
    'tidemark_requests_seconds_bucket{le="0.005",operation="PutItem",code="ok"} 1',
  );
  expect(samplesOf(text, 'tidemark_replication_latency_clamped_seconds_total')).toEqual([
    'tidemark_replication_latency_clamped_seconds_total{source="us-east-1",target="eu-west-1"} 0.25',
  ]);
  expect(text).toContain('tidemark_clock_offset_seconds{peer="eu-west-1"} -0.012');
});

test('counts and bytes are exported as they are', async () => {
  const metrics = new PrometheusMetrics();
  metrics.histogram('tidemark_log_group_commit_bytes', {}).observe(5000);
  const labels = { source: 'a', target: 'b', table: 'T', winner: 'a' };
  metrics.counter('tidemark_replication_conflicts_total', labels).add(2);
  const text = await metrics.text();
  expect(text).toContain('tidemark_log_group_commit_bytes_sum 5000');
  expect(text).toContain(
    'tidemark_replication_conflicts_total{source="a",target="b",table="T",winner="a"} 2',
  );
});

test('a gauge is computed at each scrape, and forgets what is no longer there', async () => {
  const metrics = new PrometheusMetrics();
  let states = [{ labels: { zone: 'a', state: 'live' }, value: 1 }];
  metrics.gauge('tidemark_zone_state', () => states);
  const other = [{ labels: { zone: 'b', state: 'live' }, value: 1 }];
  const takeOff = metrics.gauge('tidemark_zone_state', () => other);
  expect(samplesOf(await metrics.text(), 'tidemark_zone_state')).toHaveLength(2);
  states = [];
  expect(samplesOf(await metrics.text(), 'tidemark_zone_state')).toEqual([
    'tidemark_zone_state{zone="b",state="live"} 1',
  ]);
  takeOff();
  expect(samplesOf(await metrics.text(), 'tidemark_zone_state')).toEqual([]);
});

test('a gauge without labels shows no zero of its own', async () => {
  const metrics = new PrometheusMetrics();
  let isKnown = false;
  metrics.gauge('tidemark_clock_believed', () => (isKnown ? [{ labels: {}, value: 1 }] : []));
  expect(samplesOf(await metrics.text(), 'tidemark_clock_believed')).toEqual([]);
  isKnown = true;
  expect(samplesOf(await metrics.text(), 'tidemark_clock_believed')).toEqual([
    'tidemark_clock_believed 1',
  ]);
});

test('the same labels give the same recorder, in whatever order they are written', () => {
  const metrics = new PrometheusMetrics();
  const first = metrics.histogram('tidemark_requests_seconds', { operation: 'x', code: 'y' });
  expect(metrics.histogram('tidemark_requests_seconds', { code: 'y', operation: 'x' })).toBe(first);
  expect(metrics.histogram('tidemark_requests_seconds', { code: 'x', operation: 'y' })).not.toBe(
    first,
  );
});

test('two regions of one process share nothing', async () => {
  const [east, west] = [new PrometheusMetrics(), new PrometheusMetrics()];
  east.counter('tidemark_zone_rebuilds_total', { zone: 'a' }).add(1);
  expect(samplesOf(await east.text(), 'tidemark_zone_rebuilds_total')).toHaveLength(1);
  expect(samplesOf(await west.text(), 'tidemark_zone_rebuilds_total')).toHaveLength(0);
  expect(east.contentType).toContain('version=0.0.4');
});
