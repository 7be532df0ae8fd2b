import { expect, test } from 'vitest';

import { LONG_MS, members } from '../support/global-world.ts';
import { GlobalWorld } from '../support/region-world.ts';

const ALL_ACTIVE = { a: 'active', b: 'active', c: 'active' };

const expectEqual = (world: GlobalWorld, ...names: readonly string[]): void => {
  const [first, ...others] = names.map((name) => world.region(name).content());
  for (const other of others) expect(other).toEqual(first);
};

test('a new replica gets what was there, tombstones hold, and nothing of it is a conflict', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.region('a').createTable();
  for (let at = 0; at < 40; at += 1) world.region('a').put(`k${at}`, `v${at}`);
  for (let at = 0; at < 10; at += 1) world.region('a').put(`k${at}`, undefined);
  await world.region('a').change({ kind: 'create', region: 'b' });
  await world.clock.advance(3000);
  expect(world.region('b').content()).toHaveLength(30);
  await world.region('b').change({ kind: 'create', region: 'c' });
  await world.clock.advance(3000);
  expect(members(world.region('c'))).toEqual(ALL_ACTIVE);
  expectEqual(world, 'a', 'b', 'c');
  await world.stop();
});

test.each([1, 2, 3, 4])(
  'a replica is filled while all members write over a bad network, its source restarted (seed %i)',
  async (seed) => {
    const world = new GlobalWorld({ seed });
    await world.start();
    await world.share('a', 'b');
    for (let at = 0; at < 60; at += 1) world.region('a').put(`k${at}`, `v${at}`);
    world.setFaults({ dropRequest: 0.1, dropAnswer: 0.1, duplicate: 0.2, delayMsMax: 150 });
    for (;;) {
      try {
        await world.region('b').change({ kind: 'create', region: 'c' });
        break;
      } catch {
        await world.clock.advance(500);
        if (members(world.region('a'))['c'] !== undefined) break;
      }
    }
    for (let round = 0; round < 120; round += 1) {
      const region = world.region(world.random.next() < 0.5 ? 'a' : 'b');
      const text = world.random.next() < 0.3 ? undefined : `r${round}`;
      if (region.isRunning) region.put(`k${Math.floor(world.random.next() * 80)}`, text);
      await world.clock.advance(25);
      if (round === 20) await world.region('b').kill();
      if (round === 40) await world.region('b').start();
      if (round === 60) await world.region('c').kill();
      if (round === 70) await world.region('c').start();
    }
    world.setFaults({ dropRequest: 0, dropAnswer: 0, duplicate: 0, delayMsMax: 0 });
    await world.clock.advance(LONG_MS);
    expect(members(world.region('c'))).toEqual(ALL_ACTIVE);
    expectEqual(world, 'a', 'b', 'c');
    await world.stop();
  },
);

test('a lost region is evicted: the survivors exchange what only one of them had, deletions too', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  world.region('a').put('deleted', 'soon');
  await world.clock.advance(1000);
  expect(world.region('b').get('deleted')).toBe('soon');
  world.cut('c', 'a');
  world.region('c').put('deleted', undefined);
  world.region('c').put('only', 'b heard of it');
  await world.clock.advance(2000);
  expect(world.region('a').get('deleted')).toBe('soon');
  expect(world.region('b').get('only')).toBe('b heard of it');
  await world.region('c').kill();
  await world.region('a').change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(members(world.region('a'))).toEqual({ a: 'active', b: 'active' });
  expect(world.region('a').get('deleted')).toBeUndefined();
  expect(world.region('a').get('only')).toBe('b heard of it');
  expectEqual(world, 'a', 'b');
  await world.clock.advance(LONG_MS);
  expect(world.region('a').tombstones()).toBe(0);
  await world.stop();
});

test('an evicted region that comes back is told so, and nothing that it ships is taken', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  world.cut('c', 'a');
  world.cut('c', 'b');
  world.region('c').put('late', 'unheard');
  await world.clock.advance(1000);
  await world.region('a').change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(members(world.region('b'))).toEqual({ a: 'active', b: 'active' });
  world.cut('c', 'a', true);
  world.cut('c', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(world.region('a').get('late')).toBeUndefined();
  expect(world.region('c').table?.global).toBeUndefined();
  expect(world.region('c').get('late')).toBe('unheard');
  await world.stop();
});

test('a member that was away when a replica came owes it a copy, and sends it', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await world.region('b').kill();
  await world.region('a').change({ kind: 'create', region: 'c' });
  await world.clock.advance(10_000);
  expect(members(world.region('a'))).toEqual(ALL_ACTIVE);
  world.cut('a', 'b');
  world.cut('c', 'b');
  await world.region('b').start();
  world.region('b').put('mine', 'while apart');
  world.region('a').put('theirs', 'while apart');
  await world.clock.advance(5000);
  world.cut('a', 'b', true);
  world.cut('c', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(world.region('b').table?.global?.debts).toEqual([]);
  expect(world.region('c').get('mine')).toBe('while apart');
  expectEqual(world, 'a', 'b', 'c');
  await world.stop();
});

test('a region on an old disk gets back what its peers had of it, and the deleted stay deleted', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  for (let at = 0; at < 20; at += 1) world.region('a').put(`k${at}`, 'old');
  await world.clock.advance(2000);
  const saved = world.region('a').save();
  world.region('a').put('made', 'after the save');
  for (let at = 0; at < 5; at += 1) world.region('a').put(`k${at}`, undefined);
  for (let at = 5; at < 10; at += 1) world.region('b').put(`k${at}`, undefined);
  for (let at = 10; at < 12; at += 1) world.region('c').put(`k${at}`, 'new');
  await world.clock.advance(LONG_MS);
  expect(world.region('b').tombstones()).toBe(0);
  await world.region('a').kill();
  world.region('b').put('meanwhile', 'here');
  world.region('b').put('k15', undefined);
  await world.clock.advance(1000);
  world.region('a').restore(saved);
  await world.region('a').start();
  world.region('a').put('fresh', 'in its new life');
  await world.clock.advance(LONG_MS);
  expectEqual(world, 'a', 'b', 'c');
  expect(world.region('a').get('made')).toBe('after the save');
  expect(world.region('c').get('fresh')).toBe('in its new life');
  expect(world.region('b').content()).toHaveLength(12);
  expect(world.region('a').get('k3')).toBeUndefined();
  expect(world.region('a').get('k7')).toBeUndefined();
  expect(world.region('a').resyncsBegun).toBe(2);
  expect(world.region('a').running.resync.isResyncing()).toBe(false);
  const forks = world.region('a').logger.messages('error').length;
  expect(forks).toBe(world.region('a').partitions.length);
  world.region('a').put('after', 'all');
  await world.clock.advance(2000);
  expect(world.region('c').get('after')).toBe('all');
  await world.stop();
});

test('a peer whose position has left the log is made equal by a copy', async () => {
  const world = new GlobalWorld({ names: ['a', 'b'] });
  await world.start();
  await world.share('a', 'b');
  world.region('a').put('x', '1');
  await world.clock.advance(1000);
  await world.region('b').kill();
  for (let at = 0; at < 20; at += 1) world.region('a').put(`k${at}`, 'unheard');
  world.region('a').put('x', undefined);
  for (const partition of world.region('a').partitions)
    partition.trim(partition.committed.index - 1);
  await world.region('b').start();
  await world.clock.advance(LONG_MS);
  expectEqual(world, 'a', 'b');
  expect(world.region('b').get('x')).toBeUndefined();
  expect(world.region('b').content()).toHaveLength(20);
  expect(world.region('a').resyncsBegun).toBe(1);
  await world.stop();
});

test('a deletion that one survivor has heard of is kept for the other until the lost region is evicted', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  world.region('a').put('x', '1');
  await world.clock.advance(1000);
  world.cut('c', 'b');
  world.region('c').put('x', undefined);
  await world.clock.advance(LONG_MS);
  expect(world.region('a').get('x')).toBeUndefined();
  expect(world.region('a').tombstones()).toBe(1);
  expect(world.region('c').tombstones()).toBe(1);
  expect(world.region('b').get('x')).toBe('1');
  await world.region('c').kill();
  await world.region('b').change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(world.region('b').get('x')).toBeUndefined();
  expectEqual(world, 'a', 'b');
  await world.stop();
});

test('two members that are asked to remove the same replica leave the others equal and active', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  await Promise.allSettled([
    world.region('a').change({ kind: 'delete', region: 'c' }),
    world.region('b').change({ kind: 'delete', region: 'c' }),
  ]);
  world.region('a').put('x', '1');
  await world.clock.advance(LONG_MS);
  expect(members(world.region('a'))).toEqual({ a: 'active', b: 'active' });
  expect(members(world.region('b'))).toEqual({ a: 'active', b: 'active' });
  expect(world.region('c').table).toBeUndefined();
  expectEqual(world, 'a', 'b');
  await world.stop();
});

test('a resync that is interrupted on either side begins anew and ends', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  for (let at = 0; at < 50; at += 1) world.region('a').put(`k${at}`, 'old');
  await world.clock.advance(2000);
  const saved = world.region('a').save();
  for (let at = 0; at < 10; at += 1) world.region('a').put(`k${at}`, undefined);
  world.region('a').put('made', 'after the save');
  await world.clock.advance(LONG_MS);
  await world.region('a').kill();
  world.region('a').restore(saved);
  world.setFaults({ dropRequest: 0.05, dropAnswer: 0.05, duplicate: 0.1, delayMsMax: 100 });
  await world.region('a').start();
  await world.clock.advance(700);
  await world.region('b').kill();
  await world.clock.advance(400);
  await world.region('a').kill();
  await world.region('b').start();
  await world.clock.advance(500);
  await world.region('a').start();
  await world.clock.advance(3 * LONG_MS);
  expectEqual(world, 'a', 'b', 'c');
  expect(world.region('a').content()).toHaveLength(41);
  expect(world.region('a').get('made')).toBe('after the save');
  await world.stop();
});

test('the other of two regions, removed while it was away, is told by a home that is alone now', async () => {
  const world = new GlobalWorld({ names: ['a', 'b'] });
  await world.start();
  await world.share('a', 'b');
  world.cut('a', 'b');
  world.region('b').put('late', 'unheard');
  await world.clock.advance(1000);
  await world.region('a').change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(world.region('a').table?.global).toBeUndefined();
  world.cut('a', 'b', true);
  await world.clock.advance(10_000);
  expect(world.region('b').table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(world.region('b').get('late')).toBe('unheard');
  expect(world.region('a').get('late')).toBeUndefined();
  await world.stop();
});

test('a copy whose pages were lost together waits for the next answers no longer than for one that was lost', async () => {
  const world = new GlobalWorld({ names: ['a', 'b'] });
  await world.start();
  await world.region('a').createTable();
  for (let at = 0; at < 1000; at += 1) world.region('a').put(`k${at}`, 'v'.repeat(4000));
  world.network.endpoint('a').links.set('b', { delayMs: 100 });
  await world.region('a').change({ kind: 'create', region: 'b' });
  while (world.region('b').table === undefined) await world.clock.advance(10);
  while (world.region('b').content().length < 20) await world.clock.advance(10);
  for (const cutMs of [6000, 1000]) {
    world.network.endpoint('b').links.set('a', { up: false });
    await world.clock.advance(cutMs);
    world.network.endpoint('b').links.set('a', { up: true });
    await world.clock.advance(150);
  }
  await world.clock.advance(25_000);
  expect(members(world.region('a'))).toEqual({ a: 'active', b: 'active' });
  await world.stop();
});
