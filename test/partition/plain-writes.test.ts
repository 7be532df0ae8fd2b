import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeRecords } from '../../src/model/record-codec.ts';
import type { PlainWrite, WriteResult } from '../../src/partition/item-write.ts';
import { keyOf, PartitionWorld, TABLE } from '../support/partition-world.ts';

const imageOf = (text: string): Uint8Array => Buffer.from(JSON.stringify({ t: { S: text } }));

const put = (item: number, text: string): PlainWrite => ({
  table: TABLE,
  key: keyOf(item),
  change: { kind: 'put', image: imageOf(text), itemBytes: text.length + 1 },
  condition: undefined,
  cause: 'user',
});

const remove = (item: number): PlainWrite => ({
  ...put(item, ''),
  change: { kind: 'delete' },
});

const applied = (beforeBytes: number, afterBytes: number): WriteResult => ({
  kind: 'applied',
  beforeBytes,
  afterBytes,
});

const recordCounts = (world: PartitionWorld): readonly number[] =>
  world.log.entries
    .filter(({ kind }) => kind === 'records')
    .map(({ payload }) => decodeRecords(payload).length);

test('writes that come together stand in one entry and are answered in their order, with the sizes before and after', async () => {
  const world = await PartitionWorld.start();
  await world.run(Promise.all([world.put(1, 'one'), world.put(2, 'two')]));
  const writes = [put(3, 'three'), remove(1), remove(4), put(2, 'second'), put(5, '')];
  expect(await world.run(world.partition.writeEach(writes))).toEqual([
    applied(0, 6),
    applied(4, 0),
    applied(0, 0),
    applied(4, 7),
    applied(0, 1),
  ]);
  expect(recordCounts(world)).toEqual([2, 4]);
  const read = await Promise.all([1, 2, 3, 4, 5].map(async (item) => world.run(world.read(item))));
  expect(read).toEqual([undefined, 'second', 'three', undefined, '']);
  await world.clock.advance(100);
  await world.checkCounters();
});

test('of writes in several entries those fail whose entry is lost, and leave no trace', async () => {
  const world = await PartitionWorld.start();
  world.log.fate = (entry) => {
    const isSecond = entry.kind === 'records' && decodeRecords(entry.payload).length === 1;
    return isSecond ? 'unknown-lost' : 'durable';
  };
  const text = 'x'.repeat(100_000);
  const results = await world.run(
    world.partition.writeEach([put(1, text), put(2, text), put(3, text)]),
  );
  expect(results).toMatchObject([
    { kind: 'applied' },
    { kind: 'applied' },
    { kind: 'failed', error: { status: 500 } },
  ]);
  world.log.fate = () => 'durable';
  expect(await world.run(world.read(2))).toBe(text);
  expect(await world.run(world.read(3))).toBeUndefined();
});

test('nothing is answered before it is durable', async () => {
  const world = await PartitionWorld.start();
  world.log.delayMs = 50;
  let isAnswered = false;
  const written = world.partition.writeEach([put(1, 'one'), put(2, 'two')]).finally(() => {
    isAnswered = true;
  });
  await world.clock.advance(40);
  expect(isAnswered).toBe(false);
  await world.run(written);
});

test('an item that a transaction has under way is a conflict; the others are written', async () => {
  const world = await PartitionWorld.start();
  const transaction = { id: 'id', hash: 0, begunMs: world.clock.wallMs() };
  const actions = [put(1, 'prepared')];
  await world.run(world.partition.transact('prepare', { transaction, actions }));
  const results = await world.run(world.partition.writeEach([put(1, 'one'), put(2, 'two')]));
  expect(results).toMatchObject([
    { kind: 'failed', error: { code: 'TransactionConflictException' } },
    { kind: 'applied' },
  ]);
  await world.run(world.partition.transact('finish', { transaction, verdict: 'committed' }));
  expect(await world.run(world.read(1))).toBe('prepared');
  expect(await world.run(world.read(2))).toBe('two');
});

test('a deletion of nothing is answered only when the log confirms', async () => {
  const world = await PartitionWorld.start();
  world.log.confirms = false;
  const results = await world.run(world.partition.writeEach([remove(1), put(2, 'two')]));
  expect(results).toMatchObject([{ kind: 'failed', error: { status: 500 } }, { kind: 'applied' }]);
});

test('while no zones are to be had every write fails, and writes again when they are', async () => {
  const world = await PartitionWorld.start();
  world.log.setAvailable(false);
  const writes = [put(1, 'one'), put(2, 'two')];
  const failed = { kind: 'failed', error: { status: 500 } };
  expect(await world.run(world.partition.writeEach(writes))).toMatchObject([failed, failed]);
  world.log.setAvailable(true);
  expect(await world.run(world.partition.writeEach(writes))).toMatchObject([
    { kind: 'applied' },
    { kind: 'applied' },
  ]);
});

const writeArbitrary = fc.oneof(
  fc.record({ item: fc.nat(7), text: fc.string({ maxLength: 5 }) }),
  fc.record({ item: fc.nat(7), text: fc.constant(undefined) }),
);
const batchesArbitrary = fc.array(
  fc.uniqueArray(writeArbitrary, { selector: ({ item }) => item, maxLength: 8 }),
  { maxLength: 5 },
);

test('together, writes do what each of them does by itself', async () => {
  await fc.assert(
    fc.asyncProperty(batchesArbitrary, async (batches) => {
      const [together, alone] = [
        await PartitionWorld.start(['a']),
        await PartitionWorld.start(['a']),
      ];
      for (const batch of batches) {
        const writes = batch.map(({ item, text }) =>
          text === undefined ? remove(item) : put(item, text),
        );
        const results = await together.run(together.partition.writeEach(writes));
        const outcomes: unknown[] = [];
        for (const write of writes) {
          const outcome = await alone.run(alone.partition.write(write));
          const after = outcome.kind === 'applied' ? outcome.after : undefined;
          outcomes.push(applied(outcome.before?.itemBytes ?? 0, after?.itemBytes ?? 0));
        }
        expect(results).toEqual(outcomes);
      }
      for (let item = 0; item < 8; item += 1)
        expect(await together.run(together.read(item))).toBe(await alone.run(alone.read(item)));
    }),
    { numRuns: 30 },
  );
});

test('items that are read together are as they stand, pending writes included, once those are durable', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'one'));
  await world.clock.advance(100);
  world.log.delayMs = 50;
  const writing = world.put(2, 'two');
  let isAnswered = false;
  const reading = world.partition.readEach(TABLE, [2, 3, 1].map(keyOf)).then((found) => {
    isAnswered = true;
    return found.map((stored) => stored?.image && Buffer.from(stored.image).toString());
  });
  await world.clock.advance(40);
  expect(isAnswered).toBe(false);
  await world.run(writing);
  expect(await world.run(reading)).toEqual(['{"t":{"S":"two"}}', undefined, '{"t":{"S":"one"}}']);
});

test('items that are read together need the lease, and wait for transactions that are under way on one', async () => {
  const world = await PartitionWorld.start();
  const transaction = { id: 'id', hash: 0, begunMs: world.clock.wallMs() };
  await world.run(
    world.partition.transact('prepare', { transaction, actions: [put(1, 'prepared')] }),
  );
  let isAnswered = false;
  const reading = world.partition.readEach(TABLE, [1, 2].map(keyOf)).then((found) => {
    isAnswered = true;
    return found.map((stored) => stored !== undefined);
  });
  await world.clock.advance(100);
  expect(isAnswered).toBe(false);
  await world.run(world.partition.transact('finish', { transaction, verdict: 'committed' }));
  expect(await world.run(reading)).toEqual([true, false]);
  world.log.confirms = false;
  await expect(world.run(world.partition.readEach(TABLE, [1, 2].map(keyOf)))).rejects.toMatchObject(
    { status: 500 },
  );
});
