import { ZONES } from '../log/embedded/storage-node-identity.ts';
import { replicationGauges } from '../replication/replication-metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RegionEngine } from './region-engine.ts';
import { zoneStates, zoneView } from './zone-view.ts';

/** Puts what a region holds at the moment behind its gauges; returns how to take it off again. */
export function exportGauges(metrics: Metrics, engine: RegionEngine): () => void {
  const { core, links, indexes, expiry, metrics: counted } = engine;
  const undo = [
    metrics.gauge('tidemark_log_bytes', () =>
      ZONES.map((zone) => ({ labels: { zone }, value: core.logs.retainedBytes(zone) })),
    ),
    metrics.gauge('tidemark_zone_applied_index', () =>
      ZONES.flatMap((zone) =>
        (core.zones.applied(zone) ?? []).map((value, partition) => ({
          labels: { zone, partition: String(partition) },
          value,
        })),
      ),
    ),
    metrics.gauge('tidemark_zone_state', () =>
      ZONES.flatMap((zone) => {
        const { state } = zoneView(core, zone);
        return zoneStates.map((each) => ({
          labels: { zone, state: each },
          value: each === state ? 1 : 0,
        }));
      }),
    ),
    metrics.gauge('tidemark_expiry_lag_seconds', () => [{ labels: {}, valueMs: expiry.lagMs }]),
    metrics.gauge('tidemark_zone_rebuild_copied_bytes', () =>
      counted.rebuilds.map(({ labels, copiedBytes: value }) => ({ labels, value })),
    ),
    metrics.gauge('tidemark_zone_rebuild_total_bytes', () =>
      counted.rebuilds.map(({ labels, totalBytes: value }) => ({ labels, value })),
    ),
    metrics.gauge('tidemark_clock_believed', () => [
      { labels: {}, value: engine.clockAlarm === undefined ? 1 : 0 },
    ]),
    metrics.gauge('tidemark_index_pending_entries', () =>
      indexes
        .pendingEntries()
        .map((value, partition) => ({ labels: { partition: String(partition) }, value })),
    ),
    replicationGauges(metrics, () => links.status()),
  ];
  return () => {
    for (const off of undo) off();
  };
}
