import type { Service } from '../base/service.ts';
import type { LoggedSplit } from '../partition/region-partitions.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type { Table } from '../model/table.ts';
import { ExpiryUpkeep } from '../region/expiry-upkeep.ts';
import { GlobalIndexes } from '../region/global-indexes.ts';
import type { IndexProgress } from '../region/index-progress.ts';
import type { IndexedTables } from '../region/indexed-tables.ts';
import { LocalRegion } from '../region/local-region.ts';
import { ReadableStreams } from '../region/readable-streams.ts';
import { StreamStarts } from '../region/stream-starts.ts';
import { StreamUpkeep } from '../region/stream-upkeep.ts';
import type { TableChange } from '../region/region.ts';
import { TableLifecycle } from '../region/table-lifecycle.ts';
import type { PartitionSplit } from '../streams/eras.ts';
import { TableStreamSource } from '../triggers/table-stream-source.ts';
import type { TriggerDocuments } from '../triggers/trigger-documents.ts';
import { Triggers } from '../triggers/triggers.ts';
import { RegionLinks, type LinkedCore, type RegionLinksOptions } from './region-links.ts';
import { TriggerTargets } from './trigger-targets.ts';

export interface RegionServicesOptions extends RegionLinksOptions {
  readonly core: LinkedCore & {
    readonly indexedTables: IndexedTables;
    readonly indexProgress: IndexProgress;
    /** Where partitions may be split. */
    readonly splits?: { readonly splits: readonly LoggedSplit[] };
    readonly triggerDocuments: TriggerDocuments;
  };
}

/** A partition that came of a split: see `ChildLog`. */
export interface ChildFollowed {
  readonly partition: RegionPartition;
  readonly parent: number;
  readonly splitIndex: number;
}

/**
 * What runs once in a region, whoever leads its partitions: the moves of its tables, its global indexes, and what it has with
 * other regions. The catalogue is loaded before it is started.
 */
export class RegionServices implements Service {
  readonly region: LocalRegion;
  readonly links: RegionLinks;
  readonly indexes: GlobalIndexes;
  readonly triggers: Triggers;
  readonly #lifecycle: TableLifecycle;
  readonly #streamStarts: StreamStarts;
  readonly #streamUpkeep: StreamUpkeep;
  readonly #expiry: ExpiryUpkeep;

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
      layout: () => core.layout,
      catalogue,
      tables: core.indexedTables,
      progress: core.indexProgress,
      clock,
      logger,
      statusMs,
      dropItems,
    });
    this.#expiry = new ExpiryUpkeep({
      region,
      partitions,
      catalogue,
      clock,
      nowMs: () => options.hybrid.nowMs(),
      logger,
      statusMs,
    });
    this.links = new RegionLinks(options);
    this.#streamStarts = new StreamStarts({
      catalogue,
      partitions,
      clock,
      logger,
      shardMs: config.streams.shardHours * 3_600_000,
    });
    this.region = new LocalRegion({
      name: region,
      accountId,
      partitions,
      layout: () => core.layout,
      catalogue,
      lifecycle: this.#lifecycle,
      updater: { update: async (name, change) => this.#updateTable(name, change) },
      replicas: this.links.globalTables,
      globalIndexes: this.indexes,
      clock,
      random,
      streams: readableStreams(options),
    });
    this.triggers = triggersOf(options, this.region);
    this.#streamUpkeep = new StreamUpkeep({
      catalogue,
      partitions,
      clock,
      logger,
      keptMs: config.streams.hours * 3_600_000,
    });
  }

  /** A stream that is enabled tells of all that is written once that was answered. */
  async #updateTable(name: string, change: TableChange): Promise<Table> {
    const table = await this.links.updater.update(name, change);
    await this.#streamStarts.begun(name);
    return table;
  }

  /** A partition was split: its child, the last of the core's partitions by now, is followed too. */
  addChild({ partition, parent, splitIndex }: ChildFollowed): void {
    this.links.addChild({ partition, parent, splitIndex });
    this.indexes.addChild({ source: partition, parent, splitIndex });
  }

  /** Up to where nobody who follows a partition's log from here needs it any more. */
  releaseFloor(partition: number): number {
    return Math.min(
      this.links.releaseFloor(partition),
      this.indexes.releaseFloor(partition),
      this.#streamUpkeep.releaseFloor(partition) ?? Infinity,
    );
  }

  async start(): Promise<void> {
    this.#lifecycle.resume();
    await this.indexes.start();
    await this.links.start();
    await this.#streamStarts.start();
    await this.triggers.start();
    await this.#streamUpkeep.start();
    await this.#expiry.start();
  }

  /** Waits for no peer. */
  async stop(): Promise<void> {
    await this.#expiry.stop();
    await this.#streamUpkeep.stop();
    await this.#streamStarts.stop();
    await this.triggers.stop();
    await this.links.stop();
    await this.#lifecycle.stop();
    await this.indexes.stop();
  }
}

const readableStreams = ({ config, core, clock }: RegionServicesOptions): ReadableStreams =>
  new ReadableStreams({
    region: config.region,
    accountId: config.accountId,
    catalogue: core.catalogue,
    partitions: () => core.partitions,
    splits: () => (core.splits?.splits ?? []).map(splitSeen),
    clock,
    keptMs: config.streams.hours * 3_600_000,
  });

/** As a stream's shards tell it: the child's log begins right behind the split, as a moment. */
export const splitSeen = ({ parent, child, index, time }: LoggedSplit): PartitionSplit => ({
  parent,
  child,
  at: { index, time },
  childFrom: { index: 0, time: time + 1 },
});

function triggersOf(options: RegionServicesOptions, { streams }: LocalRegion): Triggers {
  const { config, core, clock, random, logger, metrics } = options;
  return new Triggers({
    region: config.region,
    accountId: config.accountId,
    documents: core.triggerDocuments,
    source: new TableStreamSource(streams),
    targets: new TriggerTargets({ config, clock, logger }),
    clock,
    random,
    logger,
    metrics,
  });
}
