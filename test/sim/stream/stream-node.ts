import type { Random } from '../../../src/base/random.ts';
import { LogError } from '../../../src/log/replicated-log.ts';
import { StorageNode } from '../../../src/storage/storage-node.ts';
import { MachineClock, ProcessLife } from '../process-life.ts';
import { SimulatedStore } from '../process-store.ts';
import { Candidate } from './candidate.ts';
import type { StreamBroker } from './stream-broker.ts';
import { StreamLog } from './stream-log.ts';
import type { BrokerLink } from './stream-model.ts';
import type { StreamWorld } from './stream-world.ts';

/** Pause before a process that could not start is started again, as a supervisor does. */
const restartMs = 500;
/** How often a node syncs its store. */
const syncEveryMs = 700;

/** One life of a node. */
export interface RunningNode {
  readonly life: ProcessLife;
  readonly node: StorageNode;
  readonly candidates: readonly Candidate[];
}

/** A machine with one process and one storage node, which holds a copy of each partition. */
export class StreamNode {
  readonly zone: string;
  readonly machine: MachineClock;
  readonly store: SimulatedStore;
  readonly link: BrokerLink;
  /** Up to where the store is synced, per partition. */
  readonly synced = new Map<number, number>();
  readonly #world: StreamWorld;
  readonly #random: Random;
  #life: ProcessLife | undefined;
  #running: RunningNode | undefined;
  #isWanted = false;
  /** Counts starts from outside. */
  #starts = 0;

  constructor(world: StreamWorld, zone: string, random: Random) {
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

  get life(): ProcessLife | undefined {
    return this.#life;
  }

  /** Starts a process, and another one should it not come up, until it runs or is killed. */
  async start(): Promise<void> {
    if (this.#isWanted || this.#world.isRebuilding) return;
    this.#isWanted = true;
    this.#starts += 1;
    const start = this.#starts;
    while (this.#isDown && start === this.#starts) {
      const life = this.newLife();
      this.#life = life;
      const outcome = await Promise.race([
        this.#run(life),
        life.died.then(() => 'killed' as const),
      ]);
      if (outcome === 'runs' || outcome === 'killed') return;
      this.#world.note(this.zone, `did not start: ${outcome.message}`);
      this.#end('process');
      await this.#world.clock.sleep(restartMs);
    }
  }

  /** It is to run, and does not. */
  get #isDown(): boolean {
    return this.#isWanted && this.#running === undefined;
  }

  newLife(): ProcessLife {
    const { clock, options } = this.#world;
    const { machine } = this;
    return new ProcessLife({
      machine,
      world: clock,
      random: this.#random,
      jitterMs: options.jitterMs,
    });
  }

  async #run(life: ProcessLife): Promise<'runs' | Error> {
    try {
      const node = await this.openNode(life);
      const candidates: Candidate[] = [];
      for (const { number } of this.#world.partitions)
        candidates.push(await this.#candidate(number, life, node));
      this.#running = { life, node, candidates };
      this.#world.note(this.zone, 'runs');
      for (const candidate of candidates) this.#own(life, candidate.run());
      this.#own(life, this.#sync(life, node));
      return 'runs';
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** What runs until the process dies; an error is a fault of the program. */
  #own(life: ProcessLife, loop: Promise<void>): void {
    loop.catch((error: unknown) => {
      if (!life.isDead) this.#world.failed(this.zone, error);
    });
  }

  async openNode(life: ProcessLife): Promise<StorageNode> {
    const { partitions } = this.#world;
    return StorageNode.open({
      zone: this.zone,
      store: await this.store.open(life),
      partitionCount: partitions.length,
      partitions: partitions.map(({ number }) => number),
    });
  }

  #broker(number: number, life: ProcessLife): StreamBroker {
    const broker = this.#world.partition(number).stream.connect(this.link);
    return {
      publish: async (payload, expectedLast) =>
        life.hear(async () => broker.publish(payload, expectedLast)),
      bounds: async () => life.hear(async () => broker.bounds()),
      read: async (from, limitBytes) => life.hear(async () => broker.read(from, limitBytes)),
      purge: async (below) => life.hear(async () => broker.purge(below)),
      watch: (listener) => {
        const unwatch = broker.watch(() => life.gate(listener));
        void life.died.then(unwatch);
        return unwatch;
      },
    };
  }

  async #candidate(partition: number, life: ProcessLife, node: StorageNode): Promise<Candidate> {
    const world = this.#world;
    const log = await this.#openLog(partition, life);
    return new Candidate({
      partition,
      node,
      log,
      life,
      random: this.#random,
      world: world.options,
      note: (what) => world.note(this.zone, what),
      onLost: (why) => world.lost(partition, `${this.zone}: ${why}`),
      onFailure: (error) => world.failed(this.zone, error),
      synced: () => Math.min(...world.nodes.map(({ synced }) => synced.get(partition) ?? 0)),
      onTrim: () => world.count('log trimmed'),
    });
  }

  async #openLog(partition: number, life: ProcessLife): Promise<StreamLog> {
    const broker = this.#broker(partition, life);
    try {
      return await StreamLog.open({ broker, partition, clock: life });
    } catch (error) {
      if (error instanceof LogError && error.code === 'damaged')
        this.#world.lost(partition, `${this.zone}: ${error.message}`);
      throw error;
    }
  }

  async #sync(life: ProcessLife, node: StorageNode): Promise<void> {
    while (!life.isDead) {
      await life.sleep(syncEveryMs);
      for (const [partition, { index }] of await node.sync()) this.synced.set(partition, index);
    }
  }

  /** Ends the process wherever it stands. Without power the store forgets what was not synced. */
  kill(how: 'process' | 'power'): void {
    this.#isWanted = false;
    this.#end(how);
  }

  #end(how: 'process' | 'power'): void {
    this.#life?.kill();
    this.#life = undefined;
    this.#running = undefined;
    this.store.end(how);
  }
}
