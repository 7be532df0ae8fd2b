import type { Clock } from '../base/clock.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import type { Catalogue } from '../region/catalogue.ts';
import { ExpirySweep, type LedPartition } from '../region/expiry-sweep.ts';
import type { IndexedTables } from '../region/indexed-tables.ts';
import { takesWrites } from '../region/local-region.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import type { RegionMetrics } from './region-metrics.ts';

export interface ExpiryParts {
  readonly config: RegionConfig;
  readonly core: { readonly catalogue: Catalogue; readonly indexedTables: IndexedTables };
  /** See `ExpirySweepOptions`. */
  readonly partitions: () => readonly LedPartition[];
  readonly clock: Clock;
  readonly hybrid: HybridClock;
  readonly logger: Logger;
  readonly metrics: RegionMetrics;
}

/** What removes expired items from the partitions that this process leads. */
export function newExpirySweep(parts: ExpiryParts): ExpirySweep {
  const { config, core, partitions, clock, hybrid, logger, metrics } = parts;
  const { delayMs, itemsPerSecond } = config.timeToLive;
  return new ExpirySweep({
    partitions,
    // A replica that is on its way out changes nothing any more.
    tables: () =>
      core.indexedTables.expiring.filter(({ number }) =>
        takesWrites(core.catalogue, config.region, number),
      ),
    nowMs: () => hybrid.nowMs(),
    clock,
    logger,
    delayMs,
    itemsPerSecond,
    onExpired: ({ name }, items) => {
      metrics.expired(name, items);
    },
  });
}
