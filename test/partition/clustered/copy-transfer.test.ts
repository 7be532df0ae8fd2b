import { expect, test } from 'vitest';

import type { Bus, BusMessage, RequestHandler, RequestOptions } from '../../../src/bus/bus.ts';
import { InProcessNetwork } from '../../../src/bus/in-process-network.ts';
import {
  CopyTransfer,
  viewIdleMs,
  viewsMax,
} from '../../../src/partition/clustered/copy-transfer.ts';
import { countersKey, itemSpaceRange, tableHashRange } from '../../../src/storage/key-layout.ts';
import { readRange, withSnapshot } from '../../../src/storage/key-ranges.ts';
import { StorageNode } from '../../../src/storage/storage-node.ts';
import { LossyBus } from '../../support/lossy-bus.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { MemoryStoreDisk } from '../../support/memory-store.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { dump, LeaderModel, PARTITIONS } from '../../storage/leader-model.ts';

const never = new AbortController().signal;

/** Nodes of one region that share a bus. */
class Nodes {
  readonly clock = new VirtualClock();
  readonly logger = new MemoryLogger();
  readonly bus = new InProcessNetwork(this.clock).endpoint('east');
  readonly disks = new Map<string, MemoryStoreDisk>();
  readonly nodes = new Map<string, StorageNode>();
  readonly #random = new SeededRandom(1);

  static async start(): Promise<Nodes> {
    const nodes = new Nodes();
    await nodes.bus.start();
    return nodes;
  }

  /** One with `items` items of so many bytes. */
  async add(zone: string, items = 0, itemBytes = 1): Promise<CopyTransfer> {
    const disk = new MemoryStoreDisk();
    this.disks.set(zone, disk);
    await this.open(zone);
    const leader = new LeaderModel();
    for (let item = 0; item < items; item += 1) {
      const kind = item % 5 === 4 ? ('bury' as const) : ('put' as const);
      const changes = [{ kind, table: 1, item, text: `${item}`.padEnd(itemBytes, 'x') }];
      for (const [partition, entry] of leader.entries(changes))
        await this.node(zone).apply(new Map([[partition, [entry]]]));
    }
    return this.transfer(zone);
  }

  async open(zone: string): Promise<void> {
    const store = await this.disks.get(zone)?.open();
    if (store === undefined) throw new Error(`no disk ${zone}`);
    const partitions = [0, 1, 2];
    const node = await StorageNode.open({ zone, store, partitionCount: PARTITIONS, partitions });
    this.nodes.set(zone, node);
  }

  node(zone: string): StorageNode {
    const node = this.nodes.get(zone);
    if (node === undefined) throw new Error(`no node ${zone}`);
    return node;
  }

  transfer(zone: string, bus: Bus = this.bus): CopyTransfer {
    const transfer = new CopyTransfer({
      region: 'east',
      zone,
      bus,
      node: () => this.node(zone),
      clock: this.clock,
      random: this.#random,
      logger: this.logger,
      observer: { rebuildProgressed: () => {}, rebuildEnded: () => {} },
    });
    transfer.start();
    return transfer;
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise);
  }
}

/** A bus that shows what passes. */
class WatchedBus implements Bus {
  readonly region: string;
  readonly answerBytes: number[] = [];
  onRequest: (count: number) => void = () => {};
  readonly #inner: Bus;
  #count = 0;

  constructor(inner: Bus) {
    this.region = inner.region;
    this.#inner = inner;
  }

  serve(subject: string, handle: RequestHandler): () => void {
    return this.#inner.serve(subject, handle);
  }

  async request(region: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    this.#count += 1;
    this.onRequest(this.#count);
    const answer = await this.#inner.request(region, message, options);
    this.answerBytes.push(answer.length);
    return answer;
  }
}

test('a copy is filled with what another node has, of every partition', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  const target = await nodes.add('b');
  for (const partition of [0, 1, 2]) {
    const position = await nodes.run(target.fill(partition, 'a', never));
    expect(position).toEqual(nodes.node('a').copy(partition).position);
    expect(nodes.node('b').copy(partition).position).toEqual(position);
  }
  expect(await dump(nodes.node('b').store)).toEqual(await dump(nodes.node('a').store));
  expect(nodes.logger.messages('warn')[0]).toBe('rebuilding a copy');
  expect(nodes.logger.messages('info').at(-1)).toBe('copy rebuilt');
});

test('a large copy comes in pages, none much longer than half a megabyte', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 100, 60_000);
  await nodes.add('b');
  const bus = new WatchedBus(nodes.bus);
  const target = nodes.transfer('c', bus);
  nodes.nodes.set('c', nodes.node('b'));
  await nodes.run(target.fill(1, 'a', never));
  expect(nodes.node('b').copy(1).counters(1)).toEqual(nodes.node('a').copy(1).counters(1));
  const pages = bus.answerBytes.filter((bytes) => bytes > 400_000);
  expect(pages.length).toBeGreaterThan(2);
  expect(Math.max(...bus.answerBytes)).toBeLessThan(650_000);
});

test('requests and answers that are lost are repeated', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 60, 60_000);
  await nodes.add('b');
  const faults = { dropRequest: 0.1, dropAnswer: 0.1, duplicate: 0.2, delayMsMax: 50 };
  const random = new SeededRandom(3);
  const bus = new LossyBus(nodes.bus, { clock: nodes.clock, random, faults });
  nodes.nodes.set('c', nodes.node('b'));
  await nodes.run(nodes.transfer('c', bus).fill(1, 'a', never));
  expect(nodes.node('b').copy(1).counters(1)).toEqual(nodes.node('a').copy(1).counters(1));
});

test('a source that dies in the middle leaves the copy incomplete, to be filled from another', async () => {
  const nodes = await Nodes.start();
  const source = await nodes.add('a', 60, 60_000);
  await nodes.add('b', 60, 60_000);
  await nodes.add('c', 12);
  const bus = new WatchedBus(nodes.bus);
  nodes.nodes.set('d', nodes.node('c'));
  const target = nodes.transfer('d', bus);
  bus.onRequest = (count) => {
    if (count === 12) void source.stop();
  };
  const fill = nodes.run(target.fill(1, 'a', never));
  await expect(fill).rejects.toMatchObject({ name: 'RebuildError', side: 'source', code: 'io' });
  expect(nodes.node('c').copy(1).rebuilding).toBe(true);
  nodes.disks.get('c')?.powerCut(1000);
  await nodes.open('c');
  nodes.nodes.set('d', nodes.node('c'));
  expect(nodes.node('c').copy(1).rebuilding).toBe(true);
  await nodes.run(target.fill(1, 'b', never));
  expect(nodes.node('c').copy(1).rebuilding).toBe(false);
  expect(nodes.node('c').copy(1).counters(1)).toEqual(nodes.node('b').copy(1).counters(1));
});

test('a source that has lost something is refused', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  const target = await nodes.add('b');
  await nodes.node('a').close();
  const disk = nodes.disks.get('a');
  const lost = Buffer.from(countersKey(1, 1));
  disk?.restore(disk.pairs().filter(([key]) => !lost.equals(key)));
  await nodes.open('a');
  const fill = nodes.run(target.fill(1, 'a', never));
  await expect(fill).rejects.toMatchObject({ side: 'source', code: 'damaged' });
  expect(nodes.node('b').state).toBe('open');
});

test('a value that fails its checksum is blamed on the source', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  const target = await nodes.add('b');
  const range = itemSpaceRange('items', 1, tableHashRange(1, 1, PARTITIONS));
  const pairs = await withSnapshot(nodes.node('a').store, async (snapshot) =>
    readRange(snapshot, range),
  );
  nodes.disks.get('a')?.damage(pairs[0]?.[0] ?? new Uint8Array());
  const fill = nodes.run(target.fill(1, 'a', never));
  await expect(fill).rejects.toMatchObject({ side: 'source', code: 'damaged' });
});

test('a copy that is under rebuild itself is no source, nor is a node that is away', async () => {
  const nodes = await Nodes.start();
  const half = await nodes.add('a', 12);
  const target = await nodes.add('b', 12);
  await expect(nodes.run(half.fill(1, 'c', never))).rejects.toMatchObject({ side: 'source' });
  expect(nodes.node('a').copy(1).rebuilding).toBe(false);
  const rebuilt = nodes.node('a').rebuildFrom(nodes.node('b'), 1, {
    onProgress: () => {
      throw new Error('enough');
    },
  });
  await expect(rebuilt).rejects.toThrow('enough');
  await expect(nodes.run(target.fill(1, 'a', never))).rejects.toMatchObject({ side: 'source' });
  expect(nodes.node('b').copy(1).rebuilding).toBe(false);
});

test('a fill ends with the reason of its signal', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 60, 60_000);
  await nodes.add('b');
  nodes.nodes.set('c', nodes.node('b'));
  const bus = new WatchedBus(nodes.bus);
  const ended = new AbortController();
  bus.onRequest = (count) => {
    if (count === 11) ended.abort(new Error('no more'));
  };
  const fill = nodes.run(nodes.transfer('c', bus).fill(1, 'a', ended.signal));
  await expect(fill).rejects.toThrow('no more');
  expect(nodes.node('b').copy(1).rebuilding).toBe(true);
});

test('a view that nobody asks for is closed, and one that is kept is not', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  const target = await nodes.add('b');
  const whole = itemSpaceRange('items', 1, tableHashRange(1, 1, PARTITIONS));
  const kept = await nodes.run(target.open(1, 'a', never));
  await nodes.clock.advance(4 * viewIdleMs);
  const pairs = await nodes.run(kept.iterate(whole).next(10));
  expect(pairs.length).toBeGreaterThan(0);
  await nodes.run(kept.close());
  await expect(nodes.run(kept.iterate(whole).next(10))).rejects.toMatchObject({ code: 'io' });
});

test('a view whose asker has died is closed by itself', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  await nodes.add('b');
  const dead = new WatchedBus(nodes.bus);
  for (let number = 0; number < viewsMax; number += 1) {
    nodes.nodes.set(`x${number}`, nodes.node('b'));
    await nodes.run(nodes.transfer(`x${number}`, dead).open(1, 'a', never));
  }
  dead.onRequest = () => {
    throw new Error('dead');
  };
  nodes.nodes.set('y', nodes.node('b'));
  const waiting = nodes.transfer('y').open(1, 'a', never);
  await nodes.clock.advance(viewIdleMs / 2);
  let isOpen = false;
  const opened = waiting.then((snapshot) => {
    isOpen = true;
    return snapshot;
  });
  await nodes.clock.settle();
  expect(isOpen).toBe(false);
  const snapshot = await nodes.run(opened);
  expect(snapshot.position).toEqual(nodes.node('a').copy(1).position);
});

test('who opens once more gives up the view before', async () => {
  const nodes = await Nodes.start();
  await nodes.add('a', 12);
  const target = await nodes.add('b');
  const first = await nodes.run(target.open(1, 'a', never));
  for (let number = 0; number < 2 * viewsMax; number += 1)
    await nodes.run(target.open(1, 'a', never));
  const whole = itemSpaceRange('items', 1, tableHashRange(1, 1, PARTITIONS));
  await expect(nodes.run(first.iterate(whole).next(10))).rejects.toMatchObject({ code: 'io' });
});

test('a node that stops has closed every view', async () => {
  const nodes = await Nodes.start();
  const source = await nodes.add('a', 12);
  const target = await nodes.add('b');
  const snapshot = await nodes.run(target.open(1, 'a', never));
  await nodes.run(source.stop());
  const whole = itemSpaceRange('items', 1, tableHashRange(1, 1, PARTITIONS));
  await expect(nodes.run(snapshot.iterate(whole).next(10))).rejects.toMatchObject({ code: 'io' });
});
