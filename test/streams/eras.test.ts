import { expect, test } from 'vitest';

import type { LogPlace } from '../../src/model/table.ts';
import { erasOf, type PartitionSplit } from '../../src/streams/eras.ts';

const place = (index: number): LogPlace => ({
  logId: 'log',
  epoch: 1,
  index,
  checksum: 1,
  partitionTime: index,
});

const SPLIT: PartitionSplit = {
  parent: 0,
  child: 1,
  at: { index: 10, time: 10 },
  childFrom: { index: 0, time: 11 },
};

test('a stream enabled behind a split, before the child leads its part, has all of the child’s log', () => {
  expect(erasOf({ starts: [place(10)] }, [SPLIT])).toEqual([
    { partition: 0, from: { index: 10, time: 10 }, to: undefined, parent: undefined },
    { partition: 1, from: { index: 0, time: 11 }, to: undefined, parent: undefined },
  ]);
});

test('a split from before a stream does not count', () => {
  const eras = erasOf({ starts: [place(12), place(2)] }, [SPLIT]);
  expect(eras.map(({ partition, from }) => [partition, from.index])).toEqual([
    [0, 12],
    [1, 2],
  ]);
});

test('a stream that ends behind a split, before the child leads its part, has nothing of the child’s log', () => {
  const end = { atMs: 1, places: [place(10)] };
  const child = erasOf({ starts: [place(1)], end }, [SPLIT]).at(-1);
  expect(child).toMatchObject({ partition: 1, from: { index: 0 }, to: { index: 0 } });
});
