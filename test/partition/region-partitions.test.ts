import { expect, onTestFinished, test } from 'vitest';

import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { MovedError } from '../../src/partition/moved-error.ts';
import { addCounters, type TableCounters } from '../../src/storage/apply.ts';
import { Copy } from '../../src/storage/copy.ts';
import { keyOf, put, TABLE } from '../support/partition-world.ts';
import { ZonesWorld } from '../support/zones-world.ts';

const ITEMS = Array.from({ length: 60 }, (_, item) => item);

async function worldWithItems(): Promise<ZonesWorld> {
  const world = await ZonesWorld.start();
  for (const item of ITEMS) await world.put(item);
  await world.untilApplying();
  await untilApplied(world);
  return world;
}

async function untilApplied(world: ZonesWorld): Promise<void> {
  await world.until(() =>
    world.partitions.every(({ copies, committed }) =>
      copies.serving.every(({ copy }) => copy.position.index === committed.index),
    ),
  );
}

const wrongIn = (world: ZonesWorld): readonly string[] =>
  ITEMS.map((item) => `${item} ${world.readNearby(item)}`).filter(
    (each) => !each.includes('right'),
  );

/** Splits a partition in the middle of its hashes. */
async function split(world: ZonesWorld, number = 0): Promise<number> {
  const { from, to } = world.splits.layout.hashesOf(number);
  return world.run(world.splits.split(number, Math.floor((from + to) / 2)));
}

const itemOf = (world: ZonesWorld, partition: number): number =>
  ITEMS.find((item) => world.partitionAt(item).number === partition) ?? 0;

const totals = (world: ZonesWorld): TableCounters =>
  world.partitions.map((partition) => partition.counters(TABLE)).reduce(addCounters);

/** Lets one zone alone serve each partition, and says what it has wrong. */
async function wrongAlone(world: ZonesWorld, alone: Zone): Promise<readonly string[]> {
  const others = ZONES.filter((zone) => zone !== alone);
  for (const zone of others) await world.run(world.zones.stopZone(zone));
  const wrong = wrongIn(world);
  for (const zone of others) await world.run(world.zones.startZone(zone));
  await world.untilApplying();
  return wrong;
}

test('a child leads the upper part, and every zone has a copy of it', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  const before = totals(world);
  expect(await split(world)).toBe(2);
  const moved = ITEMS.filter((item) => world.partitionAt(item).number === 2);
  expect(moved.length).toBeGreaterThan(3);
  expect(wrongIn(world)).toEqual([]);
  expect(totals(world)).toEqual(before);
  for (const item of ITEMS) await world.put(item);
  await world.untilApplying();
  expect(wrongIn(world)).toEqual([]);
  for (const zone of ZONES) expect(await wrongAlone(world, zone)).toEqual([]);
});

test('whoever still asks the parent for what it gave away is told that it has moved', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  const parent = world.partitionAt(itemOf(world, 0));
  await split(world);
  const item = itemOf(world, 2);
  await expect(world.run(parent.write(put(item, 'late')))).rejects.toThrow(MovedError);
  await expect(world.run(parent.read(TABLE, keyOf(item)))).rejects.toThrow(MovedError);
  expect(world.readNearby(item)).toBe('right');
});

test('a write of the upper part waits for the child, and one of the lower part for nothing', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  const parent = world.partitionAt(itemOf(world, 0));
  const { from, to } = world.splits.layout.hashesOf(0);
  const middle = Math.floor((from + to) / 2);
  const splitting = world.splits.split(0, middle);
  await world.region.clock.advance(0);
  const own = ITEMS.filter((item) => world.partitionAt(item) === parent);
  const outcomes: string[] = [];
  const writes = own.map(async (item) =>
    parent.write(put(item, `text ${item}`)).then(
      () => outcomes.push('written'),
      (error: unknown) => outcomes.push(error instanceof MovedError ? 'moved' : 'failed'),
    ),
  );
  await world.run(splitting);
  await world.run(Promise.all(writes));
  expect(outcomes.filter((each) => each === 'failed')).toEqual([]);
  expect(outcomes).toContain('moved');
  expect(outcomes).toContain('written');
});

test('a split is told of from its entry on, and the same when the child leads, and after a start', async () => {
  const first = await worldWithItems();
  const { from, to } = first.splits.layout.hashesOf(0);
  const held = new AbortController();
  const letGo = new Promise<void>((resolve) => {
    held.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  first.stores.beforeWrite = async () => letGo;
  const splitting = first.splits.split(0, Math.floor((from + to) / 2));
  await first.until(() => first.splits.splits.length > 0);
  expect(first.partitions).toHaveLength(2);
  const [told] = first.splits.splits;
  expect(told).toMatchObject({ parent: 0, child: 2, index: first.partitions[0]?.committed.index });
  held.abort();
  await first.run(splitting);
  expect(first.partitions).toHaveLength(3);
  expect(first.splits.splits).toEqual([told]);
  const world = await first.restart();
  onTestFinished(async () => world.stop());
  expect(world.splits.splits).toEqual([told]);
});

test('what is to be said again waits for a split, so that whoever asked knows the child by then', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  const parent = world.partitionAt(itemOf(world, 0));
  const { from, to } = world.splits.layout.hashesOf(0);
  const items = await world.run(parent.scan(TABLE, undefined, 1_000_000));
  const splitting = world.splits.split(0, Math.floor((from + to) / 2));
  await world.region.clock.advance(0);
  const known = parent.reemit(TABLE, items).then(() => world.partitions.length);
  expect(await world.run(known)).toBe(3);
  await world.run(splitting);
});

test('a start finds every split again, also behind one that was itself split', async () => {
  const first = await worldWithItems();
  await split(first, 0);
  await split(first, 2);
  await split(first, 1);
  const ranges = first.partitions.map(({ hashes }) => hashes);
  const world = await first.restart();
  onTestFinished(async () => world.stop());
  expect(world.partitions.map(({ hashes }) => hashes)).toEqual(ranges);
  expect(world.splits.child(3)?.parent).toBe(2);
  await world.untilApplying();
  expect(wrongIn(world)).toEqual([]);
});

test('a store that knows of splits of a child, and not yet of an earlier one elsewhere, is taken up', async () => {
  const world = await ZonesWorld.open();
  onTestFinished(async () => world.run(world.logs.stop()));
  const half = 2 ** 31;
  const born = (child: number, parent: number, from: number, to: number): void => {
    const held = { from, to, origin: { parent, index: 1, time: 1 } };
    world.splits.born(Copy.ofSplit(child, { held, forgotten: {}, countsWith: [] }));
  };
  born(3, 1, half + 1000, 2 ** 32);
  born(4, 3, half + 2000, 2 ** 32);
  expect(world.splits.isIncomplete).toBe(true);
  born(2, 0, 1000, half);
  expect(world.splits.isIncomplete).toBe(false);
  expect(world.partitions.map(({ hashes }) => hashes.from)).toEqual([
    0,
    half,
    1000,
    half + 1000,
    half + 2000,
  ]);
});

test('a zone that was away during a split applies it when it is back', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  await world.run(world.zones.stopZone('c'));
  await split(world);
  for (const item of ITEMS) await world.put(item);
  await world.run(world.zones.startZone('c'));
  await world.untilApplying();
  expect(await wrongAlone(world, 'c')).toEqual([]);
});

test('a zone whose log was trimmed past a split gets both halves from another', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  await world.run(world.zones.stopZone('c'));
  await split(world);
  for (const item of ITEMS) await world.put(item);
  await world.untilApplying('a', 'b');
  for (const node of world.zones.nodes) await world.run(node.sync());
  for (const { number, committed } of world.partitions) {
    world.logs.log(number).trim(committed.index);
    await world.region.clock.advance(100);
  }
  expect(world.partitions[2]?.first).toBeGreaterThan(1);
  await world.run(world.zones.startZone('c'));
  await world.untilApplying();
  expect(await wrongAlone(world, 'c')).toEqual([]);
});

test('a store that is lost after a split is filled from another zone', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  await split(world);
  await world.untilApplying();
  await world.trim();
  // Where reads of the child find the nearest copy.
  world.damageItem('c', itemOf(world, 2));
  await world.until(() => {
    for (const item of ITEMS) world.readNearby(item);
    return world.stores.taken.includes('c');
  });
  await world.untilApplying();
  expect(await wrongAlone(world, 'c')).toEqual([]);
});

test('one split at a time, and none where it would leave nothing on a side', async () => {
  const world = await worldWithItems();
  onTestFinished(async () => world.stop());
  const { from, to } = world.splits.layout.hashesOf(1);
  await expect(world.splits.split(9, 5)).rejects.toThrow('there is no partition 9');
  await expect(world.splits.split(1, from)).rejects.toThrow('cannot be split there');
  await expect(world.splits.split(1, to)).rejects.toThrow('cannot be split there');
  const under = world.splits.split(0, 1000);
  await expect(world.splits.split(1, from + 1)).rejects.toThrow('is being split');
  expect(await world.run(under)).toBe(2);
  expect(await world.run(world.splits.split(1, from + 1))).toBe(3);
});
