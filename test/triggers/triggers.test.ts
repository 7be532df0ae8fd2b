import fc from 'fast-check';
import { expect, test } from 'vitest';

import { TriggerRefused, TRIGGERS_MAX } from '../../src/triggers/triggers.ts';
import {
  definitionOf,
  FAILED,
  OK,
  ordersWorld,
  report,
  SHARD,
  UNREACHABLE,
  valuesIn,
} from '../support/trigger-world.ts';

test('filters choose records, and what they pass over is done', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 10; value++) world.stream.write(place, { key: 'a', value });
  const pattern = { dynamodb: { NewImage: { value: { N: [{ numeric: ['>=', 7] }, '3'] } } } };
  await world.create({ filters: [JSON.stringify(pattern)] });
  await world.clock.advance(2000);
  expect(world.seen('a')).toEqual([3, 7, 8, 9]);
  expect(world.metrics.totals.get('tidemark_trigger_filtered_records_total')).toBe(6);
  await world.stop();
  expect(world.kept.get(`trigger-position/t/${SHARD}`)).toMatchObject({ position: '1010' });
});

test('several lanes of a shard work at once, and keep the order of each item', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 200; value++)
    world.stream.write(place, { key: `k${value % 20}`, value });
  world.consumer = async () => {
    await world.clock.sleep(50);
    return OK;
  };
  await world.create({ parallelizationFactor: 4, batchSize: 5 });
  await world.clock.advance(10_000);
  expect(world.invocationsMost).toBe(4);
  for (let key = 0; key < 20; key++)
    expect(world.seen(`k${key}`)).toEqual(Array.from({ length: 10 }, (_, at) => at * 20 + key));
  await world.stop();
});

test('a child shard is read once its parent is done, also after a restart', async () => {
  const { world, streamArn } = await ordersWorld();
  const parent = { streamArn, shardId: SHARD };
  world.stream.write(parent, { key: 'a', value: 1 });
  world.stream.close(streamArn, SHARD);
  world.stream.open(streamArn, 'child-1', SHARD);
  world.stream.open(streamArn, 'child-2', SHARD);
  world.stream.write({ streamArn, shardId: 'child-1' }, { key: 'a', value: 2 });
  world.stream.write({ streamArn, shardId: 'child-2' }, { key: 'b', value: 3 });
  let isDown = true;
  world.consumer = () => (isDown ? FAILED : OK);
  await world.create({});
  await world.clock.advance(5000);
  expect(new Set(world.batches.flatMap(valuesIn))).toEqual(new Set([1]));
  await world.crash();
  await world.clock.advance(5000);
  expect(new Set(world.batches.flatMap(valuesIn))).toEqual(new Set([1]));
  isDown = false;
  await world.clock.advance(40_000);
  expect(new Set(world.batches.slice(-2).flatMap(valuesIn))).toEqual(new Set([2, 3]));
  const before = world.batches.length;
  await world.crash();
  await world.clock.advance(5000);
  expect(world.batches).toHaveLength(before);
  await world.stop();
});

test('LATEST begins with what is written after the trigger was made, wherever a restart falls', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  world.stream.open(streamArn, 'closed');
  world.stream.write({ streamArn, shardId: 'closed' }, { key: 'a', value: 1 });
  world.stream.close(streamArn, 'closed');
  world.stream.write(place, { key: 'a', value: 2 });
  await world.create({ startingPosition: 'LATEST' });
  await world.crash();
  world.stream.write(place, { key: 'a', value: 3 });
  await world.crash();
  world.stream.open(streamArn, 'late');
  world.stream.write({ streamArn, shardId: 'late' }, { key: 'b', value: 4 });
  await world.clock.advance(5000);
  expect(world.batches.map(valuesIn)).toEqual([[3], [4]]);
  await world.stop();
});

test('AT_TIMESTAMP passes over what is older', async () => {
  const { world, streamArn } = await ordersWorld();
  const nowMs = world.clock.wallMs();
  for (let value = 0; value < 5; value++)
    world.stream.write(
      { streamArn, shardId: SHARD },
      { key: 'a', value, createdMs: nowMs + value },
    );
  await world.create({
    startingPosition: 'AT_TIMESTAMP',
    startingPositionTimestamp: new Date(nowMs + 3).toISOString(),
  });
  await world.clock.advance(1000);
  expect(world.seen('a')).toEqual([3, 4]);
  await world.stop();
});

test('a stream that was enabled anew is followed once the one before is done', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value: 1 });
  world.consumer = () => FAILED;
  await world.create({});
  world.stream.disable('orders');
  const second = world.stream.enable('orders', '2026-01-02T00:00:00.000');
  world.stream.open(second, 'other');
  world.stream.write({ streamArn: second, shardId: 'other' }, { key: 'a', value: 2 });
  await world.clock.advance(10_000);
  expect(world.seen('a')).not.toContain(2);
  world.consumer = () => OK;
  await world.clock.advance(40_000);
  expect(world.batches.slice(-2).map(valuesIn)).toEqual([[1], [2]]);
  expect([...world.kept.keys()].toSorted()).toEqual(['trigger-position/t/other', 'trigger/t']);
  world.stream.disable('orders');
  await world.clock.advance(5000);
  expect(world.triggers.list()[0]?.progress).toMatchObject({ state: 'waiting' });
  await world.stop();
});

test('records that are trimmed are said to be, and the rest comes', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  world.stream.write(place, { key: 'a', value: 0 });
  await world.create({});
  await world.clock.advance(2000);
  await world.clock.runUntilSettled(world.triggers.pause('t'));
  for (let value = 1; value < 6; value++) world.stream.write(place, { key: 'a', value });
  world.stream.trim(streamArn, SHARD, 4);
  await world.clock.runUntilSettled(world.triggers.resume('t'));
  await world.clock.advance(2000);
  expect(world.seen('a')).toEqual([0, 4, 5]);
  expect(world.logger.messages('warn')).toContain(
    'records were no longer kept when a trigger came to them',
  );
  await world.stop();
});

test('a trigger that is paused rests, says so after a restart too, and goes on where it was', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  world.stream.write(place, { key: 'a', value: 1 });
  await world.create({});
  await world.clock.advance(2000);
  await world.clock.runUntilSettled(world.triggers.pause('t'));
  world.stream.write(place, { key: 'a', value: 2 });
  await world.crash();
  await world.clock.advance(5000);
  expect(world.triggers.list()).toMatchObject([{ isPaused: true, progress: undefined }]);
  expect(world.seen('a')).toEqual([1]);
  await world.clock.runUntilSettled(world.triggers.resume('t'));
  await world.clock.advance(2000);
  expect(world.seen('a')).toEqual([1, 2]);
  await world.stop();
});

test('a trigger that is changed goes on where it is, under its new settings', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  const write = (from: number, to: number): void => {
    for (let value = from; value < to; value++) world.stream.write(place, { key: 'a', value });
  };
  const update = async (settings: Readonly<Record<string, unknown>>): Promise<void> => {
    await world.clock.runUntilSettled(
      world.triggers.update('t', { settings, isPaused: undefined }),
    );
  };
  write(0, 10);
  await world.create({ batchSize: 2 });
  await world.clock.advance(2000);
  await update({
    batchSize: 5,
    filters: ['{"dynamodb":{"NewImage":{"value":{"N":[{"numeric":["<",30]}]}}}}'],
  });
  write(10, 40);
  await world.clock.advance(2000);
  expect(world.batches.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2, 5, 5, 5, 5]);
  expect(world.seen('a')).toEqual(Array.from({ length: 30 }, (_, value) => value));
  // A restart has it as it was told last.
  await world.crash();
  world.consumer = () => FAILED;
  await update({ filters: [], maximumRetryAttempts: 0, parallelizationFactor: 3 });
  write(40, 43);
  await world.clock.advance(2000);
  expect(world.batches.slice(9).map(valuesIn)).toEqual([[40, 41, 42]]);
  expect(world.triggers.list()[0]?.definition).toMatchObject({
    batchSize: 5,
    maximumRetryAttempts: 0,
    parallelizationFactor: 3,
  });
  await world.stop();
});

test('a change that cannot be kept leaves a trigger as it was, and running', async () => {
  const { world, streamArn } = await ordersWorld();
  await world.create({ batchSize: 2 });
  await world.clock.advance(1000);
  world.keepFailures = 100;
  const update = world.triggers.update('t', { settings: { batchSize: 5 }, isPaused: true });
  await expect(world.clock.runUntilSettled(update)).rejects.toThrow('two zones cannot be had');
  world.keepFailures = 0;
  for (let value = 0; value < 4; value++)
    world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value });
  await world.clock.advance(2000);
  expect(world.batches.map(valuesIn)).toEqual([
    [0, 1],
    [2, 3],
  ]);
  await world.stop();
});

test('lag is the age of the oldest record that is not handled, and 0 when all is', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  world.consumer = () => FAILED;
  await world.create({});
  for (let value = 0; value < 3; value++)
    world.stream.write(place, { key: 'a', value, createdMs: world.clock.wallMs() });
  await world.clock.advance(7000);
  expect(world.triggers.list()[0]?.progress).toMatchObject({
    state: 'failing',
    words: 'as asked',
    lagMs: 7000,
    pendingRecords: 3,
  });
  world.consumer = () => OK;
  await world.clock.advance(40_000);
  expect(world.triggers.list()[0]?.progress).toMatchObject({
    state: 'running',
    lagMs: 0,
    pendingRecords: 0,
  });
  world.stream.failure = new Error('no copy in reach');
  await world.clock.advance(20_000);
  expect(world.triggers.list()[0]?.progress?.lagMs).toBeGreaterThanOrEqual(19_000);
  await world.stop();
});

test('what a trigger holds is bounded, however long its consumer is away', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  world.consumer = () => FAILED;
  const members = { filler: 'x'.repeat(100_000) };
  for (let value = 0; value < 500; value++) world.stream.write(place, { key: 'a', value, members });
  world.stream.pageRecordsMax = 10;
  await world.create({ batchSize: 1 });
  await world.clock.advance(120_000);
  const pending = world.triggers.list()[0]?.progress?.pendingRecords ?? 0;
  // 16 MB of records of 100 KB, and the page that went over it.
  expect(pending).toBeGreaterThan(150);
  expect(pending).toBeLessThanOrEqual(180);
  world.consumer = () => OK;
  await world.clock.advance(120_000);
  expect(new Set(world.seen('a')).size).toBe(500);
  await world.stop();
});

test('positions that cannot be kept are kept later, and the consumer does not wait for them', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  await world.create({});
  world.keepFailures = 5;
  const last = [1, 2, 3].map((value) => world.stream.write(place, { key: 'a', value })).at(-1);
  await world.clock.advance(1000);
  expect(world.seen('a')).toEqual([1, 2, 3]);
  await world.clock.advance(5000);
  expect(world.kept.get(`trigger-position/t/${SHARD}`)).toMatchObject({ position: last });
  await world.stop();
});

test('a shard in which nothing happens is kept seldom, though its position moves', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.drifts = true;
  const place = { streamArn, shardId: SHARD };
  world.stream.write(place, { key: 'a', value: 1 });
  await world.create({});
  await world.clock.advance(2000);
  const before = world.keptCount;
  await world.clock.advance(500_000);
  expect(world.keptCount).toBe(before);
  await world.clock.advance(1_000_000);
  expect(world.keptCount).toBe(before + 2);
  world.stream.write(place, { key: 'a', value: 2 });
  await world.clock.advance(2000);
  expect(world.keptCount).toBe(before + 3);
  await world.crash();
  await world.clock.advance(2000);
  expect(world.seen('a')).toEqual([1, 2]);
  await world.stop();
});

test('a stop waits a little for what runs, then cuts it off, which is no attempt', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value: 1 });
  world.consumer = async (_records, { signal }) => {
    await world.clock.sleep(3_600_000, signal);
    return FAILED;
  };
  await world.create({ maximumRetryAttempts: 0, timeoutSeconds: 900, onFailure: 'file:/letters' });
  await world.clock.advance(1000);
  const beforeMs = world.clock.monotonicMs();
  await world.crash();
  expect(world.clock.monotonicMs() - beforeMs).toBe(3000);
  expect(world.letters).toEqual([]);
  world.consumer = () => OK;
  await world.crash();
  await world.clock.advance(1000);
  expect(world.seen('a').length).toBeGreaterThanOrEqual(2);
  expect(world.triggers.list()[0]?.progress?.pendingRecords).toBe(0);
  await world.stop();
});

test('a trigger that is deleted leaves nothing behind', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a' });
  await world.create({});
  await world.clock.advance(2000);
  await world.clock.runUntilSettled(world.triggers.delete('t'));
  expect(world.kept.size).toBe(0);
  expect(world.triggers.list()).toEqual([]);
  await expect(world.triggers.describe('t')).rejects.toThrow('there is no trigger t');
  await world.stop();
});

test('what cannot be is refused: a second of the same name, a table without a stream, too many', async () => {
  const { world } = await ordersWorld();
  await world.create({});
  await expect(world.create({})).rejects.toThrow('there is a trigger t already');
  await expect(world.create({ name: 'u', table: 'others' })).rejects.toThrow(
    'there is no table others with a stream here',
  );
  await expect(world.create({ name: 'u', table: 'others' })).rejects.toBeInstanceOf(TriggerRefused);
  for (let at = 1; at < TRIGGERS_MAX; at++) await world.create({ name: `t${at}` });
  await expect(world.create({ name: 'more' })).rejects.toThrow('100 triggers at most');
  await world.stop();
});

test('a trigger whose beginning cannot be kept is not made', async () => {
  const { world } = await ordersWorld();
  world.stream.failure = new Error('no copy in reach');
  const definition = definitionOf({ startingPosition: 'LATEST' });
  const made = world.triggers.create(definition, { isPaused: false });
  await expect(world.clock.runUntilSettled(made)).rejects.toThrow('no copy in reach');
  expect(world.kept.size).toBe(0);
  await world.stop();
});

test('a document of a later program is left alone, and its trigger does not run', async () => {
  const { world } = await ordersWorld();
  await world.create({});
  const kept: unknown = world.kept.get('trigger/t');
  world.kept.set('trigger/t', { ...Object(kept), version: 2 });
  await world.crash();
  expect(world.triggers.list()).toEqual([]);
  expect(world.logger.lines.filter(({ level }) => level === 'error')).toMatchObject([
    { fields: { trigger: 't', why: expect.stringContaining('format 2') } },
  ]);
  await expect(world.create({})).rejects.toThrow('there is a trigger t already');
  expect(world.kept.has('trigger/t')).toBe(true);
  await world.stop();
});

/**
 * Writes to items of one or two shards, a consumer that fails as chance has it, crashes in between: every record is taken at
 * least once, and each time that the consumer takes one of an item, it has taken all before it.
 */
test('at least once, and in order per item, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 4 }), async (seed, lanes) => {
      const { world, streamArn } = await ordersWorld(seed);
      const chance = world.random;
      const taken = new Map<string, number>();
      const wrong: string[] = [];
      let isWell = false;
      world.consumer = async (records) => {
        await world.clock.sleep(chance.next() * 200);
        const luck = isWell ? 1 : chance.next();
        if (luck < 0.2) return UNREACHABLE;
        const upTo = luck < 0.5 ? Math.floor(chance.next() * (records.length + 1)) : records.length;
        for (const { key, value } of records.slice(0, upTo)) {
          const last = taken.get(key) ?? -1;
          if (value > last + 1) wrong.push(`${key}: ${value} after ${last}`);
          taken.set(key, Math.max(last, value));
        }
        if (upTo === records.length) return OK;
        return luck < 0.35 ? FAILED : report(records[upTo]?.sequenceNumber);
      };
      await world.create({
        parallelizationFactor: lanes,
        batchSize: 1 + Math.floor(chance.next() * 6),
        bisectOnError: chance.next() < 0.5,
        reportBatchItemFailures: true,
      });
      let shardId = SHARD;
      const counts = new Map<string, number>();
      for (let round = 0; round < 6; round++) {
        for (let at = 0; at < 8; at++) {
          const key = `k${Math.floor(chance.next() * 4)}`;
          const value = counts.get(key) ?? 0;
          counts.set(key, value + 1);
          world.stream.write({ streamArn, shardId }, { key, value });
        }
        await world.clock.advance(chance.next() * 1000);
        if (round === 2) {
          world.stream.close(streamArn, shardId);
          world.stream.open(streamArn, 'child', shardId);
          shardId = 'child';
        }
        if (chance.next() < 0.4) await world.crash();
      }
      isWell = true;
      await world.clock.advance(120_000);
      await world.stop();
      expect(wrong).toEqual([]);
      for (const [key, count] of counts) expect([key, taken.get(key)]).toEqual([key, count - 1]);
    }),
    { numRuns: 40 },
  );
});
