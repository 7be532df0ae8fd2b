import fc from 'fast-check';
import { expect, test } from 'vitest';

import { addDigests, itemDigest } from '../../src/model/item-digest.ts';
import {
  addCounters,
  NO_COUNTERS,
  prepareEntry,
  START,
  type EntryToApply,
  type Position,
  type TableCounters,
} from '../../src/storage/apply.ts';
import { itemSpaceRange, tableHashes, type HashRange } from '../../src/storage/key-layout.ts';
import { scanVersions } from '../../src/storage/read.ts';
import { checkStore } from '../../src/storage/scrub.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { anyHistory, dump, keyOf, LeaderModel, PARTITIONS, TABLES } from './leader-model.ts';

const ALL = [0, 1, 2];
const CHILD = 3;
const MIDDLE = 2 ** 31;
const FORMAT_OF_SPLITS = '3';

const pace = async (): Promise<void> => {};

async function open(disk: MemoryStoreDisk): Promise<StorageNode> {
  const store = await disk.open();
  return StorageNode.open({ zone: 'a', store, partitionCount: PARTITIONS, partitions: ALL });
}

/** The entry that splits partition 1 behind where its copy stands. */
function splitEntry(node: StorageNode): EntryToApply {
  const { position } = node.copy(1);
  const end: Position = {
    ...position,
    logId: 'log-1',
    epoch: 1,
    index: position.index + 1,
    checksum: 77,
    partitionTime: position.partitionTime + 1,
  };
  return prepareEntry({
    end,
    records: [],
    forget: undefined,
    split: { child: CHILD, middle: MIDDLE },
  });
}

async function split(node: StorageNode): Promise<void> {
  await node.apply(new Map([[1, [splitEntry(node)]]]));
}

/** What lies in a range of hashes. */
async function recount(
  node: StorageNode,
  table: number,
  part: { readonly partition: number; readonly hashes: HashRange },
): Promise<TableCounters> {
  const snapshot = node.store.snapshot();
  const hashes = tableHashes(table, part.partition, part.hashes);
  const scan = { table, hashes, after: undefined, limitBytes: Number.POSITIVE_INFINITY };
  let counters = NO_COUNTERS;
  for (const { key, version, image, itemBytes } of await scanVersions(snapshot, scan))
    counters = addCounters(
      counters,
      image === undefined
        ? { ...NO_COUNTERS, tombstoneCount: 1 }
        : {
            itemCount: 1,
            sizeBytes: itemBytes,
            tombstoneCount: 0,
            digest: addDigests(NO_COUNTERS.digest, itemDigest(key, version, image)),
          },
    );
  await snapshot.close();
  return counters;
}

/** Neither what partitions keep of themselves nor the format. */
const isOfItems = (line: string): boolean => !line.startsWith('6d') && !line.startsWith('73');

const totalOf = (node: StorageNode, table: number): TableCounters =>
  [...node.copies.values()].map((copy) => copy.counters(table)).reduce(addCounters);

async function nodeWith(history: Parameters<LeaderModel['entries']>[0][]): Promise<{
  readonly disk: MemoryStoreDisk;
  readonly node: StorageNode;
}> {
  const disk = new MemoryStoreDisk();
  const node = await open(disk);
  const leader = new LeaderModel();
  for (const step of history)
    for (const [partition, entry] of leader.entries(step))
      await node.apply(new Map([[partition, [entry]]]));
  return { disk, node };
}

test('a split moves no item, and the sums over all partitions stay what they were', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const { node } = await nodeWith([...history]);
      const before = TABLES.map((table) => totalOf(node, table));
      const items = (await dump(node.store)).filter(isOfItems);
      await split(node);
      expect(TABLES.map((table) => totalOf(node, table))).toEqual(before);
      expect((await dump(node.store)).filter(isOfItems)).toEqual(items);
      expect(node.copy(CHILD).position).toEqual(START);
      expect(node.copy(CHILD).forgotten).toEqual(node.copy(1).forgotten);
      expect(node.copy(CHILD).origin).toEqual({
        parent: 1,
        index: node.copy(1).position.index,
        time: node.copy(1).position.partitionTime,
      });
    }),
    { numRuns: 40 },
  );
});

async function expectCounted(node: StorageNode): Promise<void> {
  for (const copy of node.copies.values())
    for (const table of TABLES)
      expect(copy.contents(table)).toEqual(await recount(node, table, copy));
  expectTombstonesTold(node);
}

/** Who is told that there is none does not look for one. */
function expectTombstonesTold(node: StorageNode): void {
  for (const copy of node.copies.values())
    for (const table of TABLES) {
      const contents = copy.contents(table);
      expect(copy.mayHoldTombstones(table)).toBe(
        contents === undefined || contents.tombstoneCount > 0,
      );
    }
}

test('once it is counted each half says what it holds, and a store that is opened again too', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const { disk, node } = await nodeWith([...history]);
      await split(node);
      expect(node.copy(1).contents(1)).toBeUndefined();
      expectTombstonesTold(node);
      expect(await node.countSplit(pace)).toBe(true);
      expect(node.uncounted).toEqual([]);
      await expectCounted(node);
      await node.close();
      const again = await open(disk);
      expect([...again.copies.keys()]).toEqual([0, 1, 2, CHILD]);
      expect(again.copy(CHILD).hashes.from).toBe(MIDDLE);
      expect(again.copy(1).hashes.to).toBe(MIDDLE);
      await expectCounted(again);
    }),
    { numRuns: 40 },
  );
});

const put = (item: number): { kind: 'put'; table: number; item: number; text: string } => ({
  kind: 'put',
  table: 1,
  item,
  text: 'x',
});

const twelve = Array.from({ length: 12 }, (_, item) => put(item));

test('what is lost between a split and its count is found by that', async () => {
  const { node } = await nodeWith([twelve]);
  await split(node);
  const key = await firstItemKey(node, { from: MIDDLE, to: 2 ** 32 });
  await node.store.write([{ kind: 'delete', key }]);
  await expect(node.countSplit(pace)).rejects.toMatchObject({ code: 'damaged' });
});

async function firstItemKey(node: StorageNode, hashes: HashRange): Promise<Uint8Array> {
  const snapshot = node.store.snapshot();
  const iterator = snapshot.iterate(itemSpaceRange('items', 1, hashes));
  const [pair] = await iterator.next(1);
  await iterator.close();
  await snapshot.close();
  if (pair === undefined) throw new Error('an item');
  return pair[0];
}

test('a check of a store passes over what is not counted, and finds what is lost behind the count', async () => {
  const { node } = await nodeWith([twelve]);
  await split(node);
  const damaged: number[] = [];
  const check = {
    clock: new VirtualClock(),
    signal: new AbortController().signal,
    onDamage: (partition: number) => damaged.push(partition),
  };
  await checkStore(node, check);
  expect(damaged).toEqual([]);
  await node.countSplit(pace);
  await checkStore(node, check);
  expect(damaged).toEqual([]);
  const { hashes } = node.copy(CHILD);
  await node.store.write([{ kind: 'delete', key: await firstItemKey(node, hashes) }]);
  await checkStore(node, check);
  expect(damaged).toEqual([CHILD]);
});

test('both halves can be copied to another store, each by itself', async () => {
  const { node } = await nodeWith([twelve]);
  await split(node);
  await node.countSplit(pace);
  const other = await open(new MemoryStoreDisk());
  for (const partition of [0, 1, 2, CHILD]) await other.rebuildFrom(node, partition);
  expect(await dump(other.store)).toEqual(await dump(node.store));
  expect(other.copy(CHILD).contents(1)).toEqual(node.copy(CHILD).contents(1));
});

test('a copy from before the split takes the child away, which comes again by the entry', async () => {
  const { node: behind } = await nodeWith([twelve]);
  const { node } = await nodeWith([twelve]);
  await split(node);
  await node.rebuildFrom(behind, 1);
  expect(node.copies.has(CHILD)).toBe(false);
  expect(node.copy(1).hashes.to).toBeGreaterThan(MIDDLE);
  await split(node);
  await node.countSplit(pace);
  expect(node.copy(CHILD).contents(1)).toEqual(await recount(node, 1, node.copy(CHILD)));
});

test('a child forgets its own tombstones, and leaves those of its parent', async () => {
  const { node } = await nodeWith([twelve, twelve.map((each) => ({ ...each, kind: 'bury' }))]);
  await split(node);
  const end = { ...START, logId: 'log-3', epoch: 1, index: 1, checksum: 5, partitionTime: 9000 };
  const forget = { vector: { east: 8000 }, horizons: { 1: 8000 } };
  await node.apply(new Map([[CHILD, [prepareEntry({ end, records: [], forget })]]]));
  await node.countSplit(pace);
  expect(node.copy(CHILD).contents(1)?.tombstoneCount).toBe(0);
  const left = await recount(node, 1, node.copy(1));
  expect(left.tombstoneCount).toBeGreaterThan(0);
  expect(node.copy(1).contents(1)).toEqual(left);
});

test('a table that is dropped leaves nothing of what a split left uncounted', async () => {
  const { node } = await nodeWith([twelve]);
  await split(node);
  await node.countSplit(pace);
  await node.dropTable(1);
  expect(node.copy(1).contents(1)).toEqual(NO_COUNTERS);
  const left = await dump(node.store);
  expect(left.filter((line) => /^6d....61/u.test(line))).toEqual([]);
});

test('a store with a split is of a format that an earlier program refuses', async () => {
  const { node } = await nodeWith([[put(keyOf(1).length)]]);
  await split(node);
  const format = node.store.get(Buffer.from('sformat'));
  expect(Buffer.from(format ?? []).toString()).toBe(FORMAT_OF_SPLITS);
});
