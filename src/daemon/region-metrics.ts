import type { RequestObservation } from '../api/protocol.ts';
import type { GroupObservation } from '../log/embedded/zone-log.ts';
import type { RebuildProgress } from '../partition/zones.ts';
import type { HistogramOf, Metrics } from '../telemetry/metrics.ts';

const LEADING_ZONE = 'a';

/** What of a region is counted as it happens. What is only looked at when it is read is in `region-gauges.ts`. */
export class RegionMetrics {
  readonly #metrics: Metrics;
  readonly #appended: HistogramOf<'tidemark_log_append_seconds'>;
  readonly #rebuilds = new Map<string, RebuildProgress>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#appended = metrics.histogram('tidemark_log_append_seconds', {});
    metrics.gauge('tidemark_zone_rebuild_copied_bytes', () =>
      [...this.#rebuilds.values()].map(({ zone, partition, bytes }) => ({
        labels: { zone, partition: String(partition) },
        value: bytes,
      })),
    );
  }

  groupCommitted({ zone, entries, bytes, durationMs }: GroupObservation): void {
    this.#metrics.histogram('tidemark_log_sync_seconds', { zone }).observeMs(durationMs);
    // Each zone writes the same entries: one stands for all.
    if (zone !== LEADING_ZONE) return;
    this.#metrics.histogram('tidemark_log_group_commit_entries', {}).observe(entries);
    this.#metrics.histogram('tidemark_log_group_commit_bytes', {}).observe(bytes);
  }

  appended(durationMs: number): void {
    this.#appended.observeMs(durationMs);
  }

  rebuilt(progress: RebuildProgress): void {
    const key = `${progress.zone} ${progress.partition}`;
    this.#rebuilds.set(key, progress);
  }

  /** A zone's copies are complete: no rebuild runs there. */
  rebuildsEnded(zone: string): void {
    for (const [key, progress] of this.#rebuilds)
      if (progress.zone === zone) {
        this.#rebuilds.delete(key);
        this.#metrics.counter('tidemark_zone_rebuilds_total', { zone }).add(1);
      }
  }

  requested({ operation, code, durationMs }: RequestObservation): void {
    this.#metrics.histogram('tidemark_requests_seconds', { operation, code }).observeMs(durationMs);
  }
}
