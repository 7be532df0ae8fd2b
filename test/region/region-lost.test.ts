import { expect, test } from 'vitest';

import { LONG_MS, members, putMany, until, worldOf } from '../support/global-world.ts';

/** Long enough that a copy of many takes some requests. */
const VALUE = 'v'.repeat(2000);

test('a resync with a region that is lost for good ends with its membership, and the others forget again', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  putMany(a, 'k', { count: 300, value: VALUE });
  await world.clock.advance(3000);
  const saved = a.save();
  a.put('lost', '1');
  await world.clock.advance(3000);
  await a.kill();
  a.restore(saved);
  world.network.endpoint('a').links.set('c', { delayMs: 100 });
  await a.start();
  const isSending = (): boolean =>
    a.running.resync.status().some(({ peer, state }) => peer === 'c' && state === 'sending');
  await until(world, isSending, 1);
  await c.kill();
  await world.clock.advance(5000);
  await b.change({ kind: 'delete', region: 'c' });
  for (let at = 0; at < 300; at += 1) b.put(`k${at}`, undefined);
  await world.clock.advance(2 * LONG_MS);
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  expect(a.get('lost')).toBe('1');
  expect([a.tombstones(), b.tombstones()]).toEqual([0, 0]);
  await world.stop();
});

test('a resync whose peer is lost for good before it has taken its position ends with its membership', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  await world.clock.advance(3000);
  const saved = a.save();
  a.put('lost', '1');
  await world.clock.advance(3000);
  await a.kill();
  a.restore(saved);
  world.network.endpoint('a').links.set('c', { delayMs: 100 });
  await a.start();
  const states = (): readonly string[] =>
    a.running.resync.status().flatMap(({ peer, state }) => (peer === 'c' ? [state] : []));
  await until(world, () => states().includes('placing'), 1);
  await c.kill();
  await world.clock.advance(5000);
  expect(states()).toEqual(['placing']);
  await b.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(states()).toEqual([]);
  expect(a.running.resync.isResyncing()).toBe(false);
  expect(a.content()).toEqual(b.content());
  await world.stop();
});

test('a copy for a region that is lost for good while it is filled ends with its membership', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  putMany(a, 'k', { count: 500, value: VALUE });
  await world.clock.advance(3000);
  world.network.endpoint('a').links.set('c', { delayMs: 100 });
  await a.change({ kind: 'create', region: 'c' });
  await until(world, () => members(a)['c'] === 'copying' && c.content().length > 10, 1);
  await c.kill();
  await world.clock.advance(5000);
  await a.change({ kind: 'delete', region: 'c' });
  for (let at = 0; at < 500; at += 1) b.put(`k${at}`, undefined);
  await world.clock.advance(2 * LONG_MS);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  expect([a.tombstones(), b.tombstones()]).toEqual([0, 0]);
  await world.stop();
});

test('a replica whose only source is lost for good while it is filled is given up on request', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a');
  putMany(a, 'k', { count: 500, value: VALUE });
  world.network.endpoint('a').links.set('b', { delayMs: 100 });
  await a.change({ kind: 'create', region: 'b' });
  await until(world, () => b.table !== undefined && b.content().length > 10, 1);
  await a.kill();
  await world.clock.advance(5000);
  await b.change({ kind: 'delete', region: 'a' });
  await world.clock.advance(LONG_MS);
  expect(b.table).toBeUndefined();
  await world.stop();
});

test('two members that were evicted unheard of do not wait for each other when the last one has deleted the table', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  c.put('x', '1');
  await world.clock.advance(3000);
  await b.kill();
  await world.clock.advance(4000);
  await a.change({ kind: 'delete', region: 'b' });
  await until(world, () => members(c)['b'] === 'evicting', 1);
  await c.kill();
  await a.change({ kind: 'delete', region: 'c' });
  expect(members(a)).toEqual({ a: 'active', b: 'evicting', c: 'evicting' });
  world.cut('a', 'b');
  await b.start();
  await c.start();
  await until(world, () => members(c)['c'] === 'evicting', 1);
  world.cut('a', 'c');
  await until(world, () => members(b)['c'] === 'evicting', 1);
  await world.clock.advance(LONG_MS);
  expect(a.table?.global).toBeUndefined();
  await a.running.catalogue.change('Orders', () => undefined);
  world.cut('a', 'b', true);
  world.cut('a', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [b, c])
    expect(region.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(b.get('x')).toBe('1');
  await world.stop();
});

test('a member that was removed unheard of, from a table that its home has deleted since, hears it though a third is lost', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  b.put('x', '1');
  putMany(a, 'k', { count: 500, value: VALUE });
  await world.clock.advance(3000);
  await world.region('c').kill();
  await b.kill();
  await world.clock.advance(5000);
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(a.table?.global).toBeUndefined();
  await a.running.catalogue.change('Orders', () => undefined);
  await a.kill();
  await a.start();
  await b.start();
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  await world.clock.advance(LONG_MS);
  expect(b.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(b.get('x')).toBe('1');
  expect(c.isRunning).toBe(false);
  await world.stop();
});

test('a replica that was removed unheard of while it was filled goes when its home has deleted the table, though a third is lost', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a');
  putMany(a, 'k', { count: 500, value: VALUE });
  await world.region('c').kill();
  world.network.endpoint('a').links.set('b', { delayMs: 100 });
  await a.change({ kind: 'create', region: 'b' });
  await until(world, () => members(b)['b'] === 'copying' && b.content().length > 10, 1);
  world.cut('a', 'b');
  await world.clock.advance(5000);
  await a.change({ kind: 'delete', region: 'b' });
  await until(world, () => a.table?.global === undefined, 1);
  await a.running.catalogue.change('Orders', () => undefined);
  world.cut('a', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(b.table).toBeUndefined();
  await world.stop();
});

test('a member can be removed though the home has lost the table, and not all others can be asked', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  const saved = a.save();
  await world.share('a', 'b', 'c');
  c.put('x', '1');
  await world.clock.advance(3000);
  await b.kill();
  await a.kill();
  a.restore(saved);
  await a.start();
  await world.clock.advance(LONG_MS);
  expect(members(c)).toEqual({ a: 'active', b: 'active', c: 'active' });
  await c.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(c.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(c.get('x')).toBe('1');
  await world.stop();
});

test("two regions that have each removed the other's side are equal when one side is back", async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  for (const name of ['deleted', 'kept']) c.put(name, '1');
  await world.clock.advance(3000);
  world.cut('a', 'c');
  world.cut('b', 'c');
  await world.clock.advance(1000);
  b.put('unheard', '1');
  c.put('apart', '1');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  a.put('deleted', undefined);
  await world.clock.advance(LONG_MS);
  expect(b.tombstones()).toBe(0);
  await c.change({ kind: 'delete', region: 'a' });
  world.cut('b', 'c', true);
  world.cut('a', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [b, c]) expect(members(region)).toEqual({ b: 'active', c: 'active' });
  expect(c.get('deleted')).toBeUndefined();
  expect(c.get('unheard')).toBe('1');
  expect(b.get('apart')).toBe('1');
  expect(b.content()).toEqual(c.content());
  expect(b.table?.global?.debts).toEqual([]);
  expect(a.table?.global).toBeUndefined();
  await world.stop();
});

test('a region that takes over is not sure of what others made until they say that they have not left it out', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  await world.clock.advance(3000);
  world.cut('a', 'c');
  world.cut('b', 'c');
  await world.clock.advance(1000);
  await a.change({ kind: 'delete', region: 'c' });
  await until(world, () => members(b)['c'] === undefined, 1);
  b.put('unheard', '1');
  await c.change({ kind: 'delete', region: 'a' });
  world.network.endpoint('b').links.set('c', { up: true, delayMs: 100 });
  world.network.endpoint('c').links.set('b', { up: true, delayMs: 100 });
  const watermark = (): number | undefined =>
    c.running.replicator.status().peers.find(({ peer }) => peer === 'b')?.inbox.watermark;
  let known = 0;
  for (let step = 0; step < 3000; step += 1) {
    await world.clock.advance(10);
    if (watermark() === undefined) continue;
    known += 1;
    expect(c.get('unheard')).toBe('1');
  }
  expect(known).toBeGreaterThan(0);
  expect(members(b)).toEqual({ b: 'active', c: 'active' });
  await world.stop();
});

test('a replica on its way out stays when all others are lost for good, and one of them is to be removed', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  b.put('x', '1');
  await world.clock.advance(3000);
  world.cut('b', 'c');
  await a.change({ kind: 'delete', region: 'b' });
  await until(world, () => members(b)['b'] === 'draining', 1);
  await expect(b.change({ kind: 'delete', region: 'a' })).rejects.toThrow(/in use/);
  await a.kill();
  await c.kill();
  await world.clock.advance(5000);
  await b.change({ kind: 'delete', region: 'a' });
  expect(members(b)['b']).toBe('active');
  await b.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(b.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  await a.start();
  await c.start();
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [a, c]) expect(region.table?.global).toBeUndefined();
  expect(b.get('x')).toBe('1');
  await world.stop();
});
