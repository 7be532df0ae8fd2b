import { expect, test } from 'vitest';

import { prepareEntry, type Position } from '../../src/storage/apply.ts';
import { epochEndsMax } from '../../src/storage/copy.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';

const endAt = (epoch: number, index: number): Position => ({
  logId: 'log',
  epoch,
  index,
  checksum: index * 7,
  partitionTime: index * 10,
});

async function openNode(disk: MemoryStoreDisk): Promise<StorageNode> {
  const store = await disk.open();
  return StorageNode.open({ zone: 'a', store, partitionCount: 1, partitions: [0] });
}

/** Applies an entry without records for each end, so many in one batch. */
async function follow(node: StorageNode, ends: readonly Position[], atOnce = 1): Promise<void> {
  const entries = ends.map((end) => prepareEntry({ end, records: [], forget: undefined }));
  for (let from = 0; from < entries.length; from += atOnce)
    await node.apply(new Map([[0, entries.slice(from, from + atOnce)]]));
}

const threeEpochs = [endAt(1, 1), endAt(1, 2), endAt(2, 3), endAt(5, 4), endAt(5, 5)];

test.each([1, 2, 5])(
  'a copy knows where its epochs ended, applied %i at a time',
  async (atOnce) => {
    const disk = new MemoryStoreDisk();
    const node = await openNode(disk);
    await follow(node, threeEpochs, atOnce);
    expect(node.copy(0).epochEnds).toEqual([endAt(1, 2), endAt(2, 3)]);
    await node.close();
    expect((await openNode(disk)).copy(0).epochEnds).toEqual([endAt(1, 2), endAt(2, 3)]);
  },
);

test('a copy knows no more than the latest of them', async () => {
  const node = await openNode(new MemoryStoreDisk());
  const ends = Array.from({ length: 3 * epochEndsMax }, (_, at) => endAt(at + 1, at + 1));
  await follow(node, ends, 7);
  expect(node.copy(0).epochEnds).toEqual(ends.slice(-epochEndsMax - 1, -1));
});

test('a copy that is rebuilt knows what its source does', async () => {
  const source = await openNode(new MemoryStoreDisk());
  await follow(source, threeEpochs);
  const target = await openNode(new MemoryStoreDisk());
  await follow(target, [endAt(1, 1), endAt(3, 2), endAt(4, 3)]);
  const snapshot = source.store.snapshot();
  await target.rebuildFrom({ zone: 'b', partitionCount: 1, snapshot }, 0);
  await snapshot.close();
  expect(target.copy(0).epochEnds).toEqual([endAt(1, 2), endAt(2, 3)]);
  const blank = await openNode(new MemoryStoreDisk());
  await target.rebuildFrom(blank, 0);
  expect(target.copy(0).epochEnds).toEqual([]);
});
