import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import { EmbeddedLogs, type EmbeddedLogsOptions } from '../log/embedded/embedded-logs.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import { LocalPartition } from '../partition/local-partition.ts';
import { openOrRenewStore, Zones } from '../partition/zones.ts';
import { Catalogue } from '../region/catalogue.ts';
import { SystemDocuments } from '../region/system-documents.ts';
import { resolve } from '../replication/resolve.ts';
import { StoreError, type KeyValueStore } from '../storage/key-value-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import type { RegionMetrics } from './region-metrics.ts';
import type { RegionPlace } from './region-place.ts';

/** How often it is looked whether the copies have applied what a start found in the log. */
const readyLookMs = 2;

/** How long a start waits for a second zone that can be written. */
const recoveryMs = 2000;

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
  readonly partitions: readonly LocalPartition[];
  readonly zones: Zones;
  readonly catalogue: Catalogue;
  readonly #options: RegionCoreOptions;
  readonly #stores: ReadonlyMap<Zone, KeyValueStore>;
  readonly #documents: SystemDocuments;

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
        zones: await Promise.all(
          ZONES.map(async (zone) => ({ zone, disk: await place.logDisk(zone) })),
        ),
        clock,
        random,
        durability: config.durability,
        ...(logSegmentBytes === undefined ? {} : { segmentBytes: logSegmentBytes }),
        observe: (observation) => {
          options.metrics.groupCommitted(observation);
        },
        onZoneChange: (zone, state) => {
          options.logger.info({ zone, state }, 'log of a zone');
          if (state === 'damaged') core?.zones.logDamaged(zone);
        },
      },
      stores,
    );
    await assertRecovered(logs, stores, options);
    core = new RegionCore(options, { stores, logs });
    return core;
  }

  private constructor(
    options: RegionCoreOptions,
    parts: {
      readonly stores: ReadonlyMap<Zone, KeyValueStore>;
      readonly logs: EmbeddedLogs;
    },
  ) {
    const { config, place, clock, hybrid, logger, metrics } = options;
    this.#options = options;
    this.#stores = parts.stores;
    this.place = place;
    this.logs = parts.logs;
    this.partitions = Array.from({ length: config.partitions }, (_, number) =>
      this.#partition(number),
    );
    const [first] = this.partitions;
    if (first === undefined) throw new Error('a region has at least one partition');
    this.#documents = new SystemDocuments(first);
    this.catalogue = new Catalogue(this.#documents);
    this.zones = new Zones({
      logs: parts.logs,
      partitions: this.partitions,
      stores: place,
      clock,
      logger,
      isTable: (table) => this.catalogue.isKnown(table),
      onRebuildProgress: (progress) => {
        metrics.rebuilt(progress);
      },
    });
    for (const { committed } of this.partitions) hybrid.moveTo(committed.partitionTime);
  }

  #partition(number: number): LocalPartition {
    const { config, clock, hybrid, logger, isGlobal, metrics } = this.#options;
    return new LocalPartition({
      number,
      partitionCount: config.partitions,
      region: config.region,
      log: this.logs.log(number),
      clock,
      now: () => hybrid.now(),
      resolve,
      keepsTombstones: isGlobal,
      onFailure: (error) => {
        logger.error({ partition: number, error }, 'the log of a partition failed');
      },
      onAppended: (durationMs) => {
        metrics.appended(durationMs);
      },
      onDamage: (zone, error) => {
        this.zones.storeDamaged(zone, error);
      },
    });
  }

  /** Starts the copies, opens an epoch in every partition, and loads the catalogue. */
  async start(): Promise<void> {
    const { clock } = this.#options;
    await this.zones.start(this.#stores);
    const { random } = this.#options;
    const opened = this.partitions.map((partition) => partition.open(randomUuid(random)));
    while (this.partitions.some(({ copies }) => copies.serving.length === 0))
      await clock.sleep(readyLookMs);
    for (const { durable } of opened) await durable;
    this.catalogue.load(await this.#documents.all());
    await this.zones.dropUnknownTables();
  }

  /** Answers what is in flight, syncs the log, closes everything. */
  async stop(): Promise<void> {
    for (const partition of this.partitions) partition.stop();
    await this.zones.stop();
    await this.logs.stop();
  }
}

/**
 * The stores that open. One that is damaged begins blank and is rebuilt; one that cannot be opened leaves its zone
 * out. Rejects when another process has them.
 */
async function openStores(
  place: RegionPlace,
  logger: Logger,
): Promise<ReadonlyMap<Zone, KeyValueStore>> {
  const stores = new Map<Zone, KeyValueStore>();
  for (const zone of ZONES) {
    try {
      stores.set(zone, await openOrRenewStore(place, zone, logger));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'locked') {
        await closeStores(stores);
        throw error;
      }
      logger.error({ zone, error }, 'zone left out: its store does not open');
    }
  }
  return stores;
}

async function openLogs(
  options: EmbeddedLogsOptions,
  stores: ReadonlyMap<Zone, KeyValueStore>,
): Promise<EmbeddedLogs> {
  try {
    return await EmbeddedLogs.open({
      ...options,
      except: ZONES.filter((zone) => !stores.has(zone)),
    });
  } catch (error) {
    await closeStores(stores);
    throw error;
  }
}

/** Where a log ends is known from two zones. With fewer, what was acknowledged could be passed over. */
async function assertRecovered(
  logs: EmbeddedLogs,
  stores: ReadonlyMap<Zone, KeyValueStore>,
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

async function closeStores(stores: ReadonlyMap<Zone, KeyValueStore>): Promise<void> {
  await Promise.all([...stores.values()].map(async (store) => store.close()));
}
