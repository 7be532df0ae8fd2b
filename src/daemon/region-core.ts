import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import { EmbeddedLogs, type EmbeddedLogsOptions } from '../log/embedded/embedded-logs.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import type { ZoneState } from '../log/embedded/zone-log.ts';
import { CommitGate } from '../partition/commit-gate.ts';
import { LocalPartition } from '../partition/local-partition.ts';
import { RegionPartitions } from '../partition/region-partitions.ts';
import { LoadSamples, type LoadSample } from '../partition/split-point.ts';
import { Zones } from '../partition/zones.ts';
import { Catalogue } from '../region/catalogue.ts';
import { IndexProgress } from '../region/index-progress.ts';
import { IndexedTables } from '../region/indexed-tables.ts';
import { SystemDocuments } from '../region/system-documents.ts';
import { resolve } from '../replication/resolve.ts';
import type { HashRange } from '../storage/key-layout.ts';
import { StoreError, type KeyValueStore } from '../storage/key-value-store.ts';
import type { Layout } from '../storage/layout.ts';
import { Scrub } from '../storage/scrub.ts';
import type { Logger } from '../telemetry/logger.ts';
import { TriggerDocuments } from '../triggers/trigger-documents.ts';
import type { RegionConfig } from './config.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import { LateDisk } from './late-disk.ts';
import { restoreLostLogEnds } from './lost-log-ends.ts';
import type { RegionMetrics } from './region-metrics.ts';
import type { RegionPlace } from './region-place.ts';

/** See `EmbeddedLogsOptions.spareGatherMs`: some ten groups of the other zones. */
const spareGatherMs = 10;

/** How often it is looked whether the copies have applied what a start found in the log. */
const readyLookMs = 2;

/** How long a start waits for a second zone that can be written. */
const recoveryMs = 2000;

/** How long a start waits for a copy of each partition while nothing moves in any zone. */
const standstillMs = 10_000;

/** What became of opening each zone's store. */
type OpenedStores = ReadonlyMap<Zone, KeyValueStore | Error>;

export interface RegionCoreOptions {
  readonly config: RegionConfig;
  readonly place: RegionPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly hybrid: HybridClock;
  readonly logger: Logger;
  readonly metrics: RegionMetrics;
  /** Whether a table has, or is getting, a replica in another region. */
  readonly isGlobal: (table: number) => boolean;
  /** How long a file of a zone's log gets; the log's own measure when it is not given. */
  readonly logSegmentBytes?: number;
}

/** What a region is without other regions: logs, copies, partitions and the catalogue that is kept in them. */
export class RegionCore implements Service {
  readonly place: RegionPlace;
  readonly logs: EmbeddedLogs;
  /** By number. A split adds to it. */
  readonly partitions: readonly LocalPartition[];
  readonly splits: RegionPartitions;
  readonly zones: Zones;
  readonly catalogue: Catalogue;
  readonly indexedTables: IndexedTables;
  readonly indexProgress: IndexProgress;
  readonly triggerDocuments: TriggerDocuments;
  readonly #options: RegionCoreOptions;
  readonly #stores: OpenedStores;
  readonly #stopping = new AbortController();
  #ownsStores = true;
  readonly #documents: SystemDocuments;
  readonly #scrub: Scrub;
  readonly #loads = new LoadSamples();
  readonly #gate: CommitGate;

  /**
   * Opens what is in the place and recovers the logs. Rejects with `DataDirectoryError` (fewer than two zones can be
   * had), `StoreError` (`locked` when another process has it), `StorageNodeError` or `DiskError`.
   */
  static async open(options: RegionCoreOptions): Promise<RegionCore> {
    const { config, place, clock, random, logSegmentBytes } = options;
    const stores = await openStores(place, options.logger);
    let core: RegionCore | undefined;
    const logs = await openLogs(
      {
        region: config.region,
        zones: ZONES.map((zone) => ({
          zone,
          disk: new LateDisk(async () => place.logDisk(zone)),
        })),
        clock,
        random,
        durability: config.durability,
        spareGatherMs,
        ...(logSegmentBytes === undefined ? {} : { segmentBytes: logSegmentBytes }),
        observe: (observation) => {
          options.metrics.groupCommitted(observation);
        },
        onZoneChange: (zone, state, error) => {
          const level = logLevelOf(state, error);
          const cause = error === undefined ? {} : { error };
          options.logger[level]({ zone, state, ...cause }, 'log of a zone');
          core?.zones.logChanged(zone);
        },
      },
      stores,
    );
    await assertRecovered(logs, stores, options);
    await assertFollowable(logs, stores, options);
    core = new RegionCore(options, { stores, logs });
    return core;
  }

  private constructor(
    options: RegionCoreOptions,
    parts: {
      readonly stores: OpenedStores;
      readonly logs: EmbeddedLogs;
    },
  ) {
    const { config, place, clock, hybrid, logger, metrics } = options;
    this.#options = options;
    this.#stores = parts.stores;
    this.place = place;
    this.logs = parts.logs;
    this.#gate = new CommitGate(clock);
    this.splits = new RegionPartitions({
      count: config.partitions,
      newPartition: (number, hashes) => this.#partition(number, hashes),
      clock,
      random: options.random,
      logger,
    });
    this.partitions = this.splits.all;
    const [first] = this.partitions;
    if (first === undefined) throw new Error('a region has at least one partition');
    this.#documents = new SystemDocuments(first);
    this.catalogue = new Catalogue(
      this.#documents,
      () => this.partitions.map(({ committed }) => committed),
      { nowMs: () => clock.wallMs(), shardMs: config.streams.shardHours * 3_600_000 },
    );
    this.indexedTables = new IndexedTables(this.catalogue);
    this.indexProgress = new IndexProgress(this.#documents);
    this.triggerDocuments = new TriggerDocuments(this.#documents);
    this.zones = new Zones({
      logs: parts.logs,
      partitions: this.splits.held,
      onBorn: (copy) => this.splits.born(copy),
      stores: place,
      clock,
      logger,
      isTable: (table) => this.catalogue.isKnown(table),
      rebuilds: metrics,
    });
    this.#scrub = new Scrub({
      nodes: () => this.zones.nodes,
      clock,
      logger,
      onDamage: (zone, error, partition) => {
        this.zones.storeDamaged(zone, error, partition);
      },
    });
    for (const { committed } of this.partitions) hybrid.moveTo(committed.partitionTime);
  }

  /** Which partition has which hashes, at this moment. */
  get layout(): Layout {
    return this.splits.layout;
  }

  /** What of late was committed in a partition. */
  load(partition: number): LoadSample {
    return this.#loads.of(partition);
  }

  #partition(number: number, hashes: () => HashRange): LocalPartition {
    const { config, clock, hybrid, logger, isGlobal, metrics } = this.#options;
    const load = this.load(number);
    const log = this.logs.log(number);
    hybrid.moveTo(log.end.partitionTime);
    return new LocalPartition({
      number,
      partitionCount: config.partitions,
      hashes,
      region: config.region,
      log,
      onLoad: (records) => {
        load.add(records);
      },
      clock,
      now: () => hybrid.now(),
      resolve,
      keepsTombstones: isGlobal,
      indexed: (table) => this.indexedTables.indexed(table),
      onFailure: (error) => {
        logger.error({ partition: number, error }, 'the log of a partition failed');
      },
      onAppended: (durationMs) => {
        metrics.appended(durationMs);
      },
      gate: this.#gate,
      onDamage: (zone, error) => {
        this.zones.storeDamaged(zone, error, number);
      },
    });
  }

  /**
   * Starts the copies, opens an epoch in every partition, and loads the catalogue. Rejects with `StoreError` `format`,
   * and with `DataDirectoryError` when no zone has a copy to go on with.
   */
  async start(): Promise<void> {
    this.#ownsStores = false;
    await this.zones.start(this.#stores);
    this.splits.open();
    await this.#untilServing();
    await this.splits.started();
    const documents = await this.#documents.all();
    this.catalogue.load(documents);
    this.indexProgress.load(documents);
    this.triggerDocuments.load(documents);
    await this.zones.dropUnknownTables();
    await this.#scrub.start();
  }

  /** Waits until each partition has a copy that serves, as long as something moves on the way there. */
  async #untilServing(): Promise<void> {
    const { clock, config } = this.#options;
    let [seen, sinceMs] = ['', clock.monotonicMs()];
    for (;;) {
      const lacking = this.splits.held.filter(({ copies }) => copies.serving.length === 0);
      if (lacking.length === 0 && !this.splits.isIncomplete) return;
      await clock.sleep(readyLookMs, this.#stopping.signal);
      const standing = this.zones.standing();
      if (standing !== seen) [seen, sinceMs] = [standing, clock.monotonicMs()];
      const isStill = clock.monotonicMs() - sinceMs > standstillMs;
      if (!isStill && !this.#stopping.signal.aborted) continue;
      const states = ZONES.map((zone) => `${zone} ${this.zones.state(zone)}`).join(', ');
      throw new DataDirectoryError(
        `${config.region} cannot start: no zone's store can be used for partition ` +
          `${lacking.map(({ number }) => number).join(', ')}; the stores are: ${states}`,
      );
    }
  }

  /** A start that waits for copies rejects now. */
  giveUpStart(): void {
    this.#stopping.abort();
  }

  /** Answers what is in flight, syncs the log, closes everything. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#scrub.stop();
    this.splits.stop();
    await this.zones.stop();
    if (this.#ownsStores) await closeStores(this.#stores);
    await this.logs.stop();
  }
}

/**
 * Opens the stores. One that does not open is mended from the other zones later, and its zone's log runs all the same.
 * Rejects when another process has them.
 */
async function openStores(place: RegionPlace, logger: Logger): Promise<OpenedStores> {
  const stores = new Map<Zone, KeyValueStore | Error>();
  for (const zone of ZONES) {
    try {
      stores.set(zone, await place.open(zone));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'locked') {
        await closeStores(stores);
        throw error;
      }
      logger.error({ zone, error }, 'the store of a zone does not open');
      stores.set(zone, error instanceof Error ? error : new Error(String(error)));
    }
  }
  return stores;
}

async function openLogs(options: EmbeddedLogsOptions, stores: OpenedStores): Promise<EmbeddedLogs> {
  try {
    return await EmbeddedLogs.open(options);
  } catch (error) {
    await closeStores(stores);
    throw error;
  }
}

/** Where a log ends is known from two zones. With fewer, what was acknowledged could be passed over. */
async function assertRecovered(
  logs: EmbeddedLogs,
  stores: OpenedStores,
  { clock, config }: RegionCoreOptions,
): Promise<void> {
  const giveUpMs = clock.monotonicMs() + recoveryMs;
  while (!logs.available && clock.monotonicMs() < giveUpMs) await clock.sleep(readyLookMs);
  if (logs.available) return;
  const states = ZONES.map((zone) => `${zone} ${logs.zoneState(zone)}`).join(', ');
  await logs.stop();
  await closeStores(stores);
  throw new DataDirectoryError(
    `${config.region} cannot start: two zones must hold its log and take writes, and their states are ${states}`,
  );
}

/** A log that ends before what every copy holds goes on behind the copies. */
async function assertFollowable(
  logs: EmbeddedLogs,
  stores: OpenedStores,
  { config, logger }: RegionCoreOptions,
): Promise<void> {
  const opened = [...stores.values()].flatMap((store) => (store instanceof Error ? [] : [store]));
  try {
    await restoreLostLogEnds({ logs, stores: opened, partitions: config.partitions, logger });
  } catch (error) {
    await logs.stop();
    await closeStores(stores);
    throw error;
  }
}

const logLevelOf = (state: ZoneState, error: unknown): 'info' | 'warn' | 'error' =>
  state === 'failed' || state === 'damaged' ? 'error' : error === undefined ? 'info' : 'warn';

async function closeStores(stores: OpenedStores): Promise<void> {
  for (const store of stores.values())
    if (!(store instanceof Error)) await store.close().catch(() => undefined);
}
