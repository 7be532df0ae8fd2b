import { expect, test } from 'vitest';

import { decodeRecords } from '../../src/model/record-codec.ts';
import { sharedAs } from '../../src/replication/batch.ts';
import { keyOf, PartitionWorld, TABLE } from '../support/partition-world.ts';

test('only the version that is named is discarded, without a trace, and it is never shipped', async () => {
  const world = await PartitionWorld.start();
  for (const at of [1, 2, 3]) await world.run(world.put(at, `old ${at}`));
  const old = await world.run(world.partition.scan(TABLE, undefined, 1_000_000));
  await world.run(world.put(2, 'new'));
  const named = old.filter(({ key }) => [1, 2].some((at) => keyOf(at).join() === key.join()));
  expect(named).toHaveLength(2);
  await world.run(world.partition.discard(TABLE, named));
  const left = await world.run(world.partition.scan(TABLE, undefined, 1_000_000));
  expect(left.every(({ image }) => image !== undefined)).toBe(true);
  expect(left).toHaveLength(2);
  expect(await world.run(world.read(1))).toBeUndefined();
  expect(await world.run(world.read(2))).toBe('new');
  expect(world.partition.counters(TABLE)).toMatchObject({ itemCount: 2, tombstoneCount: 0 });
  const last = world.log.entries.filter(({ kind }) => kind === 'records').at(-1);
  const [record] = decodeRecords(last?.payload ?? new Uint8Array(0));
  const tables = {
    shared: () => 'the-table',
    sharesWith: () => true,
    byGlobalId: () => 'gone' as const,
    owes: () => false,
    isOwedBy: () => false,
    nameOf: () => '',
    global: () => [],
  };
  expect(record?.image).toBeUndefined();
  const region = record?.version.region ?? '';
  const at = { log: 0, index: 1 };
  expect(record && sharedAs(record, at, { region, peer: 'elsewhere', tables })).toBeUndefined();
});

test('the same item may be discarded twice, and written again', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'old'));
  const found = await world.run(world.partition.scan(TABLE, undefined, 1_000_000));
  await world.run(
    Promise.all([world.partition.discard(TABLE, found), world.partition.discard(TABLE, found)]),
  );
  await world.run(world.put(1, 'again'));
  await world.run(world.partition.discard(TABLE, found));
  expect(await world.run(world.read(1))).toBe('again');
  await world.run(world.checkCounters());
  expect(world.partition.counters(TABLE)).toMatchObject({ itemCount: 1, tombstoneCount: 0 });
});
