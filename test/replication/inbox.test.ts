import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { LogEnd } from '../../src/log/entry.ts';
import { DiskPositionStore } from '../../src/replication/disk-position-store.ts';
import { Inbox, type InboxObserver } from '../../src/replication/inbox.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { MemoryTables, World, type WorldRegion } from '../support/replication-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const A_WHILE_MS = 15_000;
const ALARM = 'two items of the same version differ: a clock or a disk has lied';

const position = { logId: 'x', epoch: 2, index: 7, checksum: 9, partitionTime: 50 };

async function twoRegions(): Promise<{ world: World; a: WorldRegion; b: WorldRegion }> {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  await world.clock.advance(1000);
  return { world, a: world.region('a'), b: world.region('b') };
}

test('a damaged file of positions is said, and is none', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const store = new DiskPositionStore(disk);
  const positions = new Map([[0, position]]);
  for (const origin of ['b', 'c']) await store.save(origin, { logs: 1, positions, ownEnds: [] });
  await disk.replace('inbox.b', Buffer.from('rubbish'));
  const [clock, logger] = [new VirtualClock(), new MemoryLogger()];
  const partition = new MemoryPartition({
    number: 0,
    region: 'a',
    now: () => clock.wallMs(),
    clock,
    disk: emptyDisk('a-0'),
  });
  const inbox = new Inbox({
    region: 'a',
    origins: ['b', 'c'],
    partitions: [partition],
    partitionOf: () => partition,
    tables: new MemoryTables(1, ['a', 'b', 'c']),
    positions: store,
    clock,
    logger,
    observer: { latency: () => {}, writeAge: () => {}, received: () => {}, conflict: () => {} },
    offsetMs: () => undefined,
  });
  await inbox.start();
  expect(inbox.stands('b').size).toBe(0);
  expect(inbox.stands('c').get(0)?.applied).toEqual(position);
  expect(logger.messages('error')).toEqual(['positions are damaged; they begin anew']);
});

const endAt = (logId: string, index: number, partitionTime: number): LogEnd => ({
  logId,
  epoch: 1,
  index,
  checksum: index,
  partitionTime,
});

async function inboxOf(observer: Partial<InboxObserver> = {}): Promise<Inbox> {
  const clock = new VirtualClock();
  const partition = new MemoryPartition({
    number: 0,
    region: 'a',
    now: () => clock.wallMs(),
    clock,
    disk: emptyDisk('a-0'),
  });
  const inbox = new Inbox({
    region: 'a',
    origins: ['b'],
    partitions: [partition],
    partitionOf: () => partition,
    tables: new MemoryTables(1, ['a', 'b']),
    positions: new DiskPositionStore(new SimulatedDisk({ random: new SeededRandom(1) })),
    clock,
    logger: new MemoryLogger(),
    observer: {
      latency: () => {},
      writeAge: () => {},
      received: () => {},
      conflict: () => {},
      ...observer,
    },
    offsetMs: () => undefined,
  });
  await inbox.start();
  return inbox;
}

test('a watermark covers nothing while the log that a split has made is not heard of', async () => {
  const inbox = await inboxOf();
  const end = endAt('b-0', 7, 700);
  await inbox.hello('b', { log: 0, logs: 1, end, place: { at: end, expected: undefined } });
  expect(inbox.watermark('b')).toBe(700);
  await inbox.hello('b', { log: 0, logs: 2, end, place: undefined });
  expect(inbox.watermark('b')).toBeUndefined();
  // A hello that was late does not take the new log away.
  await inbox.hello('b', { log: 0, logs: 1, end, place: undefined });
  expect(inbox.watermark('b')).toBeUndefined();
  const child = endAt('b-1', 1, 300);
  await inbox.hello('b', {
    log: 1,
    logs: 2,
    end: child,
    place: { at: child, expected: undefined },
  });
  expect(inbox.watermark('b')).toBe(300);
});

test('an origin whose disk has lost a split is no longer waited for at the log that came of it', async () => {
  const inbox = await inboxOf();
  const end = endAt('b-0', 7, 700);
  const child = endAt('b-1', 1, 300);
  await inbox.hello('b', { log: 0, logs: 2, end, place: { at: end, expected: undefined } });
  await inbox.hello('b', {
    log: 1,
    logs: 2,
    end: child,
    place: { at: child, expected: undefined },
  });
  const fork = endAt('b-0 again', 5, 900);
  await inbox.hello('b', { log: 0, logs: 1, end: fork, place: { at: fork, expected: end } });
  expect(inbox.watermark('b')).toBe(900);
  expect([...inbox.stands('b').keys()]).toEqual([0]);
});

test('what a power cut took of the logs is received again, though the positions say that it was', async () => {
  const { world, a, b } = await twoRegions();
  a.put('early', 'v');
  await world.clock.advance(2000);
  const { disks } = b.save();
  for (let at = 0; at < 30; at += 1) a.put(`k${at}`, 'v');
  await world.clock.advance(2000);
  const { positions } = b.save();
  await b.kill();
  b.restore({ disks, positions });
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(b.content()).toEqual(a.content());
  expect(a.content()).toHaveLength(31);
  await world.stop();
});

test('positions that the logs bear out stay, also when the entries that they name are trimmed', async () => {
  const { world, a, b } = await twoRegions();
  for (let at = 0; at < 30; at += 1) a.put(`k${at}`, 'v');
  await world.clock.advance(A_WHILE_MS);
  for (const partition of b.partitions) await partition.advanceTime();
  for (const partition of b.partitions) partition.trim(partition.committed.index - 1);
  await b.kill();
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(b.logger.messages('warn')).not.toContain(
    'positions say more than the logs hold; they begin anew',
  );
  expect(b.content()).toEqual(a.content());
  expect(a.content()).toHaveLength(30);
  await world.stop();
});

test('a loser is one conflict, however often its batch comes because a partition does not take its part', async () => {
  const { world, a, b } = await twoRegions();
  world.cut('a', 'b');
  for (let at = 0; at < 20; at += 1) a.put(`k${at}`, 'earlier');
  await world.clock.advance(1000);
  for (let at = 0; at < 20; at += 1) b.put(`k${at}`, 'later');
  const failing = present(b.partitions[0], 'a partition');
  failing.failsToReceive = true;
  world.cut('a', 'b', true);
  await world.clock.advance(A_WHILE_MS);
  expect(b.conflicts.length).toBeGreaterThan(0);
  expect(b.conflicts.length).toBeLessThan(20);
  failing.failsToReceive = false;
  await world.clock.advance(A_WHILE_MS);
  expect(b.conflicts).toHaveLength(20);
  expect(a.conflicts).toHaveLength(20);
  expect(a.content()).toEqual(b.content());
  await world.stop();
});

test('two items of one version that differ raise an alarm', async () => {
  const { world, a, b } = await twoRegions();
  a.put('x', 'true');
  await world.clock.advance(1000);
  await b.kill();
  const { disks } = b.save();
  for (const { items } of disks)
    for (const [name, item] of items) items.set(name, { ...item, image: Buffer.from('lie') });
  b.restore({ disks, positions: new Map() });
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(b.conflicts).toHaveLength(1);
  expect(b.conflicts[0]?.alarm).toBe(true);
  expect(b.logger.messages('error')).toEqual([ALARM]);
  expect(b.get('x')).toBe('true');
  await world.stop();
});

/** Of an item that region b has made. */
const expiry = (key: string) => ({
  table: present(new MemoryTables(1, ['a', 'b']).global()[0], 'a table').globalId,
  key: Buffer.from(key),
  time: 1,
  expiredOf: 'b',
  replaced: undefined,
  image: undefined,
  itemBytes: 0,
});

test('an expiry counts as latency where its commit is known, and its version says nothing of it', async () => {
  const latenciesMs: number[] = [];
  const agesMs: number[] = [];
  const inbox = await inboxOf({
    latency: (_, latencyMs) => latenciesMs.push(latencyMs),
    writeAge: (_, ageMs) => agesMs.push(ageMs),
  });
  const [start, first, second] = [0, 1, 2].map((index) => endAt('b-0', index, 10 * index));
  const [from, middle, to] = [present(start, 'x'), present(first, 'x'), present(second, 'x')];
  await inbox.hello('b', { log: 0, logs: 1, end: to, place: { at: from, expected: undefined } });
  const batch = { origin: 'b', log: 0 };
  await inbox.ship('b', { ...batch, from, to: middle, records: [expiry('k1')] });
  expect(latenciesMs).toEqual([]);
  const commits = [{ records: 1, committedMs: new VirtualClock().wallMs() - 7 }];
  await inbox.ship('b', { ...batch, from: middle, to, records: [expiry('k2')], commits });
  expect(latenciesMs).toEqual([7]);
  expect(agesMs).toEqual([]);
});
