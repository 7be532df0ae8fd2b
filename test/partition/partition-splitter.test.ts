import { expect, onTestFinished, test } from 'vitest';

import {
  PartitionSplitter,
  splitLookMs,
  splitPauseMs,
} from '../../src/partition/partition-splitter.ts';
import { splitBusyLooks, type SplitLimits } from '../../src/partition/split-need.ts';
import { LoadSample } from '../../src/partition/split-point.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { keyOf, put } from '../support/partition-world.ts';
import { ZonesWorld } from '../support/zones-world.ts';

const NO_LIMITS: SplitLimits = { bytes: 0, recordsPerSecond: 0, partitions: 64 };

interface Splitting {
  readonly world: ZonesWorld;
  readonly splitter: PartitionSplitter;
  readonly loads: ReadonlyMap<number, LoadSample>;
}

async function splittingOf(limits: Partial<SplitLimits>, items = 60): Promise<Splitting> {
  const world = await ZonesWorld.start();
  onTestFinished(async () => world.stop());
  for (let item = 0; item < items; item += 1) await world.put(item);
  await untilApplied(world);
  const loads = new Map<number, LoadSample>();
  const splitter = new PartitionSplitter({
    partitions: world.splits,
    load: (partition) => {
      const sample = loads.get(partition) ?? new LoadSample();
      loads.set(partition, sample);
      return sample;
    },
    limits: { ...NO_LIMITS, ...limits },
    clock: world.region.clock,
    logger: world.logger,
  });
  return { world, splitter, loads };
}

async function untilApplied(world: ZonesWorld): Promise<void> {
  await world.until(() =>
    world.partitions.every(({ copies, committed }) =>
      copies.serving.every(({ copy }) => copy.position.index === committed.index),
    ),
  );
}

const recordsOf = (count: number, keyAt: (at: number) => Uint8Array): readonly ItemRecord[] =>
  Array.from({ length: count }, (_, at) => ({
    table: 1,
    key: keyAt(at),
    version: { time: at, region: 'east' },
    replaced: undefined,
    image: undefined,
    keepsTombstone: false,
    itemBytes: 0,
    previous: { kind: 'none' },
    cause: 'user',
  }));

/** So many looks under a load of 100 records per second on partition 0. */
async function looksUnder(
  { world, splitter, loads }: Splitting,
  looks: number,
  keyAt: (at: number) => Uint8Array,
): Promise<readonly (number | undefined)[]> {
  const answers: (number | undefined)[] = [];
  for (let look = 0; look < looks; look += 1) {
    loads.get(0)?.add(recordsOf((splitLookMs / 1000) * 100, keyAt));
    await world.region.clock.advance(splitLookMs);
    answers.push(await world.run(splitter.look()));
  }
  return answers;
}

/** Keys of partition 0. */
function spread(world: ZonesWorld): (at: number) => Uint8Array {
  const keys = Array.from({ length: 60 }, (_, item) => item)
    .filter((item) => world.partitionAt(item).number === 0)
    .map(keyOf);
  return (at) => keys[at % keys.length] ?? keyOf(0);
}

test('a partition that is too busy for long enough is split, and not before', async () => {
  const splitting = await splittingOf({ recordsPerSecond: 50 });
  await splitting.world.run(splitting.splitter.look());
  const answers = await looksUnder(splitting, splitBusyLooks, spread(splitting.world));
  expect(answers).toEqual([...answers.slice(1).map(() => undefined), 2]);
  expect(splitting.world.splits.all.length).toBe(3);
});

test('a partition below the rate, or with one hot item, is not split', async () => {
  const calm = await splittingOf({ recordsPerSecond: 200 });
  await calm.world.run(calm.splitter.look());
  const none = await looksUnder(calm, splitBusyLooks * 2, spread(calm.world));
  expect(none.every((answer) => answer === undefined)).toBe(true);
  const hot = await splittingOf({ recordsPerSecond: 50 });
  const key = spread(hot.world)(0);
  await hot.world.run(hot.splitter.look());
  const still = await looksUnder(hot, splitBusyLooks * 2, () => key);
  expect(still.every((answer) => answer === undefined)).toBe(true);
});

test('a partition that holds too much is split by what it holds, one at a time, with a pause between', async () => {
  const { world, splitter } = await splittingOf({ bytes: 1000 });
  expect(await world.run(splitter.look())).toBe(2);
  expect(await world.run(splitter.look())).toBeUndefined();
  await world.region.clock.advance(splitPauseMs);
  // What the halves of the first one hold is not counted here; the other is as large as before.
  expect(await world.run(splitter.look())).toBe(3);
  expect(world.splits.child(3)?.parent).toBe(1);
});

test('a region with as many partitions as it may have splits none, asked or not', async () => {
  const { world, splitter } = await splittingOf({ bytes: 1000, partitions: 2 });
  expect(await world.run(splitter.look())).toBeUndefined();
  await expect(world.run(splitter.force(0))).rejects.toThrow('split.partitions');
});

test('an operator splits a partition whatever its size, but not what no split divides', async () => {
  const { world, splitter } = await splittingOf({});
  expect(await world.run(splitter.force(0))).toBe(2);
  await expect(world.run(splitter.force(7))).rejects.toThrow('there is no partition 7');
  const one = await splittingOf({}, 0);
  await one.world.run(one.world.partitionAt(0).write(put(0, 'alone')));
  await untilApplied(one.world);
  await expect(one.world.run(one.splitter.force(one.world.partitionAt(0).number))).rejects.toThrow(
    'no split divides it',
  );
  const empty = one.world.partitionAt(0).number === 0 ? 1 : 0;
  expect(await one.world.run(one.splitter.force(empty))).toBe(2);
});
