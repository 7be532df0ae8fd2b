import type { CounterOf, HistogramOf, LabelsOf, Metrics } from '../telemetry/metrics.ts';
import { originOf } from '../model/version.ts';
import type { ReplicationObserver, ReplicationStatus } from './replicator.ts';
import type { Tables } from './tables.ts';

interface PeerMetrics {
  readonly latency: HistogramOf<'tidemark_replication_latency_seconds'>;
  readonly writeAge: HistogramOf<'tidemark_replication_write_age_seconds'>;
  readonly clamped: CounterOf<'tidemark_replication_latency_clamped_seconds_total'>;
  readonly received: CounterOf<'tidemark_replication_received_records_total'>;
  readonly shippedRecords: CounterOf<'tidemark_replication_shipped_records_total'>;
  readonly shippedBytes: CounterOf<'tidemark_replication_shipped_bytes_total'>;
}

/** Counts what replication tells as it works. */
export function replicationObserver(options: {
  readonly region: string;
  readonly metrics: Metrics;
  readonly tables: Tables;
}): ReplicationObserver {
  const { region, metrics, tables } = options;
  const peers = new Map<string, PeerMetrics>();
  const of = (peer: string): PeerMetrics => {
    let found = peers.get(peer);
    if (found === undefined) {
      found = peerMetrics(metrics, region, peer);
      peers.set(peer, found);
    }
    return found;
  };
  return {
    latency: (origin, latencyMs, clampedMs) => {
      const { latency, clamped } = of(origin);
      latency.observeMs(latencyMs);
      if (clampedMs > 0) clamped.addMs(clampedMs);
    },
    writeAge: (origin, ageMs) => of(origin).writeAge.observeMs(ageMs),
    received: (origin, records) => of(origin).received.add(records),
    shipped: (peer, records, bytes) => {
      of(peer).shippedRecords.add(records);
      of(peer).shippedBytes.add(bytes);
    },
    conflict: (origin, { winner, alarm }, { table }) => {
      if (alarm) {
        const labels = { source: origin, target: region, table: tables.nameOf(table) };
        metrics.counter('tidemark_replication_alarms_total', labels).add(1);
      }
      const labels = {
        source: origin,
        target: region,
        table: tables.nameOf(table),
        winner: originOf(winner),
      };
      metrics.counter('tidemark_replication_conflicts_total', labels).add(1);
    },
  };
}

function peerMetrics(metrics: Metrics, region: string, peer: string): PeerMetrics {
  const incoming = { source: peer, target: region };
  const outgoing = { source: region, target: peer };
  return {
    latency: metrics.histogram('tidemark_replication_latency_seconds', incoming),
    writeAge: metrics.histogram('tidemark_replication_write_age_seconds', incoming),
    clamped: metrics.counter('tidemark_replication_latency_clamped_seconds_total', incoming),
    received: metrics.counter('tidemark_replication_received_records_total', incoming),
    shippedRecords: metrics.counter('tidemark_replication_shipped_records_total', outgoing),
    shippedBytes: metrics.counter('tidemark_replication_shipped_bytes_total', outgoing),
  };
}

/** Puts lag, pending and clock offsets behind their gauges; returns how to take them off again. */
export function replicationGauges(metrics: Metrics, status: () => ReplicationStatus): () => void {
  const undo = [
    metrics.gauge('tidemark_replication_lag_seconds', () =>
      pendingOf(status()).map(({ labels, pending }) => ({ labels, valueMs: pending.ageMs })),
    ),
    metrics.gauge('tidemark_replication_pending_records', () =>
      pendingOf(status()).map(({ labels, pending }) => ({ labels, value: pending.records })),
    ),
    metrics.gauge('tidemark_replication_pending_bytes', () =>
      pendingOf(status()).map(({ labels, pending }) => ({ labels, value: pending.bytes })),
    ),
    metrics.gauge('tidemark_clock_offset_seconds', () =>
      status().peers.flatMap(({ peer, clock }) =>
        clock === undefined ? [] : [{ labels: { peer }, valueMs: clock.offsetMs }],
      ),
    ),
    metrics.gauge('tidemark_clock_offset_error_seconds', () =>
      status().peers.flatMap(({ peer, clock }) =>
        clock === undefined ? [] : [{ labels: { peer }, valueMs: clock.errorMs }],
      ),
    ),
  ];
  return () => {
    for (const off of undo) off();
  };
}

interface LabelledPending {
  readonly labels: LabelsOf<'tidemark_replication_lag_seconds'>;
  readonly pending: { readonly records: number; readonly bytes: number; readonly ageMs: number };
}

/** Without the tables of peers that were never heard of. */
const pendingOf = ({ region, peers }: ReplicationStatus): readonly LabelledPending[] =>
  peers.flatMap(({ peer, tables }) =>
    tables.flatMap(({ table, pending }) =>
      pending === undefined ? [] : [{ labels: { source: region, target: peer, table }, pending }],
    ),
  );
