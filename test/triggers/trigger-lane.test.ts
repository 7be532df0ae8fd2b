import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  FAILED,
  OK,
  ordersWorld,
  report,
  SHARD,
  UNREACHABLE,
  valuesIn,
} from '../support/trigger-world.ts';

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
  const { world, streamArn } = await ordersWorld(1, { eventBytesMax: 1000 });
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
  expect(world.batches.map(valuesIn)).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
    [0, 1],
    [2, 3],
  ]);
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
  world.consumer = (records) =>
    records.some(({ value }) => value === 1) ? report(numbers[1]) : OK;
  await world.create({
    reportBatchItemFailures: true,
    maximumRetryAttempts: 2,
    onFailure: 'file:/letters',
  });
  await world.clock.advance(10_000);
  expect(world.batches.map(valuesIn)).toEqual([
    [0, 1, 2],
    [1, 2],
    [1, 2],
  ]);
  expect(world.letters).toMatchObject([
    {
      requestContext: { approximateInvokeCount: 3 },
      DDBStreamBatchInfo: { startSequenceNumber: numbers[1], batchSize: 2 },
    },
  ]);
  await world.stop();
});
