import fc from 'fast-check';
import { expect, test } from 'vitest';

import { addDigests, itemDigest } from '../../src/model/item-digest.ts';
import {
  NO_COUNTERS,
  START,
  type EntryToApply,
  type TableCounters,
} from '../../src/storage/apply.ts';
import {
  FORMAT_KEY,
  positionKey,
  tableHashRange,
  tombstoneTimeRange,
} from '../../src/storage/key-layout.ts';
import { readItem, readItemOrTombstone, scanVersions } from '../../src/storage/read.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import {
  anyHistory,
  dump,
  imageText,
  keyOf,
  LeaderModel,
  PARTITIONS,
  TABLES,
  type Change,
} from './leader-model.ts';

const ALL = [0, 1, 2];

async function openNode(disk: MemoryStoreDisk): Promise<StorageNode> {
  const store = await disk.open();
  return StorageNode.open({ zone: 'a', store, partitionCount: PARTITIONS, partitions: ALL });
}

/** Gives a node all entries at once or so many at a time. */
async function applyInBatches(
  node: StorageNode,
  entries: readonly (readonly [number, EntryToApply])[],
  size: number,
): Promise<void> {
  for (let at = 0; at < entries.length; at += size) {
    const batch = new Map<number, EntryToApply[]>();
    for (const [partition, entry] of entries.slice(at, at + size)) {
      batch.set(partition, [...(batch.get(partition) ?? []), entry]);
    }
    await node.apply(batch);
  }
}

/** What a copy should have counted, from a scan of everything it holds. */
async function recount(
  node: StorageNode,
  partition: number,
  table: number,
): Promise<TableCounters> {
  const snapshot = node.store.snapshot();
  const found = await scanVersions(snapshot, {
    table,
    hashes: tableHashRange(table, partition, PARTITIONS),
    after: undefined,
    limitBytes: Number.POSITIVE_INFINITY,
  });
  await snapshot.close();
  let counters = NO_COUNTERS;
  for (const { key, version, image, itemBytes } of found) {
    counters =
      image === undefined
        ? { ...counters, tombstoneCount: counters.tombstoneCount + 1 }
        : {
            ...counters,
            itemCount: counters.itemCount + 1,
            sizeBytes: counters.sizeBytes + itemBytes,
            digest: addDigests(counters.digest, itemDigest(key, version, image)),
          };
  }
  return counters;
}

const put = (item: number, text = 'x', table = 1): Change => ({ kind: 'put', table, item, text });
const bury = (item: number, table = 1): Change => ({ kind: 'bury', table, item, text: '' });

test('the same entries give the same bytes, however they are batched', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.integer({ min: 2, max: 50 }), async (history, size) => {
      const leader = new LeaderModel();
      const entries = history.flatMap((step) => leader.entries(step));
      const one = await openNode(new MemoryStoreDisk());
      const other = await openNode(new MemoryStoreDisk());
      await applyInBatches(one, entries, 1);
      await applyInBatches(other, entries, size);
      expect(await dump(other.store)).toEqual(await dump(one.store));
    }),
    { numRuns: 60 },
  );
});

test('a copy holds what its leader decided, and counts what a scan finds', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const leader = new LeaderModel();
      const disk = new MemoryStoreDisk();
      const node = await openNode(disk);
      const entries = history.flatMap((step) => leader.entries(step));
      await applyInBatches(node, entries, 7);
      for (const table of TABLES) {
        for (let item = 0; item < 12; item++) {
          const expected = leader.standing(table, item);
          const found = readItemOrTombstone(node.store, table, keyOf(item));
          expect(found?.version).toEqual(expected?.version);
          expect(imageText(found)).toEqual(imageText(expected));
          expect(imageText(readItem(node.store, table, keyOf(item)))).toEqual(imageText(expected));
        }
        for (const partition of ALL) {
          expect(node.copy(partition).counters(table)).toEqual(
            await recount(node, partition, table),
          );
        }
      }
      const before = ALL.map((partition) => node.copy(partition));
      await node.close();
      const again = await openNode(disk);
      for (const copy of before) {
        expect(again.copy(copy.partition).position).toEqual(copy.position);
        expect(again.copy(copy.partition).forgotten).toEqual(copy.forgotten);
        for (const table of TABLES) {
          expect(again.copy(copy.partition).counters(table)).toEqual(copy.counters(table));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a power cut anywhere loses whole entries, and applying the rest again ends the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.nat(60), async (history, keep) => {
      const leader = new LeaderModel();
      const entries = history.flatMap((step) => leader.entries(step));
      const whole = await openNode(new MemoryStoreDisk());
      await applyInBatches(whole, entries, 4);
      const disk = new MemoryStoreDisk();
      await applyInBatches(await openNode(disk), entries, 4);
      disk.powerCut(keep);
      const after = await openNode(disk);
      const missing = entries.filter(
        ([partition, entry]) => entry.end.index > after.copy(partition).position.index,
      );
      await applyInBatches(after, missing, 3);
      expect(await dump(after.store)).toEqual(await dump(whole.store));
    }),
    { numRuns: 60 },
  );
});

test('forgetting removes tombstones below the horizon in many chunks, of its partition alone', async () => {
  const node = await openNode(new MemoryStoreDisk());
  const leader = new LeaderModel();
  const changes = Array.from({ length: 12 }, (_, item) => [
    put(item),
    bury(item),
    put(item, 'y', 7),
  ]);
  await applyInBatches(node, leader.entries(changes.flat()), 10);
  const tombstones = ALL.map((partition) => node.copy(partition).counters(1).tombstoneCount);
  expect(tombstones.reduce((sum, count) => sum + count)).toBe(12);
  expect(tombstones[1]).toBeGreaterThan(0);
  const forget = leader.entries({ kind: 'forget', partition: 1, table: 1, beforeTime: 1000 });
  await applyInBatches(node, forget, 1);
  expect(ALL.map((partition) => node.copy(partition).counters(1).tombstoneCount)).toEqual([
    tombstones[0],
    0,
    tombstones[2],
  ]);
  expect(node.copy(1).forgotten).toEqual({ east: 1000 });
  expect(node.copy(0).forgotten).toEqual({});
  const snapshot = node.store.snapshot();
  const left = await snapshot.iterate(tombstoneTimeRange(1, 1000)).next(100);
  expect(left).toHaveLength(12 - (tombstones[1] ?? 0));
});

test('a forgotten vector never goes back', async () => {
  const node = await openNode(new MemoryStoreDisk());
  const leader = new LeaderModel();
  for (const beforeTime of [50, 20]) {
    await applyInBatches(
      node,
      leader.entries({ kind: 'forget', partition: 0, table: 1, beforeTime }),
      1,
    );
  }
  expect(node.copy(0).forgotten).toEqual({ east: 50 });
});

test('what was synced survives a power cut, and the positions say so', async () => {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  const leader = new LeaderModel();
  await applyInBatches(node, leader.entries([put(1), put(2), put(3)]), 10);
  const positions = await node.sync();
  await applyInBatches(
    node,
    leader.entries([put(1, 'later'), put(2, 'later'), put(3, 'later')]),
    10,
  );
  disk.powerCut();
  const again = await openNode(disk);
  for (const [partition, position] of positions) {
    expect(again.copy(partition).position).toEqual(position);
  }
  expect(positions.size).toBe(3);
  expect(imageText(readItem(again.store, 1, keyOf(1)))).toBe('{"t":"x"}');
});

test('a dropped table is gone, stays gone after a restart, and late records do not bring it back', async () => {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  const leader = new LeaderModel();
  const early = leader.entries([put(1), bury(2), put(3, 'other', 7)]);
  await applyInBatches(node, early, 10);
  await node.dropTable(1);
  await node.dropTable(1);
  await applyInBatches(node, leader.entries([put(1, 'late'), put(3, 'late', 7)]), 10);
  await node.close();
  const again = await openNode(disk);
  await applyInBatches(again, leader.entries([put(1, 'later')]), 10);
  expect(readItemOrTombstone(again.store, 1, keyOf(1))).toBeUndefined();
  expect(readItemOrTombstone(again.store, 1, keyOf(2))).toBeUndefined();
  expect(imageText(readItem(again.store, 7, keyOf(3)))).toBe('{"t":"late"}');
  for (const partition of ALL) expect(again.copy(partition).counters(1)).toEqual(NO_COUNTERS);
});

test('a failed write stops the node, which moves no position and writes no more', async () => {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  const leader = new LeaderModel();
  disk.failWrites('full');
  const entries = leader.entries([put(1)]);
  await expect(applyInBatches(node, entries, 1)).rejects.toMatchObject({ code: 'full' });
  disk.failWrites(undefined);
  expect(node.state).toBe('failed');
  expect(node.failure).toMatchObject({ code: 'full' });
  await expect(applyInBatches(node, entries, 1)).rejects.toMatchObject({ code: 'full' });
  await expect(node.sync()).rejects.toMatchObject({ code: 'full' });
  for (const partition of ALL) expect(node.copy(partition).position).toEqual(START);
});

test('entries out of order are a programming error', async () => {
  const node = await openNode(new MemoryStoreDisk());
  const leader = new LeaderModel();
  leader.entries([put(1)]);
  const second = leader.entries([put(1)]);
  await expect(applyInBatches(node, second, 1)).rejects.toThrow('without a gap');
});

test('a store of another format is refused in words', async () => {
  const disk = new MemoryStoreDisk();
  const store = await disk.open();
  await store.write([{ kind: 'put', key: Buffer.from('sformat'), value: Buffer.from('99') }]);
  await store.close();
  await expect(openNode(disk)).rejects.toMatchObject({
    code: 'format',
    message: 'the store has format 99; this program reads 2 and 3',
  });
});

/** Takes a key from what stands in a disk. */
function lose(disk: MemoryStoreDisk, key: Uint8Array): void {
  disk.restore(disk.pairs().filter((pair) => Buffer.compare(pair[0], key) !== 0));
}

test('a store that has lost its format or a position is damaged, not blank', async () => {
  for (const key of [FORMAT_KEY, positionKey(1)]) {
    const disk = new MemoryStoreDisk();
    const node = await openNode(disk);
    await applyInBatches(node, new LeaderModel().entries([put(0), put(1), put(2), put(3)]), 10);
    expect(node.copy(1).position.index).toBeGreaterThan(0);
    await node.close();
    lose(disk, key);
    await expect(openNode(disk)).rejects.toMatchObject({ code: 'damaged' });
  }
});

test('a node knows whether it was closed the last time, and closing makes all durable', async () => {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  expect(node.wasClosed).toBe(true);
  await applyInBatches(node, new LeaderModel().entries([put(1)]), 10);
  await node.close();
  expect(disk.unsyncedCount).toBe(0);
  const second = await openNode(disk);
  expect(second.wasClosed).toBe(true);
  await second.sync();
  disk.powerCut();
  const third = await openNode(disk);
  expect(third.wasClosed).toBe(false);
  disk.failWrites('io');
  await expect(third.sync()).rejects.toThrow('planned');
  disk.failWrites(undefined);
  await third.close();
  const fourth = await openNode(disk);
  expect(fourth.wasClosed).toBe(false);
});
