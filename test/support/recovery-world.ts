import { InProcessNetwork, type InProcessEndpoint } from '../../src/bus/in-process-network.ts';
import { TICKS_PER_MS } from '../../src/clock/hybrid-time.ts';
import { BrokerError } from '../../src/log/jetstream/stream-broker.ts';
import { StreamLog } from '../../src/log/jetstream/stream-log.ts';
import type { LogStream } from '../../src/log/jetstream/stream-names.ts';
import { LogError } from '../../src/log/replicated-log.ts';
import { ClientError, internalError } from '../../src/model/errors.ts';
import { CopyTransfer } from '../../src/partition/clustered/copy-transfer.ts';
import { isBegun, type RecoveryStreams } from '../../src/partition/clustered/next-generation.ts';
import { NodePartition, type Stuck } from '../../src/partition/clustered/node-partition.ts';
import {
  carryOut,
  type AnswerOf,
  type LeaderCall,
} from '../../src/partition/clustered/partition-calls.ts';
import { StreamRecovery } from '../../src/partition/clustered/stream-recovery.ts';
import { resolve } from '../../src/replication/resolve.ts';
import { readItem } from '../../src/storage/read.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { StreamModel } from '../sim/stream/stream-model.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { keyOf, put, remove, TABLE } from './partition-world.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export const ZONES = ['a', 'b', 'c'] as const;
const NO_FAULTS = { refused: 0, unknown: 0, straggler: 0, notFound: 0 };
const missesMax = 8;

/** The streams of a broker that forgets nothing unless a test says so. */
class ModelStreams implements RecoveryStreams {
  readonly models = new Map<number, StreamModel>();
  readonly #clock: VirtualClock;
  readonly #random = new SeededRandom(7);

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  model(generation: number): StreamModel {
    const model = this.models.get(generation);
    if (model === undefined) throw new BrokerError('not found', `no generation ${generation}`);
    return model;
  }

  async list(): Promise<readonly LogStream[]> {
    return [...this.models.keys()]
      .toSorted((a, b) => a - b)
      .map((generation) => ({ partition: 0, generation }));
  }

  async create({ generation }: LogStream): Promise<void> {
    if (this.models.has(generation)) return;
    const model = new StreamModel(`g${generation}`, {
      clock: this.#clock,
      random: this.#random,
      faults: NO_FAULTS,
      count: () => {},
    });
    this.models.set(generation, model);
  }

  broker({ generation }: LogStream): ReturnType<StreamModel['connect']> {
    return this.model(generation).connect({ name: 'node', isCut: false });
  }

  /** With all that is in it. */
  delete(generation: number): void {
    this.model(generation).disappear();
    this.models.delete(generation);
  }
}

/** A region of three nodes with one partition, over a model of a broker, in virtual time. */
export class RecoveryWorld {
  readonly clock = VirtualClock.quick();
  readonly logger = new MemoryLogger();
  readonly streams = new ModelStreams(this.clock);
  readonly nodes = new Map<string, WorldNode>();
  readonly endpoint: InProcessEndpoint = new InProcessNetwork(this.clock).endpoint('east');
  readonly failures: unknown[] = [];
  /** The operator's word. */
  withoutMissing = false;
  keepsTombstones = false;
  #now = 0;

  static async start(): Promise<RecoveryWorld> {
    const world = new RecoveryWorld();
    await world.endpoint.start();
    await world.streams.create({ partition: 0, generation: 1 });
    for (const zone of ZONES) world.nodes.set(zone, new WorldNode(world, zone));
    for (const zone of ZONES) await world.run(world.node(zone).start());
    return world;
  }

  node(zone: string): WorldNode {
    const node = this.nodes.get(zone);
    if (node === undefined) throw new Error(`no node ${zone}`);
    return node;
  }

  now(): number {
    this.#now = Math.max(this.#now + 1, this.clock.wallMs() * TICKS_PER_MS);
    return this.#now;
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise);
  }

  /** Lets time pass until `isSo`, at most a minute. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let passedMs = 0; passedMs < 60_000; passedMs += 100) {
      if (isSo()) return;
      await this.clock.advance(100);
    }
    throw new Error(`waited for ${what}, in vain: ${JSON.stringify(this.logger.lines.slice(-8))}`);
  }

  async ask<Call extends LeaderCall>(call: Call): Promise<AnswerOf<Call['name']>> {
    const leading = [...this.nodes.values()].find((node) => node.leading !== undefined)?.leading;
    if (leading === undefined) throw internalError();
    // A call's name says what its answer is.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (await carryOut(leading, call)) as AnswerOf<Call['name']>;
  }

  async put(item: number, text: string): Promise<void> {
    await this.until('a leader', () => [...this.nodes.values()].some(({ leading }) => leading));
    await this.run(this.ask({ name: 'write', request: put(item, text) }));
  }

  /** As a client that tries again. */
  async putAgainAndAgain(item: number, text: string): Promise<void> {
    for (;;) {
      try {
        await this.put(item, text);
        return;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        await this.clock.advance(200);
      }
    }
  }

  async remove(item: number): Promise<void> {
    await this.run(this.ask({ name: 'write', request: remove(item) }));
  }

  /** Runs these nodes, and stops the others: at once, whatever they are about. */
  async only(...zones: readonly string[]): Promise<void> {
    for (const [zone, node] of this.nodes)
      if (!zones.includes(zone) && node.isUp) await this.run(node.stop());
    for (const zone of zones) {
      const node = this.node(zone);
      if (node.isUp) continue;
      await this.run(node.open());
      void node.join();
    }
  }

  /** Until every node that runs has applied the same. */
  async untilEqual(): Promise<void> {
    await this.until('equal copies', () => {
      const up = [...this.nodes.values()].filter(({ isUp }) => isUp);
      const ends = new Set(up.map(({ endText }) => endText));
      return ends.size === 1 && up.every(({ isWhole }) => isWhole);
    });
  }
}

export class WorldNode {
  readonly zone: string;
  disk = new MemoryStoreDisk();
  generation = 1;
  stucks: Stuck[] = [];
  readonly #world: RecoveryWorld;
  #running: Running | undefined;
  #restarting: Promise<void> | undefined;

  constructor(world: RecoveryWorld, zone: string) {
    this.#world = world;
    this.zone = zone;
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get leading(): NodePartition['leading'] {
    return this.#running?.partition?.leading;
  }

  get log(): StreamLog | undefined {
    return this.#running?.partition?.log;
  }

  get store(): StorageNode {
    if (this.#running === undefined) throw new Error(`${this.zone} is down`);
    return this.#running.node;
  }

  get endText(): string {
    const { logId, epoch, index } = this.store.copy(0).position;
    return `${logId}/${epoch}/${index}`;
  }

  get isWhole(): boolean {
    const copy = this.store.copy(0);
    return !copy.rebuilding && copy.position.checksum === this.log?.end.checksum;
  }

  text(item: number): string | undefined {
    const image = readItem(this.store.store, TABLE, keyOf(item))?.image;
    return image === undefined ? undefined : Buffer.from(image).toString();
  }

  get recovery(): StreamRecovery {
    if (this.#running === undefined) throw new Error(`${this.zone} is down`);
    return this.#running.recovery;
  }

  /** Resolves once it takes part in the partition: see `join`. */
  async start(): Promise<void> {
    await this.open();
    await this.join();
  }

  /** Its store, and what other nodes can ask of it. */
  async open(): Promise<void> {
    const world = this.#world;
    const store = await this.disk.open();
    const { zone } = this;
    const node = await StorageNode.open({ zone, store, partitionCount: 1, partitions: [0] });
    const { clock, logger, endpoint: bus } = world;
    const random = new SeededRandom(zone.charCodeAt(0));
    const shared = { region: 'east', zone, bus, clock, random, logger, node: () => node };
    const observer = { rebuildProgressed: (): void => {}, rebuildEnded: (): void => {} };
    const transfer = new CopyTransfer({ ...shared, observer });
    const recovery = new StreamRecovery({
      ...shared,
      others: ZONES.filter((other) => other !== zone),
      transfer,
      streams: world.streams,
      ask: async (_, call) => world.ask(call),
      tables: async () => ({
        holdsItems: () => true,
        keepsTombstones: () => world.keepsTombstones,
      }),
      logOf: () => this.log,
      withoutMissing: () => world.withoutMissing,
    });
    transfer.start();
    recovery.start();
    const stopped = new AbortController();
    this.#running = { node, transfer, recovery, stopped, partition: undefined };
  }

  /** Takes part in the partition, once its log can be opened. */
  async join(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    while (!running.stopped.signal.aborted) {
      const log = await this.#open(running);
      if (log === undefined) continue;
      running.partition = this.#newPartition(running, log);
      await running.partition.start();
      return;
    }
  }

  async #open(running: Running): Promise<StreamLog | undefined> {
    const { clock, streams } = this.#world;
    const newest = (await streams.list()).at(-1);
    this.generation = newest?.generation ?? 0;
    try {
      if (newest === undefined) throw new LogError('damaged', 'there is no stream');
      if (newest.generation > 1 && !(await isBegun(streams.broker(newest)))) {
        this.generation -= 1;
        throw new LogError('damaged', 'the stream is not begun');
      }
      return await StreamLog.open({
        broker: streams.broker(newest),
        partition: 0,
        clock,
        missesMax,
      });
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'damaged') throw error;
      await this.#mend(running, { kind: 'lost', words: error.message }, undefined);
      return undefined;
    }
  }

  async #mend(
    { recovery, stopped }: Running,
    why: Stuck,
    log: StreamLog | undefined,
  ): Promise<'filled' | 'anew'> {
    this.stucks.push(why);
    const { generation } = this;
    const mended = await recovery.mend({ partition: 0, generation, log, why }, stopped.signal);
    return mended?.kind === 'filled' ? 'filled' : 'anew';
  }

  #newPartition(running: Running, log: StreamLog): NodePartition {
    const world = this.#world;
    const { clock } = world;
    return new NodePartition({
      number: 0,
      partitionCount: 1,
      region: 'east',
      log,
      node: running.node,
      clock,
      random: new SeededRandom(1),
      now: () => world.now(),
      resolve,
      keepsTombstones: () => world.keepsTombstones,
      neighbours: {
        leaderOf: () => ZONES.find((zone) => world.node(zone).leading !== undefined),
      },
      precedence: () => ZONES.findIndex((zone) => zone === this.zone),
      successor: () => undefined,
      mayLead: () => true,
      onLead: () => {},
      onFollow: () => {},
      onStuck: async (why) => {
        if (this.#restarting !== undefined) return;
        if ((await this.#mend(running, why, log)) === 'filled') return;
        this.#restarting = this.#restart(running);
      },
      onFailure: (error) => world.failures.push(error),
      onDamage: (_, error) => world.failures.push(error),
    });
  }

  async #restart(running: Running): Promise<void> {
    if (running.stopped.signal.aborted) return;
    await running.partition?.stop();
    running.partition?.log.close();
    await this.join();
    this.#restarting = undefined;
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.stopped.abort();
    await running.partition?.stop();
    await this.#restarting;
    running.partition?.log.close();
    running.recovery.stop();
    await running.transfer.stop();
    await running.node.close();
    this.#running = undefined;
  }
}

interface Running {
  readonly node: StorageNode;
  readonly transfer: CopyTransfer;
  readonly recovery: StreamRecovery;
  readonly stopped: AbortController;
  partition: NodePartition | undefined;
}
