import { expect, test } from 'vitest';

import { decodeRecords } from '../../src/model/record-codec.ts';
import { documentKind, intentIdIn } from '../../src/partition/transaction-documents.ts';
import { effectBytesMax } from '../../src/partition/transaction-limits.ts';
import type { PartitionAction, TransactionName } from '../../src/partition/transaction-steps.ts';
import { keyOf, PartitionWorld, received, TABLE } from '../support/partition-world.ts';

const image = new Uint8Array(1024 * 1024);

const putOf = (item: number, bytes: Uint8Array): PartitionAction => ({
  table: TABLE,
  key: keyOf(item),
  change: { kind: 'put', image: bytes, itemBytes: bytes.length },
  condition: undefined,
});

/** Asks for so many items of a megabyte. */
async function decide(world: PartitionWorld, count: number): Promise<string> {
  const actions = Array.from({ length: count }, (_, item) => putOf(item, image));
  const transaction = { id: 'id', hash: 0, begunMs: world.clock.wallMs() };
  const asked = { transaction, actions, participants: [], request: undefined };
  return (await world.run(world.partition.transact('decide', asked))).kind;
}

test('what is more than any log takes at once is refused, although its request was small', async () => {
  const world = await PartitionWorld.start();
  const count = effectBytesMax / image.length;
  const { length } = world.log.entries;
  expect(await decide(world, count + 1)).toBe('refused');
  expect(world.log.entries).toHaveLength(length);
  expect(await decide(world, count)).toBe('committed');
});

test('a received record never comes between what a transaction has judged and its end', async () => {
  for (let turns = 0; turns < 16; turns += 1) {
    const world = await PartitionWorld.start();
    const actions = [putOf(0, Buffer.from('{"t":{"S":"x"}}'))];
    const named = (id: string): TransactionName => ({ id, hash: 0, begunMs: world.clock.wallMs() });
    await world.run(world.partition.transact('prepare', { transaction: named('a'), actions }));
    const receiving = world.partition.receive([received(0, 2 ** 52, 'y')]);
    await world.clock.advance(0);
    const verdict = 'committed';
    const first = world.partition.transact('finish', { transaction: named('a'), verdict });
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    const second = world.partition.transact('prepare', { transaction: named('b'), actions });
    await world.run(Promise.all([first, second]));
    await world.clock.advance(100);
    const records = world.log.entries.flatMap(({ kind, payload }) =>
      kind === 'records' ? decodeRecords(payload) : [],
    );
    const intent = records.findIndex(
      ({ key }) => documentKind(key) === 'intent' && intentIdIn(key) === 'b',
    );
    const behind = records.slice(intent + 1).map(({ cause }) => cause);
    expect([turns, behind]).toEqual([turns, behind.filter((cause) => cause !== 'replication')]);
    await world.run(world.partition.transact('finish', { transaction: named('b'), verdict }));
    await world.run(receiving);
  }
});
