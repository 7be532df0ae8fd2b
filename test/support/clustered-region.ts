import { present } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/clock.ts';
import { sourceOf } from '../../src/daemon/config-file.ts';
import { readConfig, type RegionConfig } from '../../src/daemon/config.ts';
import { NodeEngine } from '../../src/daemon/node-engine.ts';
import type { RegionStreams } from '../../src/daemon/node-logs.ts';
import type { RegionPlace } from '../../src/daemon/region-place.ts';
import { ZONES, type Zone } from '../../src/log/embedded/storage-node-identity.ts';
import { BrokerError } from '../../src/log/jetstream/stream-broker.ts';
import type { LogStream } from '../../src/log/jetstream/stream-names.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import { type BrokerLink, StreamModel } from '../sim/stream/stream-model.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { type NodeBus, NodeNetwork } from './node-network.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

const REGION = 'us-east-1';
const NO_FAULTS = { refused: 0, unknown: 0, straggler: 0, notFound: 0 };

const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

/** A region of three nodes in one process and virtual time: real engines over memory stores and modelled streams. */
export class ClusteredWorld {
  readonly clock = VirtualClock.quick();
  readonly logger = new MemoryLogger();
  readonly nodes: Readonly<Record<Zone, WorldNode>>;
  readonly config: RegionConfig;
  /** The operator's word to every node. */
  withoutMissing = false;
  readonly #network = new NodeNetwork(REGION, this.clock);
  readonly #random = new SeededRandom(11);
  readonly #models = new Map<string, { readonly stream: LogStream; readonly model: StreamModel }>();

  /** With all nodes running, and somebody leading every partition. */
  static async start(partitions = 3, settings = ''): Promise<ClusteredWorld> {
    const world = new ClusteredWorld(partitions, settings);
    await world.run(Promise.all(ZONES.map(async (zone) => world.nodes[zone].start())));
    await world.untilLed();
    return world;
  }

  /** `settings`: more of the region's file. */
  private constructor(partitions: number, settings: string) {
    this.config = readConfig(
      sourceOf(
        'memory',
        `region: ${REGION}\nendpoint: { port: 0 }\noperations: { port: 0 }\npartitions: ${partitions}\n` +
          `statusMs: 10\n${settings}`,
      ),
      {},
    );
    const node = (zone: Zone): WorldNode => new WorldNode(this, zone, this.#network);
    this.nodes = { a: node('a'), b: node('b'), c: node('c') };
  }

  /** The streams, as the node sees them that has this link. */
  streamsOver(link: BrokerLink): RegionStreams {
    return {
      list: async () => {
        await this.clock.sleep(1);
        if (link.isCut) throw new BrokerError('unreachable', 'cut off');
        return [...this.#models.values()]
          .filter(({ model }) => model.exists)
          .map(({ stream }) => stream)
          .toSorted((a, b) => a.partition - b.partition || a.generation - b.generation);
      },
      create: async (stream) => {
        const model = new StreamModel(nameOf(stream), {
          clock: this.clock,
          random: this.#random,
          faults: NO_FAULTS,
          count: () => {},
        });
        if (!this.#models.has(nameOf(stream))) this.#models.set(nameOf(stream), { stream, model });
      },
      broker: (stream) => present(this.#models.get(nameOf(stream)), 'a stream').model.connect(link),
    };
  }

  /** The newest stream of a partition is gone, with all that was in it. */
  loseStream(partition: number): void {
    const newest = [...this.#models.values()].findLast(
      ({ stream, model }) => stream.partition === partition && model.exists,
    );
    present(newest, 'a stream').model.disappear();
  }

  /** Lets time pass until it is settled. */
  async run<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    return this.clock.runUntilSettled(promise, limitMs);
  }

  async until(what: string, isSo: () => boolean, limitMs = 60_000): Promise<void> {
    const endMs = this.clock.monotonicMs() + limitMs;
    while (!isSo()) {
      if (this.clock.monotonicMs() > endMs) throw new Error(`${what}: not in time`);
      await this.clock.advance(5);
    }
  }

  get running(): readonly WorldNode[] {
    return ZONES.map((zone) => this.nodes[zone]).filter(({ isRunning }) => isRunning);
  }

  /** The running node that leads the partition, cut off ones aside; undefined while none does. */
  leaderOf(partition: number): WorldNode | undefined {
    return this.running.find(
      (node) => !node.isCutOff && node.engine.core.partitions[partition]?.leading !== undefined,
    );
  }

  async untilLed(): Promise<void> {
    await this.until('every partition is led', () =>
      Array.from({ length: this.config.partitions }, (_, number) => number).every(
        (number) => this.leaderOf(number) !== undefined,
      ),
    );
  }

  /** The node that has the region's seat. */
  async seat(): Promise<WorldNode> {
    const seated = (): WorldNode | undefined =>
      this.running.find((node) => !node.isCutOff && node.engine.seat !== undefined);
    await this.until('a node has the seat', () => seated() !== undefined);
    return present(seated(), 'a seat');
  }

  /** Makes a table by way of a node, and waits until it is ACTIVE there. */
  async createTable(by: WorldNode, name = 'Orders', definition = DEFINITION): Promise<Table> {
    await this.run(by.engine.region.createTable(name, definition));
    const { region } = by.engine;
    await this.until(`${name} is ACTIVE`, () => region.findTable(name)?.status === 'ACTIVE');
    return present(region.findTable(name), 'the table');
  }

  async stop(): Promise<void> {
    await this.run(Promise.all(this.running.map(async (node) => node.stop())));
  }
}

/** One node: what outlives its process, and the engine while it runs. */
export class WorldNode {
  readonly zone: Zone;
  readonly failures: Error[] = [];
  readonly #world: ClusteredWorld;
  readonly #disk = new MemoryStoreDisk();
  readonly #network: NodeNetwork;
  #life: Life | undefined;

  constructor(world: ClusteredWorld, zone: Zone, network: NodeNetwork) {
    this.#world = world;
    this.zone = zone;
    this.#network = network;
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  get isCutOff(): boolean {
    return this.#life?.link.isCut === true;
  }

  get engine(): NodeEngine {
    return present(this.#life, `node ${this.zone} runs`).engine;
  }

  get disk(): MemoryStoreDisk {
    return this.#disk;
  }

  async start(): Promise<void> {
    const { clock, config, logger } = this.#world;
    const link: BrokerLink = { name: this.zone, isCut: false };
    const bus = this.#network.bus();
    const own = new NodeClock(clock);
    const engine = await NodeEngine.open({
      config,
      zone: this.zone,
      place: placeOf(this.#disk),
      line: { streams: this.#world.streamsOver(link), stop: async () => {} },
      regions: [REGION],
      endpoint: bus,
      clock: own,
      random: new SeededRandom(this.zone.charCodeAt(0)),
      logger: logger.child({ zone: this.zone }),
      metrics: new CountingMetrics(),
      addresses: () => ({ endpoint: undefined, operations: undefined }),
      withoutMissing: () => this.#world.withoutMissing,
      onFailure: (error) => this.failures.push(error),
    });
    this.#life = { engine, link, bus, clock: own };
    await engine.start();
  }

  /** In order: it hands over first. */
  async stop(): Promise<void> {
    const life = present(this.#life, `node ${this.zone} runs`);
    this.#life = undefined;
    await life.engine.stop();
    await life.bus.stop();
  }

  /** As kill -9 does: what the store took is kept, nothing goes on. */
  async kill(): Promise<void> {
    const { link, bus, clock } = present(this.#life, `node ${this.zone} runs`);
    this.#life = undefined;
    link.isCut = true;
    clock.halt();
    await bus.stop();
    this.#disk.powerCut(this.#disk.unsyncedCount);
  }

  /** From its region's NATS, or back. */
  cutOff(isCut: boolean, { ofBus = true } = {}): void {
    const { link, bus } = present(this.#life, `node ${this.zone} runs`);
    link.isCut = isCut;
    if (ofBus) bus.isCut = isCut;
  }
}

interface Life {
  readonly engine: NodeEngine;
  readonly link: BrokerLink;
  readonly bus: NodeBus;
  readonly clock: NodeClock;
}

/** The world's time, as one process sees it until it is killed: then nothing that it waits for comes. */
class NodeClock implements Clock {
  readonly #clock: VirtualClock;
  #isHalted = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  halt(): void {
    this.#isHalted = true;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    if (this.#isHalted) await new Promise<never>(() => {});
  }

  defer(task: () => void): void {
    this.#clock.defer(() => {
      if (!this.#isHalted) task();
    });
  }
}

const nameOf = ({ partition, generation }: LogStream): string => `p${partition} g${generation}`;

const unused = async (): Promise<never> => {
  throw new Error('a node has one store');
};

const placeOf = (disk: MemoryStoreDisk): RegionPlace => ({
  open: async () => disk.open(),
  openNext: unused,
  takeNext: unused,
  hasSpace: async () => true,
  logDisk: unused,
  positionsDisk: unused,
});
