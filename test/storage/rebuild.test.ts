import fc from 'fast-check';
import { expect, test } from 'vitest';

import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { anyHistory, dump, LeaderModel, PARTITIONS } from './leader-model.ts';

const ALL = [0, 1, 2];

async function openNode(disk: MemoryStoreDisk): Promise<StorageNode> {
  const store = await disk.open();
  return StorageNode.open({ zone: 'a', store, partitionCount: PARTITIONS, partitions: ALL });
}

async function nodeWith(
  history: Parameters<LeaderModel['entries']>[0][],
  disk = new MemoryStoreDisk(),
): Promise<StorageNode> {
  const node = await openNode(disk);
  const leader = new LeaderModel();
  for (const step of history) {
    for (const [partition, entry] of leader.entries(step)) {
      await node.apply(new Map([[partition, [entry]]]));
    }
  }
  return node;
}

test('a rebuild makes every copy equal to its source, whatever stood there before', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, anyHistory, async (history, leftovers) => {
      const source = await nodeWith([...history]);
      const target = await nodeWith([...leftovers]);
      for (const partition of ALL) {
        const position = await target.rebuildFrom(source, partition);
        expect(position).toEqual(source.copy(partition).position);
        expect(target.copy(partition).position).toEqual(position);
      }
      expect(await dump(target.store)).toEqual(await dump(source.store));
    }),
    { numRuns: 50 },
  );
});

test('a rebuild of one partition leaves the others as they are', async () => {
  const puts = Array.from({ length: 12 }, (_, item) => ({
    kind: 'put' as const,
    table: 1,
    item,
    text: 'here',
  }));
  const target = await nodeWith([puts]);
  const before = ALL.map((partition) => target.copy(partition).counters(1));
  await target.rebuildFrom(await openNode(new MemoryStoreDisk()), 1);
  expect(target.copy(0).counters(1)).toEqual(before[0]);
  expect(target.copy(1).counters(1).itemCount).toBe(0);
  expect(target.copy(2).counters(1)).toEqual(before[2]);
});

test('a rebuild that was cut off shows, and can be begun again', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, anyHistory, fc.nat(12), async (history, leftovers, keep) => {
      const source = await nodeWith([...history]);
      const disk = new MemoryStoreDisk();
      const target = await nodeWith([...leftovers], disk);
      const cutOff = target.rebuildFrom(source, 1, () => {
        disk.powerCut(keep);
      });
      const whole = await cutOff.then(
        () => true,
        () => false,
      );
      const again = whole ? target : await openNode(disk);
      expect(again.copy(1).rebuilding).toBe(!whole);
      for (const partition of ALL) await again.rebuildFrom(source, partition);
      expect(await dump(again.store)).toEqual(await dump(source.store));
      expect(again.copy(1).rebuilding).toBe(false);
    }),
    { numRuns: 50 },
  );
});

test('a copy under rebuild applies nothing and reports no position', async () => {
  const put = { kind: 'put' as const, table: 0, item: 1, text: 'x' };
  const source = await nodeWith([[put]]);
  const target = await openNode(new MemoryStoreDisk());
  let reported: readonly number[] = [];
  let refused: unknown;
  await target.rebuildFrom(source, 0, () => {
    expect(target.copy(0).rebuilding).toBe(true);
    void target.sync().then((positions) => {
      reported = [...positions.keys()];
      return reported;
    });
    const late = new LeaderModel().entries([put]).map(([at, entry]) => [at, [entry]] as const);
    refused = target.apply(new Map(late)).catch((error: unknown) => error);
  });
  expect(reported).toEqual([1, 2]);
  expect(String(await refused)).toContain('under rebuild');
  expect(target.copy(0).position).toEqual(source.copy(0).position);
});
