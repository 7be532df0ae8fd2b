import { expect, test } from 'vitest';

import { decodeRecords } from '../../src/model/record-codec.ts';
import { foreign, PartitionWorld } from '../support/partition-world.ts';

/** One item, and another leader that has since written it. */
async function overtaken(): Promise<PartitionWorld> {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'ours'));
  await world.clock.advance(100);
  const time = world.partition.committed.partitionTime + 1000;
  world.log.lead([foreign(1, time, 'theirs')], time);
  return world;
}

test('a strong read is not answered while what another leader wrote is not taken in, though an epoch is open again', async () => {
  const world = await overtaken();
  world.log.failsReads = true;
  await expect(world.run(world.put(2, 'in doubt'))).rejects.toMatchObject({ status: 500 });
  await world.clock.advance(20);
  await expect(world.run(world.read(1))).rejects.toMatchObject({ status: 500 });
  world.log.failsReads = false;
  await world.clock.advance(100);
  expect(await world.run(world.read(1))).toBe('theirs');
});

test('a strong read that saw what stood before another leader wrote is not confirmed by an epoch opened afterwards', async () => {
  const world = await overtaken();
  const asking: (() => void)[] = [];
  const confirmed = new Promise<void>((resolve) => {
    asking.push(resolve);
  });
  world.log.confirm = async () => confirmed;
  const read = Promise.allSettled([world.read(1)]);
  await expect(world.run(world.put(2, 'in doubt'))).rejects.toMatchObject({ status: 500 });
  await world.clock.advance(100);
  for (const resolve of asking) resolve();
  expect(await world.run(read)).toMatchObject([{ status: 'rejected', reason: { status: 500 } }]);
  expect(await world.run(world.read(1))).toBe('theirs');
});

test('a version made before another leader has moved the time of the partition on is not logged behind it', async () => {
  const world = await PartitionWorld.start();
  world.log.fate = () => {
    world.log.fate = () => 'durable';
    return 'unknown-there';
  };
  const stands = Promise.allSettled([world.put(1, 'stands')]);
  await world.clock.advance(1);
  const gathered = Promise.allSettled([world.put(2, 'gathered')]);
  world.log.lead([], world.partition.committed.partitionTime + 1_000_000);
  await world.run(Promise.all([stands, gathered]));
  await world.clock.advance(200);
  await world.run(world.put(3, 'after'));

  let time = 0;
  for (const { kind, payload, partitionTime } of world.log.entries) {
    const records = kind === 'records' ? decodeRecords(payload) : [];
    for (const { version } of records) expect(version.time).toBeGreaterThan(time);
    time = partitionTime;
  }
  expect(await world.run(world.read(1))).toBe('stands');
  expect(await world.run(world.read(3))).toBe('after');
});
