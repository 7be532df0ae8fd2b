import type { Awaitable } from '../../src/base/awaitable.ts';
import { TICKS_PER_MS } from '../../src/clock/hybrid-time.ts';
import type { ConditionExpression } from '../../src/expression/ast.ts';
import { joinKey } from '../../src/model/item-key.ts';
import { Applier } from '../../src/partition/applier.ts';
import type { IndexedTable } from '../../src/partition/index-entries.ts';
import type { ItemImage, ItemWrite } from '../../src/partition/item-write.ts';
import { LocalPartition } from '../../src/partition/local-partition.ts';
import type { RegionPartition } from '../../src/partition/region-partition.ts';
import type { TransactionStepName } from '../../src/partition/transaction-steps.ts';
import { Router } from '../../src/region/router.ts';
import type {
  TransactionAction,
  TransactionOutcome,
  TransactionReadOutcome,
} from '../../src/region/transaction.ts';
import { TransactionRecovery } from '../../src/region/transaction-recovery.ts';
import { Transactions } from '../../src/region/transactions.ts';
import { resolve } from '../../src/replication/resolve.ts';
import { Layout } from '../../src/storage/layout.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export const TABLE = 5;

/** What becomes of a step that a coordinator asks for. `before`: it never arrives; `after`: its answer does not. */
export type StepFate = 'done' | 'before' | 'after';

/** A coordinator that asks for nothing more. */
export class CoordinatorKilled extends Error {
  override readonly name = 'CoordinatorKilled';
}

interface Site {
  readonly log: MemoryLog;
  readonly disks: readonly MemoryStoreDisk[];
  partition: LocalPartition;
  stop: () => Promise<void>;
}

/** The partitions of region `east` in virtual time, over memory logs and stores, with coordinators that can die. */
export class TransactionWorld {
  readonly clock = VirtualClock.quick();
  readonly logger = new MemoryLogger();
  readonly failures: unknown[] = [];
  readonly sites: Site[] = [];
  /** How long a step of a coordinator is on its way. */
  stepMs: () => number = () => 0;
  /** Of `TABLE`. */
  indexed: IndexedTable | undefined;
  #recovery: TransactionRecovery | undefined;
  readonly #random: SeededRandom;
  #now = 0;

  private constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  static async start({ partitions = 3, seed = 1 } = {}): Promise<TransactionWorld> {
    const world = new TransactionWorld(seed);
    for (let number = 0; number < partitions; number += 1) {
      const log = new MemoryLog(world.clock, number);
      const disks = [new MemoryStoreDisk(), new MemoryStoreDisk()];
      const partition = world.#newPartition(log, number, partitions);
      world.sites.push({ log, disks, partition, stop: async () => {} });
    }
    await world.#startAll();
    return world;
  }

  #newPartition(log: MemoryLog, number: number, partitionCount: number): LocalPartition {
    return new LocalPartition({
      number,
      partitionCount,
      region: 'east',
      log,
      clock: this.clock,
      now: () => (this.#now = Math.max(this.#now + 1, this.clock.wallMs() * TICKS_PER_MS)),
      resolve,
      keepsTombstones: () => false,
      indexed: (table) => (table === TABLE ? this.indexed : undefined),
      onFailure: (error) => this.failures.push(error),
      onDamage: (zone) => this.failures.push(zone),
    });
  }

  async #startAll(): Promise<void> {
    for (const site of this.sites) await this.#startSite(site);
    const router = new Router(this.partitions, () => this.layout);
    this.#recovery = new TransactionRecovery({
      led: () => this.partitions,
      partitionAt: (hash) => router.partitionAt(hash),
      clock: this.clock,
      logger: this.logger,
    });
    await this.#recovery.start();
  }

  async #startSite(site: Site): Promise<void> {
    const stops: (() => Promise<void>)[] = [];
    const { number } = site.partition;
    for (const [at, disk] of site.disks.entries()) {
      const node = await StorageNode.open({
        zone: at === 0 ? 'a' : 'b',
        store: await disk.open(),
        partitionCount: this.sites.length,
        partitions: [number],
      });
      const applier = new Applier({
        node,
        partitions: [site.partition],
        clock: this.clock,
        onFailure: (error) => this.failures.push(error),
      });
      applier.start();
      stops.push(async () => {
        await applier.stop();
        await node.close();
      });
    }
    site.stop = async () => {
      site.partition.stop();
      for (const stop of stops) await stop();
    };
    const opened = site.partition.open(`log-${number}`);
    const open = async (): Promise<void> => {
      while (!opened.done) {
        await opened.durable.catch(() => {});
        await this.clock.sleep(1);
      }
    };
    await this.run(open());
  }

  /** New leaders over what the logs and stores hold. */
  async restart(): Promise<void> {
    await this.stop();
    for (const site of this.sites)
      site.partition = this.#newPartition(site.log, site.partition.number, this.sites.length);
    await this.#startAll();
  }

  async stop(): Promise<void> {
    const stopped = this.#recovery?.stop();
    for (const site of this.sites) await this.run(site.stop());
    await this.run(stopped ?? Promise.resolve());
  }

  get layout(): Layout {
    return Layout.even(this.sites.length);
  }

  get partitions(): readonly LocalPartition[] {
    return this.sites.map(({ partition }) => partition);
  }

  async run<T>(promise: Awaitable<T>): Promise<T> {
    return this.clock.runUntilSettled(Promise.resolve(promise));
  }

  /** A coordinator whose steps, counted from 0, meet these fates; after the first that is not `done` it is dead. */
  coordinator(
    fate: (step: number, name: TransactionStepName) => StepFate = () => 'done',
  ): Transactions {
    let steps = 0;
    let isDead = false;
    const through = async (name: TransactionStepName, step: () => Promise<unknown>) => {
      const becomes = isDead ? 'before' : fate(steps, name);
      steps += 1;
      if (becomes !== 'done') isDead = true;
      if (becomes === 'before') throw new CoordinatorKilled();
      const ms = this.stepMs();
      if (ms > 0) await this.clock.sleep(ms);
      const answer = await step();
      if (becomes === 'after') throw new CoordinatorKilled();
      return answer;
    };
    const router = new Router(
      this.partitions.map((partition) => interposed(partition, through)),
      () => this.layout,
    );
    return new Transactions({
      router: () => router,
      clock: this.clock,
      random: this.#random,
      admit: () => {},
    });
  }

  async write(actions: readonly TransactionAction[]): Promise<TransactionOutcome> {
    return this.run(this.coordinator().write({ actions }));
  }

  /** What stands at these keys together; undefined where there is nothing. Rejects when they are busy for long. */
  async readAll(names: readonly string[]): Promise<readonly (string | undefined)[]> {
    return textsOf(await this.run(this.readTogether(names)));
  }

  async readTogether(names: readonly string[]): Promise<TransactionReadOutcome> {
    return this.coordinator().read(names.map((name) => ({ table: TABLE, key: keyOf(name) })));
  }

  partitionOf(name: string): LocalPartition {
    const { number } = new Router(this.partitions, () => this.layout).partitionOf(
      TABLE,
      keyOf(name),
    );
    const found = this.partitions[number];
    if (found === undefined) throw new Error('a partition for every key');
    return found;
  }

  async read(name: string): Promise<string | undefined> {
    return textOf(await this.partitionOf(name).read(TABLE, keyOf(name)));
  }

  nearby(name: string): string | undefined {
    return textOf(this.partitionOf(name).readNearby(TABLE, keyOf(name)));
  }

  async put(name: string, text: string): Promise<void> {
    await this.partitionOf(name).write({ ...put(name, text), cause: 'user' });
  }

  get hasIntents(): boolean {
    return this.partitions.some(({ hasIntents }) => hasIntents);
  }
}

/** The partition with another way to its `transact`. */
function interposed(
  partition: LocalPartition,
  through: (name: TransactionStepName, step: () => Promise<unknown>) => Promise<unknown>,
): RegionPartition {
  return new Proxy(partition, {
    get: (target, member) => {
      if (member === 'transact')
        return async (name: TransactionStepName, request: never) =>
          through(name, async () => target.transact(name, request));
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export const keyOf = (name: string): Uint8Array => joinKey(Buffer.from(name), new Uint8Array(0));

const imageOf = (text: string): ItemImage => ({
  image: Buffer.from(JSON.stringify({ t: { S: text } })),
  itemBytes: text.length + 1,
});

export function textOf(
  item: { readonly image: Uint8Array | undefined } | undefined,
): string | undefined {
  if (item?.image === undefined) return undefined;
  const parsed: { readonly t: { readonly S: string } } = JSON.parse(
    Buffer.from(item.image).toString(),
  );
  return parsed.t.S;
}

export function textsOf(outcome: TransactionReadOutcome): readonly (string | undefined)[] {
  if (outcome.kind === 'read') return outcome.items.map(textOf);
  throw new Error(`cancelled: ${outcome.reasons.map(({ kind }) => kind).join(', ')}`);
}

export const isText = (text: string): ConditionExpression => ({
  kind: 'compare',
  comparator: '=',
  left: { kind: 'path', path: ['t'] },
  right: { kind: 'value', value: { S: text } },
});

export const put = (
  name: string,
  text: string,
  condition?: ConditionExpression,
): Omit<ItemWrite, 'cause'> => ({
  table: TABLE,
  key: keyOf(name),
  change: { kind: 'put', ...imageOf(text) },
  condition,
});

export const remove = (name: string): TransactionAction => ({
  table: TABLE,
  key: keyOf(name),
  change: { kind: 'delete' },
  condition: undefined,
});

export const check = (name: string, condition: ConditionExpression): TransactionAction => ({
  table: TABLE,
  key: keyOf(name),
  change: { kind: 'check' },
  condition,
});
