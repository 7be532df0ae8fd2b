import { expect, test } from 'vitest';

import { randomBelow } from '../../src/base/random.ts';
import { present } from '../../src/base/assert.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { keyOf, World, type WorldRegion } from '../support/replication-world.ts';

/** Longer than it takes to try again, to save positions and to say where an idle log stands. */
const A_WHILE_MS = 15_000;

const LOSSY = { dropRequest: 0.15, dropAnswer: 0.15, duplicate: 0.2, delayMsMax: 120 };

const states = (region: WorldRegion, peer: string): readonly string[] =>
  present(
    present(region.replicator, 'a running region')
      .status()
      .peers.find((one) => one.peer === peer),
    peer,
  ).outboxes.map(({ state }) => state.kind);

const expectEqual = (world: World): void => {
  const [first, ...others] = world.regions;
  for (const other of others) expect(other.content()).toEqual(first?.content());
  for (const region of world.regions) {
    for (const peer of world.names) {
      if (peer === region.name) continue;
      expect(region.pending(peer)).toEqual({ records: 0, bytes: 0, ageMs: 0 });
    }
    expect(region.logger.messages('error')).toEqual([]);
  }
};

/** Writes at random for a while, in all running regions, on few keys so that they collide. */
async function writeALot(world: World, writes: number): Promise<void> {
  for (let count = 0; count < writes; count += 1) {
    const region = world.regions[randomBelow(world.random, world.regions.length)];
    const key = `k${randomBelow(world.random, 25)}`;
    const text = world.random.next() < 0.25 ? undefined : `v${count}`;
    if (region?.replicator !== undefined) region.put(key, text);
    await world.clock.advance(world.random.next() * 40);
  }
}

test('a write in one region is in the others, and lag is 0 again', async () => {
  const world = new World();
  await world.start();
  await world.clock.advance(100);
  world.region('a').put('x', 'hello');
  await world.clock.advance(100);
  expect(world.regions.map((region) => region.get('x'))).toEqual(['hello', 'hello', 'hello']);
  await world.clock.advance(1000);
  expectEqual(world);
  expect(states(world.region('a'), 'b')).toEqual(['streaming', 'streaming']);
  await world.stop();
});

test('what was written before a peer was ever reached arrives', async () => {
  const world = new World();
  await world.region('a').start();
  for (let count = 0; count < 50; count += 1) world.region('a').put(`k${count}`, 'early');
  await world.clock.advance(5000);
  expect(world.region('a').pending('b')).toBeUndefined();
  await world.region('b').start();
  await world.region('c').start();
  await world.clock.advance(A_WHILE_MS);
  expect(world.region('b').content()).toHaveLength(50);
  expectEqual(world);
  await world.stop();
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'over a bus that loses, repeats, delays and reorders, regions become equal (seed %i)',
  async (seed) => {
    const world = new World({ seed, wallAheadMs: [0, 150, -200] });
    await world.start();
    world.setFaults(LOSSY);
    await writeALot(world, 300);
    world.setFaults({ dropRequest: 0, dropAnswer: 0, duplicate: 0, delayMsMax: 0 });
    await world.clock.advance(60_000);
    expect(world.region('a').content()).not.toEqual([]);
    expectEqual(world);
    await world.stop();
  },
);

test.each([11, 12, 13, 14, 15, 16])(
  'regions that are killed and stopped in the middle become equal (seed %i)',
  async (seed) => {
    const world = new World({ seed });
    await world.start();
    world.setFaults({ ...LOSSY, dropRequest: 0.05, dropAnswer: 0.05 });
    for (let round = 0; round < 6; round += 1) {
      await writeALot(world, 40);
      const victim = present(world.regions[randomBelow(world.random, 3)], 'a region');
      await (world.random.next() < 0.5 ? victim.kill() : victim.stop());
      await writeALot(world, 20);
      await victim.start();
    }
    world.setFaults({ dropRequest: 0, dropAnswer: 0, duplicate: 0, delayMsMax: 0 });
    await world.clock.advance(60_000);
    expectEqual(world);
    expect(world.regions.flatMap((region) => region.mismatches)).toEqual([]);
    await world.stop();
  },
);

test('while a link is cut both sides serve, lag rises by a second each second, and healing ends it', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  await world.clock.advance(1000);
  world.cut('a', 'b');
  world.region('a').put('x', 'from a');
  world.region('b').put('x', 'from b');
  await world.clock.advance(10_000);
  const before = present(world.region('a').pending('b'), 'known lag');
  await world.clock.advance(20_000);
  const after = present(world.region('a').pending('b'), 'known lag');
  expect(after.ageMs - before.ageMs).toBe(20_000);
  expect(after.records).toBe(1);
  expect(world.region('a').get('x')).toBe('from a');
  world.cut('a', 'b', true);
  await world.clock.advance(3000);
  expectEqual(world);
  for (const region of world.regions) {
    expect(region.conflicts).toHaveLength(1);
    expect(region.conflicts[0]?.alarm).toBe(false);
  }
  await world.stop();
});

test('a peer that stays away costs neither conflicts with what it had seen nor records', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  world.region('a').put('x', '1');
  await world.clock.advance(500);
  world.region('b').put('x', '2');
  world.region('b').put('x', '3');
  await world.clock.advance(500);
  world.region('a').put('x', '4');
  await world.clock.advance(500);
  expect(world.regions.flatMap((region) => region.conflicts)).toEqual([]);
  expect(world.region('b').get('x')).toBe('4');
  await world.stop();
});

test('latency is corrected by the measured offset of the clocks', async () => {
  const world = new World({ names: ['a', 'b'], wallAheadMs: [0, 300] });
  await world.start();
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    world.network.endpoint(from).links.set(to, { delayMs: 80 });
  }
  await world.clock.advance(5000);
  world.region('a').put('x', '1');
  world.region('b').put('y', '1');
  await world.clock.advance(1000);
  for (const region of world.regions) {
    expect(region.latenciesMs).toHaveLength(1);
    expect(region.latenciesMs[0]).toBeGreaterThanOrEqual(78);
    expect(region.latenciesMs[0]).toBeLessThanOrEqual(84);
    expect(region.clampedMs).toBe(0);
  }
  const offset = world.region('a').replicator?.status().peers[0]?.clock;
  expect(Math.abs((offset?.offsetMs ?? 0) - 300)).toBeLessThanOrEqual(offset?.errorMs ?? 0);
  await world.stop();
});

test('records of a table that is not known yet wait, and arrive once it is', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  await world.clock.advance(500);
  world.region('b').tables.known = false;
  world.region('a').put('x', '1');
  await world.clock.advance(5000);
  expect(world.region('b').get('x')).toBeUndefined();
  expect(states(world.region('a'), 'b')).toContain('waiting');
  expect(world.region('a').pending('b')?.records).toBe(1);
  world.region('b').tables.known = true;
  await world.clock.advance(3000);
  expectEqual(world);
  expect(world.region('b').get('x')).toBe('1');
  await world.stop();
});

test('a partition that takes nothing delays the acknowledgement, not the other way', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  await world.clock.advance(500);
  const broken = world.region('b').partitions;
  for (const partition of broken) partition.failsToReceive = true;
  world.region('a').put('x', '1');
  world.region('b').put('y', '2');
  await world.clock.advance(4000);
  expect(world.region('a').get('y')).toBe('2');
  expect(world.region('a').pending('b')?.records).toBe(1);
  for (const partition of broken) partition.failsToReceive = false;
  await world.clock.advance(3000);
  expectEqual(world);
  await world.stop();
});

test('nothing shared: outboxes start at the end, hold no log, and ship only what comes after', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  const b = world.region('b');
  for (const region of world.regions) region.tables.members = [];
  await a.start();
  a.put('before', '1');
  await world.clock.advance(500);
  await b.start();
  await world.clock.advance(3000);
  expect(a.replicator?.releaseFloor(0)).toBe(
    Math.max(0, (a.partitions[0]?.committed.index ?? 0) - 1),
  );
  for (const region of world.regions) region.tables.members = ['a', 'b'];
  const noted = present(a.replicator, 'a').notePositions();
  a.put('after', '2');
  const received = present(b.replicator, 'b').receivedAtLeast('a', noted);
  await world.clock.runUntilSettled(received);
  await world.clock.advance(1000);
  expect(b.get('before')).toBeUndefined();
  expect(b.get('after')).toBe('2');
  await world.stop();
});

test('a peer behind the kept log goes to RESYNC, keeps its lag, and goes on where it is placed', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  const b = world.region('b');
  await world.start();
  a.put('x', '1');
  await world.clock.advance(1000);
  await b.stop();
  for (let count = 0; count < 20; count += 1) a.put(`k${count}`, 'lost?');
  await world.clock.advance(1000);
  for (const partition of a.partitions) partition.trim(partition.committed.index - 2);
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(states(a, 'b')).toEqual(['RESYNC', 'RESYNC']);
  expect(a.mismatches.map(({ reason }) => reason)).toEqual(['trimmed', 'trimmed']);
  expect(a.pending('b')?.records).toBe(20);
  expect(a.replicator?.releaseFloor(0)).toBeUndefined();
  const noted = present(a.replicator, 'a').notePositions();
  a.put('during', '2');
  const placed = Promise.all(
    noted.map(async (at, log) => a.replicator?.outbox('b', log).placeAt(at)),
  );
  await world.clock.runUntilSettled(placed);
  await world.clock.advance(1000);
  expect(states(a, 'b')).toEqual(['streaming', 'streaming']);
  expect(b.get('during')).toBe('2');
  expect(a.pending('b')?.records).toBe(0);
  await world.stop();
});

test('with a position behind a split the peer hears of the log that it made, and knows that it has nothing of that', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  const b = world.region('b');
  await world.start();
  a.put('x', '1');
  await world.clock.advance(1000);
  const { parent, child } = hiddenSplit(a);
  for (const partition of a.partitions) await partition.advanceTime();
  await world.clock.advance(1000);
  const { committed } = parent;
  await world.clock.runUntilSettled(present(a.replicator, 'a').outbox('b', 0).placeAt(committed));
  const watermark = present(b.replicator, 'b').inbox.watermark('a') ?? 0;
  expect(watermark).toBeLessThan(child.committed.partitionTime);
  await world.clock.advance(A_WHILE_MS);
  expect(b.get('of the child')).toBe('2');
  await world.stop();
});

test('who does not know all splits yet begins all the same, sets no position behind them, and stops at once', async () => {
  const world = new World({ names: ['a', 'b'] });
  const [a, b] = [world.region('a'), world.region('b')];
  await a.start();
  const parent = present(a.partitions[0], 'a partition');
  const asked: (number | undefined)[] = [];
  let answer: Promise<void> = Promise.reject(new Error('being filled'));
  answer.catch(() => {});
  parent.layoutKnown = async (through) => {
    asked.push(through);
    return answer;
  };
  await b.start();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, '1');
  await world.clock.advance(1000);
  expect(b.content()).toHaveLength(10);
  expect(asked).toEqual([]);
  const outbox = present(a.replicator, 'a').outbox('b', 0);
  let isPlaced = false;
  const place = async (): Promise<void> => {
    await outbox.placeAt(parent.committed);
    isPlaced = true;
  };
  void place();
  await world.clock.advance(A_WHILE_MS);
  expect(asked.length).toBeGreaterThan(1);
  expect(isPlaced).toBe(false);
  answer = new Promise(() => {});
  await world.clock.advance(A_WHILE_MS);
  await world.stop();
  expect(new Set(asked)).toEqual(new Set([parent.committed.index]));
});

/**
 * The first partition of a region is split; its log tells of that, and so it is known once that is looked at. The child has
 * an item.
 */
function hiddenSplit(region: WorldRegion): {
  readonly parent: MemoryPartition;
  readonly child: MemoryPartition;
} {
  const parent = present(region.partitions[0], 'a parent');
  const number = region.partitions.length;
  parent.split(number);
  const splitIndex = parent.committed.index;
  const { clock } = region;
  const disk = emptyDisk(`${region.name}-${number}`);
  const now = (): number => parent.committed.partitionTime + 1;
  const child = new MemoryPartition({ number, region: region.name, now, clock, disk });
  child.put(region.tables.number, keyOf('of the child'), Buffer.from('2'));
  parent.layoutKnown = async (through = 0) => {
    if (through < splitIndex || region.partitions.includes(child)) return;
    region.partitions.push(child);
    present(region.replicator, 'a running region').addChild({
      partition: child,
      parent: 0,
      splitIndex,
    });
  };
  return { parent, child };
}

test('an origin that comes back on an older disk is found out before it ships anything', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  await world.start();
  a.put('x', '1');
  a.put('y', '1');
  await world.clock.advance(1000);
  const old = a.save();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, 'new');
  await world.clock.advance(1000);
  await a.stop();
  a.restore(old);
  await a.start();
  await world.clock.advance(A_WHILE_MS);
  expect(states(a, 'b')).toEqual(['RESYNC', 'RESYNC']);
  expect(a.mismatches.map(({ reason }) => reason)).toEqual(['ahead', 'ahead']);
  expect(a.mismatches[0]?.peerHas?.index).toBeGreaterThan(a.partitions[0]?.committed.index ?? 0);
  await world.stop();
});

test('an older disk that has grown past what the peer has is a mismatch', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  await world.start();
  await world.clock.advance(1000);
  const old = a.save();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, 'new');
  await world.clock.advance(1000);
  await a.stop();
  world.cut('a', 'b');
  a.restore(old);
  await a.start();
  for (let count = 0; count < 40; count += 1) a.put(`k${count}`, 'other');
  world.cut('a', 'b', true);
  await world.clock.advance(A_WHILE_MS);
  expect(new Set(a.mismatches.map(({ reason }) => reason))).toEqual(new Set(['mismatch']));
  await world.stop();
});

test('a target that comes back on an older disk gets what it lost, although nothing new is written', async () => {
  const world = new World({ names: ['a', 'b'] });
  const [a, b] = [world.region('a'), world.region('b')];
  await world.start();
  await world.clock.advance(1000);
  a.put('x', '1');
  await world.clock.advance(1000);
  const old = b.save();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, 'new');
  await world.clock.advance(1000);
  await b.stop();
  b.restore(old);
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(b.content()).toHaveLength(11);
  expect(b.content()).toEqual(a.content());
  await world.stop();
});

test('a target whose disk was lost gets everything while the log reaches back to its beginning', async () => {
  const world = new World({ names: ['a', 'b'] });
  const [a, b] = [world.region('a'), world.region('b')];
  await world.start();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, 'new');
  await world.clock.advance(1000);
  await b.stop();
  b.restore({ disks: [0, 1, 2].map((log) => emptyDisk(`b-again-${log}`)), positions: new Map() });
  await b.start();
  await world.clock.advance(A_WHILE_MS);
  expect(b.content()).toEqual(a.content());
  await world.stop();
});

test('over a way of 20 s everything arrives, and lag says so', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    world.network.endpoint(from).links.set(to, { delayMs: 20_000 });
  }
  await world.clock.advance(300_000);
  for (let count = 0; count < 40; count += 1) world.region('a').put(`k${count}`, 'v');
  await world.clock.advance(30_000);
  expect(world.region('b').content()).toHaveLength(40);
  expect(world.region('a').pending('b')?.ageMs).toBeCloseTo(30_000, 0);
  await world.clock.advance(15_000);
  expectEqual(world);
  await world.stop();
});

test('records that come again after their deletion was forgotten change nothing', async () => {
  const world = new World({ names: ['a', 'b'] });
  const [a, b] = [world.region('a'), world.region('b')];
  await world.start();
  await world.clock.advance(1000);
  const { positions } = b.save();
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, 'v');
  for (let count = 0; count < 10; count += 1) a.put(`k${count}`, undefined);
  await world.clock.advance(60_000);
  expect([a.tombstones(), b.tombstones()]).toEqual([0, 0]);
  await b.stop();
  b.restore({ disks: b.save().disks, positions });
  await b.start();
  const entries = b.entries();
  await world.clock.advance(2000);
  expect(b.replicator?.status().peers[0]?.inbox.logs.map(({ applied }) => applied)).toEqual(
    a.partitions.map(({ committed }) => committed.index),
  );
  expect(b.tombstones()).toBe(0);
  expect(b.content()).toEqual([]);
  expect(b.entries()).toBe(entries);
  await world.stop();
});

test('positions tell what has arrived and what is acknowledged', async () => {
  const world = new World({ names: ['a', 'b'] });
  await world.start();
  await world.clock.advance(1000);
  const [a, b] = world.regions.map(({ replicator }) => present(replicator, 'a running region'));
  world.cut('a', 'b');
  world.region('a').put('x', '1');
  const ends = a?.ends() ?? [];
  expect(b?.hasReceived('a', ends)).toBe(false);
  expect(a?.isAcknowledged('b', ends)).toBe(false);
  world.cut('a', 'b', true);
  a?.nudge('b');
  await world.clock.advance(500);
  expect(b?.hasReceived('a', ends)).toBe(true);
  expect(a?.isAcknowledged('b', ends)).toBe(true);
  const times = world.region('a').partitions.map(({ committed }) => committed.partitionTime);
  expect(b?.watermarks()['a']).toBe(Math.min(...times));
  const positions = world.clock.runUntilSettled(present(b, 'b').peerPositions('a'));
  expect((await positions).map(({ index }) => index)).toEqual(ends);
  await world.stop();
});

test('the log may go only behind what the peer holds durably, position included', async () => {
  const world = new World({ names: ['a', 'b'] });
  const a = world.region('a');
  await world.start();
  for (let count = 0; count < 20; count += 1) a.put(`k${count}`, 'v');
  await world.clock.advance(20);
  const early = a.replicator?.releaseFloor(0) ?? 0;
  expect(early).toBeLessThan((a.partitions[0]?.committed.index ?? 0) - 1);
  await world.clock.advance(A_WHILE_MS);
  expect(a.replicator?.releaseFloor(0)).toBe((a.partitions[0]?.committed.index ?? 0) - 1);
  await world.stop();
});

test.each([21, 22, 23, 24])(
  'what is deleted stays deleted under faults and restarts (seed %i)',
  async (seed) => {
    const world = new World({ seed, wallAheadMs: [0, 90, -90] });
    await world.start();
    world.setFaults(LOSSY);
    for (let round = 0; round < 5; round += 1) {
      await writeALot(world, 40);
      await world.clock.advance(12_000);
      const victim = present(world.regions[randomBelow(world.random, 3)], 'a region');
      await victim.kill();
      await world.clock.advance(world.random.next() * 8000);
      await victim.start();
    }
    for (let count = 0; count < 25; count += 1) world.region('a').put(`k${count}`, undefined);
    world.setFaults({ dropRequest: 0, dropAnswer: 0, duplicate: 0, delayMsMax: 0 });
    await world.clock.advance(120_000);
    expect(world.regions.map((region) => region.tombstones())).toEqual([0, 0, 0]);
    expectEqual(world);
    for (const line of world.region('a').content()) expect(line).toMatch(/ v\d+$/u);
    await world.stop();
  },
);
