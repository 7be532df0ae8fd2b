import { expect, test } from 'vitest';

import { LONG_MS, members, worldOf } from '../support/global-world.ts';
import type { GlobalWorld, GlobalWorldRegion, SavedDisks } from '../support/region-world.ts';

const stateOf = ({ table }: GlobalWorldRegion): string => {
  const { home, term, revision } = table?.global ?? { home: '', term: 0, revision: 0 };
  return `${home} ${term}.${revision}`;
};

async function comeBackOn(region: GlobalWorldRegion, saved: SavedDisks): Promise<void> {
  await region.kill();
  region.restore(saved);
  await region.start();
}

const settled = async (world: GlobalWorld): Promise<void> => {
  await world.clock.advance(3000);
};

test('a home on an older disk hears of the changes that it had ordered before it orders another', async () => {
  const world = await worldOf('a', 'b', 'c', 'd');
  const [a, b, d] = [world.region('a'), world.region('b'), world.region('d')];
  await world.share('a', 'b', 'c');
  await settled(world);
  const saved = a.save();
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  await comeBackOn(a, saved);
  expect(members(a)).toEqual({ a: 'active', b: 'active', c: 'active' });
  const heard = new Set<string>();
  b.running.catalogue.onChange((_, after) => {
    for (const member of Object.keys(after?.global?.members ?? {})) heard.add(member);
  });
  await a.change({ kind: 'create', region: 'd' });
  await world.clock.advance(LONG_MS);
  for (const region of [a, b, d])
    expect(members(region)).toEqual({ a: 'active', b: 'active', d: 'active' });
  expect(new Set([a, b, d].map(stateOf)).size).toBe(1);
  expect(heard).toEqual(new Set(['a', 'b', 'd']));
  expect(world.region('c').table).toBeUndefined();
  await world.stop();
});

test('a home on an older disk orders in a later term what it cannot ask all others about', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  await settled(world);
  const saved = a.save();
  world.cut('a', 'c');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  world.cut('a', 'b');
  b.put('x', 'meanwhile');
  await comeBackOn(a, saved);
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  world.cut('a', 'b', true);
  world.cut('a', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [a, b]) expect(members(region)).toEqual({ a: 'active', b: 'active' });
  expect(stateOf(a)).toBe(stateOf(b));
  expect(a.content()).toEqual(b.content());
  expect(c.table?.global).toBeUndefined();
  await world.stop();
});

test('a region on a disk that is older than its replica is removed, keeps nothing up, and can be added again', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  const saved = c.save();
  await world.share('a', 'b', 'c');
  world.cut('c', 'b');
  c.put('made', 'by c');
  await settled(world);
  await c.kill();
  world.cut('c', 'b', true);
  c.restore(saved);
  await c.start();
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  expect(c.table).toBeUndefined();
  expect(b.get('made')).toBe('by c');
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(members(c)).toEqual({ a: 'active', b: 'active', c: 'active' });
  expect(c.content()).toEqual(a.content());
  await world.stop();
});

test('a home on a disk that is older than its table is removed by a member that all others agree with', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  const saved = a.save();
  await world.share('a', 'b', 'c');
  a.put('x', '1');
  await settled(world);
  world.cut('b', 'c');
  await comeBackOn(a, saved);
  await world.clock.advance(10_000);
  expect(members(b)).toEqual({ a: 'active', b: 'active', c: 'active' });
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [b, c]) expect(members(region)).toEqual({ b: 'active', c: 'active' });
  expect(stateOf(b)).toBe(stateOf(c));
  expect(b.get('x')).toBe('1');
  await b.change({ kind: 'create', region: 'a' });
  await world.clock.advance(LONG_MS);
  expect(a.content()).toEqual(b.content());
  await world.stop();
});

test('a home on a disk on which its table is not shared yet keeps it as a table of its own', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await a.createTable();
  a.put('x', 'before');
  await settled(world);
  const saved = a.save();
  await a.change({ kind: 'create', region: 'b' });
  await world.clock.advance(LONG_MS);
  b.put('y', 'after');
  await settled(world);
  await comeBackOn(a, saved);
  await world.clock.advance(LONG_MS);
  expect(a.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(a.get('x')).toBe('before');
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(a.table?.globalId).not.toBe(b.table?.globalId);
  expect(members(a)).toEqual({ a: 'active', c: 'active' });
  expect(members(b)).toEqual({});
  expect(b.get('y')).toBe('after');
  await world.stop();
});

test('a region whose replica is another one by now keeps the older one as a table of its own', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b', 'c');
  b.put('x', '1');
  await settled(world);
  const saved = b.save();
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  await a.change({ kind: 'create', region: 'b' });
  await world.clock.advance(LONG_MS);
  await comeBackOn(b, saved);
  await world.clock.advance(LONG_MS);
  expect(b.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(b.get('x')).toBe('1');
  for (const region of [a, world.region('c')])
    expect(members(region)).toEqual({ a: 'active', c: 'active' });
  await world.stop();
});

test('a region on a disk from when its replica was being filled gets all of it', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a');
  for (let at = 0; at < 500; at += 1) a.put(`k${at}`, 'v'.repeat(1000));
  world.network.endpoint('a').links.set('b', { delayMs: 200 });
  await a.change({ kind: 'create', region: 'b' });
  let saved: SavedDisks | undefined;
  for (let step = 0; step < 2000 && saved === undefined; step += 1) {
    await world.clock.advance(5);
    if (members(b)['b'] === 'copying' && b.content().length > 10) saved = b.save();
  }
  if (saved === undefined) throw new Error('it was never being filled');
  await world.clock.advance(LONG_MS);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  b.put('own', '1');
  await settled(world);
  await comeBackOn(b, saved);
  expect(b.content().length).toBeLessThan(500);
  await world.clock.advance(LONG_MS);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  expect(b.content()).toHaveLength(501);
  expect(b.content().join() === a.content().join()).toBe(true);
  await world.stop();
});

test('a home on an older disk gets back what it had lost and shipped to a replica that is still being filled', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a');
  for (let at = 0; at < 100; at += 1) a.put(`k${at}`, 'v'.repeat(2000));
  for (const [from, to] of [['a', 'b'] as const, ['b', 'a'] as const])
    world.network.endpoint(from).links.set(to, { delayMs: 300 });
  await a.change({ kind: 'create', region: 'b' });
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let step = 0; step < 2000 && !isSo(); step += 1) await world.clock.advance(5);
    expect(isSo()).toBe(true);
  };
  await until(() => members(b)['b'] === 'copying');
  const saved = a.save();
  a.put('shipped', '1');
  a.put('k7', undefined);
  await until(() => b.get('shipped') === '1');
  await comeBackOn(a, saved);
  expect(a.get('shipped')).toBeUndefined();
  expect(members(a)).toEqual({ a: 'active', b: 'copying' });
  await world.clock.advance(LONG_MS);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  for (const region of [a, b]) expect(region.get('shipped')).toBe('1');
  expect(b.content().join() === a.content().join()).toBe(true);
  await world.stop();
});

test('what a member had made that has left gets again to a member on an older disk, which does not know that it left', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('c', 'a', 'b');
  await settled(world);
  const saved = c.save();
  world.cut('b', 'c');
  a.put('x', 'of a');
  await settled(world);
  world.cut('a', 'b');
  await a.change({ kind: 'delete', region: 'a' });
  await world.clock.advance(LONG_MS);
  expect(a.table).toBeUndefined();
  await Promise.all(a.partitions.map(async (partition) => partition.advanceTime()));
  await c.kill();
  world.cut('a', 'b', true);
  world.cut('b', 'c', true);
  c.restore(saved);
  await c.start();
  expect(c.get('x')).toBeUndefined();
  await world.clock.advance(LONG_MS);
  for (const region of [b, c]) expect(members(region)).toEqual({ b: 'active', c: 'active' });
  expect(b.get('x')).toBe('of a');
  expect(c.content()).toEqual(b.content());
  await world.stop();
});
