import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { IndexedPartition } from '../partition/partition.ts';
import type { Layout } from '../storage/layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import { IndexBackfill } from './index-backfill.ts';
import type { IndexProgress } from './index-progress.ts';
import { IndexShipper, type IndexShipperOptions } from './index-shipper.ts';
import { IndexUpkeep } from './index-upkeep.ts';
import type { IndexedTables } from './indexed-tables.ts';

/** How long a read of a global index waits for what was committed before it. */
const readWaitMs = 20;

export interface GlobalIndexesOptions {
  readonly region: string;
  /** All of this region, by number. A split adds to it. */
  readonly partitions: readonly IndexedPartition[];
  readonly layout: () => Layout;
  readonly catalogue: Catalogue;
  readonly tables: IndexedTables;
  readonly progress: IndexProgress;
  readonly clock: Clock;
  readonly logger: Logger;
  /** See `IndexUpkeepOptions`. */
  readonly statusMs: number;
  readonly dropItems: (indexNumber: number) => Promise<void>;
}

/** A partition that came of a split, whose log is to be followed behind its parent's. */
export interface ChildSource {
  readonly source: IndexedPartition;
  readonly parent: number;
  /** The entry of the parent's log that splits. */
  readonly splitIndex: number;
}

/** The secondary indexes of a region as a service: what follows the logs for global ones, and what makes and removes any. */
export class GlobalIndexes implements Service {
  readonly #catalogue: Catalogue;
  readonly #options: GlobalIndexesOptions;
  readonly #shippers: IndexShipper[];
  readonly #upkeep: IndexUpkeep;
  #unlisten = (): void => {};
  #isStarted = false;

  constructor(options: GlobalIndexesOptions) {
    const { partitions, catalogue, progress, clock } = options;
    this.#options = options;
    this.#catalogue = catalogue;
    this.#shippers = partitions.map((source) => this.#newShipper({ source }));
    const backfill = new IndexBackfill({
      partitions,
      progress,
      clock,
      shippedThrough: (partition) => this.#shippers[partition]?.shippedThrough,
    });
    this.#upkeep = new IndexUpkeep({ ...options, backfill });
  }

  #newShipper(part: Pick<IndexShipperOptions, 'source' | 'mayBegin'>): IndexShipper {
    const { partitions: targets, layout, tables, progress, clock, logger } = this.#options;
    const onLost = async (): Promise<void> => this.#upkeep.renewAll();
    return new IndexShipper({
      ...part,
      targets,
      layout,
      tables,
      progress,
      clock,
      logger,
      onLost,
    });
  }

  /** A partition was split: its child is the last of `partitions` by now. */
  addChild({ source, parent, splitIndex }: ChildSource): void {
    const hasSplit = (): boolean => this.#shippers[parent]?.hasShipped(splitIndex) === true;
    const shipper = this.#newShipper({ source, mayBegin: hasSplit });
    this.#shippers.push(shipper);
    if (this.#isStarted) void shipper.start();
  }

  async start(): Promise<void> {
    this.#isStarted = true;
    this.#unlisten = this.#catalogue.onChange(() => {
      for (const shipper of this.#shippers) shipper.wake();
    });
    for (const shipper of this.#shippers) await shipper.start();
    await this.#upkeep.start();
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
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
