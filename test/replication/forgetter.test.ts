import { expect, test, vi } from 'vitest';

import { World } from '../support/replication-world.ts';

// Much virtual time takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

test('tombstones go once every region has them, nothing comes back, and then nothing is appended any more', async () => {
  const world = new World();
  await world.start();
  for (let count = 0; count < 20; count += 1) world.region('a').put(`k${count}`, 'v');
  await world.clock.advance(1000);
  for (let count = 0; count < 20; count += 1)
    world.region(count % 2 === 0 ? 'b' : 'c').put(`k${count}`, undefined);
  await world.clock.advance(1000);
  expect(world.regions.map((region) => region.tombstones())).toEqual([20, 20, 20]);
  await world.clock.advance(60_000);
  expect(world.regions.map((region) => region.tombstones())).toEqual([0, 0, 0]);
  expect(world.regions.map((region) => region.content())).toEqual([[], [], []]);
  const entries = world.regions.map((region) => region.entries());
  await world.clock.advance(900_000);
  expect(world.regions.map((region) => region.entries())).toEqual(entries);
  await world.stop();
});

test('a member that is cut off holds tombstones, and idle regions append nothing for it', async () => {
  const world = new World();
  await world.start();
  world.region('a').put('x', '1');
  await world.clock.advance(1000);
  world.cut('a', 'c');
  world.cut('b', 'c');
  world.region('c').put('x', 'older than the delete');
  await world.clock.advance(1000);
  world.region('a').put('x', undefined);
  await world.clock.advance(120_000);
  expect(world.region('a').tombstones()).toBe(1);
  expect(world.region('b').tombstones()).toBe(1);
  const entries = world.regions.map((region) => region.entries());
  await world.clock.advance(600_000);
  expect(world.regions.map((region) => region.entries())).toEqual(entries);
  world.cut('a', 'c', true);
  world.cut('b', 'c', true);
  await world.clock.advance(60_000);
  expect(world.regions.map((region) => region.get('x'))).toEqual([undefined, undefined, undefined]);
  expect(world.regions.map((region) => region.tombstones())).toEqual([0, 0, 0]);
  await world.stop();
});

test('a table that is not settled keeps its tombstones', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  for (const region of world.regions) region.tables.settled = false;
  world.region('a').put('x', '1');
  world.region('a').put('x', undefined);
  await world.clock.advance(120_000);
  expect(world.regions.map((region) => region.tombstones())).toEqual([1, 1]);
  await world.stop();
});
