import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import {
  replicationGauges,
  replicationObserver,
} from '../../src/replication/replication-metrics.ts';
import { PrometheusMetrics } from '../../src/telemetry/prometheus.ts';
import { MemoryTables, World } from '../support/replication-world.ts';

test('the gauges show lag after the first contact only, and clocks once they are measured', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  const metrics = new PrometheusMetrics();
  await a.start();
  const off = replicationGauges(metrics, () => present(a.replicator, 'a').status());
  a.put('x', '1');
  await world.clock.advance(1000);
  expect(await metrics.text()).not.toMatch(/^tidemark_replication_lag_seconds\{/mu);
  await world.region('b').start();
  await world.clock.advance(2000);
  expect(await metrics.text()).toMatch(
    /^tidemark_replication_lag_seconds\{source="a",target="b",table="Orders"\} 0$/mu,
  );
  expect(await metrics.text()).toMatch(/^tidemark_clock_offset_seconds\{peer="b"\} /mu);
  world.cut('a', 'b');
  a.put('x', '2');
  await world.clock.advance(3000);
  expect(await metrics.text()).toMatch(
    /^tidemark_replication_lag_seconds\{source="a",target="b",table="Orders"\} (3|2\.999\d*)$/mu,
  );
  expect(await metrics.text()).toMatch(/^tidemark_replication_pending_records\{[^}]*\} 1$/mu);
  off();
  await world.stop();
});

test('what replication tells is counted by source, target and table', async () => {
  const metrics = new PrometheusMetrics();
  const tables = new MemoryTables(5, ['a', 'b']);
  const observer = replicationObserver({ region: 'a', metrics, tables });
  observer.latency('b', 85, 0);
  observer.latency('b', 0, 2);
  observer.writeAge('b', 91);
  observer.received('b', 3);
  observer.shipped('b', 4, 500);
  const winner = { time: 2, region: 'b' };
  const record = {
    table: 5,
    key: new Uint8Array(),
    version: winner,
    replaced: undefined,
    image: undefined,
    itemBytes: 0,
    via: 'ship' as const,
  };
  observer.conflict('b', { winner, loser: { time: 1, region: 'a' }, alarm: false }, record);
  observer.conflict('b', { winner, loser: winner, alarm: true }, record);
  const text = await metrics.text();
  for (const sample of [
    'tidemark_replication_latency_seconds_count{source="b",target="a"} 2',
    'tidemark_replication_write_age_seconds_sum{source="b",target="a"} 0.091',
    'tidemark_replication_latency_clamped_seconds_total{source="b",target="a"} 0.002',
    'tidemark_replication_received_records_total{source="b",target="a"} 3',
    'tidemark_replication_shipped_records_total{source="a",target="b"} 4',
    'tidemark_replication_shipped_bytes_total{source="a",target="b"} 500',
    'tidemark_replication_conflicts_total{source="b",target="a",table="Orders",winner="b"} 2',
    'tidemark_replication_alarms_total{source="b",target="a",table="Orders"} 1',
  ]) {
    expect(text).toContain(sample);
  }
});
