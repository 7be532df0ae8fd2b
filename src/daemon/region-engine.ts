import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Bus } from '../bus/bus.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import type { WallJudge } from '../clock/wall-judge.ts';
import { Retention } from '../partition/retention.ts';
import type { GlobalIndexes } from '../region/global-indexes.ts';
import type { LocalRegion } from '../region/local-region.ts';
import { Router } from '../region/router.ts';
import { TransactionRecovery } from '../region/transaction-recovery.ts';
import { DiskPositionStore } from '../replication/disk-position-store.ts';
import type { PositionStore } from '../replication/position-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RegionConfig } from './config.ts';
import { RegionClock } from './region-clock.ts';
import { RegionCore } from './region-core.ts';
import { exportGauges } from './region-gauges.ts';
import type { RegionLinks } from './region-links.ts';
import { RegionMetrics } from './region-metrics.ts';
import type { RegionPlace } from './region-place.ts';
import { RegionServices } from './region-services.ts';
import type { Engine } from './served-region.ts';

const isNotYetKnown = (_table: number): boolean => false;

export interface RegionEngineOptions {
  readonly config: RegionConfig;
  readonly place: RegionPlace;
  /** Every region that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly endpoint: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** See `RegionCoreOptions.logSegmentBytes`. */
  readonly logSegmentBytes?: number;
}

/** Everything of a region but its sockets: from the disks to what its API asks of it. Started once. */
export class RegionEngine implements Engine {
  readonly region: LocalRegion;
  readonly core: RegionCore;
  readonly links: RegionLinks;
  readonly indexes: GlobalIndexes;
  readonly metrics: RegionMetrics;
  readonly #options: RegionEngineOptions;
  readonly #services: RegionServices;
  readonly #retention: Retention;
  readonly #recovery: TransactionRecovery;
  readonly #time: RegionClock;
  #offGauges: () => void = () => {};

  /** Opens the data and recovers it. Rejects as `RegionCore.open` does. */
  static async open(options: RegionEngineOptions): Promise<RegionEngine> {
    const { clock, logger } = options;
    const time = new RegionClock(clock, logger);
    const { judge, hybrid } = time;
    const metrics = new RegionMetrics(options.metrics);
    let isGlobal = isNotYetKnown;
    const core = await RegionCore.open({
      ...options,
      hybrid,
      metrics,
      isGlobal: (table) => isGlobal(table),
    });
    isGlobal = (table) => core.catalogue.byNumber(table)?.global !== undefined;
    const positions = await openPositions(core).catch(async (error: unknown) => {
      await core.stop();
      throw error;
    });
    return new RegionEngine(options, { core, positions, time, judge, hybrid, metrics });
  }

  private constructor(
    options: RegionEngineOptions,
    parts: {
      readonly core: RegionCore;
      readonly positions: PositionStore;
      readonly time: RegionClock;
      readonly judge: WallJudge;
      readonly hybrid: HybridClock;
      readonly metrics: RegionMetrics;
    },
  ) {
    const { config, clock, logger } = options;
    const { core, hybrid } = parts;
    const { partitions, zones, logs } = core;
    this.#options = options;
    this.#time = parts.time;
    this.core = core;
    this.metrics = parts.metrics;
    this.#services = new RegionServices({
      ...options,
      ...parts,
      metrics: options.metrics,
      dropItems: async (table) => zones.dropTable(table),
    });
    this.region = this.#services.region;
    this.links = this.#services.links;
    this.indexes = this.#services.indexes;
    const router = new Router(partitions);
    this.#recovery = new TransactionRecovery({
      led: () => partitions,
      partitionAt: (hash) => router.partitionAt(hash),
      clock,
      logger,
    });
    this.#retention = new Retention({
      logs,
      zones,
      partitions,
      clock,
      now: () => hybrid.now(),
      logger,
      hours: config.retention.hours,
      bytes: config.retention.bytes,
      releasedByFollowers: (partition) => this.#services.releaseFloor(partition),
    });
  }

  /** Why the wall clock is not believed; undefined when it is. */
  get clockAlarm(): string | undefined {
    return this.#time.alarm;
  }

  giveUpStart(): void {
    this.core.giveUpStart();
  }

  async start(): Promise<void> {
    const { core } = this;
    await core.start();
    this.#offGauges = exportGauges(this.#options.metrics, this);
    await this.#services.start();
    await this.#recovery.start();
    await this.#retention.start();
  }

  /** Waits for no peer. What clients wait for should have been answered before: it fails. */
  async stop(): Promise<void> {
    this.#offGauges();
    await this.#retention.stop();
    await this.#recovery.stop();
    await this.#services.stop();
    await this.core.stop();
  }
}

async function openPositions({ place }: RegionCore): Promise<PositionStore> {
  return new DiskPositionStore(await place.positionsDisk());
}
