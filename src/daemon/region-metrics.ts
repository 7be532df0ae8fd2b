import type { RequestObservation } from '../api/protocol.ts';
import type { GroupObservation } from '../log/embedded/zone-log.ts';
import type { RebuildObserver, RebuildOfCopy } from '../partition/rebuild-copy.ts';
import type { RebuildProgress } from '../storage/rebuild.ts';
import type { HistogramOf, LabelsOf, Metrics } from '../telemetry/metrics.ts';

const LEADING_ZONE = 'a';

/** What of a region is counted as it happens. What is only looked at when it is read is in `region-gauges.ts`. */
export class RegionMetrics implements RebuildObserver {
  readonly #metrics: Metrics;
  readonly #appended: HistogramOf<'tidemark_log_append_seconds'>;
  /** Those that run now. */
  readonly #rebuilds = new Map<string, RunningRebuild>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#appended = metrics.histogram('tidemark_log_append_seconds', {});
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

  rebuildProgressed(rebuild: RebuildOfCopy, { bytes, totalBytes }: RebuildProgress): void {
    const { zone, partition } = rebuild;
    const labels = { zone, partition: String(partition) };
    this.#rebuilds.set(keyOf(rebuild), { labels, copiedBytes: bytes, totalBytes });
  }

  rebuildEnded(rebuild: RebuildOfCopy, isComplete: boolean): void {
    this.#rebuilds.delete(keyOf(rebuild));
    const { zone } = rebuild;
    if (isComplete) this.#metrics.counter('tidemark_zone_rebuilds_total', { zone }).add(1);
  }

  /** The rebuilds that run now, for the gauges. */
  get rebuilds(): readonly RunningRebuild[] {
    return [...this.#rebuilds.values()];
  }

  expired(table: string, items: number): void {
    this.#metrics.counter('tidemark_expired_items_total', { table }).add(items);
  }

  requested({ operation, code, durationMs }: RequestObservation): void {
    this.#metrics.histogram('tidemark_requests_seconds', { operation, code }).observeMs(durationMs);
  }
}

/** How far the rebuild of one copy is; sizes as DynamoDB counts them. */
export interface RunningRebuild {
  readonly labels: LabelsOf<'tidemark_zone_rebuild_copied_bytes'>;
  readonly copiedBytes: number;
  readonly totalBytes: number;
}

const keyOf = ({ zone, partition }: RebuildOfCopy): string => `${zone} ${partition}`;
