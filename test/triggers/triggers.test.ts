import fc from 'fast-check';
import { expect, test } from 'vitest';

import { TriggerRefused, TRIGGERS_MAX } from '../../src/triggers/triggers.ts';
import {
  definitionOf,
  FAILED,
  OK,
  TriggerWorld,
  UNREACHABLE,
  type SeenRecord,
} from '../support/trigger-world.ts';

const SHARD = 'shard-1';

/** A world with a table `orders` that has a stream of one open shard. */
async function ordersWorld(seed = 1): Promise<{ world: TriggerWorld; streamArn: string }> {
  const world = new TriggerWorld(seed);
  const streamArn = world.stream.enable('orders', '2026-01-01T00:00:00.000');
  world.stream.open(streamArn, SHARD);
  await world.start();
  return { world, streamArn };
}

const valuesIn = (batch: readonly SeenRecord[]): readonly number[] =>
  batch.map(({ value }) => value);

const report = (sequenceNumber: string | undefined) => ({
  kind: 'answered' as const,
  payload: { batchItemFailures: [{ itemIdentifier: sequenceNumber }] },
});

test('records come in order, in batches of the size that was asked for', async () => {
  const { world, streamArn } = await ordersWorld();
  for (let value = 0; value < 7; value++)
    world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value });
  await world.create({ batchSize: 3 });
  await world.clock.advance(2000);
  expect(world.batches.map(valuesIn)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  await world.stop();
});

test('a batch waits for more records as long as its window is, and no longer', async () => {
  const { world, streamArn } = await ordersWorld();
  await world.create({ batchSize: 100, batchingWindowSeconds: 5 });
  await world.clock.advance(1000);
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value: 1 });
  await world.clock.advance(3000);
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value: 2 });
  await world.clock.advance(1500);
  expect(world.batches).toEqual([]);
  await world.clock.advance(2000);
  expect(world.batches.map(valuesIn)).toEqual([[1, 2]]);
  await world.stop();
});

test('a batch is no longer than its target takes, and a record that is too long by itself fails', async () => {
  const world = new TriggerWorld();
  world.eventBytesMax = 1000;
  const restarted = world;
  await restarted.crash();
  const streamArn = world.stream.enable('orders', 'x');
  world.stream.open(streamArn, SHARD);
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 4; value++) world.stream.write(place, { key: 'a', value });
  world.stream.write(place, { key: 'b', value: 9, members: { filler: 'x'.repeat(2000) } });
  world.stream.write(place, { key: 'a', value: 5 });
  await world.create({ maximumRetryAttempts: 0, onFailure: 'file:/letters' });
  await world.clock.advance(5000);
  expect(world.batches.length).toBeGreaterThan(2);
  expect(world.seen('a')).toEqual([0, 1, 2, 3, 5]);
  expect(world.seen('b')).toEqual([]);
  expect(world.letters).toHaveLength(1);
  await world.stop();
});

test('what fails is tried again before anything behind it', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 4; value++) world.stream.write(place, { key: 'a', value });
  let failures = 3;
  world.consumer = () => (failures-- > 0 ? FAILED : OK);
  await world.create({ batchSize: 2 });
  await world.clock.advance(10_000);
  expect(world.batches.map(valuesIn)).toEqual([[0, 1], [0, 1], [0, 1], [0, 1], [2, 3]]);
  await world.stop();
});

test('a batch that fails too often is given up, written down as Lambda does, and the shard goes on', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  const createdMs = world.clock.wallMs();
  const numbers = [0, 1, 2].map((value) =>
    world.stream.write(place, { key: 'a', value, createdMs }),
  );
  world.consumer = (records) => (records[0]?.value === 0 ? FAILED : OK);
  await world.create({ batchSize: 2, maximumRetryAttempts: 2, onFailure: 'file:/letters' });
  await world.clock.advance(10_000);
  expect(world.batches.map(valuesIn)).toEqual([[0, 1], [0, 1], [0, 1], [2]]);
  expect(world.letters).toEqual([
    {
      requestContext: {
        requestId: expect.stringMatching(/^[\da-f-]{36}$/u),
        functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:t',
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 3,
      },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      version: '1.0',
      timestamp: expect.stringMatching(/^2026-01-01T00:00:\d\d\.\d{3}Z$/u),
      DDBStreamBatchInfo: {
        shardId: SHARD,
        startSequenceNumber: numbers[0],
        endSequenceNumber: numbers[1],
        approximateArrivalOfFirstRecord: '2026-01-01T00:00:00Z',
        approximateArrivalOfLastRecord: '2026-01-01T00:00:00Z',
        batchSize: 2,
        streamArn,
      },
      payload: expect.stringMatching(/^\{"Records":\[\{"eventID"/u),
    },
  ]);
  await world.stop();
});

test('nothing is given up before it is written down', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 2; value++) world.stream.write(place, { key: 'a', value });
  world.consumer = (records) => (records[0]?.value === 0 ? FAILED : OK);
  world.letterFailures = 3;
  await world.create({ batchSize: 1, maximumRetryAttempts: 0, onFailure: 'file:/letters' });
  await world.clock.advance(60);
  expect(world.batches.map(valuesIn)).toEqual([[0]]);
  await world.clock.advance(10_000);
  expect(world.letters).toHaveLength(1);
  expect(world.batches.map(valuesIn)).toEqual([[0], [1]]);
  await world.stop();
});

test('a consumer that cannot be reached uses up no attempt', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value: 1 });
  let away = 5;
  world.consumer = () => (away-- > 0 ? UNREACHABLE : OK);
  await world.create({ maximumRetryAttempts: 0, onFailure: 'file:/letters' });
  await world.clock.advance(60_000);
  expect(world.batches).toHaveLength(6);
  expect(world.letters).toEqual([]);
  await world.stop();
});

test('pauses between attempts grow, and are bounded', async () => {
  const { world, streamArn } = await ordersWorld();
  world.stream.write({ streamArn, shardId: SHARD }, { key: 'a' });
  world.consumer = () => FAILED;
  await world.create({});
  await world.clock.advance(60_000);
  const inFirstMinute = world.batches.length;
  expect(inFirstMinute).toBeLessThan(14);
  await world.clock.advance(600_000);
  expect(world.batches.length - inFirstMinute).toBeGreaterThanOrEqual(19);
  expect(world.batches.length - inFirstMinute).toBeLessThan(42);
  await world.stop();
});

test('records that are too old are given up, also unseen ones, and younger ones are not', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  const nowMs = world.clock.wallMs();
  world.stream.write(place, { key: 'a', value: 1, createdMs: nowMs - 120_000 });
  world.stream.write(place, { key: 'a', value: 2, createdMs: nowMs });
  await world.create({ maximumRecordAgeSeconds: 60, onFailure: 'file:/letters' });
  await world.clock.advance(1000);
  expect(world.batches.map(valuesIn)).toEqual([[2]]);
  expect(world.letters).toMatchObject([
    {
      requestContext: { condition: 'RecordAgeExceeded', approximateInvokeCount: 0 },
      DDBStreamBatchInfo: { batchSize: 1 },
    },
  ]);
  expect(world.letters[0]).not.toHaveProperty('responseContext');
  world.stream.write(place, { key: 'a', value: 3, createdMs: world.clock.wallMs() });
  world.consumer = () => FAILED;
  await world.clock.advance(200_000);
  expect(world.letters).toHaveLength(2);
  await world.stop();
});

test('halves isolate a poison record: it alone is given up, and everything else is taken in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.nat({ max: 39 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 40 }),
      async (count, poison, batchSize) => {
        const { world, streamArn } = await ordersWorld(count);
        const bad = new Set(poison.filter((value) => value < count));
        for (let value = 0; value < count; value++)
          world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value });
        const taken: number[] = [];
        world.consumer = (records) => {
          if (records.some(({ value }) => bad.has(value))) return FAILED;
          taken.push(...valuesIn(records));
          return OK;
        };
        await world.create({
          batchSize,
          bisectOnError: true,
          maximumRetryAttempts: 1,
          onFailure: 'file:/letters',
        });
        await world.clock.advance(3_000_000);
        await world.stop();
        const all = Array.from({ length: count }, (_, value) => value);
        expect(taken).toEqual(all.filter((value) => !bad.has(value)));
        expect(world.letters).toHaveLength(bad.size);
        for (const letter of world.letters)
          expect(letter).toMatchObject({ DDBStreamBatchInfo: { batchSize: 1 } });
      },
    ),
    { numRuns: 25 },
  );
});

test('after a partial failure only what follows the earliest report comes again', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  for (let value = 0; value < 4; value++) world.stream.write(place, { key: 'a', value });
  const answers = [2, 3];
  world.consumer = (records) => {
    const fail = answers.shift();
    if (fail === undefined) return OK;
    const numbers = records
      .filter(({ value }) => value >= fail)
      .map(({ sequenceNumber }) => ({ itemIdentifier: sequenceNumber }));
    return { kind: 'answered', payload: { batchItemFailures: numbers.toReversed() } };
  };
  await world.create({ reportBatchItemFailures: true, maximumRetryAttempts: 1 });
  await world.clock.advance(10_000);
  expect(world.batches.map(valuesIn)).toEqual([[0, 1, 2, 3], [2, 3], [3]]);
  await world.stop();
});

test('reports count only where they were asked for', async () => {
  const { world, streamArn } = await ordersWorld();
  const number = world.stream.write({ streamArn, shardId: SHARD }, { key: 'a' });
  world.consumer = () => report(number);
  await world.create({});
  await world.clock.advance(10_000);
  expect(world.batches).toHaveLength(1);
  await world.stop();
});

test('a report that never gets further is given up from there on', async () => {
  const { world, streamArn } = await ordersWorld();
  const place = { streamArn, shardId: SHARD };
  const numbers = [0, 1, 2].map((value) => world.stream.write(place, { key: 'a', value }));
  world.consumer = (records) => (records.some(({ value }) => value === 1) ? report(numbers[1]) : OK);
  await world.create({
    reportBatchItemFailures: true,
    maximumRetryAttempts: 2,
    onFailure: 'file:/letters',
  });
  await world.clock.advance(10_000);
  expect(world.batches.map(valuesIn)).toEqual([[0, 1, 2], [1, 2], [1, 2]]);
  expect(world.letters).toMatchObject([
    {
      requestContext: { approximateInvokeCount: 3 },
      DDBStreamBatchInfo: { startSequenceNumber: numbers[1], batchSize: 2 },
    },
  ]);
  await world.stop();
});

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
  expect(world.batches.slice(-2).map(valuesIn).toSorted()).toEqual([[2], [3]]);
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
    world.stream.write({ streamArn, shardId: SHARD }, { key: 'a', value, createdMs: nowMs + value });
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
        const upTo =
          luck < 0.5 ? Math.floor(chance.next() * (records.length + 1)) : records.length;
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
