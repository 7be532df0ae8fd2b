import type { Service } from '../base/service.ts';
import { GlobalIndexes } from '../region/global-indexes.ts';
import type { IndexProgress } from '../region/index-progress.ts';
import type { IndexedTables } from '../region/indexed-tables.ts';
import { LocalRegion } from '../region/local-region.ts';
import { TableLifecycle } from '../region/table-lifecycle.ts';
import { RegionLinks, type LinkedCore, type RegionLinksOptions } from './region-links.ts';

export interface RegionServicesOptions extends RegionLinksOptions {
  readonly core: LinkedCore & {
    readonly indexedTables: IndexedTables;
    readonly indexProgress: IndexProgress;
  };
}

/**
 * What runs once in a region, whoever leads its partitions: the moves of its tables, its global indexes, and what it has with
 * other regions. The catalogue is loaded before it is started.
 */
export class RegionServices implements Service {
  readonly region: LocalRegion;
  readonly links: RegionLinks;
  readonly indexes: GlobalIndexes;
  readonly #lifecycle: TableLifecycle;

  constructor(options: RegionServicesOptions) {
    const { config, core, clock, random, logger, dropItems } = options;
    const { catalogue, partitions } = core;
    const { region, statusMs, accountId } = config;
    this.#lifecycle = new TableLifecycle({
      region,
      catalogue,
      clock,
      random,
      logger,
      statusMs,
      dropItems,
    });
    this.indexes = new GlobalIndexes({
      region,
      partitions,
      catalogue,
      tables: core.indexedTables,
      progress: core.indexProgress,
      clock,
      logger,
      statusMs,
      dropItems,
    });
    this.links = new RegionLinks(options);
    this.region = new LocalRegion({
      name: region,
      accountId,
      partitions,
      catalogue,
      lifecycle: this.#lifecycle,
      updater: this.links.updater,
      replicas: this.links.globalTables,
      globalIndexes: this.indexes,
      clock,
      random,
    });
  }

  /** Up to where nobody who follows a partition's log from here needs it any more. */
  releaseFloor(partition: number): number {
    return Math.min(this.links.releaseFloor(partition), this.indexes.releaseFloor(partition));
  }

  async start(): Promise<void> {
    this.#lifecycle.resume();
    await this.indexes.start();
    await this.links.start();
  }

  /** Waits for no peer. */
  async stop(): Promise<void> {
    await this.links.stop();
    await this.#lifecycle.stop();
    await this.indexes.stop();
  }
}
