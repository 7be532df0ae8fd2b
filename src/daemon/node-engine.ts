import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Bus } from '../bus/bus.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import type { WallJudge } from '../clock/wall-judge.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import { LeaderSpread } from '../partition/clustered/leader-spread.ts';
import { StreamRetention } from '../partition/clustered/stream-retention.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import { ClusteredRegion } from '../region/clustered-region.ts';
import type { ExpirySweep } from '../region/expiry-sweep.ts';
import { ReadableStreams } from '../region/readable-streams.ts';
import { Router } from '../region/router.ts';
import { SeatLine } from '../region/seat-line.ts';
import { streamHours } from '../region/stream-upkeep.ts';
import { TransactionRecovery } from '../region/transaction-recovery.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RegionConfig } from './config.ts';
import { newExpirySweep } from './expiry.ts';
import { NodeCore } from './node-core.ts';
import type { NodeAddresses } from './node-report.ts';
import { exportNodeGauges } from './node-gauges.ts';
import type { LogMeasures, RegionStreams } from './node-logs.ts';
import { precedenceOf } from './precedence.ts';
import { RegionClock } from './region-clock.ts';
import { RegionMetrics } from './region-metrics.ts';
import type { RegionPlace } from './region-place.ts';
import { RegionSeat } from './region-seat.ts';
import { splitSeen } from './region-services.ts';
import { SeatKeeper } from './seat-keeper.ts';
import type { Engine } from './served-region.ts';
import { SplitLine } from './split-line.ts';
import { TriggerLine } from './trigger-line.ts';

export interface NodeEngineOptions {
  readonly config: RegionConfig;
  readonly zone: Zone;
  readonly place: RegionPlace;
  /** The engine's own from now on. */
  readonly line: { readonly streams: RegionStreams; stop(): Promise<void> };
  /** Every region that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly endpoint: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly logMeasures?: LogMeasures;
  /** See `StreamRetentionOptions`. */
  readonly keptEntries?: number;
  /** Where this node's endpoint and operations are, once they listen. */
  readonly addresses: () => NodeAddresses;
  /** The operator's word: see `StreamRecoveryOptions`. */
  readonly withoutMissing: () => boolean;
  /** The node cannot go on in this process, and must be started anew. */
  readonly onFailure: (error: Error) => void;
}

/** One node of a region of several: from its store to what its API asks of the region. Started once. */
export class NodeEngine implements Engine {
  readonly region: ClusteredRegion;
  readonly core: NodeCore;
  readonly metrics: RegionMetrics;
  readonly expiry: ExpirySweep;
  /** The region's, by way of any node. */
  readonly triggers: TriggerLine;
  readonly #options: NodeEngineOptions;
  readonly #seats: SeatKeeper;
  readonly #seatLine: SeatLine;
  readonly #splitLine: SplitLine;
  readonly #retention: StreamRetention;
  readonly #spread: LeaderSpread;
  readonly #recovery: TransactionRecovery;
  readonly #time: RegionClock;
  #offGauges: () => void = () => {};
  #offDrops: () => void = () => {};

  /** Opens the store. Rejects as `NodeCore.open` does, with the line closed. */
  static async open(options: NodeEngineOptions): Promise<NodeEngine> {
    try {
      return await NodeEngine.#openAll(options);
    } catch (error) {
      await options.line.stop();
      throw error;
    }
  }

  static async #openAll(options: NodeEngineOptions): Promise<NodeEngine> {
    const { clock, logger } = options;
    const time = new RegionClock(clock, logger);
    const { judge, hybrid } = time;
    const metrics = new RegionMetrics(options.metrics);
    let engine: NodeEngine | undefined;
    const core = await NodeCore.open({
      ...options,
      streams: options.line.streams,
      bus: options.endpoint,
      hybrid,
      judge,
      metrics,
      seat: () => engine?.seatReport(),
      onSeat: (leading) => {
        engine?.seatChanged(leading);
      },
    });
    engine = new NodeEngine(options, { core, time, judge, hybrid, metrics });
    return engine;
  }

  private constructor(
    options: NodeEngineOptions,
    parts: {
      readonly core: NodeCore;
      readonly time: RegionClock;
      readonly judge: WallJudge;
      readonly hybrid: HybridClock;
      readonly metrics: RegionMetrics;
    },
  ) {
    const { config, clock, logger, zone } = options;
    const { core } = parts;
    this.#options = options;
    this.#time = parts.time;
    this.core = core;
    this.metrics = parts.metrics;
    this.#seats = new SeatKeeper({
      clock,
      logger,
      take: async (leading, signal) =>
        RegionSeat.take({ ...options, ...parts, metrics: options.metrics, leading, signal }),
    });
    this.#seatLine = new SeatLine({
      zone,
      calls: core.calls,
      clock,
      logger,
      seat: () => this.#seats.seat,
      seatZone: () => core.partitions[0]?.leader,
    });
    this.#splitLine = new SplitLine({
      zone,
      calls: core.calls,
      clock,
      logger,
      splitter: () => this.#seats.seat?.splitter,
      seatZone: () => core.partitions[0]?.leader,
    });
    this.triggers = new TriggerLine({
      region: config.region,
      zone,
      calls: core.calls,
      clock,
      logger,
      triggers: () => this.#seats.seat?.services.triggers,
      seatZone: () => core.partitions[0]?.leader,
    });
    this.region = newRegion(options, core, this.#seatLine);
    this.#recovery = newRecovery(options, core);
    this.expiry = newExpirySweep({
      ...options,
      ...parts,
      partitions: () => core.partitions,
    });
    this.#retention = newRetention(options, parts, () => this.#released());
    this.#spread = new LeaderSpread({
      zone,
      partitions: () => core.partitions,
      nodes: core.nodes,
      precedence: precedenceOf,
      clock,
      logger,
    });
  }

  /** The region's seat, while this node has it. */
  get seat(): RegionSeat | undefined {
    return this.#seats.seat;
  }

  /** Why the wall clock is not believed; undefined when it is. */
  get clockAlarm(): string | undefined {
    return this.#time.alarm;
  }

  seatReport(): { readonly term: number; readonly released: readonly number[] } | undefined {
    const { seat } = this;
    if (seat === undefined) return undefined;
    const released = this.core.partitions.map(({ number }) => seat.services.releaseFloor(number));
    return { term: seat.term, released };
  }

  /** What the latest seat that is heard of says. */
  #released(): readonly number[] | undefined {
    const { nodes } = this.core;
    const heard = nodes.others.flatMap((zone) => nodes.report(zone)?.seat ?? []);
    const own = this.seatReport();
    const [latest] = [...heard, ...(own === undefined ? [] : [own])].toSorted(
      (a, b) => b.term - a.term,
    );
    return latest?.released;
  }

  /** Because an operator says so. Resolves with the number of the child; rejects with `SplitRefused`. */
  async splitPartition(partition: number): Promise<number> {
    return this.#splitLine.split(partition);
  }

  seatChanged(leading: LocalPartition | undefined): void {
    this.#seats.led(leading);
  }

  giveUpStart(): void {
    this.core.giveUpStart();
  }

  /** Resolves once this node has what its region had, and clients can be answered. */
  async start(): Promise<void> {
    this.#seatLine.start();
    this.#splitLine.start();
    this.triggers.start();
    await this.core.start();
    this.#offGauges = exportNodeGauges(this.#options.metrics, this);
    this.#offDrops = this.core.catalogue.onChange((before, after) => {
      if (hasLost(before, after)) this.#dropTables();
    });
    await this.#retention.start();
    await this.#spread.start();
    await this.#recovery.start();
    await this.expiry.start();
  }

  /** What the catalogue knows no more is removed from this node's copies. */
  #dropTables(): void {
    this.core.node.dropTables().catch((error: unknown) => {
      this.#options.logger.warn({ error }, 'a table is not dropped from this node yet');
    });
  }

  async handOver(): Promise<void> {
    await this.core.drain();
  }

  /** Hands over what it leads. What clients wait for should have been answered before: it fails. */
  async stop(): Promise<void> {
    this.#offGauges();
    this.#offDrops();
    await this.expiry.stop();
    await this.#recovery.stop();
    await this.#spread.stop();
    await this.#retention.stop();
    // What runs once in the region ends first: it needs what this node leads.
    await this.#seats.stop();
    await this.core.stop();
    await this.#options.line.stop();
  }
}

type Numbered =
  | { readonly number: number; readonly indexes?: readonly { readonly number: number }[] }
  | undefined;

/** Whether a table or an index is gone. */
function hasLost(before: Numbered, after: Numbered): boolean {
  if (before === undefined) return false;
  const kept = new Set([after?.number, ...(after?.indexes ?? []).map(({ number }) => number)]);
  return [before, ...(before.indexes ?? [])].some(({ number }) => !kept.has(number));
}

function newRegion(
  { config, clock, random }: NodeEngineOptions,
  core: NodeCore,
  seat: SeatLine,
): ClusteredRegion {
  const partitions = () => core.clients;
  return new ClusteredRegion({
    name: config.region,
    accountId: config.accountId,
    partitions,
    layout: () => core.layout,
    catalogue: core.catalogue,
    follower: { through: async (index) => core.follower.through(index) },
    seat,
    clock,
    random,
    streams: new ReadableStreams({
      region: config.region,
      accountId: config.accountId,
      catalogue: core.catalogue,
      partitions,
      splits: () => core.splits.splits.map(splitSeen),
      clock,
      keptMs: config.streams.hours * 3_600_000,
    }),
  });
}

const newRecovery = ({ clock, logger }: NodeEngineOptions, core: NodeCore): TransactionRecovery =>
  new TransactionRecovery({
    led: () => core.partitions.flatMap(({ leading }) => leading ?? []),
    partitionAt: (hash) => new Router(core.clients, () => core.layout).partitionAt(hash),
    clock,
    logger,
  });

const newRetention = (
  { config, clock, logger, keptEntries }: NodeEngineOptions,
  { core, hybrid }: { readonly core: NodeCore; readonly hybrid: HybridClock },
  released: () => readonly number[] | undefined,
): StreamRetention =>
  new StreamRetention({
    partitions: () => core.partitions,
    nodes: core.nodes,
    synced: () => core.synced,
    released,
    clock,
    now: () => hybrid.now(),
    logger,
    hours: () => Math.max(config.retention.hours, streamHours(core.catalogue, config.streams)),
    bytes: config.retention.bytes,
    keptEntries,
  });
