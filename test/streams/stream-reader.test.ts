import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { ClientError } from '../../src/model/errors.ts';
import type { PartitionSplit } from '../../src/streams/eras.ts';
import { chunkBytes } from '../../src/streams/log-source.ts';
import { scanBytesMax } from '../../src/streams/stream-reader.ts';
import type { Shard, ShardPosition } from '../../src/streams/table-streams.ts';
import { ALL, StreamWorld, type Change, type Told } from '../support/stream-world.ts';

const shardsIn = async (world: StreamWorld, partition = 0): Promise<readonly Shard[]> =>
  (await world.reader.shards(world.of)).filter(({ place }) => place.partition === partition);

const firstShard = async (world: StreamWorld): Promise<Shard> =>
  present((await shardsIn(world))[0], 'a shard');

async function codeOf(doing: Promise<unknown>): Promise<string> {
  try {
    await doing;
    return 'none';
  } catch (error) {
    if (error instanceof ClientError) return error.code;
    throw error;
  }
}

const numbersOf = (told: readonly Told[]): readonly (number | undefined)[] =>
  told.map(({ to }) => to);

/** Writes 1, 2, ... to one item, an entry each. */
function count(world: StreamWorld, from: number, to: number): void {
  for (let n = from; n <= to; n += 1)
    world.append([{ id: 'a', to: n, ...(n > 1 && { from: n - 1 }) }]);
}

/** The entry of a split of partition 0; the child's log is not there yet. */
function splitNow(world: StreamWorld, child: number): PartitionSplit {
  world.append([]);
  const { index, partitionTime: time } = world.log().committed;
  const split: PartitionSplit = {
    parent: 0,
    child,
    at: { index, time },
    childFrom: { index: 0, time: time + 1 },
  };
  world.splits.push(split);
  return split;
}

test('what happened to an item is told by what it was', async () => {
  const world = new StreamWorld(1);
  world.append([{ id: 'a', to: 1 }]);
  world.append([
    { id: 'a', from: 1, to: 2 },
    { id: 'b', to: 1, table: 8 },
  ]);
  world.append([{ id: 'a', from: 2, to: 2 }]);
  world.append([{ id: 'a', from: 2 }, { id: 'c' }]);
  world.append([
    { id: 's', to: 1, cause: 'system' },
    { id: 'f', to: 1, cause: 'backfill' },
    { id: 'r', to: 1, cause: 'replication' },
  ]);
  const { place } = await firstShard(world);
  const { told, isClosed } = await world.readAll(place);
  expect(told.map(({ name, id, from, to }) => [name, id, from, to])).toEqual([
    ['INSERT', 'a', undefined, 1],
    ['MODIFY', 'a', 1, 2],
    ['REMOVE', 'a', 2, undefined],
    ['INSERT', 'r', undefined, 1],
  ]);
  expect(isClosed).toBe(false);
});

test('what two partitions have written in the same moment, at the same place of their logs, are two events', async () => {
  const world = new StreamWorld(2);
  world.append([{ id: 'a', to: 1 }], 0);
  world.append([{ id: 'b', to: 1 }], 1);
  const records = await Promise.all(
    [0, 1].map(async (partition) => {
      const { place } = present((await shardsIn(world, partition))[0], 'a shard');
      const read = await world.reader.read(world.of, place, { kind: 'horizon' }, ALL);
      return present(read.records[0], 'a record');
    }),
  );
  expect(records[0]?.sequenceNumber).toBe(records[1]?.sequenceNumber);
  const ids = records.map(({ json }) => /"eventID":"([0-9a-f]{32})"/u.exec(json)?.[1]);
  expect(ids[0]).toBeDefined();
  expect(ids[0]).not.toBe(ids[1]);
});

test('only what has expired here is said to be the service’s own doing; on request, all of it says where it is from', async () => {
  const world = new StreamWorld(1);
  world.append([
    { id: 'a', from: 1, cause: 'expiry' },
    { id: 'b', from: 1, cause: 'replication' },
  ]);
  const { place } = await firstShard(world);
  const bounds = { ...ALL, metadata: true };
  const { records } = await world.reader.read(world.of, place, { kind: 'horizon' }, bounds);
  const told = records.map(({ json }): unknown => JSON.parse(json));
  const origin = { originRegion: 'us-east-1', version: expect.stringMatching(/^\d+$/u) as unknown };
  expect(told).toEqual([
    expect.objectContaining({
      userIdentity: { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' },
      tidemark: { ...origin, cause: 'expiry' },
    }),
    expect.objectContaining({ tidemark: { ...origin, cause: 'replication' } }),
  ]);
  expect(told[1]).not.toHaveProperty('userIdentity');
});

test('by any pages, and from after any record, all is told once and in order', async () => {
  const change = fc.record({
    id: fc.constantFrom('a', 'b'),
    to: fc.nat({ max: 99 }),
    table: fc.constantFrom(7, 7, 8),
  });
  const entries = fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 1, max: 5 }), async (written, recordsMax) => {
      const world = new StreamWorld(1);
      for (const changes of written) world.append(changes);
      const { id, place } = await firstShard(world);
      const { told: all } = await world.readAll(place);
      expect(numbersOf(all)).toEqual(
        written.flat().flatMap(({ to, table }) => (table === 7 ? [to] : [])),
      );
      expect(all.map(({ sequence }) => sequence).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
        all.map(({ sequence }) => sequence),
      );
      const paged = await world.readAll(place, { kind: 'horizon' }, { ...ALL, recordsMax });
      expect(paged.told).toEqual(all);
      for (const [at, { sequence: sequenceNumber }] of all.entries())
        for (const kind of ['at', 'after'] as const) {
          const { position } = await world.reader.position(world.of, id, { kind, sequenceNumber });
          const { told } = await world.readAll(place, position);
          expect(told).toEqual(all.slice(kind === 'at' ? at : at + 1));
        }
    }),
    { numRuns: 60 },
  );
});

describe('shards', () => {
  test('are followed by new ones every four hours in which something is logged, the same after a start', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 2);
    world.passHours(5);
    count(world, 3, 4);
    world.passHours(9);
    count(world, 5, 5);
    const shards = await shardsIn(world);
    expect(shards.map(({ place }) => place.span)).toEqual([0, 1, 3]);
    expect(shards.map(({ parentId }) => parentId)).toEqual([
      undefined,
      shards[0]?.id,
      shards[1]?.id,
    ]);
    expect(shards.map(({ last }) => last === undefined)).toEqual([false, false, true]);
    for (const [at, { first, last }] of shards.entries()) {
      expect(last === undefined || first <= last).toBe(true);
      expect((shards[at - 1]?.last ?? '') < first).toBe(true);
    }
    const told: (number | undefined)[] = [];
    for (const { place, last } of shards) {
      const read = await world.readAll(place);
      told.push(...numbersOf(read.told));
      expect(read.isClosed).toBe(last !== undefined);
      for (const { sequence } of read.told) {
        const [shard] = shards.filter((each) => each.place === place);
        expect(sequence >= (shard?.first ?? '') && sequence <= (last ?? '9')).toBe(true);
      }
    }
    expect(told).toEqual([1, 2, 3, 4, 5]);
    world.reader = world.newReader();
    expect(await shardsIn(world)).toEqual(shards);
  });

  test('a shard that is idle stays open', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 1);
    world.passHours(20);
    expect((await shardsIn(world)).map(({ last }) => last)).toEqual([undefined]);
  });

  test('those of which nothing is kept are gone, and the others keep their names', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 1);
    world.passHours(5);
    count(world, 2, 2);
    const before = await shardsIn(world);
    world.passHours(20);
    count(world, 3, 3);
    const after = await shardsIn(world);
    expect(after.map(({ place }) => place.span)).toEqual([1, 6]);
    expect(after[0]?.id).toBe(before[1]?.id);
    expect(after[1]?.parentId).toBe(before[1]?.id);
  });

  test('a partition that is split closes its shard and opens two', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 3);
    const [before] = await shardsIn(world);
    world.passHours(1);
    world.append([]);
    const at = { index: world.log().committed.index, time: world.log().committed.partitionTime };
    const child = world.addLog();
    child.append(world.nowMs, []);
    const childFrom = { index: 0, time: at.time + 1 };
    world.splits.push({ parent: 0, child: 1, at, childFrom });
    world.append([{ id: 'a', from: 3, to: 4 }]);
    world.append([{ id: 'b', to: 5 }], 1);
    const shards = await world.reader.shards(world.of);
    expect(shards).toHaveLength(3);
    const [parent, ...children] = shards;
    expect(parent?.id).toBe(before?.id);
    expect(parent?.last).toBeDefined();
    expect(children.map(({ parentId, last }) => [parentId, last])).toEqual([
      [parent?.id, undefined],
      [parent?.id, undefined],
    ]);
    const told = await Promise.all(shards.map(async ({ place }) => world.readAll(place)));
    expect(told.map((each) => [numbersOf(each.told), each.isClosed])).toEqual(
      expect.arrayContaining([
        [[1, 2, 3], true],
        [[4], false],
        [[5], false],
      ]),
    );
    for (const { first } of children) expect(first > (parent?.last ?? '')).toBe(true);
  });

  test('a split counts from its entry on, before the child leads: what follows is told once, by the shard behind it', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 3);
    const split = splitNow(world, 1);
    count(world, 4, 5);
    const [parent, lower, ...none] = await world.reader.shards(world.of);
    expect(none).toEqual([]);
    expect(lower).toMatchObject({ parentId: parent?.id, last: undefined });
    const { place } = present(parent, 'the parent');
    const read = await world.readAll(place);
    expect([numbersOf(read.told), read.isClosed]).toEqual([[1, 2, 3], true]);
    const latest = await world.reader.position(world.of, parent?.id ?? '', { kind: 'latest' });
    expect(await world.readAll(place, latest.position)).toEqual({ told: [], isClosed: true });
    expect(numbersOf((await world.readAll(present(lower, 'a child').place)).told)).toEqual([4, 5]);
    world.addLog().append(world.nowMs, [{ id: 'b', to: 6 }]);
    const shards = await world.reader.shards(world.of);
    expect(shards).toEqual(expect.arrayContaining([parent, lower]));
    const upper = present(
      shards.find(({ place: { partition } }) => partition === split.child),
      'the other child',
    );
    expect(upper.parentId).toBe(parent?.id);
    expect(numbersOf((await world.readAll(upper.place)).told)).toEqual([6]);
  });

  test('a stream that is enabled during a split follows the child from its beginning', async () => {
    const world = new StreamWorld(1);
    splitNow(world, 1);
    count(world, 1, 1);
    world.enable();
    count(world, 2, 2);
    world.addLog().append(world.nowMs, [{ id: 'b', to: 6 }]);
    const shards = await world.reader.shards(world.of);
    expect(shards.map(({ parentId }) => parentId)).toEqual([undefined, undefined]);
    const told = await Promise.all(shards.map(async ({ place }) => world.readAll(place)));
    expect(told.map((each) => numbersOf(each.told))).toEqual(expect.arrayContaining([[2], [6]]));
    // What was split before is one of its partitions from the start.
    world.enable();
    expect(await world.reader.shards(world.of)).toHaveLength(2);
  });

  test('a stream that ends during a split tells nothing of the child', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 2);
    splitNow(world, 1);
    world.disable();
    world.addLog().append(world.nowMs, [{ id: 'b', to: 6 }]);
    const shards = await world.reader.shards(world.of);
    const told = await Promise.all(shards.map(async ({ place }) => world.readAll(place)));
    expect(told.every(({ isClosed }) => isClosed)).toBe(true);
    expect(told.flatMap((each) => numbersOf(each.told))).toEqual([1, 2]);
  });

  test('end with the stream', async () => {
    const world = new StreamWorld(2);
    count(world, 1, 2);
    world.disable();
    count(world, 3, 3);
    const shards = await world.reader.shards(world.of);
    const told = await Promise.all(shards.map(async ({ place }) => world.readAll(place)));
    expect(told.map((each) => [numbersOf(each.told), each.isClosed])).toEqual(
      expect.arrayContaining([
        [[1, 2], true],
        [[], true],
      ]),
    );
    for (const { first, last } of shards) expect((last ?? '') >= first).toBe(true);
    const [{ id } = { id: '' }] = await shardsIn(world);
    const { place, position } = await world.reader.position(world.of, id, { kind: 'latest' });
    expect(await world.readAll(place, position)).toEqual({ told: [], isClosed: true });
  });
});

describe('positions', () => {
  test('the latest tells only what comes', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 2);
    const { id } = await firstShard(world);
    const { place, position } = await world.reader.position(world.of, id, { kind: 'latest' });
    expect((await world.readAll(place, position)).told).toEqual([]);
    count(world, 3, 3);
    expect(numbersOf((await world.readAll(place, position)).told)).toEqual([3]);
  });

  test('what is trimmed, or too old, is refused by its number, and the horizon is what is left', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 3);
    const { id, place } = await firstShard(world);
    const { told } = await world.readAll(place);
    const after = (at: number): ShardPosition => ({
      kind: 'after',
      sequenceNumber: told[at]?.sequence ?? '',
    });
    world.log().trimmed = 2;
    expect(numbersOf((await world.readAll(place)).told)).toEqual([2, 3]);
    expect(await codeOf(world.readAll(place, after(0)))).toBe('TrimmedDataAccessException');
    const start = { kind: 'at', sequenceNumber: told[0]?.sequence ?? '' } as const;
    expect(await codeOf(world.reader.position(world.of, id, start))).toBe(
      'TrimmedDataAccessException',
    );
    expect(numbersOf((await world.readAll(place, after(1))).told)).toEqual([3]);
    world.passHours(25);
    expect(await codeOf(world.readAll(place, after(1)))).toBe('TrimmedDataAccessException');
    expect((await world.readAll(place, after(2))).told).toEqual([]);
    expect((await world.readAll(place)).told).toEqual([]);
  });

  test('numbers of other shards, and what is none, are refused', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 1);
    world.passHours(5);
    count(world, 2, 2);
    const [one, two] = await shardsIn(world);
    for (const sequenceNumber of [one?.first ?? '', 'x'.repeat(21)])
      expect(
        await codeOf(
          world.reader.position(world.of, two?.id ?? '', { kind: 'at', sequenceNumber }),
        ),
      ).toBe('ValidationException');
    expect(
      await codeOf(world.reader.position(world.of, 'shardId-x', { kind: 'trim-horizon' })),
    ).toBe('ResourceNotFoundException');
  });

  test('a log that goes on from older disks is read on by its time, and no number comes again', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 3);
    world.nowMs += 1000;
    count(world, 4, 6);
    const { place } = await firstShard(world);
    const { told: before } = await world.readAll(place);
    const log = world.log();
    log.entries = log.entries.slice(0, 4);
    world.nowMs += 1000;
    for (const n of [7, 8, 9]) world.append([{ id: 'a', to: n }]);
    world.reader = world.newReader();
    const { told: after } = await world.readAll(place, {
      kind: 'after',
      sequenceNumber: before.at(-1)?.sequence ?? '',
    });
    expect(numbersOf(after)).toEqual([7, 8, 9]);
    const numbers = new Set(before.map(({ sequence }) => sequence));
    expect(after.some(({ sequence }) => numbers.has(sequence))).toBe(false);
  });

  test('a node whose log is behind tells nothing twice', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 3);
    const { place } = await firstShard(world);
    const { told } = await world.readAll(place);
    const position = { kind: 'after', sequenceNumber: told.at(-1)?.sequence ?? '' } as const;
    const log = world.log();
    const whole = log.entries;
    log.entries = whole.slice(0, 2);
    expect((await world.readAll(place, position)).told).toEqual([]);
    log.entries = whole;
    count(world, 4, 4);
    expect(numbersOf((await world.readAll(place, position)).told)).toEqual([4]);
  });
});

/** As many entries as make some chunks of a log. */
function fill(world: StreamWorld, chunks: number, change: Omit<Change, 'ballast'>): void {
  const ballast = 16_000;
  for (let bytes = 0; bytes < chunks * chunkBytes; bytes += ballast)
    world.append([{ ...change, ballast }]);
}

describe('bounds', () => {
  test('a record that is larger than all bytes is told alone', async () => {
    const world = new StreamWorld(1);
    world.append([
      { id: 'a', to: 1 },
      { id: 'b', to: 2 },
    ]);
    const { place } = await firstShard(world);
    const bounds = { ...ALL, bytesMax: 1 };
    const read = await world.reader.read(world.of, place, { kind: 'horizon' }, bounds);
    expect(read.records).toHaveLength(1);
    expect(numbersOf((await world.readAll(place, { kind: 'horizon' }, bounds)).told)).toEqual([
      1, 2,
    ]);
  });

  test('one read goes through so much of the log at most, and the next one goes on', async () => {
    const world = new StreamWorld(1);
    fill(world, (2 * scanBytesMax) / chunkBytes, { id: 'z', to: 1, table: 8 });
    world.append([{ id: 'a', to: 1 }]);
    const { place } = await firstShard(world);
    const first = await world.reader.read(world.of, place, { kind: 'horizon' }, ALL);
    expect(first).toMatchObject({ records: [], isAtEnd: false });
    expect(first.next?.kind).toBe('after');
    expect(numbersOf((await world.readAll(place)).told)).toEqual([1]);
  });

  test('what another reader has found to be of other tables is stepped over', async () => {
    const world = new StreamWorld(1);
    fill(world, 10, { id: 'z', to: 1, table: 8 });
    world.append([{ id: 'a', to: 1 }]);
    const { place } = await firstShard(world);
    await world.readAll(place);
    const { reads } = world.log();
    expect(reads).toBeGreaterThan(5);
    await world.readAll(place);
    expect(world.log().reads - reads).toBeLessThanOrEqual(2);
  });

  test('a log that cannot be read is waited for no longer than a moment', async () => {
    const world = new StreamWorld(1);
    count(world, 1, 1);
    const { place } = await firstShard(world);
    world.log().isStuck = true;
    expect(await codeOf(world.readAll(place))).toBe('InternalServerError');
    world.log().isStuck = false;
    expect(numbersOf((await world.readAll(place)).told)).toEqual([1]);
  });

  test('what was read of a table stays in reach for its other readers', async () => {
    const world = new StreamWorld(1);
    fill(world, 3, { id: 'z', to: 1 });
    world.append([{ id: 'a', to: 1 }]);
    const { place } = await firstShard(world);
    await world.readAll(place);
    const { reads } = world.log();
    await world.readAll(place);
    expect(world.log().reads - reads).toBeLessThanOrEqual(2);
  });
});
