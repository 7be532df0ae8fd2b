import { expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { LogEnd } from '../../src/log/entry.ts';
import type { Pending } from '../../src/replication/lag.ts';
import { LONG_MS, phaseOf, shareAnother } from '../support/global-world.ts';
import { type GlobalWorldRegion, GlobalWorld } from '../support/region-world.ts';

// Much virtual time takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

async function advanceUntil(world: GlobalWorld, isSo: () => boolean): Promise<void> {
  for (let count = 0; count < 4000 && !isSo(); count += 1) await world.clock.advance(5);
  expect(isSo()).toBe(true);
}

const startsOf = (region: GlobalWorldRegion, member: string): readonly LogEnd[] => {
  const table = present(region.table, 'the table');
  const { tableId } = present(table.global?.members[member], 'the member');
  return present(table.memberStarts?.[tableId], 'its start');
};

const statesOf = (region: GlobalWorldRegion, peer: string): readonly string[] =>
  present(
    region.running.replicator.status().peers.find((one) => one.peer === peer),
    peer,
  ).outboxes.map(({ state }) => state.kind);

test('a backlog does not bring what was deleted and forgotten to a replica that came later', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await shareAnother(world, 'a', 'b', 'c');
  world.cut('b', 'c');
  world.region('b').put('x', 'old');
  await world.clock.advance(2000);
  expect(world.region('a').get('x')).toBe('old');
  world.region('a').put('x', undefined);
  await world.clock.advance(30_000);
  expect(world.region('a').tombstones() + world.region('b').tombstones()).toBe(0);
  await world.region('a').change({ kind: 'create', region: 'c' });
  await world.clock.advance(8000);
  world.region('b').put('y', 'new');
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  expect(phaseOf(world.region('a'), 'c')).toBe('active');
  for (const name of world.names) {
    expect(world.region(name).get('x')).toBeUndefined();
    expect(world.region(name).get('y')).toBe('new');
  }
  await world.stop();
});

test('a member that is restarted while a replica is filled ships all that it makes from then on', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  for (let at = 0; at < 400; at += 1) world.region('a').put(`k${at}`, 'v'.repeat(4000));
  await world.clock.advance(3000);
  for (const name of ['a', 'b']) {
    world.network.endpoint(name).links.set('c', { delayMs: 300 });
    world.network.endpoint('c').links.set(name, { delayMs: 300 });
  }
  await world.region('a').change({ kind: 'create', region: 'c' });
  await advanceUntil(world, () => phaseOf(world.region('a'), 'c') === 'copying');
  await world.clock.advance(1500);
  const starts = startsOf(world.region('b'), 'c');
  await world.region('b').kill();
  await world.region('b').start();
  for (let at = 0; at < 100; at += 1) world.region('b').put(`r${at}`, 'v');
  await world.clock.advance(50);
  await world.region('b').createTable('Regional');
  expect(phaseOf(world.region('a'), 'c')).toBe('copying');
  expect(startsOf(world.region('b'), 'c')).toEqual(starts);
  await world.clock.advance(LONG_MS);
  expect(phaseOf(world.region('a'), 'c')).toBe('active');
  expect(startsOf(world.region('b'), 'c')).toEqual(starts);
  expect(world.region('a').content()).toHaveLength(500);
  expect(world.region('c').content()).toEqual(world.region('a').content());
  await world.stop();
});

test('a member keeps its start for as long as it is one, and a new incarnation gets a new one', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  const [toB, toC] = [startsOf(world.region('a'), 'b'), startsOf(world.region('a'), 'c')];
  for (let at = 0; at < 10; at += 1) world.region('a').put(`k${at}`, 'v');
  await world.region('b').change({ kind: 'delete', region: 'c' });
  await world.clock.advance(10_000);
  expect(Object.keys(world.region('a').table?.memberStarts ?? {})).toHaveLength(1);
  await world.region('a').kill();
  await world.region('a').start();
  await world.region('b').change({ kind: 'create', region: 'c' });
  await world.clock.advance(10_000);
  expect(startsOf(world.region('a'), 'b')).toEqual(toB);
  const again = startsOf(world.region('a'), 'c');
  for (const [log, { index }] of again.entries())
    expect(index).toBeGreaterThan(toC[log]?.index ?? 0);
  await world.region('a').change({ kind: 'delete', region: 'c' });
  await world.clock.advance(10_000);
  await world.region('a').change({ kind: 'delete', region: 'b' });
  await world.clock.advance(10_000);
  expect(world.region('a').table).toMatchObject({ global: undefined, memberStarts: {} });
  await world.stop();
});

test('a peer that falls out of the log again while it is made equal is made equal again', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await world.clock.advance(3000);
  await world.region('b').kill();
  const a = world.region('a');
  const trim = (): void => {
    for (const partition of a.partitions) partition.trim(partition.committed.index - 1);
  };
  for (let at = 0; at < 300; at += 1) a.put(`k${at}`, 'v'.repeat(4000));
  await world.clock.advance(1000);
  trim();
  world.network.endpoint('a').links.set('b', { delayMs: 400 });
  await world.region('b').start();
  await advanceUntil(world, () => a.running.resync.status()[0]?.state === 'sending');
  for (let at = 0; at < 50; at += 1) a.put(`m${at}`, 'w');
  await world.clock.advance(200);
  expect(a.running.resync.status()[0]?.state).toBe('sending');
  trim();
  await world.clock.advance(2 * LONG_MS);
  expect(statesOf(a, 'b')).toEqual(['streaming', 'streaming']);
  expect(a.running.resync.status()).toEqual([]);
  expect(world.region('b').content()).toEqual(a.content());
  expect(a.content()).toHaveLength(350);
  await world.stop();
});

test('lag is never said to be 0 while a peer that is back on an older disk catches up', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  const { a, b } = { a: world.region('a'), b: world.region('b') };
  const saved = b.save();
  for (let at = 0; at < 500; at += 1) a.put(`k${at}`, 'v');
  await world.clock.advance(3000);
  const { number } = present(a.table, 'the table');
  expect(a.running.replicator.pending('b', number)?.records).toBe(0);
  await b.kill();
  b.restore(saved);
  world.network.endpoint('a').links.set('b', { delayMs: 200 });
  await b.start();
  await advanceUntil(world, () => b.content().length > 0);
  const samples: { readonly pending: Pending; readonly missing: number }[] = [];
  while (b.content().length < 500) {
    const pending = a.running.replicator.pending('b', number);
    const missing = 500 - b.content().length;
    if (pending !== undefined) samples.push({ pending, missing });
    await world.clock.advance(50);
  }
  expect(samples.length).toBeGreaterThan(3);
  expect(samples.filter(({ pending, missing }) => pending.records < missing)).toEqual([]);
  expect(samples.filter(({ pending }) => pending.ageMs < 3000)).toEqual([]);
  await world.clock.advance(LONG_MS);
  expect(a.running.replicator.pending('b', number)).toEqual({ records: 0, bytes: 0, ageMs: 0 });
  await world.stop();
});
