import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { Table } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';
import { holdCopy } from '../support/hidden-split.ts';
import { ClusteredWriter, put, read, scanAll } from '../support/clustered-writer.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  vi.restoreAllMocks();
  await open?.stop();
  open = undefined;
});

async function newWorld(partitions = 2, settings = ''): Promise<ClusteredWorld> {
  open = await ClusteredWorld.start(partitions, settings);
  // Two may have tried to lead the same partition.
  await open.clock.advance(1000);
  return open;
}

const countsOf = (w: ClusteredWorld): readonly number[] =>
  w.running.map(({ engine }) => engine.core.partitions.length);

function writersOf(w: ClusteredWorld, table: Table): readonly ClusteredWriter[] {
  const { a, b, c } = w.nodes;
  return [
    new ClusteredWriter(w, table, { by: a, reader: b, name: 'of a' }),
    new ClusteredWriter(w, table, { by: b, reader: c, name: 'of b' }),
    new ClusteredWriter(w, table, { by: c, reader: a, name: 'of c' }),
  ];
}

/** Nothing that was answered is gone, whichever node is asked, one by one and by a scan. */
async function expectKept(w: ClusteredWorld, writers: readonly ClusteredWriter[]): Promise<void> {
  for (const node of w.running) {
    const [first] = writers;
    const scanned = await w.run(scanAll(node, present(first, 'a writer').table));
    for (const { acknowledged, table } of writers)
      for (const [id, value] of acknowledged) {
        const found = await w.run(read(node, table, id));
        expect(found, `${id} at ${node.zone}`).toBeGreaterThanOrEqual(value);
        expect(scanned.get(id), `${id} scanned at ${node.zone}`).toBe(found);
      }
  }
}

async function stopAll(writers: readonly ClusteredWriter[]): Promise<void> {
  for (const writer of writers) await writer.stop();
  expect(writers.flatMap(({ wrong }) => wrong)).toEqual([]);
}

const leading = (w: ClusteredWorld, partition: number): WorldNode =>
  present(w.leaderOf(partition), `a leader of partition ${partition}`);

test('a partition is split under writes at every node, which wait for milliseconds', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(1000);
  expect(await w.run(w.nodes.c.engine.splitPartition(1))).toBe(2);
  await w.until('every node knows', () => countsOf(w).every((count) => count === 3));
  expect(await w.run(w.nodes.a.engine.splitPartition(0))).toBe(3);
  await w.clock.advance(2000);
  await stopAll(writers);
  expect(countsOf(w)).toEqual([4, 4, 4]);
  for (const { longestMs, failures } of writers) {
    expect(failures).toBe(0);
    expect(longestMs).toBeLessThan(200);
  }
  await expectKept(w, writers);
  expect(w.running.flatMap(({ failures }) => failures)).toEqual([]);
});

/** The node that leads a partition has appended the split of it, and dies. */
async function killAtSplit(w: ClusteredWorld, partition: number): Promise<WorldNode> {
  const leader = leading(w, partition);
  const splitting = otherThan(w, leader).engine.splitPartition(partition);
  splitting.catch(() => {});
  const { log } = present(leader.engine.core.partitions[partition], 'a partition');
  let index = 0;
  const part = present(leader.engine.core.partitions[partition], 'a partition');
  await w.until('the split is appended', () => {
    index = log.end.index;
    return part.leading?.splitState !== 'none';
  });
  expect(index).toBeGreaterThan(0);
  await leader.kill();
  return leader;
}

function otherThan(w: ClusteredWorld, ...nodes: readonly WorldNode[]): WorldNode {
  return present(
    w.running.find((node) => !nodes.includes(node)),
    'another node',
  );
}

test.each([1, 0])(
  'the leader of partition %i is killed as it splits it: the split is done, and nothing answered is lost',
  async (partition) => {
    const w = await newWorld();
    const table = await w.createTable(w.nodes.b);
    const writers = writersOf(w, table);
    await w.clock.advance(500);
    const killed = await killAtSplit(w, partition);
    await w.until('both nodes know', () => countsOf(w).every((count) => count === 3));
    await w.untilLed();
    await w.until('the child is led', () => w.leaderOf(2) !== undefined);
    await w.clock.advance(1000);
    await w.run(killed.start());
    expect(countsOf(w)).toEqual([3, 3, 3]);
    await w.clock.advance(1000);
    await stopAll(writers);
    await expectKept(w, writers);
  },
);

test('a node that was stopped through two splits has them when it is back', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(500);
  await w.run(w.nodes.c.stop());
  await w.until('all are led', () => [0, 1].every((each) => w.leaderOf(each) !== undefined));
  expect(await w.run(w.nodes.a.engine.splitPartition(0))).toBe(2);
  expect(await w.run(w.nodes.b.engine.splitPartition(2))).toBe(3);
  await w.clock.advance(1000);
  await w.run(w.nodes.c.start());
  expect(countsOf(w)).toEqual([4, 4, 4]);
  await w.clock.advance(500);
  await stopAll(writers);
  await expectKept(w, writers);
});

test('everything is killed and started again after a split', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(500);
  expect(await w.run(w.nodes.a.engine.splitPartition(1))).toBe(2);
  await w.clock.advance(20);
  const { a, b, c } = w.nodes;
  for (const node of [a, b, c]) await node.kill();
  await w.run(Promise.all([a, b, c].map(async (node) => node.start())));
  await w.untilLed();
  await w.until('the child is led', () => w.leaderOf(2) !== undefined);
  await w.clock.advance(500);
  await stopAll(writers);
  expect(countsOf(w)).toEqual([3, 3, 3]);
  await expectKept(w, writers);
  expect(await w.run(a.engine.splitPartition(2))).toBe(3);
  await expectKept(w, writers);
});

test('a child that nobody has led before everything was killed waits for the third node, or for an operator', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(500);
  const killed = await killAtSplit(w, 1);
  const others = w.running;
  // What comes up in this process is new to whoever has it.
  await w.until('both have applied it', () =>
    others.every(({ engine }) => engine.core.node.copies.has(2)),
  );
  for (const node of others) await node.kill();
  await w.run(Promise.all(others.map(async (node) => node.start())));
  await w.until('both know of the child', () => countsOf(w).every((count) => count === 3));
  await w.clock.advance(20_000);
  expect(w.leaderOf(2)).toBeUndefined();
  w.withoutMissing = true;
  await w.until('the child is led', () => w.leaderOf(2) !== undefined);
  w.withoutMissing = false;
  await w.run(killed.start());
  await w.clock.advance(2000);
  await stopAll(writers);
  await expectKept(w, writers);
});

/** Each zone leads its own. */
async function newSpreadWorld(): Promise<ClusteredWorld> {
  const w = await newWorld(3);
  await w.until('each leads its own', () =>
    [0, 1, 2].every((number) => w.leaderOf(number)?.zone === ['a', 'b', 'c'][number]),
  );
  return w;
}

test('a drained node that led the parent leaves the child to another', async () => {
  const w = await newSpreadWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(300);
  const leader = leading(w, 1);
  const splitting = w.nodes.a.engine.splitPartition(1);
  const drained = leader.engine.core.drain();
  await w.run(drained);
  expect(await w.run(splitting)).toBe(3);
  await w.until('all are led', () => [1, 3].every((each) => w.leaderOf(each) !== undefined));
  expect([1, 3].map((each) => w.leaderOf(each)?.zone)).not.toContain(leader.zone);
  await w.clock.advance(500);
  await stopAll(writers);
  await expectKept(w, writers);
});

test('a split that is decided on is done though the seat dies, and its number is given to no other', async () => {
  const w = await newSpreadWorld();
  const seat = await w.seat();
  const { log } = present(seat.engine.core.partitions[0], 'partition 0');
  const before = log.end.index;
  seat.engine.splitPartition(1).catch(() => {});
  await w.until('it is written down', () => log.end.index > before);
  expect(countsOf(w)).toEqual([3, 3, 3]);
  await seat.kill();
  const next = await w.seat();
  const other = next.engine.splitPartition(2).catch((error: unknown) => String(error));
  await w.until('it is done', () => countsOf(w).every((count) => count >= 4));
  expect(next.engine.core.splits.child(3)?.parent).toBe(1);
  expect([
    4,
    'SplitRefused: partition 1 of the region is being split',
    'SplitRefused: a partition of the region is being split',
  ]).toContain(await w.run(other));
});

test('a split that is decided on survives the loss of the log in which it is written down', async () => {
  const w = await newWorld();
  const seat = await w.seat();
  const over = new AbortController();
  for (const node of w.running) if (node !== seat) holdCopy(node, 0, over.signal);
  seat.engine.splitPartition(1).catch(() => {});
  // It is in the log, and in one copy: nobody is asked yet.
  await w.clock.advance(5000);
  expect(countsOf(w)).toEqual([2, 2, 2]);
  expect(leading(w, 1).engine.core.partitions[1]?.leading?.splitState).toBe('none');
  over.abort();
  await w.until('it is done', () => countsOf(w).every((count) => count === 3));
});

test('what cannot be split is refused in words', async () => {
  const w = await newWorld(1);
  await expect(w.run(w.nodes.b.engine.splitPartition(7))).rejects.toThrow(
    'there is no partition 7',
  );
});

test('a partition that holds more than it should is split by itself, and its halves again, as far as that is allowed', async () => {
  const w = await newWorld(1, 'split: { bytes: 300, recordsPerSecond: 0, partitions: 3 }\n');
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(1000);
  await stopAll(writers);
  await w.until('the first', () => countsOf(w).every((count) => count === 2), 60_000);
  await w.until('the second', () => countsOf(w).every((count) => count === 3), 180_000);
  await w.clock.advance(80_000);
  expect(countsOf(w)).toEqual([3, 3, 3]);
  await expectKept(w, writers);
});

test('a partition that takes more writes than it should for a minute is split by itself', async () => {
  const w = await newWorld(1, 'split: { bytes: 0, recordsPerSecond: 5, partitions: 2 }\n');
  const table = await w.createTable(w.nodes.b);
  const over = new AbortController();
  const writing = (async () => {
    for (let value = 1; !over.signal.aborted; value += 1) {
      await put(w.nodes.c, table, { id: `item ${value % 50}`, value });
      await w.clock.sleep(100);
    }
  })();
  await w.clock.advance(40_000);
  expect(countsOf(w)).toEqual([1, 1, 1]);
  await w.until('a split', () => countsOf(w).every((count) => count === 2), 60_000);
  over.abort();
  await w.run(writing);
});

test("a child's stream that is lost goes on in another, from the copies", async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(500);
  expect(await w.run(w.nodes.a.engine.splitPartition(1))).toBe(2);
  await w.clock.advance(2000);
  for (const writer of writers) await writer.stop();
  await w.clock.advance(3000);
  w.loseStream(2);
  await w.until('every node is told to begin anew', () =>
    w.running.every(({ failures }) => failures.length > 0),
  );
  for (const node of w.running) {
    expect(String(node.failures[0])).toContain('the log of partition 2 goes on in another stream');
    await node.kill();
    await w.run(node.start());
  }
  await w.until('all are led', () => [0, 1, 2].every((each) => w.leaderOf(each) !== undefined));
  await expectKept(w, writers);
  expect(w.nodes.a.engine.core.splits.generations).toEqual([1, 1, 2]);
});
