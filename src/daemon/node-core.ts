import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Bus } from '../bus/bus.ts';
import type { HybridClock } from '../clock/hybrid-clock.ts';
import type { WallJudge } from '../clock/wall-judge.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import { internalError } from '../model/errors.ts';
import { advanceAll } from '../partition/advance-all.ts';
import { LeaderLine } from '../partition/clustered/leader-line.ts';
import { successorOf } from '../partition/clustered/leader-spread.ts';
import { NodeCalls } from '../partition/clustered/node-calls.ts';
import { NodePartition, type Stuck } from '../partition/clustered/node-partition.ts';
import { NodePartitions, type BornPartition } from '../partition/clustered/node-partitions.ts';
import { NodeSplitter } from '../partition/clustered/node-splitter.ts';
import { clientTables, type LeaderCall } from '../partition/clustered/partition-calls.ts';
import { PartitionClient, type AskLeader } from '../partition/clustered/partition-client.ts';
import { receiveByLayout } from '../partition/clustered/receive-by-layout.ts';
import { RegionNodes, type NodeReport } from '../partition/clustered/region-nodes.ts';
import { CopyTransfer } from '../partition/clustered/copy-transfer.ts';
import { SplitCounter } from '../partition/clustered/split-counter.ts';
import { StreamRecovery } from '../partition/clustered/stream-recovery.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import { LoadSamples } from '../partition/split-point.ts';
import type { CatalogueFollower } from '../region/catalogue-follower.ts';
import { Catalogue, type CatalogueDocuments } from '../region/catalogue.ts';
import { IndexedTables } from '../region/indexed-tables.ts';
import { takesWrites } from '../region/local-region.ts';
import { readDocuments } from '../region/system-documents.ts';
import { resolve } from '../replication/resolve.ts';
import { SYSTEM_TABLE } from '../storage/key-layout.ts';
import { StoreError } from '../storage/key-value-store.ts';
import type { Layout } from '../storage/layout.ts';
import { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import { isUnused } from './unused-log.ts';
import { newNodeFollower } from './node-follower.ts';
import { nodeReport, type NodeAddresses } from './node-report.ts';
import {
  makeChildLog,
  openNodeLog,
  openNodeLogs,
  type LogMeasures,
  type NodeLogsOptions,
  type RegionStreams,
} from './node-logs.ts';
import { precedenceOf, precedingOf } from './precedence.ts';
import type { RegionMetrics } from './region-metrics.ts';
import type { RegionPlace } from './region-place.ts';

/** How often a node syncs its store: what is not synced holds the log. */
const syncEveryMs = 2000;

/** How often it is looked whether the copies have applied what a start found in the logs. */
const appliedLookMs = 20;

export interface NodeCoreOptions {
  readonly config: RegionConfig;
  readonly zone: Zone;
  readonly place: RegionPlace;
  readonly streams: RegionStreams;
  readonly logMeasures?: LogMeasures;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly hybrid: HybridClock;
  readonly judge: Pick<WallJudge, 'peerOffset'>;
  readonly logger: Logger;
  readonly metrics: RegionMetrics;
  /** Where this node's endpoint and operations are, for who asks; undefined until they listen. */
  readonly addresses: () => NodeAddresses;
  /** See `NodeReport.seat`. */
  readonly seat: () => NodeReport['seat'];
  /** This node leads partition 0 from now on, or does no more. */
  readonly onSeat: (partition: LocalPartition | undefined) => void;
  /** The operator's word: see `StreamRecoveryOptions`. */
  readonly withoutMissing: () => boolean;
  /** The node's store cannot go on, or a log goes on in another stream. */
  readonly onFailure: (error: Error) => void;
}

/** What a node of a region has: its store, its part in every partition, and the region's catalogue as it stands. */
export class NodeCore implements Service {
  readonly zone: Zone;
  readonly node: StorageNode;
  readonly nodes: RegionNodes;
  readonly calls: NodeCalls;
  readonly catalogue: Catalogue;
  readonly indexedTables: IndexedTables;
  readonly splits: NodePartitions;
  readonly #splitter: NodeSplitter;
  readonly #counter: SplitCounter;
  readonly #loads = new LoadSamples();
  readonly #transfer: CopyTransfer;
  readonly #recovery: StreamRecovery;
  readonly #options: NodeCoreOptions;
  readonly #stopped = new AbortController();
  readonly #synced = new Map<number, number>();
  #parts: Parts | undefined;
  #documents: CatalogueDocuments | undefined;
  #isDraining = false;
  #syncing: Promise<void> = Promise.resolve();

  /** Opens the store. Rejects as `RegionPlace.open` and `StorageNode.open` do. */
  static async open(options: NodeCoreOptions): Promise<NodeCore> {
    const { config, place, zone } = options;
    const store = await place.open(zone);
    let core: NodeCore | undefined;
    try {
      const node = await StorageNode.open({
        zone,
        store,
        partitionCount: config.partitions,
        partitions: Array.from({ length: config.partitions }, (_, number) => number),
        isDropped: (table) => core?.catalogue.isKnown(table) === false,
      });
      core = new NodeCore(options, node);
      return core;
    } catch (error) {
      await store.close().catch(() => undefined);
      throw error;
    }
  }

  private constructor(options: NodeCoreOptions, node: StorageNode) {
    const { config, zone, bus, clock } = options;
    this.#options = options;
    this.zone = zone;
    this.node = node;
    this.nodes = new RegionNodes({
      region: config.region,
      zone,
      others: ZONES.filter((other) => other !== zone),
      bus,
      clock,
      report: () => this.report(),
      onOffset: (of, estimate) => {
        options.judge.peerOffset(`node ${of}`, estimate);
      },
    });
    this.calls = new NodeCalls({ region: config.region, zone, bus, nodes: this.nodes });
    const documents: CatalogueDocuments = {
      put: async (name, document) => this.#kept.put(name, document),
      delete: async (name) => this.#kept.delete(name),
    };
    this.catalogue = this.#newCatalogue(documents);
    this.indexedTables = new IndexedTables(this.catalogue);
    this.splits = this.#newSplits();
    this.#splitter = new NodeSplitter({
      ...options,
      partitions: this.splits,
      node,
      nodes: this.nodes,
      load: (partition) => this.#loads.of(partition),
      limits: config.split,
    });
    this.#counter = new SplitCounter({
      ...options,
      node,
      onDamage: (error, partition) => {
        this.#damaged(partition, error);
      },
    });
    this.#transfer = new CopyTransfer({
      ...options,
      region: config.region,
      node: () => node,
      observer: options.metrics,
    });
    this.#recovery = new StreamRecovery({
      ...options,
      region: config.region,
      others: this.nodes.others,
      node: () => node,
      transfer: this.#transfer,
      ask: receiveByLayout(
        async (partition, call) => this.line.ask(partition, call),
        () => this.splits.regionLayout,
      ),
      logOf: (partition) => this.partitions[partition]?.log,
      // The node's catalogue need not be loaded yet.
      tables: async () => {
        const known = new Catalogue(documents, () => []);
        known.load(await readDocuments(node.store));
        return {
          holdsItems: (table) => table === SYSTEM_TABLE || known.byNumber(table) !== undefined,
          keepsTombstones: (table) => known.byNumber(table)?.global !== undefined,
        };
      },
    });
  }

  #newCatalogue(documents: CatalogueDocuments): Catalogue {
    const { config, clock } = this.#options;
    return new Catalogue(documents, () => this.clients.map(({ committed }) => committed), {
      nowMs: () => clock.wallMs(),
      shardMs: config.streams.shardHours * 3_600_000,
      settledEnds: async () => advanceAll(this.clients),
    });
  }

  #newSplits(): NodePartitions {
    const { config, hybrid, onFailure } = this.#options;
    return new NodePartitions({
      ...this.#options,
      count: config.partitions,
      node: this.node,
      nodes: this.nodes,
      newPartition: (born) => this.#newPartition(born),
      openLog: async (partition) =>
        openNodeLog(
          { ...this.#logsOptions(), makesStreams: () => false, isBlank: () => false },
          partition,
        ),
      makeLog: async (partition) => makeChildLog(this.#logsOptions(), partition),
      moveClockTo: (time) => {
        hybrid.moveTo(time);
      },
      onFailure,
    });
  }

  #logsOptions(): NodeLogsOptions {
    const { config, clock, logger, streams, logMeasures } = this.#options;
    return {
      streams,
      partitions: config.partitions,
      clock,
      logger,
      signal: this.#stopped.signal,
      measures: logMeasures,
      makesStreams: () => this.#makesStreams(),
      isBlank: () => this.isBlank,
      mend: async (trouble) => this.#recovery.mend(trouble, this.#stopped.signal),
    };
  }

  #isGlobal(table: number): boolean {
    return this.catalogue.byNumber(table)?.global !== undefined;
  }

  /** Of the seat. Only who has it changes the catalogue. */
  get #kept(): CatalogueDocuments {
    if (this.#documents === undefined) throw internalError();
    return this.#documents;
  }

  /** From now on the catalogue is changed here, and kept in `documents`. */
  takeSeat({ documents, kept, committed }: TakenSeat): void {
    this.follower.pause(committed);
    this.catalogue.replace(kept);
    this.#documents = documents;
  }

  /** Follows the catalogue again. */
  async leaveSeat(): Promise<void> {
    this.#documents = undefined;
    await this.follower.resume();
  }

  get #open(): Parts {
    if (this.#parts === undefined) throw internalError();
    return this.#parts;
  }

  /** By number; a split adds to it. Empty until the logs are open. */
  get partitions(): readonly NodePartition[] {
    return this.splits.all;
  }

  /** Which partition has which hashes, as this node knows it. */
  get layout(): Layout {
    return this.splits.layout;
  }

  /** The partitions, for what clients ask; by number, and a split adds to it. */
  get clients(): readonly PartitionClient[] {
    return this.#open.clients;
  }

  get line(): LeaderLine {
    return this.#open.line;
  }

  get follower(): CatalogueFollower {
    return this.#open.follower;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Up to where the copies are synced. */
  get synced(): ReadonlyMap<number, number> {
    return this.#synced;
  }

  /** Nothing was ever applied here. */
  get isBlank(): boolean {
    return [...this.node.copies.values()].every(
      ({ position, rebuilding }) => position.index === 0 && !rebuilding,
    );
  }

  report(): NodeReport {
    return nodeReport(this, this.#options);
  }

  /**
   * Opens the logs, and takes part in every partition. Resolves once the node has applied what the logs held and knows the
   * catalogue. Rejects with `LogError` `format`.
   */
  async start(): Promise<void> {
    await this.nodes.start();
    this.#transfer.start();
    this.#recovery.start();
    const opened = await openNodeLogs(this.#logsOptions());
    if (opened === undefined) return;
    this.splits.open(opened);
    this.#parts = this.#newParts();
    this.line.start();
    await this.splits.start();
    await this.#untilApplied();
    if (this.#stopped.signal.aborted) return;
    await this.follower.start();
    await this.node.dropTables();
    this.#syncing = this.#sync();
    await this.#counter.start();
  }

  /** However long a copy takes to be filled. */
  async #untilApplied(): Promise<void> {
    while (!this.splits.hasApplied && !this.#stopped.signal.aborted)
      await this.#options.clock.sleep(appliedLookMs, this.#stopped.signal);
  }

  /** The streams of a new region are made when all three nodes say that they have nothing. */
  #makesStreams(): boolean {
    const [first] = ZONES;
    return (
      this.zone === first &&
      this.isBlank &&
      this.nodes.others.every((zone) => this.nodes.report(zone)?.isBlank === true)
    );
  }

  #newParts(): Parts {
    const { clock, logger, zone } = this.#options;
    const { partitions } = this;
    const line = new LeaderLine({
      zone,
      partitions,
      calls: this.calls,
      clock,
      logger,
      admit: (call) => {
        this.#admit(call);
      },
      catalogueThrough: async (index) => this.follower.through(index),
      splits: {
        point: async (leading, isForced) => this.#splitter.point(leading, isForced),
        split: async (leading, splitting) => this.#splitter.split(leading, splitting),
        hasMoved: async (...asked) => this.splits.hasMoved(...asked),
        leaderOf: (number) => this.nodes.leaderOf(number),
      },
    });
    const ask: AskLeader = async (number, call) => line.ask(number, call);
    const clients = partitions.map((partition) => this.newClient(partition, ask));
    this.splits.onChild(({ partition }) => {
      clients.push(this.newClient(partition, ask));
    });
    const follower = newNodeFollower({
      catalogue: this.catalogue,
      first: present(partitions[0], 'partition 0'),
      all: () => partitions,
      node: this.node,
      clock,
      logger,
    });
    return { clients, line, follower };
  }

  #newPartition(born: BornPartition): NodePartition {
    const { log, number, isHeir } = born;
    const load = this.#loads.of(number);
    const { config, clock, random, hybrid, logger, metrics, zone, onSeat, withoutMissing } =
      this.#options;
    const partition: NodePartition = new NodePartition({
      number,
      partitionCount: config.partitions,
      region: config.region,
      log,
      node: this.node,
      isHeir,
      onSplit: () => {
        this.splits.splitApplied();
      },
      onLoad: (records) => {
        load.add(records);
      },
      clock,
      random,
      now: () => hybrid.now(),
      resolve,
      keepsTombstones: (table) => this.#isGlobal(table),
      indexed: (table) => this.indexedTables.indexed(table),
      neighbours: this.nodes,
      precedence: () => precedingOf(zone, number, (other) => this.nodes.report(other)),
      mayLead: () =>
        !this.#isDraining &&
        this.node.state === 'open' &&
        (log.end.index > 0 ||
          isUnused(born, { first: config.partitions, nodes: this.nodes, withoutMissing })),
      onLead: (leading) => {
        logger.info({ partition: number, behind: log.end.index }, 'leads a partition');
        if (log.isResigned) this.line.succeed(leading);
        if (number === 0) onSeat(leading);
      },
      onFollow: () => {
        logger.info({ partition: number }, 'leads a partition no more');
        if (number === 0) onSeat(undefined);
      },
      onStuck: async (why) => this.#stuck(partition, why),
      onFailure: (error) => {
        logger.error({ partition: number, error }, 'a partition of the node failed');
      },
      onAppended: (durationMs) => {
        metrics.appended(durationMs);
      },
      onDamage: (_zone, error) => {
        this.#damaged(number, error);
      },
      successor: () => this.#successorOf(partition),
    });
    return partition;
  }

  /** A copy that cannot be believed is filled anew; a store that cannot go on is opened again. */
  #damaged(partition: number, error: Error): void {
    const { logger, onFailure } = this.#options;
    if (!(error instanceof StoreError) || error.code !== 'damaged') {
      onFailure(error);
      return;
    }
    logger.error({ partition, error }, 'a copy of this node is damaged');
    this.partitions[partition]?.refill(error.message);
  }

  async #stuck({ number, log }: NodePartition, why: Stuck): Promise<void> {
    const generation = this.splits.generations[number] ?? 0;
    const trouble = { partition: number, generation, log, why };
    const mended = await this.#recovery.mend(trouble, this.#stopped.signal);
    if (mended === undefined || mended.kind === 'filled') return;
    const words = mended.kind === 'moved' ? 'goes on in another stream' : 'must be read anew';
    this.#options.onFailure(new Error(`the log of partition ${number} ${words}`));
  }

  /** A client of a partition that asks by `ask`: see `LeaderLine.ask`. */
  newClient(partition: NodePartition, ask: AskLeader): PartitionClient {
    return new PartitionClient({
      partition,
      hashes: () => this.layout.hashesOf(partition.number),
      hasMoved: async (...asked) => this.splits.hasMoved(...asked),
      clock: this.#options.clock,
      ask,
      onDamage: (error) => {
        this.#damaged(partition.number, error);
      },
    });
  }

  /** A client's write of a table that takes none, as this node knows by now, is refused where the partition is led. */
  #admit(call: LeaderCall): void {
    const { region } = this.#options.config;
    for (const table of clientTables(call))
      if (!takesWrites(this.catalogue, region, table)) throw internalError();
  }

  async #sync(): Promise<void> {
    const { clock, onFailure } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        for (const [partition, { index }] of await this.node.sync())
          this.#synced.set(partition, index);
      } catch (error) {
        onFailure(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      await clock.sleep(syncEveryMs, this.#stopped.signal);
    }
  }

  /** Hands over what this node leads, and leads nothing until `undrain`. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all(
      this.partitions.map(async (partition) => partition.resign(this.#successorOf(partition))),
    );
  }

  #successorOf(partition: NodePartition): string | undefined {
    const { nodes } = this;
    return successorOf(partition, { nodes, among: nodes.others, precedence: precedenceOf });
  }

  undrain(): void {
    this.#isDraining = false;
  }

  /** A start that waits for streams resolves now, with nothing open. */
  giveUpStart(): void {
    this.#stopped.abort();
  }

  /** Hands over first, then answers what is in flight, and closes everything. */
  async stop(): Promise<void> {
    await this.drain();
    await this.splits.stop();
    await Promise.all(this.partitions.map(async (partition) => partition.stop()));
    this.#stopped.abort();
    await this.#parts?.follower.stop();
    this.calls.stop();
    await this.nodes.stop();
    await this.#syncing;
    await this.#counter.stop();
    this.#recovery.stop();
    await this.#transfer.stop();
    for (const { log } of this.partitions) log.close();
    await this.node.close().catch(() => undefined);
  }
}

export interface TakenSeat {
  readonly documents: CatalogueDocuments;
  /** All of them, as they stand. */
  readonly kept: ReadonlyMap<string, unknown>;
  /** Up to where partition 0 is committed. */
  readonly committed: () => number;
}

interface Parts {
  readonly clients: readonly PartitionClient[];
  readonly line: LeaderLine;
  readonly follower: CatalogueFollower;
}
