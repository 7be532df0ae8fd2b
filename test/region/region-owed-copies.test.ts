import { expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { Pending } from '../../src/replication/lag.ts';
import { LONG_MS, phaseOf, putMany } from '../support/global-world.ts';
import { GlobalWorld, type GlobalWorldRegion } from '../support/region-world.ts';

// Much virtual time takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const pendingFor = (region: GlobalWorldRegion, peer: string): Pending | undefined =>
  region.running.replicator.pending(peer, present(region.table, 'the table').number);

const watermarkOf = (region: GlobalWorldRegion, origin: string): number | undefined =>
  region.running.replicator.status().peers.find(({ peer }) => peer === origin)?.inbox.watermark;

/** A world in which c has become a member while b was away: c lacks what b had made, and stands behind it in b's logs. */
async function withoutB(): Promise<GlobalWorld> {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  world.cut('a', 'b');
  b.put('made', 'by b');
  putMany(b, 'k', { count: 20 });
  await world.clock.advance(3000);
  world.cut('b', 'c');
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(20_000);
  expect(phaseOf(a, 'c')).toBe('active');
  expect(world.region('c').get('made')).toBeUndefined();
  return world;
}

test('while a copy is owed to a member, lag to it is not known, nor up to where it has all', async () => {
  const world = await withoutB();
  const [b, c] = [world.region('b'), world.region('c')];
  expect(watermarkOf(c, 'b')).toBeUndefined();
  world.cut('a', 'b', true);
  await world.clock.advance(10_000);
  expect(phaseOf(b, 'c')).toBe('active');
  expect(b.table?.global?.debts).toHaveLength(1);
  expect(pendingFor(b, 'c')).toBeUndefined();
  expect(pendingFor(b, 'a')).toMatchObject({ records: 0 });
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  expect(c.get('made')).toBe('by b');
  expect(pendingFor(b, 'c')).toMatchObject({ records: 0 });
  expect(watermarkOf(c, 'b')).toBeGreaterThan(0);
  await c.kill();
  await c.start();
  expect(watermarkOf(c, 'b')).toBeGreaterThan(0);
  await world.stop();
});

test('what a region had made that is lost before it pays its copy gets to every survivor', async () => {
  const world = await withoutB();
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  world.cut('a', 'b', true);
  await world.clock.advance(10_000);
  expect(a.get('made')).toBe('by b');
  await b.kill();
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(phaseOf(c, 'b')).toBeUndefined();
  expect(c.content()).toHaveLength(21);
  expect(c.content()).toEqual(a.content());
  await world.stop();
});

test('a replica that comes while a member is back on an older disk gets what that wrote since', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.clock.advance(1000);
  const saved = b.save();
  putMany(b, 'k', { count: 100 });
  await world.clock.advance(3000);
  expect(a.content()).toHaveLength(100);
  await b.kill();
  b.restore(saved);
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const)
    world.network.endpoint(from).links.set(to, { delayMs: 500 });
  await b.start();
  putMany(b, 'since', { count: 10 });
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(phaseOf(a, 'c')).toBe('active');
  expect(a.content()).toHaveLength(110);
  expect(c.content()).toEqual(a.content());
  await world.stop();
});
