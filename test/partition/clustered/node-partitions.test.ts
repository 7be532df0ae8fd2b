import { expect, test } from 'vitest';

import type { NodePartition } from '../../../src/partition/clustered/node-partition.ts';
import {
  NodePartitions,
  type OpenedLog,
} from '../../../src/partition/clustered/node-partitions.ts';
import { Copy } from '../../../src/storage/copy.ts';
import { hashRange } from '../../../src/storage/key-layout.ts';
import type { StorageNode } from '../../../src/storage/storage-node.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

class FakeLog {
  isClosed = false;
  lostBecause: string | undefined;
  readonly end = { index: 0 };

  close(): void {
    this.isClosed = true;
  }
}

/** A node with partition 0, whose copy may apply a split. */
class World {
  readonly clock = new VirtualClock();
  readonly copies = new Map<number, Copy>();
  readonly made: FakeLog[] = [];
  /** Numbers of partitions that were started. */
  readonly started: number[] = [];
  makeMs = 0;
  readonly partitions: NodePartitions;

  constructor() {
    this.copies.set(0, Copy.ofSplit(0, stateOf(0, 2 ** 32, undefined)));
    const node: unknown = { copies: this.copies, state: 'open' };
    this.partitions = new NodePartitions({
      count: 1,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is asked of it
      node: node as StorageNode,
      nodes: { others: [], report: () => undefined },
      newPartition: ({ number }) => this.#newPartition(number),
      openLog: async () => undefined,
      makeLog: async () => {
        await this.clock.sleep(this.makeMs);
        const log = new FakeLog();
        this.made.push(log);
        return openedOf(log);
      },
      moveClockTo: () => {},
      onFailure: () => {},
      clock: this.clock,
      logger: new MemoryLogger(),
    });
  }

  #newPartition(number: number): NodePartition {
    const partition: unknown = {
      number,
      handedOver: () => {},
      start: async () => {
        this.started.push(number);
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is asked of it
    return partition as NodePartition;
  }

  async start(): Promise<void> {
    this.partitions.open([openedOf(new FakeLog())]);
    await this.partitions.start();
  }

  /** The copy of partition 0 has applied one of its own. */
  split(): void {
    const origin = { parent: 0, index: 5, time: 5 };
    this.copies.set(0, Copy.ofSplit(0, stateOf(0, 1000, undefined)));
    this.copies.set(1, Copy.ofSplit(1, stateOf(1000, 2 ** 32, origin)));
    this.partitions.splitApplied();
  }

  async stop(): Promise<void> {
    await this.clock.runUntilSettled(this.partitions.stop());
  }
}

type Origin = { readonly parent: number; readonly index: number; readonly time: number };

const stateOf = (from: number, to: number, origin: Origin | undefined) => ({
  held: { ...hashRange(0, 1), from, to, origin },
  forgotten: {},
  countsWith: [],
});

function openedOf(log: FakeLog): OpenedLog {
  const opened: unknown = { log, generation: 1 };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is asked of it
  return opened as OpenedLog;
}

test('the log that was made for a child is its own once the copy has applied the split', async () => {
  const world = new World();
  await world.start();
  expect(await world.clock.runUntilSettled(world.partitions.prepare(1))).toBe(true);
  world.split();
  expect(world.started).toEqual([0, 1]);
  expect(world.partitions.layout.count).toBe(2);
  await world.stop();
  expect(world.made.map(({ isClosed }) => isClosed)).toEqual([false]);
});

test('a split that is applied while the node stops brings nothing up, on a log that is closed', async () => {
  const world = new World();
  await world.start();
  await world.clock.runUntilSettled(world.partitions.prepare(1));
  await world.stop();
  expect(world.made.map(({ isClosed }) => isClosed)).toEqual([true]);
  world.split();
  expect(world.started).toEqual([0]);
});

test('a log that is made too late is closed: the node has stopped, or another attempt was first', async () => {
  const world = new World();
  await world.start();
  world.makeMs = 100;
  const attempts = Promise.all([world.partitions.prepare(1), world.partitions.prepare(1)]);
  expect(await world.clock.runUntilSettled(attempts)).toEqual([true, true]);
  expect(world.made.map(({ isClosed }) => isClosed)).toEqual([false, true]);
  const late = world.partitions.prepare(2);
  await world.stop();
  expect(await world.clock.runUntilSettled(late)).toBe(false);
  expect(world.made.map(({ isClosed }) => isClosed)).toEqual([true, true, true]);
});

test('a log that was lost before anything was in it is made again', async () => {
  const world = new World();
  await world.start();
  await world.clock.runUntilSettled(world.partitions.prepare(1));
  for (const log of world.made) log.lostBecause = 'gone';
  expect(await world.clock.runUntilSettled(world.partitions.prepare(1))).toBe(false);
  expect(await world.clock.runUntilSettled(world.partitions.prepare(1))).toBe(true);
  expect(world.made.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  await world.stop();
});
