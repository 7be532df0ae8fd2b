import { expect, onTestFinished, test } from 'vitest';

import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { StoreError } from '../../src/storage/key-value-store.ts';
import { ZonesWorld, type ZonesWorldOptions } from '../support/zones-world.ts';

const ITEMS = Array.from({ length: 60 }, (_, item) => item);

/** Of the partition that reads find nearest in zone a: 0; in zone b: 1. */
const itemsIn = (world: ZonesWorld, partition: number): readonly number[] =>
  ITEMS.filter((item) => world.partitionAt(item).number === partition);

/** Flips a bit in one item of a partition, and returns which. */
function damage(world: ZonesWorld, zone: Zone, { partition = 0, nth = 0 } = {}): number {
  const item = itemsIn(world, partition)[nth] ?? 0;
  world.damageItem(zone, item);
  return item;
}

async function worldWithItems(options: ZonesWorldOptions = {}): Promise<ZonesWorld> {
  const written = await ZonesWorld.start(options);
  for (const item of ITEMS) await written.put(item);
  await written.untilApplying('a', 'b', 'c');
  await written.trim();
  expect(written.partitions.every(({ first }) => first > 1)).toBe(true);
  // Another process has nothing of it at hand, so that its reads ask the stores.
  const world = await written.restart(options);
  onTestFinished(async () => world.stop());
  await world.untilApplying('a', 'b', 'c');
  return world;
}

/** What each item's read says, of those that are not right. */
const wrongIn = (world: ZonesWorld): readonly string[] =>
  ITEMS.map((item) => `${item} ${world.readNearby(item)}`).filter(
    (each) => !each.includes('right'),
  );

/** Reads everything until the damage of a zone is found. */
async function readUntilFound(world: ZonesWorld, zone: Zone): Promise<void> {
  await world.until(() => {
    for (const item of ITEMS) world.readNearby(item);
    return world.logger.lines.some(
      ({ level, fields }) => level === 'error' && fields['zone'] === zone,
    );
  });
}

/** Lets one zone alone serve each partition, and says what it has wrong. */
async function wrongAlone(world: ZonesWorld, alone: Zone): Promise<readonly string[]> {
  const others = ZONES.filter((zone) => zone !== alone);
  for (const zone of others) await world.run(world.zones.stopZone(zone));
  const wrong = wrongIn(world);
  for (const zone of others) await world.run(world.zones.startZone(zone));
  await world.untilApplying();
  return wrong;
}

test('a damaged store is replaced once another zone has given all of it', async () => {
  const world = await worldWithItems();
  damage(world, 'a');
  await readUntilFound(world, 'a');
  expect(wrongIn(world)).toEqual([]);
  await world.untilApplying();
  expect(world.stores.taken).toEqual(['a']);
  expect(await wrongAlone(world, 'a')).toEqual([]);
});

test('mending a store does not touch the log of its zone', async () => {
  const world = await worldWithItems();
  await world.run(world.zones.stopZone('c'));
  damage(world, 'a');
  const seen = new Set<string>();
  await world.until(() => {
    for (const item of ITEMS) world.readNearby(item);
    seen.add(world.logs.zoneState('a'));
    expect(world.logs.available).toBe(true);
    return world.stores.taken.includes('a');
  });
  expect([...seen]).toEqual(['live']);
});

test('two zones with different damage are left as they are while the third is away, and mended when it is back', async () => {
  const world = await worldWithItems();
  await world.run(world.zones.stopZone('c'));
  const unsure = [damage(world, 'a'), damage(world, 'b', { nth: 5 })];
  damage(world, 'b', { partition: 1 });
  await readUntilFound(world, 'a');
  await readUntilFound(world, 'b');
  await world.region.clock.advance(60_000);
  expect(world.stores.taken).toEqual([]);
  // Where both are damaged one of them may serve alone, and refuses what it cannot read.
  const mayBeRefused = unsure.map((item) => `${item} refused`);
  expect(wrongIn(world).filter((each) => !mayBeRefused.includes(each))).toEqual([]);
  await world.run(world.zones.startZone('c'));
  await world.untilApplying();
  for (const zone of ZONES) expect(await wrongAlone(world, zone)).toEqual([]);
});

test('damage in the source of a rebuild is found there, and the next zone is asked', async () => {
  const world = await worldWithItems();
  await world.run(world.zones.stopZone('c'));
  world.stores.disk('c').restore([]);
  damage(world, 'a');
  await world.run(world.zones.startZone('c'));
  await world.untilApplying('a', 'b', 'c');
  expect(world.stores.taken).toEqual(['a']);
  for (const zone of ZONES) expect(await wrongAlone(world, zone)).toEqual([]);
});

test('damage in all three zones deletes nothing', async () => {
  const world = await worldWithItems();
  damage(world, 'a');
  damage(world, 'b', { nth: 5 });
  damage(world, 'c', { nth: 10 });
  for (let round = 0; round < 50; round += 1) {
    for (const item of ITEMS) world.readNearby(item);
    await world.region.clock.advance(500);
  }
  expect(world.stores.taken).toEqual([]);
  const wrong = wrongIn(world);
  expect(wrong.filter((each) => each.endsWith('lost'))).toEqual([]);
  expect(wrong.length).toBeLessThan(4);
});

test('a store that is damaged so that it does not open is replaced behind a start', async () => {
  const before = await worldWithItems();
  await before.stop();
  before.stores.openErrors.set('b', new StoreError('damaged', 'a batch is missing'));
  const world = await ZonesWorld.start({ region: before.region, stores: before.stores });
  onTestFinished(async () => world.stop());
  expect(wrongIn(world)).toEqual([]);
  await world.untilApplying();
  expect(world.stores.taken).toEqual(['b']);
  expect(await wrongAlone(world, 'b')).toEqual([]);
});

test('stores that do not open in any zone are kept', async () => {
  const before = await worldWithItems();
  await before.stop();
  const { region, stores } = before;
  for (const zone of ZONES)
    stores.openErrors.set(zone, new StoreError('damaged', 'a batch is missing'));
  const world = await ZonesWorld.open({ region, stores });
  onTestFinished(async () => world.stop());
  await world.run(world.zones.start(new Map(stores.openErrors)));
  await region.clock.advance(60_000);
  expect(stores.taken).toEqual([]);
  expect(ZONES.map((zone) => world.zones.state(zone))).toEqual(['damaged', 'damaged', 'damaged']);
  stores.openErrors.clear();
  await region.clock.advance(60_000);
  expect(world.zones.nodes.length).toBe(3);
});

test('a store that fails at a start is tried again until it opens', async () => {
  const before = await worldWithItems();
  await before.stop();
  before.stores.openErrors.set('c', new StoreError('io', 'a broken disk'));
  const world = await ZonesWorld.start({ region: before.region, stores: before.stores });
  onTestFinished(async () => world.stop());
  await world.untilApplying('a', 'b');
  await world.region.clock.advance(5000);
  expect(world.zones.state('c')).toBe('failed');
  expect(world.logs.zoneState('c')).toBe('live');
  world.stores.openErrors.clear();
  await world.untilApplying();
});

test('stores of another format end a start, and leave nothing open', async () => {
  const before = await worldWithItems();
  await before.stop();
  const { region, stores } = before;
  const world = await ZonesWorld.open({ region, stores });
  onTestFinished(async () => world.stop());
  const foreign = new StoreError('format', 'the store has format 2; this program reads 1');
  const opened = new Map<Zone, Awaited<ReturnType<typeof stores.open>> | Error>([
    ['a', await stores.open('a')],
    ['b', foreign],
    ['c', await stores.open('c')],
  ]);
  await expect(world.run(world.zones.start(opened))).rejects.toBe(foreign);
  for (const zone of ['a', 'c'] as const) await (await stores.open(zone)).close();
});

test('a full store serves what it has, is opened again when there is space, and no error escapes on the way', async () => {
  const world = await worldWithItems();
  let asked = 0;
  world.stores.hasSpaceAnswer = async () => {
    asked += 1;
    if (asked < 3) throw new Error('the disk cannot be asked');
    return asked > 6;
  };
  for (const zone of ZONES) world.stores.disk(zone).failWrites('full');
  await world.put(100);
  await world.put(101);
  await world.until(() => ZONES.some((zone) => world.zones.isFull(zone)));
  expect(wrongIn(world)).toEqual([]);
  for (const zone of ZONES) world.stores.disk(zone).failWrites(undefined);
  await world.until(() => {
    // One zone is mended after the other: some copy serves at every moment.
    expect(wrongIn(world)).toEqual([]);
    return ZONES.every((zone) => world.zones.state(zone) === 'applying');
  });
  expect(world.readNearby(100)).toBe('right');
});

test('a store that cannot be put in place of a damaged one is tried again', async () => {
  const world = await worldWithItems();
  world.stores.takeError = new Error('a read-only disk');
  damage(world, 'a');
  await readUntilFound(world, 'a');
  await world.region.clock.advance(30_000);
  expect(wrongIn(world)).toEqual([]);
  world.stores.takeError = undefined;
  await world.untilApplying();
  expect(world.stores.taken).toEqual(['a']);
  expect(await wrongAlone(world, 'a')).toEqual([]);
});

test('a stop of a zone ends its rebuild, and a start does not wait for one', async () => {
  let held: (() => void) | undefined;
  let begun = 0;
  const world = await worldWithItems({
    rebuilds: {
      rebuildProgressed: () => {
        begun += 1;
      },
      rebuildEnded: () => held?.(),
    },
  });
  await world.run(world.zones.stopZone('c'));
  world.stores.disk('c').restore([]);
  const ended = new Promise<void>((resolve) => {
    held = resolve;
  });
  world.stores.beforeWrite = async (zone) =>
    zone === 'c' ? world.region.clock.sleep(1000) : undefined;
  await world.run(world.zones.startZone('c'));
  await world.region.clock.advance(1500);
  expect(world.zones.state('c')).toBe('rebuilding');
  await world.run(world.zones.stopZone('c'));
  await ended;
  expect(world.zones.state('c')).toBe('stopped');
  await world.run(world.zones.startZone('c'));
  await world.untilApplying();
  expect(begun).toBeGreaterThan(0);
  expect(await wrongAlone(world, 'c')).toEqual([]);
});

test('a start of a zone whose log has failed opens it again, although its copies run', async () => {
  const world = await worldWithItems();
  world.region.disks.b.setFailSyncs(true);
  await world.put(100);
  await world.until(() => world.logs.zoneState('b') === 'failed');
  await world.region.clock.advance(60_000);
  expect(world.logs.zoneState('b')).toBe('failed');
  expect(world.zones.state('b')).toBe('applying');
  world.region.disks.b.setFailSyncs(false);
  await world.run(world.zones.startZone('b'));
  await world.until(() => world.logs.zoneState('b') === 'live');
});

test('a log that was found damaged at a start is renewed, and votes again', async () => {
  const before = await worldWithItems();
  await before.stop();
  const { region, stores } = before;
  const disk = region.disks.c;
  const [segment = ''] = [...disk.sizes().keys()].filter((name) => name.endsWith('.seg'));
  await disk.delete(segment.replace('.seg', '.idx'));
  disk.corrupt(segment, 1000);
  const world = await ZonesWorld.start({ region, stores });
  onTestFinished(async () => world.stop());
  await world.until(() => world.logs.zoneState('c') === 'live');
  await world.run(world.zones.stopZone('a'));
  await world.put(100);
  expect(world.readNearby(100)).toBe('right');
});

test('a zone whose log fell behind what is kept votes again, since its copies have everything', async () => {
  const world = await worldWithItems({ backlogBytesMax: 2000 });
  world.region.disks.c.setLatencyMs(60_000);
  for (let item = 100; item < 160; item += 1) await world.put(item);
  await world.trim();
  world.region.disks.c.setLatencyMs(0);
  await world.until(() => world.logs.zoneState('c') === 'live');
  expect(world.logStates).toContain('c learner');
  expect(world.zones.state('c')).toBe('applying');
});
