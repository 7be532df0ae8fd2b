import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Bus } from '../bus/bus.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import type { WallJudge } from '../clock/wall-judge.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type { Catalogue } from '../region/catalogue.ts';
import { ControlLine } from '../region/control-line.ts';
import { CopyJobs } from '../region/copy-jobs.ts';
import { GlobalTables } from '../region/global-tables.ts';
import { HeardStates } from '../region/heard-states.ts';
import { ReplicationAdapter } from '../region/replication-adapter.ts';
import { Resync, type ResyncStatus } from '../region/resync.ts';
import { SharedTables } from '../region/shared-tables.ts';
import { TableHome } from '../region/table-home.ts';
import { TableMember } from '../region/table-member.ts';
import { TableUpdater } from '../region/table-updater.ts';
import type { PositionStore } from '../replication/position-store.ts';
import { replicationObserver } from '../replication/replication-metrics.ts';
import {
  type ReplicationObserver,
  type ReplicationStatus,
  Replicator,
} from '../replication/replicator.ts';
import { TableCopy } from '../replication/table-copy.ts';
import { TableCopyInbox } from '../replication/table-copy-inbox.ts';
import { partitionOf } from '../storage/key-layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RegionConfig } from './config.ts';

/** What other regions are concerned with of this one. */
export interface LinkedCore {
  readonly catalogue: Catalogue;
  /** All of the region, by number. */
  readonly partitions: readonly RegionPartition[];
}

export interface RegionLinksOptions {
  readonly config: RegionConfig;
  readonly regions: readonly string[];
  readonly core: LinkedCore;
  readonly positions: PositionStore;
  readonly endpoint: Bus;
  readonly judge: WallJudge;
  readonly hybrid: HybridClock;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly dropItems: (table: number) => Promise<void>;
  /** See `ReplicationAdapterOptions`. */
  readonly leadersKnow?: () => Promise<void>;
}

/** What a region has with others: its outboxes and inbox, copies of tables, resyncs, and the control of global tables. */
export class RegionLinks implements Service {
  readonly globalTables: GlobalTables;
  readonly updater: TableUpdater;
  readonly #options: RegionLinksOptions;
  readonly #services: readonly Service[];
  readonly #replicator: Replicator;
  readonly #resync: Resync;
  readonly #adapter: ReplicationAdapter;

  constructor(options: RegionLinksOptions) {
    const { config, regions, core, positions, endpoint, clock, random, logger, dropItems } =
      options;
    const { catalogue, partitions } = core;
    const region = config.region;
    const peers = regions.filter((name) => name !== region);
    this.#options = options;

    const tables = this.#newTables((globalId) => tableCopy.isSending(globalId));
    const observer = replicationObserver({ region, metrics: options.metrics, tables });
    this.#replicator = this.#newReplicator({ peers, tables, positions, observer });
    const tableCopy = new TableCopy({
      partitions,
      lineTo: (peer) => this.#replicator.line(peer),
      watermarks: () => this.#adapter.watermarks(),
      clock,
      random,
      logger,
    });
    this.#adapter = this.#newAdapter(peers, tableCopy);
    const line = new ControlLine(endpoint);
    const states = new HeardStates({ region, regions, catalogue, line, clock, random, logger });
    this.#resync = this.#newResync({ line, tableCopy, states });
    const copyJobs = new CopyJobs({ catalogue, seams: this.#adapter, clock, logger });
    const tableCopyInbox = this.#newCopyInbox(tables, observer);
    const shared = {
      region,
      regions,
      catalogue,
      line,
      states,
      seams: this.#adapter,
      copyJobs,
      clock,
      random,
      logger,
    };
    const { statusMs } = config;
    const home = new TableHome({ ...shared, statusMs });
    this.globalTables = new GlobalTables({
      ...shared,
      rules: {
        sourceStays24Hours: config.globalTables.sourceRegionRule24h,
        requireAutoScaling: config.globalTables.requireAutoScaling,
      },
    });
    this.updater = new TableUpdater(shared);
    const member = new TableMember({
      ...shared,
      statusMs,
      dropItems,
      onReplicaLost: async (table, peer) => this.globalTables.replicaLost(table, peer),
    });
    // In the order of starting; stopped in the reverse.
    this.#services = [
      copyJobs,
      this.#resync,
      tableCopyInbox,
      this.#replicator,
      member,
      this.globalTables,
      this.updater,
      home,
    ];
  }

  #newAdapter(peers: readonly string[], tableCopy: TableCopy): ReplicationAdapter {
    const { core, clock, leadersKnow } = this.#options;
    return new ReplicationAdapter({
      peers,
      partitions: core.partitions,
      replicator: this.#replicator,
      tableCopy,
      catalogue: core.catalogue,
      clock,
      ...(leadersKnow === undefined ? {} : { leadersKnow }),
      transactionsOver: async () => {
        await Promise.all(core.partitions.map(async (each) => each.transact('quiet', undefined)));
      },
    });
  }

  #newTables(isSending: (globalId: string) => boolean): SharedTables {
    const { config, core } = this.#options;
    return new SharedTables({
      region: config.region,
      catalogue: core.catalogue,
      isSending,
      isResyncing: () => this.#resync.isResyncing(),
    });
  }

  #newCopyInbox(tables: SharedTables, observer: ReplicationObserver): TableCopyInbox {
    const { config, core, endpoint, clock, logger } = this.#options;
    return new TableCopyInbox({
      region: config.region,
      bus: endpoint,
      partitions: core.partitions,
      partitionOf: (key) => this.#partitionOf(key),
      tables,
      clock,
      logger,
      onReceived: () => {},
      observer,
    });
  }

  #newReplicator(parts: {
    readonly peers: readonly string[];
    readonly tables: SharedTables;
    readonly positions: PositionStore;
    readonly observer: ReplicationObserver;
  }): Replicator {
    const { config, core, endpoint, judge, hybrid, clock, random, logger } = this.#options;
    const { region } = config;
    return new Replicator({
      ...parts,
      region,
      bus: endpoint,
      partitions: core.partitions,
      partitionOf: (key) => this.#partitionOf(key),
      clock,
      random,
      logger,
      now: () => hybrid.now(),
      nowMs: () => hybrid.nowMs(),
      tombstoneCount: (table) =>
        core.partitions.reduce(
          (sum, partition) => sum + partition.counters(table).tombstoneCount,
          0,
        ),
      onEstimate: (peer, estimate) => {
        judge.peerOffset(peer, estimate);
      },
      onMismatch: (mismatch) => {
        this.#resync.begin(mismatch);
      },
    });
  }

  #newResync({
    line,
    tableCopy,
    states,
  }: {
    readonly line: ControlLine;
    readonly tableCopy: TableCopy;
    readonly states: HeardStates;
  }): Resync {
    const { config, core, hybrid, clock, random, logger, metrics } = this.#options;
    const replicator = this.#replicator;
    const { region } = config;
    return new Resync({
      region,
      partitions: core.partitions,
      catalogue: core.catalogue,
      clock,
      random,
      logger,
      moveClockTo: (time) => {
        hybrid.moveTo(time);
      },
      freshEnds: (peer) => this.#adapter.freshEnds(peer),
      placeAt: async (peer, log, at) => replicator.outbox(peer, log).placeAt(at),
      peerEnds: async (peer, signal) => replicator.peerPositions(peer, signal),
      receivedAtLeast: async (origin, ends, signal) =>
        replicator.receivedAtLeast(origin, ends, signal),
      askScan: async (peer, request) => line.tryAsk(peer, 'control.scan', request),
      sendCopy: async (job) => tableCopy.send(job),
      hearOf: async (peer, signal) =>
        (await states.compare(peer, states.shared(), signal)) !== undefined,
      onBegun: (target) => {
        metrics.counter('tidemark_replication_resyncs_total', { source: region, target }).add(1);
      },
    });
  }

  #partitionOf(key: Uint8Array): RegionPartition {
    const { partitions } = this.#options.core;
    const partition = partitions[partitionOf(FIRST_TABLE, key, partitions.length)];
    if (partition === undefined) throw new Error('a partition for every hash');
    return partition;
  }

  status(): ReplicationStatus & { readonly resyncs: readonly ResyncStatus[] } {
    return { ...this.#replicator.status(), resyncs: this.#resync.status() };
  }

  /** Up to where no peer needs a log any more; 0 while one has not said where it stands. */
  releaseFloor(partition: number): number {
    return this.#replicator.releaseFloor(partition) ?? 0;
  }

  async start(): Promise<void> {
    for (const service of this.#services) await service.start();
  }

  async stop(): Promise<void> {
    for (const service of this.#services.toReversed()) await service.stop();
    this.#adapter.close();
  }
}

/** Any table but the system's own: all of them lie in the same partitions. */
const FIRST_TABLE = 1;
