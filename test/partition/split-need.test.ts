import { expect, onTestFinished, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { LocalPartition } from '../../src/partition/local-partition.ts';
import { SplitNeed, splitBusyLooks, splitGrowthMin } from '../../src/partition/split-need.ts';
import { LoadSample } from '../../src/partition/split-point.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { keyOf, put } from '../support/partition-world.ts';
import { ZonesWorld } from '../support/zones-world.ts';

const LOOK_MS = 10_000;

interface Needing {
  readonly world: ZonesWorld;
  readonly partition: LocalPartition;
  readonly need: SplitNeed;
  readonly load: LoadSample;
}

async function needing(limits: {
  readonly bytes: number;
  readonly recordsPerSecond: number;
}): Promise<Needing> {
  const world = await ZonesWorld.start();
  onTestFinished(async () => world.stop());
  const load = new LoadSample();
  const { clock } = world.region;
  const need = new SplitNeed({ load: () => load, limits, clock });
  return { world, partition: present(world.partitions[0], 'a partition'), need, load };
}

const keysOfFirst = (world: ZonesWorld): readonly number[] =>
  Array.from({ length: 60 }, (_, item) => item).filter(
    (item) => world.partitionAt(item).number === 0,
  );

/** Looks in a row, each behind so many records. */
async function looks(
  { world, need, partition, load }: Needing,
  records: readonly number[],
): Promise<readonly boolean[]> {
  const keys = keysOfFirst(world).map(keyOf);
  const answers: boolean[] = [];
  for (const count of records) {
    load.add(Array.from({ length: count }, (_, at) => recordOf(keys[at % keys.length])));
    await world.region.clock.advance(LOOK_MS);
    answers.push(need.isBusy(partition));
  }
  return answers;
}

const recordOf = (key: Uint8Array | undefined): ItemRecord => ({
  table: 1,
  key: present(key, 'a key'),
  version: { time: 1, region: 'east' },
  replaced: undefined,
  image: undefined,
  keepsTombstone: false,
  itemBytes: 0,
  previous: { kind: 'none' },
  cause: 'user',
});

const BUSY = 1000;
const times = (count: number, records: number): readonly number[] =>
  Array.from({ length: count }, () => records);
const none = (count: number): readonly boolean[] => Array.from({ length: count }, () => false);

test('a partition is busy when it was in enough looks in a row: the first look tells nothing, a calm one begins anew', async () => {
  const busy = await needing({ bytes: 0, recordsPerSecond: 50 });
  // What came before the first look came in a time that is not known.
  expect(await looks(busy, times(splitBusyLooks, BUSY))).toEqual(none(splitBusyLooks));
  expect(await looks(busy, [BUSY])).toEqual([true]);
  expect(await looks(busy, [10, ...times(splitBusyLooks, BUSY)])).toEqual([
    ...none(splitBusyLooks),
    true,
  ]);
});

test('what was seen of a partition before it was split is forgotten', async () => {
  const busy = await needing({ bytes: 0, recordsPerSecond: 50 });
  await looks(busy, times(splitBusyLooks, BUSY));
  expect(busy.need.loadPoint(busy.partition)).toBeDefined();
  busy.need.forget(busy.partition);
  expect(busy.need.loadPoint(busy.partition)).toBeUndefined();
  expect(await looks(busy, times(splitBusyLooks, BUSY))).toEqual(none(splitBusyLooks));
});

test('without a limit no partition is busy, or too large', async () => {
  const calm = await needing({ bytes: 0, recordsPerSecond: 0 });
  expect(await looks(calm, times(splitBusyLooks * 2, BUSY))).toEqual(none(splitBusyLooks * 2));
  for (const item of keysOfFirst(calm.world)) await calm.world.put(item);
  await untilApplied(calm);
  expect(await calm.world.run(calm.need.sizePoint(calm.partition))).toBeUndefined();
});

async function untilApplied({ world, partition }: Needing): Promise<void> {
  await world.until(() =>
    partition.copies.serving.every(({ copy }) => copy.position.index === partition.committed.index),
  );
}

async function grow(needs: Needing, item: number | undefined, bytes: number): Promise<void> {
  const { world, partition } = needs;
  await world.run(partition.write(put(present(item, 'an item'), 'x'.repeat(bytes))));
  await untilApplied(needs);
}

test('what nothing divides is read through again once it has grown, or was split', async () => {
  const large = await needing({ bytes: 5000, recordsPerSecond: 0 });
  const { world, partition, need } = large;
  const [first, second] = keysOfFirst(world);
  await grow(large, first, 20_000);
  expect(await world.run(need.sizePoint(partition))).toBeUndefined();
  await grow(large, second, 6000);
  // More than a quarter is on either side, and it has grown by enough.
  expect(26_000).toBeGreaterThan(20_000 * splitGrowthMin);
  expect(await world.run(need.sizePoint(partition))).toBeUndefined();
  await grow(large, second, 7600);
  expect(27_600).toBeLessThan(26_000 * splitGrowthMin);
  expect(await world.run(need.sizePoint(partition))).toBeUndefined();
  need.forget(partition);
  expect(await world.run(need.sizePoint(partition))).toBeDefined();
});
