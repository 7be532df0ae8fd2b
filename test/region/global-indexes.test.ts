import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { randomBelow } from '../../src/base/random.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { indexOn, IndexWorld } from '../support/index-world.ts';
import type { Fate, MemoryLog } from '../support/memory-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const COLORS = ['red', 'green', 'blue'];

const item = (id: number, rest: AttributeMap = {}): AttributeMap => ({
  id: { S: `item ${id}` },
  ...rest,
});

const colored = (id: number, color: string, size = id): AttributeMap =>
  item(id, { color: { S: color }, size: { N: String(size) } });

async function expectEqual(world: IndexWorld): Promise<void> {
  for (const { definition, number, status, backfilling } of world.table.indexes ?? []) {
    expect({ status, backfilling }).toEqual({ status: 'ACTIVE', backfilling: false });
    expect(await world.itemsOf(number)).toEqual(await world.projectionOf(definition));
  }
}

async function putColored(
  world: IndexWorld,
  color: string,
  {
    from = 0,
    to,
    step = 1,
  }: { readonly from?: number; readonly to: number; readonly step?: number },
): Promise<void> {
  for (let id = from; id < to; id += step) await world.run(world.put(colored(id, color)));
}

const numberOf = (world: IndexWorld, place = 0): number =>
  present(world.table.indexes?.[place], 'an index').number;

test('a global index follows puts, changes of its key, and deletes', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  await putColored(world, 'red', { to: 10 });
  await world.settle();
  await expectEqual(world);
  expect(await world.itemsOf(numberOf(world))).toHaveLength(10);
  await world.run(world.put(colored(1, 'blue')));
  await world.run(world.put(item(2)));
  await world.run(world.remove(item(3)));
  await world.settle();
  await expectEqual(world);
  expect(await world.itemsOf(numberOf(world))).toHaveLength(8);
});

test('entries of one key are in the order of its sort attribute', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  for (const size of [3, -1, 20, 0.5]) await world.run(world.put(colored(size, 'red', size)));
  await world.settle();
  const items = (await world.itemsOf(numberOf(world))).map((text): AttributeMap =>
    JSON.parse(text.slice(text.indexOf('{'))),
  );
  expect(items.map(({ size }) => size)).toEqual(
    ['-1', '0.5', '3', '20'].map((size) => ({ N: size })),
  );
});

test('an index that is made on a table with items is filled, while the table is written to', async () => {
  const world = await IndexWorld.start();
  for (let id = 0; id < 300; id += 1)
    await world.run(world.put(colored(id % 150, COLORS[id % 3] ?? '', id)));
  await world.define([indexOn('color', { kind: 'keys' })]);
  expect(world.table.indexes).toMatchObject([{ status: 'CREATING', backfilling: true }]);
  const done = new AbortController();
  const writer = async (): Promise<void> => {
    for (let id = 0; !done.signal.aborted; id = (id + 7) % 200) {
      await (id % 5 === 0
        ? world.remove(item(id))
        : world.put(colored(id, COLORS[id % 3] ?? '', 5)));
      await world.clock.sleep(1);
    }
  };
  const writing = writer();
  for (let look = 0; look < 500 && world.table.indexes?.[0]?.status !== 'ACTIVE'; look += 1)
    await world.clock.advance(10);
  done.abort();
  await world.run(writing);
  await world.settle();
  expect(world.table.status).toBe('ACTIVE');
  await expectEqual(world);
  expect((await world.itemsOf(numberOf(world))).length).toBeGreaterThan(50);
});

test('what a backfill says changes neither items nor what is counted of them', async () => {
  const world = await IndexWorld.start();
  await putColored(world, 'red', { to: 20 });
  const counted = (): unknown =>
    world.running.partitions.map((partition) => partition.counters(world.table.number));
  const items = await world.itemsOf(world.table.number);
  const before = counted();
  await world.define([indexOn('color')]);
  await world.settle();
  expect(await world.itemsOf(world.table.number)).toEqual(items);
  expect(counted()).toEqual(before);
});

test('an index that is taken away leaves nothing', async () => {
  const world = await IndexWorld.start([indexOn('color'), indexOn('shape')]);
  await putColored(world, 'red', { to: 5 });
  await world.settle();
  const gone = numberOf(world);
  await world.define([indexOn('shape')]);
  await world.settle();
  expect(world.table.indexes).toHaveLength(1);
  expect(await world.itemsOf(gone)).toEqual([]);
  await world.run(world.put(colored(9, 'red')));
  await world.settle();
  expect(await world.itemsOf(gone)).toEqual([]);
});

test('a log that no longer holds what an index lacks is told of, and the index is filled anew', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  await putColored(world, 'red', { to: 20 });
  await world.settle();
  const before = numberOf(world);
  world.running.indexes.stop().catch(() => {});
  await world.clock.advance(100);
  for (let id = 0; id < 20; id += 2) await world.run(world.remove(item(id)));
  await world.clock.advance(100);
  for (const log of world.logs) log.trim(log.end.index);
  await world.crash();
  await world.settle();
  expect(numberOf(world)).not.toBe(before);
  expect(world.logger.lines.some(({ message }) => message.includes('filled anew'))).toBe(true);
  await expectEqual(world);
  await world.crash();
  await world.settle();
  const anew = world.logger.lines.filter(({ message }) => message.includes('filled anew'));
  expect(anew.length).toBeLessThanOrEqual(3);
});

const filledAnew = (world: IndexWorld): number =>
  world.logger.lines.filter(({ message }) => message.includes('filled anew')).length;

/** A world in which a partition's log has lost what the index has taken of it. */
async function worldWithLostSource(): Promise<IndexWorld> {
  const world = await IndexWorld.start([indexOn('color')]);
  await putColored(world, 'red', { to: 10 });
  const ends = world.logs.map(({ end }) => end.index);
  await putColored(world, 'blue', { to: 20 });
  await world.settle();
  await world.crash(() => world.logs[1]?.cut(ends[1] ?? 0));
  return world;
}

/** A world in which the partition that holds the index's entries has lost some, and its log. */
async function worldWithLostTarget(): Promise<{
  readonly world: IndexWorld;
  readonly log: MemoryLog;
}> {
  const world = await IndexWorld.start([indexOn('color')]);
  await world.run(world.put(colored(0, 'red')));
  await world.settle();
  const log = present(world.logs[await partitionOfEntries(world)], 'a log');
  const through = log.end.index;
  await putColored(world, 'red', { from: 10, to: 20 });
  // Until the shippers of the other partitions save that all of it is with every target.
  await world.settle();
  await world.clock.advance(5000);
  await world.crash(() => log.cut(through));
  return { world, log };
}

test('a log that lost what indexes have taken of it is told of, and they are filled anew', async () => {
  const world = await worldWithLostSource();
  await putColored(world, 'green', { to: 20, step: 3 });
  await world.settle();
  expect(filledAnew(world)).toBe(1);
  await expectEqual(world);
  await world.crash();
  await world.settle();
  expect(filledAnew(world)).toBe(1);
  await expectEqual(world);
});

test('a partition that lost what it had taken is sent it again, though the shipper had gone on', async () => {
  const { world } = await worldWithLostTarget();
  await world.settle();
  expect(filledAnew(world)).toBe(0);
  await expectEqual(world);
});

test('a partition that lost what it had taken is sent it again, though that takes long and another crash comes', async () => {
  const { world, log } = await worldWithLostTarget();
  log.fate = ({ kind }) => (kind === 'records' ? 'refused' : 'durable');
  // Long enough for the shippers of the other partitions to save where they are.
  await world.clock.advance(10_000);
  await world.crash();
  log.fate = () => 'durable';
  await world.settle();
  expect(filledAnew(world)).toBe(0);
  await expectEqual(world);
});

test('indexes are given up once, though a partition takes nothing for a while after that', async () => {
  const world = await worldWithLostSource();
  const log = present(world.logs[2], 'a log');
  log.fate = ({ kind }) => (kind === 'records' ? 'refused' : 'durable');
  await world.clock.advance(5000);
  log.fate = () => 'durable';
  await world.settle();
  expect(filledAnew(world)).toBe(1);
  await expectEqual(world);
});

test('a backfill does not fill the log with what an index cannot take yet', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  await world.run(world.put(colored(0, 'red')));
  await world.settle();
  const target = await partitionOfEntries(world);
  await world.define([]);
  await world.settle();
  const filler = { S: 'x'.repeat(60_000) };
  for (let id = 0; id < 200; id += 1) await world.run(world.put({ ...colored(id, 'red'), filler }));
  const ends = world.logs.map(({ end }) => end.index);
  const log = present(world.logs[target], 'a log');
  log.fate = ({ kind }) => (kind === 'records' ? 'refused' : 'durable');
  await world.define([indexOn('color')]);
  await world.clock.advance(5_000);
  for (const [number, { entries }] of world.logs.entries()) {
    const bytes = entries.slice(ends[number]).reduce((sum, each) => sum + each.payload.length, 0);
    expect(bytes).toBeLessThan(2_500_000);
  }
  log.fate = () => 'durable';
  await world.settle();
  const index = numberOf(world);
  expect(present(world.running.partitions[target], 'a target').counters(index).itemCount).toBe(200);
});

/** The partition that holds all entries of one color, once its copies have counted them. */
async function partitionOfEntries(world: IndexWorld): Promise<number> {
  const index = numberOf(world);
  await world.clock.advance(50);
  return world.running.partitions.findIndex((each) => each.counters(index).itemCount > 0);
}

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed + 1);
const FATES: readonly Fate[] = ['refused', 'unknown-there', 'unknown-lost', 'unknown-late'];

test.each(SEEDS)(
  'global indexes equal the projection of the table after writes, faults, changes and crashes, seed %i',
  async (seed) => {
    const random = new SeededRandom(seed);
    const choices = [
      [indexOn('color')],
      [indexOn('color'), indexOn('shape', { kind: 'keys' })],
      [indexOn('shape', { kind: 'include', attributes: ['color'] })],
      [],
    ];
    const pick = <T>(values: readonly T[]): T =>
      present(values[randomBelow(random, values.length)], 'a choice');
    const world = await IndexWorld.start(pick(choices));
    for (let round = 0; round < 5; round += 1) {
      for (const log of world.logs)
        log.fate = ({ kind }) =>
          kind === 'records' && random.next() < 0.05 ? pick(FATES) : 'durable';
      const writes: Promise<unknown>[] = [];
      for (let at = 0; at < 40; at += 1) {
        const id = randomBelow(random, 12);
        const made = item(id, {
          ...(random.next() < 0.8 ? { color: { S: pick(COLORS) } } : {}),
          ...(random.next() < 0.6 ? { shape: { S: pick(COLORS) } } : {}),
          ...(random.next() < 0.9 ? { size: { N: String(randomBelow(random, 5)) } } : {}),
        });
        const write = random.next() < 0.75 ? world.put(made) : world.remove(made);
        writes.push(write.catch(() => undefined));
        await world.clock.advance(randomBelow(random, 8));
        if (random.next() < 0.04) {
          if (random.next() < 0.3) world.trim();
          await world.crash();
        }
        if (
          random.next() < 0.03 &&
          world.table.indexes?.every(({ status }) => status === 'ACTIVE') === true
        )
          await world.define(pick(choices)).catch(() => undefined);
      }
      await world.run(Promise.all(writes));
      for (const log of world.logs) log.fate = () => 'durable';
      await world.settle();
      await expectEqual(world);
    }
    expect(world.running.indexes.pendingEntries()).toEqual([0, 0, 0]);
  },
  30_000,
);

const boat = (color: string): AttributeMap => ({
  id: { S: 'boat' },
  color: { S: color },
  size: { N: '1' },
});

/** What a reader sees that comes right behind the write. */
async function seen(world: IndexWorld): Promise<string> {
  await world.run(world.running.indexes.caughtUp());
  const { number } = present(world.table.indexes?.[0], 'an index');
  return (await world.itemsOf(number)).join();
}

test('a read of a global index waits for what was committed before it', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  for (const color of ['red', 'green', 'blue', 'red', 'white']) {
    await world.run(world.put(boat(color)));
    expect(await seen(world)).toContain(color);
  }
});

test('a read of a global index does not wait long when it cannot be changed', async () => {
  const world = await IndexWorld.start([indexOn('color')]);
  await world.run(world.put(boat('red')));
  expect(await seen(world)).toContain('red');
  // The index lies in one of the partitions: that one takes nothing any more.
  const before = world.clock.monotonicMs();
  const written = world.put(boat('green'));
  await world.clock.advance(5);
  for (const log of world.logs) log.setAvailable(false);
  await world.run(world.running.indexes.caughtUp());
  expect(world.clock.monotonicMs() - before).toBeLessThan(60);
  for (const log of world.logs) log.setAvailable(true);
  await world.run(written);
  expect(await seen(world)).toContain('green');
});
