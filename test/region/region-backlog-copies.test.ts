import { Buffer } from 'node:buffer';

import { expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { LONG_MS, phaseOf, shareAnother } from '../support/global-world.ts';
import { type GlobalWorldRegion, GlobalWorld } from '../support/region-world.ts';
import { keyOf } from '../support/replication-world.ts';

// Much virtual time takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const numberOfOther = (region: GlobalWorldRegion): number =>
  present(region.running.catalogue.find('Other'), 'the other table').number;

/** A user's write of an item of the other table, or (undefined) its deletion. */
function putOther(region: GlobalWorldRegion, name: string, text: string | undefined): void {
  const key = keyOf(name);
  const hash = Buffer.from(key).readUInt32BE(0);
  const at = Math.floor((hash * region.partitions.length) / 2 ** 32);
  const image = text === undefined ? undefined : Buffer.from(text);
  present(region.partitions[at], 'a partition').put(numberOfOther(region), key, image);
}

const namesInOther = (region: GlobalWorldRegion): readonly string[] =>
  region.partitions
    .flatMap(({ disk }) => [...disk.items.values()])
    .filter(({ table, image }) => table === numberOfOther(region) && image !== undefined)
    .map(({ key }) => Buffer.from(key).toString('latin1').slice(6))
    .toSorted();

test('a region on an old disk that owes its copy does not bring back what was deleted and forgotten', async () => {
  const world = new GlobalWorld({ names: ['a', 'b', 'c', 'd'] });
  await world.start();
  await world.share('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  for (let at = 0; at < 20; at += 1) a.put(`k${at}`, 'v');
  await world.clock.advance(3000);
  const saved = b.save();
  for (let at = 0; at < 10; at += 1) a.put(`k${at}`, undefined);
  await world.clock.advance(LONG_MS);
  expect(a.tombstones() + b.tombstones() + c.tombstones()).toBe(0);
  await b.kill();
  await a.change({ kind: 'create', region: 'd' });
  await world.clock.advance(10_000);
  expect(phaseOf(a, 'd')).toBe('active');
  for (const partition of a.partitions) partition.trim(partition.committed.index - 1);
  b.restore(saved);
  for (const name of ['a', 'c', 'd']) {
    world.network.endpoint('b').links.set(name, { delayMs: 700 });
    world.network.endpoint(name).links.set('b', { delayMs: 700 });
  }
  await b.start();
  await world.clock.advance(LONG_MS);
  for (const region of world.regions) expect(region.content()).toHaveLength(10);
  await world.stop();
});

test('a copy that is owed brings what the target never had, whatever it forgot of other tables', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await shareAnother(world, 'b', 'c');
  const [b, c] = [world.region('b'), world.region('c')];
  world.cut('a', 'b');
  b.put('x', 'of b alone');
  await world.clock.advance(1000);
  putOther(b, 'gone', 'soon');
  putOther(b, 'gone', undefined);
  await world.clock.advance(30_000);
  const forgotten = Math.min(...c.partitions.map((partition) => partition.forgotten['b'] ?? 0));
  expect(forgotten).toBeGreaterThan(0);
  world.cut('b', 'c');
  await world.region('a').change({ kind: 'create', region: 'c' });
  await world.clock.advance(20_000);
  expect(phaseOf(world.region('a'), 'c')).toBe('active');
  world.cut('a', 'b', true);
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of world.regions) expect(region.get('x')).toBe('of b alone');
  await world.stop();
});

test('what was on its way in from a region when it was evicted gets to every survivor', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  world.cut('a', 'c');
  await world.clock.advance(2000);
  const gate = new AbortController();
  const { signal } = gate;
  const held = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  for (const partition of b.partitions) partition.receivesAfter = held;
  c.put('late', 'held up in b');
  await world.clock.advance(500);
  world.cut('b', 'c');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(10_000);
  expect(b.get('late')).toBeUndefined();
  gate.abort();
  await world.clock.advance(LONG_MS);
  expect(Object.keys(a.table?.global?.members ?? {})).toEqual(['a', 'b']);
  expect(b.get('late')).toBe('held up in b');
  expect(a.content()).toEqual(b.content());
  await world.stop();
});

test('the ends that a leaving member has to ship lie behind all that was under way', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  const { adapter } = world.region('a').running;
  const before = adapter.ends();
  const settled = await adapter.settledEnds();
  expect(settled.every((index, log) => index > (before[log] ?? 0))).toBe(true);
  expect(settled).toEqual(adapter.ends());
  await world.stop();
});

test('a table that a peer does not take does not keep the others from being made equal', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await shareAnother(world, 'a', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  await a.change({ kind: 'create', region: 'c' });
  await c.createTable();
  await world.clock.advance(2000);
  await c.kill();
  for (let at = 0; at < 20; at += 1) putOther(a, `k${at}`, 'v');
  a.put('x', 'v');
  for (const partition of a.partitions) partition.trim(partition.committed.index - 1);
  await c.start();
  await world.clock.advance(LONG_MS);
  expect(namesInOther(c)).toEqual(namesInOther(a));
  expect(namesInOther(a)).toHaveLength(20);
  expect(a.resyncsBegun).toBeGreaterThan(0);
  expect(a.running.resync.status()).toEqual([]);
  await world.stop();
});

test('a copy that shows two items of one version to differ raises an alarm', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  a.put('x', 'true');
  await world.clock.advance(1000);
  const number = present(b.table, 'the table').number;
  for (const { disk } of b.partitions)
    for (const [name, item] of disk.items)
      if (item.table === number) disk.items.set(name, { ...item, image: Buffer.from('lie') });
  const { globalId, number: table } = present(a.table, 'the table');
  await world.clock.runUntilSettled(
    a.running.tableCopy.send({
      table,
      globalId,
      target: 'b',
      only: undefined,
      authoritative: false,
      via: 'scan',
      signal: new AbortController().signal,
      onProgress: () => {},
    }),
  );
  expect(b.get('x')).toBe('true');
  expect(b.logger.messages('error')).toEqual([
    'two items of the same version differ: a clock or a disk has lied',
  ]);
  await world.stop();
});

test('a region on an old disk takes back what it had lost, though it forgot of another table meanwhile', async () => {
  const world = new GlobalWorld();
  await world.start();
  await world.share('a', 'b');
  await shareAnother(world, 'a', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.clock.advance(1000);
  const saved = a.save();
  a.put('lost', 'of a');
  await world.clock.advance(1000);
  expect(b.get('lost')).toBe('of a');
  await a.kill();
  world.cut('a', 'b');
  a.restore(saved);
  await a.start();
  for (let at = 0; at < 20; at += 1) putOther(a, `k${at}`, 'soon');
  for (let at = 0; at < 20; at += 1) putOther(a, `k${at}`, undefined);
  await world.clock.advance(30_000);
  world.cut('a', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(a.get('lost')).toBe('of a');
  expect(a.content()).toEqual(b.content());
  for (const { disk } of a.partitions)
    expect([...disk.items.values()].filter(({ image }) => image === undefined)).toEqual([]);
  await world.stop();
});
