import { replicationGauges } from '../replication/replication-metrics.ts';
import type { ReplicationStatus } from '../replication/replicator.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { NodeEngine } from './node-engine.ts';
import { nodeState } from './node-state.ts';
import { zoneStates } from './zone-view.ts';

/** Puts what a node holds at the moment behind its gauges; returns how to take it off again. */
export function exportNodeGauges(metrics: Metrics, engine: NodeEngine): () => void {
  const { core, expiry, metrics: counted } = engine;
  const { zone } = core;
  const undo = [
    metrics.gauge('tidemark_zone_applied_index', () =>
      core.partitions.map(({ number, copy }) => ({
        labels: { zone, partition: String(number) },
        value: copy.position.index,
      })),
    ),
    metrics.gauge('tidemark_zone_state', () =>
      zoneStates.map((state) => ({
        labels: { zone, state },
        value: state === nodeState(core) ? 1 : 0,
      })),
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
      (engine.seat?.services.indexes.pendingEntries() ?? []).map((value, partition) => ({
        labels: { partition: String(partition) },
        value,
      })),
    ),
    replicationGauges(metrics, () => replicationOf(engine)),
  ];
  return () => {
    for (const off of undo) off();
  };
}

/** Only the node with the region's seat has to do with other regions. */
export const replicationOf = ({ region, seat }: NodeEngine): ReplicationStatus =>
  seat?.services.links.status() ?? { region: region.name, peers: [] };
