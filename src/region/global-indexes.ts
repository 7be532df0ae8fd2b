import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { IndexedPartition } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import { IndexBackfill } from './index-backfill.ts';
import type { IndexProgress } from './index-progress.ts';
import { IndexShipper } from './index-shipper.ts';
import { IndexUpkeep } from './index-upkeep.ts';
import type { IndexedTables } from './indexed-tables.ts';

/** How long a read of a global index waits for what was committed before it. */
const readWaitMs = 20;

export interface GlobalIndexesOptions {
  readonly region: string;
  /** All of this region, by number. */
  readonly partitions: readonly IndexedPartition[];
  readonly catalogue: Catalogue;
  readonly tables: IndexedTables;
  readonly progress: IndexProgress;
  readonly clock: Clock;
  readonly logger: Logger;
  /** See `IndexUpkeepOptions`. */
  readonly statusMs: number;
  readonly dropItems: (indexNumber: number) => Promise<void>;
}

/** The secondary indexes of a region as a service: what follows the logs for global ones, and what makes and removes any. */
export class GlobalIndexes implements Service {
  readonly #catalogue: Catalogue;
  readonly #shippers: readonly IndexShipper[];
  readonly #upkeep: IndexUpkeep;
  #unlisten = (): void => {};

  constructor(options: GlobalIndexesOptions) {
    const { partitions, catalogue, tables, progress, clock, logger } = options;
    this.#catalogue = catalogue;
    const shared = { tables, progress, clock, logger };
    this.#shippers = partitions.map(
      (source) =>
        new IndexShipper({
          ...shared,
          source,
          targets: partitions,
          onLost: async () => this.#upkeep.renewAll(),
        }),
    );
    const backfill = new IndexBackfill({
      partitions,
      progress,
      clock,
      shippedThrough: (partition) => this.#shippers[partition]?.shippedThrough,
    });
    this.#upkeep = new IndexUpkeep({ ...options, backfill });
  }

  async start(): Promise<void> {
    this.#unlisten = this.#catalogue.onChange(() => {
      for (const shipper of this.#shippers) shipper.wake();
    });
    for (const shipper of this.#shippers) await shipper.start();
    await this.#upkeep.start();
  }

  async stop(): Promise<void> {
    this.#unlisten();
    await this.#upkeep.stop();
    await Promise.all(this.#shippers.map(async (shipper) => shipper.stop()));
  }

  /**
   * Resolves once the indexes have what is committed at the time of the call; after 20 ms in any case, because they are
   * eventually consistent: a client that reads right after it wrote usually finds what it wrote.
   */
  async caughtUp(): Promise<void> {
    await Promise.all(this.#shippers.map(async (shipper) => shipper.caughtUp(readWaitMs)));
  }

  /** See `IndexShipper.releaseFloor`. */
  releaseFloor(partition: number): number {
    return this.#shippers[partition]?.releaseFloor ?? 0;
  }

  /** See `IndexShipper.pendingEntries`: per partition. */
  pendingEntries(): readonly number[] {
    return this.#shippers.map(({ pendingEntries }) => pendingEntries);
  }
}
