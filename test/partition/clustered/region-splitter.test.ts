import { expect, test } from 'vitest';

import { internalError } from '../../../src/model/errors.ts';
import type { AskLeader } from '../../../src/partition/clustered/partition-client.ts';
import {
  RegionSplitter,
  SPLIT_DOCUMENT,
} from '../../../src/partition/clustered/region-splitter.ts';
import { Layout } from '../../../src/storage/layout.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** A region whose leaders answer as they are told to, and split at once when they are asked to. */
class World {
  readonly clock = new VirtualClock();
  readonly kept: Map<string, unknown>;
  readonly unled = new Set<number>();
  readonly busy = new Set<number>();
  layout = Layout.even(3);
  isCopied = true;
  readonly splitter: RegionSplitter;

  constructor(kept = new Map<string, unknown>()) {
    this.kept = kept;
    this.splitter = new RegionSplitter({
      kept,
      documents: {
        put: async (name, document) => void kept.set(name, document),
        isCopied: () => this.isCopied,
      },
      layout: () => this.layout,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- answers by the call's name
      ask: (async (parent, call) => this.#answer(parent, call)) as AskLeader,
      limits: { bytes: 1, recordsPerSecond: 1, partitions: 8 },
      clock: this.clock,
      logger: new MemoryLogger(),
    });
  }

  #answer(parent: number, call: Parameters<AskLeader>[1]): unknown {
    if (this.unled.has(parent)) throw internalError();
    if (call.name === 'split') {
      this.layout = this.layout.split(parent, call.request.middle);
      return { kind: 'done' };
    }
    const { from, to } = this.layout.hashesOf(parent);
    return this.busy.has(parent)
      ? { kind: 'at', middle: Math.floor((from + to) / 2), by: 'load' }
      : { kind: 'none' };
  }
}

test('a partition that is too busy is split though nobody leads another one', async () => {
  const world = new World();
  world.unled.add(0);
  world.busy.add(2);
  await world.splitter.start();
  await world.clock.advance(12_000);
  expect(world.layout.count).toBe(4);
  expect(world.kept.get(SPLIT_DOCUMENT)).toMatchObject({ parent: 2, child: 3 });
  await world.splitter.stop();
});

test('a split that was decided on is carried out by whoever has the seat next, and no other before', async () => {
  const { from, to } = Layout.even(3).hashesOf(1);
  const middle = Math.floor((from + to) / 2);
  const world = new World(new Map([[SPLIT_DOCUMENT, { parent: 1, child: 3, middle }]]));
  await expect(world.splitter.force(2)).rejects.toThrow('partition 1 of the region is being split');
  await world.splitter.start();
  await world.clock.advance(1000);
  expect(world.layout.count).toBe(4);
  expect(world.layout.hashesOf(1)).toEqual({ from, to: middle });
  await world.splitter.stop();
});

test('nobody is asked for a split before what was decided is in a second copy', async () => {
  const world = new World();
  world.isCopied = false;
  world.busy.add(2);
  await world.splitter.start();
  await world.clock.advance(12_000);
  expect(world.kept.get(SPLIT_DOCUMENT)).toMatchObject({ parent: 2, child: 3 });
  expect(world.layout.count).toBe(3);
  world.isCopied = true;
  await world.clock.advance(1000);
  expect(world.layout.count).toBe(4);
  await world.splitter.stop();
});
