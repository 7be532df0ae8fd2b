import { expect, test } from 'vitest';

import { TICKS_PER_MS } from '../../../src/clock/hybrid-time.ts';
import { StreamLog } from '../../../src/log/jetstream/stream-log.ts';
import { NodePartition, type Stuck } from '../../../src/partition/clustered/node-partition.ts';
import { resolve } from '../../../src/replication/resolve.ts';
import { readItem } from '../../../src/storage/read.ts';
import { StorageNode } from '../../../src/storage/storage-node.ts';
import { type BrokerLink, StreamModel } from '../../sim/stream/stream-model.ts';
import { MemoryStoreDisk } from '../../support/memory-store.ts';
import { keyOf, PartitionWorld, put, TABLE } from '../../support/partition-world.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

interface Node {
  readonly partition: NodePartition;
  readonly link: BrokerLink;
  readonly stucks: Stuck[];
}

/** Nodes with one partition, over a model of a broker. */
class World {
  readonly clock = VirtualClock.quick();
  readonly failures: unknown[] = [];
  /** Who has come to lead, in order. */
  readonly led: string[] = [];
  /** Who says that it leads, whether it does or not. */
  said: string | undefined;
  /** Who could not lead now: nobody lets it go first. */
  readonly gone = new Set<string>();
  /** How much of the log each keeps in memory. */
  recentBytes: number | undefined;
  readonly #stream = new StreamModel('p0', {
    clock: this.clock,
    random: new SeededRandom(3),
    faults: { refused: 0, unknown: 0, straggler: 0, notFound: 0 },
    count: () => {},
  });
  readonly nodes = new Map<string, Node>();
  #now = 0;

  async open(zone: string): Promise<Node> {
    const { clock, recentBytes } = this;
    const link = { name: zone, isCut: false };
    const broker = this.#stream.connect(link);
    const log = await this.run(
      StreamLog.open({
        broker,
        partition: 0,
        clock,
        ...(recentBytes !== undefined && { recentBytes }),
      }),
    );
    const store = await new MemoryStoreDisk().open();
    const stucks: Stuck[] = [];
    const partition = new NodePartition({
      number: 0,
      partitionCount: 1,
      region: 'east',
      log,
      node: await StorageNode.open({ zone, store, partitionCount: 1, partitions: [0] }),
      clock,
      random: new SeededRandom(1),
      now: () => (this.#now = Math.max(this.#now + 1, clock.wallMs() * TICKS_PER_MS)),
      resolve,
      keepsTombstones: () => false,
      neighbours: { leaderOf: () => this.said },
      precedence: () => this.#precedence(zone),
      mayLead: () => true,
      successor: () => undefined,
      onLead: () => {
        this.led.push(zone);
      },
      onFollow: () => {},
      onStuck: async (why) => {
        stucks.push(why);
      },
      onFailure: (error) => this.failures.push(error),
      onDamage: (_zone, error) => this.failures.push(error),
    });
    const node = { partition, link, stucks };
    this.nodes.set(zone, node);
    return node;
  }

  #precedence(zone: string): number {
    return ['a', 'b', 'c'].filter((other) => other < zone && !this.gone.has(other)).length;
  }

  async start(zone: string): Promise<Node> {
    const node = await this.open(zone);
    await node.partition.start();
    return node;
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise, 60_000);
  }

  get leader(): string | undefined {
    return [...this.nodes].find(([, { partition }]) => partition.leading !== undefined)?.[0];
  }

  async untilLed(by?: string): Promise<void> {
    for (let passedMs = 0; passedMs < 20_000; passedMs += 10) {
      if (by === undefined ? this.leader !== undefined : this.leader === by) return;
      await this.clock.advance(10);
    }
    throw new Error('nobody leads');
  }

  async put(item: number, text: string): Promise<void> {
    const leading = this.nodes.get(this.leader ?? '')?.partition.leading;
    if (leading === undefined) throw new Error('nobody leads');
    await this.run(leading.write(put(item, text)));
  }

  async stop(): Promise<void> {
    await this.run(
      Promise.all([...this.nodes.values()].map(async ({ partition }) => partition.stop())),
    );
  }
}

const holds = ({ partition }: Node, item: number): boolean =>
  readItem(partition.node.store, TABLE, keyOf(item)) !== undefined;

test('who should lead opens the log, and the others follow it', async () => {
  const world = new World();
  for (const zone of ['c', 'b', 'a']) await world.open(zone);
  for (const { partition } of world.nodes.values()) await partition.start();
  await world.untilLed();
  expect(world.leader).toBe('a');
  await world.put(1, 'one');
  await world.clock.advance(500);
  for (const node of world.nodes.values()) {
    expect(holds(node, 1)).toBe(true);
    expect(node.partition.leader).toBe('a');
  }
  await world.stop();
  expect(world.failures).toEqual([]);
});

test('nobody takes over while the leader says that it leads, and somebody does when it does not', async () => {
  const world = new World();
  for (const zone of ['a', 'b', 'c']) await world.start(zone);
  await world.untilLed('a');
  world.said = 'a';
  await world.clock.advance(10_000);
  expect(world.led).toEqual(['a']);
  world.said = undefined;
  await world.clock.advance(3000);
  expect(world.led.slice(0, 2)).toEqual(['a', 'b']);
  await world.stop();
});

test('a leader that hangs is replaced as soon as its lease is over, by the next one', async () => {
  const world = new World();
  for (const zone of ['a', 'b', 'c']) await world.start(zone);
  await world.untilLed('a');
  world.said = 'a';
  await world.put(1, 'one');
  await world.clock.advance(1);
  const { link } = world.nodes.get('a') ?? {};
  if (link !== undefined) link.isCut = true;
  world.said = undefined;
  world.gone.add('a');
  const startMs = world.clock.monotonicMs();
  const isReplaced = (): boolean => world.nodes.get('b')?.partition.leading !== undefined;
  for (let looks = 0; looks < 1000 && !isReplaced(); looks += 1) await world.clock.advance(5);
  const tookMs = world.clock.monotonicMs() - startMs;
  expect(tookMs).toBeGreaterThan(2100);
  expect(tookMs).toBeLessThan(2350);
  expect(world.led).toEqual(['a', 'b']);
  await world.stop();
});

test('the one that a leader has named goes on after it, at once', async () => {
  const world = new World();
  for (const zone of ['a', 'b', 'c']) await world.start(zone);
  await world.untilLed('a');
  const startMs = world.clock.monotonicMs();
  expect(await world.run(world.nodes.get('a')?.partition.resign('c') ?? Promise.reject())).toBe(
    true,
  );
  await world.untilLed('c');
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(200);
  await world.put(1, 'one');
  await world.stop();
});

test('a node knows whether an operator has asked for it, or the one before has only named it as it went', async () => {
  const world = new World();
  for (const zone of ['a', 'b', 'c']) await world.start(zone);
  await world.untilLed('a');
  const of = (zone: string) => world.nodes.get(zone)?.partition;
  expect(await world.run(of('a')?.resign('c') ?? Promise.reject())).toBe(true);
  await world.untilLed('c');
  expect(of('c')?.wasWished).toBe(false);
  expect(await world.run(of('c')?.resign('b', { isWish: true }) ?? Promise.reject())).toBe(true);
  await world.untilLed('b');
  expect(of('b')?.wasWished).toBe(true);
  await world.stop();
});

test('a log that cannot be read for a while says nothing against the copy', async () => {
  const world = new World();
  await world.start('a');
  await world.untilLed();
  for (let item = 1; item <= 30; item += 1) await world.put(item, 'x'.repeat(200));
  world.said = 'a';
  world.recentBytes = 1;
  const late = await world.open('b');
  late.link.isCut = true;
  await late.partition.start();
  await world.clock.advance(8000);
  expect(late.stucks).toEqual([]);
  expect(holds(late, 30)).toBe(false);
  late.link.isCut = false;
  await world.clock.advance(2000);
  expect(holds(late, 30)).toBe(true);
  await world.stop();
});

test('a copy of another log is found out', async () => {
  const world = new World();
  await world.start('a');
  await world.untilLed();
  await world.put(1, 'one');
  await world.clock.advance(500);
  world.said = 'a';
  const other = new World();
  await other.start('b');
  await other.untilLed();
  for (let item = 1; item < 9; item += 1) await other.put(item, 'of another log');
  const strange = await world.open('c');
  await other.clock.advance(500);
  const copy = other.nodes.get('b')?.partition.copy;
  await other.stop();
  Object.defineProperty(strange.partition, 'copy', { get: () => copy });
  await strange.partition.start();
  await world.clock.advance(2000);
  expect(strange.stucks).toEqual([]);
  await world.clock.advance(4000);
  expect(strange.stucks.map(({ kind }) => kind)).toContain('unfit');
  await world.stop();
});

test('who waits for an entry is told when the copy has it, or that it does not come', async () => {
  const world = new World();
  await world.start('a');
  await world.untilLed();
  const follower = await world.start('b');
  await world.put(1, 'one');
  const index = world.nodes.get('a')?.partition.log.end.index ?? 0;
  await world.run(follower.partition.appliedThrough(index));
  expect(holds(follower, 1)).toBe(true);
  const waiting = follower.partition.appliedThrough(index + 1000);
  waiting.catch(() => {});
  await world.clock.advance(4000);
  await world.clock.advance(2000);
  await expect(waiting).rejects.toThrow('Internal');
  await world.stop();
  const startMs = world.clock.monotonicMs();
  await expect(
    world.run(follower.partition.appliedThrough(index + 1000).then(() => 'applied')),
  ).rejects.toThrow('Internal');
  expect(world.clock.monotonicMs()).toBe(startMs);
});

test('a leader that cannot hand over ends all the same', async () => {
  const world = new World();
  const { link } = await world.start('a');
  await world.untilLed();
  await world.put(1, 'one');
  link.isCut = true;
  await world.stop();
  expect(world.leader).toBeUndefined();
});

test('a leader that the broker does not answer is hindered, and no more once it does', async () => {
  const world = new World();
  const { link, partition } = await world.start('a');
  await world.untilLed();
  await world.put(1, 'one');
  const { leading } = partition;
  expect(leading?.isHindered).toBe(false);
  link.isCut = true;
  await world.clock.advance(3000);
  const read = async (): Promise<unknown> => leading?.read(TABLE, keyOf(1));
  await expect(world.run(read())).rejects.toThrow('Internal');
  expect(leading?.isHindered).toBe(true);
  link.isCut = false;
  await world.clock.advance(1000);
  expect(await world.run(read())).toBeDefined();
  expect(leading?.isHindered).toBe(false);
  await world.stop();
});

test('what a leader has read is not answered once it is stopped, whoever has the lease by then', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.partition.write(put(1, 'one')));
  const reads = [world.partition.read(TABLE, keyOf(1)), world.partition.readIndex()].map(
    async (read) => read.catch(() => 'not answered'),
  );
  world.partition.stop();
  expect(await world.run(Promise.all(reads))).toEqual(['not answered', 'not answered']);
});
