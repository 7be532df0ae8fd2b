import { Buffer } from 'node:buffer';

import { present } from '../../src/base/assert.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { HybridClock } from '../../src/clock/hybrid-clock.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { ControlLine } from '../../src/region/control-line.ts';
import { CopyJobs } from '../../src/region/copy-jobs.ts';
import { GlobalTables } from '../../src/region/global-tables.ts';
import { HeardStates } from '../../src/region/heard-states.ts';
import type { ReplicaChange, TableChange } from '../../src/region/region.ts';
import { ReplicationAdapter } from '../../src/region/replication-adapter.ts';
import { Resync } from '../../src/region/resync.ts';
import { SharedTables } from '../../src/region/shared-tables.ts';
import { SystemDocuments } from '../../src/region/system-documents.ts';
import { TableHome } from '../../src/region/table-home.ts';
import { TableLifecycle } from '../../src/region/table-lifecycle.ts';
import { TableMember } from '../../src/region/table-member.ts';
import { TableUpdater } from '../../src/region/table-updater.ts';
import { Layout } from '../../src/storage/layout.ts';
import type { OriginPositions, PositionStore } from '../../src/replication/position-store.ts';
import { Replicator } from '../../src/replication/replicator.ts';
import { TableCopyInbox } from '../../src/replication/table-copy-inbox.ts';
import { TableCopy } from '../../src/replication/table-copy.ts';
import { type BusFaults, LossyBus, NO_FAULTS } from './lossy-bus.ts';
import { MemoryLogger } from './memory-logger.ts';
import { copyDisk, emptyDisk, type MemoryDisk, MemoryPartition } from './memory-partition.ts';
import { keyOf } from './replication-world.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

const TABLE = 'Orders';

const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

class KeptPositions implements PositionStore {
  readonly saved: Map<string, OriginPositions>;

  constructor(saved: ReadonlyMap<string, OriginPositions> = new Map()) {
    this.saved = new Map(saved);
  }

  async save(origin: string, positions: OriginPositions): Promise<void> {
    this.saved.set(origin, positions);
  }

  async load(origin: string): Promise<OriginPositions | undefined> {
    return this.saved.get(origin);
  }
}

/** All that exchanges something with other regions, from its start to its stop. */
interface Running {
  readonly bus: LossyBus;
  readonly catalogue: Catalogue;
  readonly replicator: Replicator;
  readonly adapter: ReplicationAdapter;
  readonly resync: Resync;
  readonly globalTables: GlobalTables;
  readonly updater: TableUpdater;
  readonly tableCopy: TableCopy;
  readonly stop: () => Promise<void>;
}

export interface SavedDisks {
  readonly disks: readonly MemoryDisk[];
  readonly positions: ReadonlyMap<string, OriginPositions>;
}

/** One region with the control of one global table, over partitions in memory. Its data outlives its stops. */
export class GlobalWorldRegion {
  readonly name: string;
  readonly logger = new MemoryLogger();
  partitions: MemoryPartition[] = [];
  resyncsBegun = 0;
  readonly #world: GlobalWorld;
  readonly #clock: VirtualClock;
  #hybrid: HybridClock;
  #disks: MemoryDisk[];
  #positions = new KeptPositions();
  #running: Running | undefined;

  constructor(world: GlobalWorld, name: string, partitions: number) {
    this.name = name;
    this.#world = world;
    this.#clock = world.clock;
    this.#hybrid = this.#newHybrid();
    this.#disks = Array.from({ length: partitions }, (_, log) => emptyDisk(`${name}-${log}`));
  }

  #newHybrid(): HybridClock {
    return new HybridClock({ believedMs: () => this.#clock.wallMs() });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get running(): Running {
    return present(this.#running, 'a running region');
  }

  get table(): Table | undefined {
    return this.running.catalogue.find(TABLE);
  }

  async start(): Promise<void> {
    const { name, logger } = this;
    const clock = this.#clock;
    const { network, random, names, faults } = this.#world;
    const endpoint = network.endpoint(name);
    await endpoint.start();
    this.#hybrid = this.#newHybrid();
    const now = (): number => this.#hybrid.now();
    this.partitions = this.#disks.map(
      (disk, number) => new MemoryPartition({ number, region: name, now, clock, disk }),
    );
    const { partitions } = this;
    const bus = new LossyBus(endpoint, { clock, random, faults });
    const documents = new SystemDocuments(present(partitions[0], 'a first partition'));
    const catalogue = new Catalogue(documents, () => partitions.map(({ committed }) => committed));
    catalogue.load(await documents.all());
    const peers = names.filter((other) => other !== name);
    const tables = new SharedTables({
      region: name,
      catalogue,
      isSending: (globalId) => tableCopy.isSending(globalId),
      isResyncing: () => resync.isResyncing(),
    });
    const partitionOf = (key: Uint8Array): MemoryPartition => this.#partitionOf(key);
    const evenly = Layout.even(partitions.length);
    const layout = (): Layout => evenly;
    const own = { region: name, partitions, partitionOf, layout };
    const base = { ...own, bus, tables, clock, random, logger };
    const observer = {
      latency: () => {},
      writeAge: () => {},
      received: () => {},
      shipped: () => {},
      conflict: () => {},
    };
    const replicator = new Replicator({
      ...base,
      peers,
      positions: this.#positions,
      now,
      nowMs: () => this.#hybrid.nowMs(),
      tombstoneCount: (table) =>
        partitions.reduce((sum, partition) => sum + partition.tombstones(table), 0),
      onEstimate: () => {},
      onMismatch: (mismatch) => resync.begin(mismatch),
      observer,
    });
    const tableCopy = new TableCopy({
      ...base,
      lineTo: (peer) => replicator.line(peer),
      watermarks: () => adapter.watermarks(),
    });
    const adapter = new ReplicationAdapter({ ...base, peers, replicator, tableCopy, catalogue });
    const line = new ControlLine(bus);
    const states = new HeardStates({ ...base, regions: names, catalogue, line });
    const resync = new Resync({
      ...base,
      catalogue,
      moveClockTo: (time) => this.#hybrid.moveTo(time),
      freshEnds: (peer) => adapter.freshEnds(peer),
      placeAt: async (peer, log, at) => replicator.outbox(peer, log).placeAt(at),
      peerEnds: async (peer, signal) => replicator.peerPositions(peer, signal),
      receivedAtLeast: async (origin, ends, signal) =>
        replicator.receivedAtLeast(origin, ends, signal),
      askScan: async (peer, request) => line.tryAsk(peer, 'control.scan', request),
      sendCopy: async (job) => tableCopy.send(job),
      hearOf: async (peer, signal) =>
        (await states.compare(peer, states.shared(), signal)) !== undefined,
      onBegun: () => {
        this.resyncsBegun += 1;
      },
    });
    const copyInbox = new TableCopyInbox({ ...base, onReceived: () => {}, observer });
    const copyJobs = new CopyJobs({ catalogue, seams: adapter, clock, logger });
    const control = {
      ...base,
      regions: names,
      catalogue,
      line,
      states,
      seams: adapter,
      copyJobs,
      statusMs: 100,
      timeToLivePauseMs: 0,
      dropItems: async (table: number) => {
        await clock.sleep(this.#world.dropMs);
        this.#drop(table);
      },
    };
    const home = new TableHome(control);
    const globalTables = new GlobalTables({
      ...control,
      rules: { sourceStays24Hours: false, requireAutoScaling: false },
    });
    const member = new TableMember({
      ...control,
      onReplicaLost: async (table, peer) => globalTables.replicaLost(table, peer),
    });
    const updater = new TableUpdater(control);
    const lifecycle = new TableLifecycle(control);
    const services = [copyInbox, replicator, member, globalTables, updater, home];
    this.#running = {
      bus,
      catalogue,
      replicator,
      adapter,
      resync,
      globalTables,
      updater,
      tableCopy,
      stop: async () => {
        adapter.close();
        const stops = [resync, copyJobs, lifecycle, ...services].map(async (service) =>
          service.stop(),
        );
        await endpoint.stop();
        await Promise.all(stops);
      },
    };
    lifecycle.resume();
    for (const service of services) await service.start();
  }

  /** Stops it as `kill -9` does: positions that were not saved yet are lost. */
  async kill(): Promise<void> {
    const kept = new KeptPositions(this.#positions.saved);
    await this.#world.clock.runUntilSettled(this.running.stop());
    this.#running = undefined;
    this.#positions = kept;
  }

  /** What its disks hold now. */
  save(): SavedDisks {
    return { disks: this.#disks.map(copyDisk), positions: new Map(this.#positions.saved) };
  }

  /** Stopped, gets the disks of an earlier time. */
  restore({ disks, positions }: SavedDisks): void {
    this.#disks = disks.map(copyDisk);
    this.#positions = new KeptPositions(positions);
  }

  async createTable(name = TABLE): Promise<void> {
    await this.running.catalogue.change(name, () => ({
      number: 0,
      name,
      tableId: `${this.name}-${name}`,
      globalId: `the-${name}`,
      createdAtMs: this.#clock.wallMs(),
      status: 'ACTIVE',
      definition: DEFINITION,
      global: undefined,
      parted: undefined,
    }));
  }

  async change(change: ReplicaChange, name = TABLE): Promise<void> {
    const table = present(this.running.catalogue.find(name), 'the table');
    await this.#world.clock.runUntilSettled(this.running.globalTables.change(table, change));
  }

  /** Resolves with the table as it is answered. */
  async update(change: TableChange, name = TABLE): Promise<Table> {
    const answered: Table[] = [];
    const update = this.running.updater.update(name, change);
    await this.#world.clock.runUntilSettled(update.then((table) => answered.push(table)));
    return present(answered[0], 'an answer');
  }

  #partitionOf(key: Uint8Array): MemoryPartition {
    const hash = Buffer.from(key).readUInt32BE(0);
    const number = Math.floor((hash * this.partitions.length) / 2 ** 32);
    return present(this.partitions[number], 'a partition');
  }

  #drop(table: number): void {
    for (const { disk } of this.partitions)
      for (const [name, item] of disk.items) if (item.table === table) disk.items.delete(name);
  }

  put(name: string, text: string | undefined): void {
    const key = keyOf(name);
    const image = text === undefined ? undefined : Buffer.from(text);
    this.#partitionOf(key).put(present(this.table, 'the table').number, key, image);
  }

  get(name: string): string | undefined {
    const key = keyOf(name);
    const item = this.#partitionOf(key).item(present(this.table, 'the table').number, key);
    return item?.image === undefined ? undefined : Buffer.from(item.image).toString();
  }

  /** The items with their versions, in the order of their keys. */
  content(): readonly string[] {
    return this.#items()
      .filter(({ image }) => image !== undefined)
      .map(({ key, version, image }) =>
        [
          Buffer.from(key).toString('latin1'),
          version.time,
          version.region,
          Buffer.from(image ?? []).toString(),
        ].join(' '),
      )
      .toSorted();
  }

  tombstones(): number {
    return this.#items().filter(({ image }) => image === undefined).length;
  }

  #items(): readonly (MemoryDisk['items'] extends Map<string, infer Item> ? Item : never)[] {
    const number = present(this.table, 'the table').number;
    return this.partitions.flatMap(({ disk }) =>
      [...disk.items.values()].filter((item) => item.table === number),
    );
  }
}

/** Regions that share one table as users of the API would, in virtual time, by one seed. */
export class GlobalWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly names: readonly string[];
  readonly network = new InProcessNetwork(this.clock);
  readonly regions: readonly GlobalWorldRegion[];
  faults: BusFaults = NO_FAULTS;
  /** How long it takes to remove a table's items. */
  dropMs = 0;

  constructor(options: { readonly seed?: number; readonly names?: readonly string[] } = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.names = options.names ?? ['a', 'b', 'c'];
    this.regions = this.names.map((name, at) => new GlobalWorldRegion(this, name, at + 2));
  }

  region(name: string): GlobalWorldRegion {
    return present(
      this.regions.find((region) => region.name === name),
      name,
    );
  }

  async start(): Promise<void> {
    await Promise.all(this.regions.map(async (region) => region.start()));
    await this.clock.advance(1000);
  }

  async stop(): Promise<void> {
    for (const region of this.regions) if (region.isRunning) await region.kill();
  }

  /** Creates the table in `first` and gives each of `others` a replica. */
  async share(first: string, ...others: readonly string[]): Promise<void> {
    await this.region(first).createTable();
    for (const other of others) {
      await this.region(first).change({ kind: 'create', region: other });
      await this.clock.advance(3000);
    }
  }

  setFaults(faults: BusFaults): void {
    this.faults = faults;
    for (const region of this.regions) if (region.isRunning) region.running.bus.set(faults);
  }

  cut(one: string, other: string, up = false): void {
    this.network.endpoint(one).links.set(other, { up });
    this.network.endpoint(other).links.set(one, { up });
  }
}
