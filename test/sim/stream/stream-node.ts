import type { Random } from '../../../src/base/random.ts';
import type { RegionConfig } from '../../../src/daemon/config.ts';
import { NodeEngine } from '../../../src/daemon/node-engine.ts';
import type { RegionStreams } from '../../../src/daemon/node-logs.ts';
import type { RegionPlace } from '../../../src/daemon/region-place.ts';
import type { Zone } from '../../../src/log/embedded/storage-node-identity.ts';
import type { StreamBroker } from '../../../src/log/jetstream/stream-broker.ts';
import { CountingMetrics } from '../../support/counting-metrics.ts';
import { JournalLogger } from '../journal.ts';
import { MachineClock, ProcessBus, ProcessLife } from '../process-life.ts';
import { SimulatedStore } from '../process-store.ts';
import type { BrokerLink } from './stream-model.ts';
import { REGION } from './stream-options.ts';
import type { StreamWorld } from './stream-world.ts';

/** Pause before a process that could not go on is started again. */
const restartMs = 500;

/** How long an engine that cannot go on gets to stop in order. */
const stopMsMax = 5000;

/** One life of a node, from when its store is open. */
export interface RunningNode {
  readonly life: ProcessLife;
  readonly engine: NodeEngine;
  /** It answers clients. */
  isReady: boolean;
}

/** A machine with one node's store, clocks and connections: they outlive its processes. */
export class StreamNode {
  readonly zone: Zone;
  readonly machine: MachineClock;
  readonly store: SimulatedStore;
  readonly link: BrokerLink;
  readonly metrics = new CountingMetrics();
  /** An operator is at work on it. */
  isHandled = false;
  readonly #world: StreamWorld;
  readonly #random: Random;
  #life: ProcessLife | undefined;
  #running: RunningNode | undefined;
  /** Counts starts from outside; undefined is down. */
  #wanted: number | undefined;
  #starts = 0;

  constructor(world: StreamWorld, zone: Zone, random: Random) {
    const { skewMs, diskMs } = world.options;
    this.zone = zone;
    this.#world = world;
    this.#random = random;
    this.machine = new MachineClock(world.clock, Math.floor((random.next() - 0.5) * 2 * skewMs));
    this.store = new SimulatedStore(world.clock, random);
    this.store.latencyMs = diskMs / 2;
    this.link = { name: zone, isCut: false };
  }

  get running(): RunningNode | undefined {
    return this.#running;
  }

  /** While it answers clients. */
  get ready(): RunningNode | undefined {
    return this.#running?.isReady === true ? this.#running : undefined;
  }

  get life(): ProcessLife | undefined {
    return this.#life;
  }

  /** Starts a process, and another one should it not come up or not go on, until it is killed or stopped. */
  async start(): Promise<void> {
    if (this.#wanted !== undefined) return;
    this.#starts += 1;
    const start = this.#starts;
    this.#wanted = start;
    while (this.#wanted === start) {
      const life = this.#newLife();
      this.#life = life;
      this.#world.note(this.zone, 'starts');
      const end = await Promise.race([this.#live(life), life.died.then(() => undefined)]);
      if (end === undefined) return;
      this.#world.note(this.zone, `cannot go on: ${end.message}`);
      this.#world.count('node restart');
      await this.#stopInOrder(life);
      if (life.isDead) return;
      this.#end('process');
      await this.#world.clock.sleep(restartMs);
    }
  }

  #newLife(): ProcessLife {
    const { clock, options } = this.#world;
    const { machine } = this;
    const { jitterMs } = options;
    return new ProcessLife({ machine, world: clock, random: this.#random, jitterMs });
  }

  /** Resolves with why the process cannot go on; never when it is killed. */
  async #live(life: ProcessLife): Promise<Error> {
    return new Promise((resolve) => {
      this.#run(life, resolve).catch((error: unknown) => {
        resolve(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  async #run(life: ProcessLife, onFailure: (error: Error) => void): Promise<void> {
    const world = this.#world;
    const { leaseMs, partBytes, recentBytes, keptEntries } = world.options;
    const endpoint = world.network.endpoint(this.zone);
    void life.died.then(() => endpoint.close());
    const engine = await NodeEngine.open({
      config: this.#config(),
      zone: this.zone,
      place: this.#place(life),
      line: { streams: this.#streams(life), stop: async () => {} },
      regions: [REGION],
      endpoint: new ProcessBus(life, endpoint),
      clock: life,
      random: this.#random,
      logger: new JournalLogger(world.journal, this.zone),
      metrics: this.metrics,
      logMeasures: { leaseMs, partBytes, recentBytes },
      keptEntries,
      addresses: () => ({ endpoint: undefined, operations: undefined }),
      withoutMissing: () => false,
      onFailure,
    });
    const running = { life, engine, isReady: false };
    this.#running = running;
    await engine.start();
    running.isReady = true;
    world.note(this.zone, 'is ready');
  }

  /** As its daemon does with an engine that is started anew. */
  async #stopInOrder(life: ProcessLife): Promise<void> {
    const engine = this.#running?.engine;
    if (this.#running !== undefined) this.#running.isReady = false;
    engine?.giveUpStart();
    const stopped = engine?.stop().catch((error: unknown) => {
      this.#world.note(this.zone, `did not stop in order: ${String(error)}`);
    });
    await Promise.race([stopped, life.died, this.#world.clock.sleep(stopMsMax)]);
  }

  #streams(life: ProcessLife): RegionStreams {
    const streams = this.#world.streams.over(this.link);
    return {
      list: async () => life.hear(async () => streams.list()),
      create: async (stream) => life.hear(async () => streams.create(stream)),
      broker: (stream) => brokerOf(life, streams.broker(stream)),
    };
  }

  #place(life: ProcessLife): RegionPlace {
    return {
      open: async () => this.store.open(life),
      openNext: none,
      takeNext: none,
      hasSpace: async () => true,
      logDisk: none,
      positionsDisk: none,
    };
  }

  #config(): RegionConfig {
    const { options } = this.#world;
    return {
      region: REGION,
      accountId: '000000000000',
      endpoint: { hosts: [], port: 0 },
      operations: { hosts: [], port: 0 },
      partitions: options.partitions,
      zones: { a: { directory: 'a' }, b: { directory: 'b' }, c: { directory: 'c' } },
      durability: 'synced',
      statusMs: 50,
      credentials: [],
      checkRegionScope: false,
      retention: { hours: options.retentionMs / 3_600_000, bytes: Number.MAX_SAFE_INTEGER },
      streams: { hours: options.retentionMs / 3_600_000, shardHours: 4 },
      globalTables: { sourceRegionRule24h: false, requireAutoScaling: false },
      clock: { offsetMs: 0 },
      log: { level: 'info' },
    };
  }

  /** In order, as an operator does: it hands over first. It is down then. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    this.#wanted = undefined;
    await this.#stopInOrder(life);
    if (this.#life === life) this.#end('process');
  }

  /** Ends the process wherever it stands. Without power the store forgets what was not synced. */
  kill(how: 'process' | 'power'): void {
    this.#wanted = undefined;
    this.#end(how);
  }

  #end(how: 'process' | 'power'): void {
    this.#life?.kill();
    this.#life = undefined;
    this.#running = undefined;
    this.store.end(how);
  }
}

const none = async (): Promise<never> => {
  throw new Error('a node has one store');
};

const brokerOf = (life: ProcessLife, broker: StreamBroker): StreamBroker => ({
  publish: async (payload, expectedLast) =>
    life.hear(async () => broker.publish(payload, expectedLast)),
  bounds: async () => life.hear(async () => broker.bounds()),
  read: async (from, limitBytes) => life.hear(async () => broker.read(from, limitBytes)),
  purge: async (below) => life.hear(async () => broker.purge(below)),
  watch: (listener) => {
    const unwatch = broker.watch((last) => {
      life.gate(() => {
        listener(last);
      });
    });
    void life.died.then(unwatch);
    return unwatch;
  },
});
