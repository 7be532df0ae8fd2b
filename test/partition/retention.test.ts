import { expect, onTestFinished, test } from 'vitest';

import { hybridTimeOf } from '../../src/clock/hybrid-time.ts';
import { ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { Retention } from '../../src/partition/retention.ts';
import { ZonesWorld } from '../support/zones-world.ts';

const ITEMS = 60;

async function worldWithItems(): Promise<ZonesWorld> {
  const world = await ZonesWorld.start();
  onTestFinished(async () => world.stop());
  await putItems(world);
  return world;
}

async function putItems(world: ZonesWorld): Promise<void> {
  for (let item = 0; item < ITEMS; item += 1) await world.put(item);
  await world.region.clock.advance(1000);
}

/** Nobody outside needs anything, and nothing is kept for whoever is away. */
function retentionOf({ logs, zones, partitions, region, logger }: ZonesWorld): Retention {
  return new Retention({
    logs,
    zones,
    partitions,
    clock: region.clock,
    now: () => hybridTimeOf(region.clock.wallMs() + 1000),
    logger,
    hours: () => 0,
    bytes: 0,
    releasedByFollowers: () => Number.MAX_SAFE_INTEGER,
  });
}

async function trimOften(world: ZonesWorld, retention: Retention): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await world.run(retention.trimNow());
    await world.region.clock.advance(1000);
  }
}

const firsts = (world: ZonesWorld): readonly number[] => world.partitions.map(({ first }) => first);

test('what every running copy has synced is trimmed when nobody else needs it', async () => {
  const world = await worldWithItems();
  await trimOften(world, retentionOf(world));
  for (const first of firsts(world)) expect(first).toBeGreaterThan(1);
});

test('a copy whose disk is full is running, and its log is never trimmed past', async () => {
  const world = await worldWithItems();
  const retention = retentionOf(world);
  await trimOften(world, retention);
  const synced = firsts(world);
  const committed = world.partitions.map((partition) => partition.committed.index);
  world.stores.hasSpaceAnswer = async () => false;
  world.stores.disk('c').failWrites('full');
  await putItems(world);
  expect(world.zones.isFull('c')).toBe(true);
  await trimOften(world, retention);
  for (const [number, first] of firsts(world).entries()) {
    expect(first).toBeGreaterThanOrEqual(synced[number] ?? 0);
    expect(first).toBeLessThanOrEqual((committed[number] ?? 0) + 1);
  }
  world.stores.disk('c').failWrites(undefined);
  world.stores.hasSpaceAnswer = async () => true;
  await world.untilApplying();
  await trimOften(world, retention);
  for (const [number, first] of firsts(world).entries())
    expect(first).toBeGreaterThan((committed[number] ?? 0) + 1);
});

test('a zone that is stopped holds up nothing once it has been away for long enough', async () => {
  const world = await worldWithItems();
  await world.run(world.zones.stopZone('c'));
  await putItems(world);
  await trimOften(world, retentionOf(world));
  const trimmed = firsts(world);
  for (const first of trimmed) expect(first).toBeGreaterThan(ITEMS / 2);
  await world.run(world.zones.startZone('c'));
  await world.untilApplying(...ZONES);
  expect(world.logger.messages('warn')).toContain('rebuilding a copy');
});

test('nothing is trimmed while a copy is rebuilt', async () => {
  const world = await worldWithItems();
  const retention = retentionOf(world);
  await trimOften(world, retention);
  await world.run(world.zones.stopZone('c'));
  world.stores.disk('c').restore([]);
  world.stores.beforeWrite = async (zone) =>
    zone === 'c' ? world.region.clock.sleep(60_000) : undefined;
  await world.run(world.zones.startZone('c'));
  await putItems(world);
  const before = firsts(world);
  expect(world.zones.isRebuilding).toBe(true);
  await trimOften(world, retention);
  expect(firsts(world)).toEqual(before);
});
