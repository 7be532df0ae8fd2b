import fc from 'fast-check';
import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { countersKey, hashRange, itemSpaceRange } from '../../src/storage/key-layout.ts';
import { rebuildPartition, type RebuildProgress } from '../../src/storage/rebuild.ts';
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

test.each(['at once', 'when the store is opened again'])(
  'a table that the source has dropped goes from the partitions that are not rebuilt, too: %s',
  async (when) => {
    const puts = Array.from({ length: 12 }, (_, item) => ({
      kind: 'put' as const,
      table: 1,
      item,
      text: 'here',
    }));
    const source = await nodeWith([puts]);
    await source.dropTable(1);
    const disk = new MemoryStoreDisk();
    const target = await nodeWith([puts], disk);
    let node = target;
    if (when === 'at once') await target.rebuildFrom(source, 1);
    else {
      const snapshot = source.store.snapshot();
      const rebuild = { source: snapshot, target: target.store, partition: 1 };
      await rebuildPartition({ ...rebuild, partitionCount: PARTITIONS });
      disk.powerCut();
      node = await openNode(disk);
    }
    await node.dropTables();
    expect(ALL.map((partition) => node.copy(partition).counters(1).itemCount)).toEqual([0, 0, 0]);
    const itemSpace = Buffer.from('i').toString('hex');
    expect((await dump(node.store)).filter((line) => line.startsWith(itemSpace))).toEqual([]);
  },
);

test('a rebuild that was cut off shows, and can be begun again', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, anyHistory, fc.nat(12), async (history, leftovers, keep) => {
      const source = await nodeWith([...history]);
      const disk = new MemoryStoreDisk();
      const target = await nodeWith([...leftovers], disk);
      const cutOff = target.rebuildFrom(source, 1, {
        onProgress: () => {
          disk.powerCut(keep);
        },
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
  await target.rebuildFrom(source, 0, {
    onProgress: () => {
      expect(target.copy(0).rebuilding).toBe(true);
      void target.sync().then((positions) => {
        reported = [...positions.keys()];
        return reported;
      });
      const late = new LeaderModel().entries([put]).map(([at, entry]) => [at, [entry]] as const);
      refused = target.apply(new Map(late)).catch((error: unknown) => error);
    },
  });
  expect(reported).toEqual([1, 2]);
  expect(String(await refused)).toContain('under rebuild');
  expect(target.copy(0).position).toEqual(source.copy(0).position);
});

const somePuts = Array.from({ length: 12 }, (_, item) => ({
  kind: item % 3 === 0 ? ('bury' as const) : ('put' as const),
  table: 1,
  item,
  text: 'here',
}));

/** Takes one pair from what a disk holds, and opens it as a node. */
async function openWithout(disk: MemoryStoreDisk, key: Uint8Array): Promise<StorageNode> {
  disk.restore(disk.pairs().filter((pair) => Buffer.compare(pair[0], key) !== 0));
  return openNode(disk);
}

/** The first key of a space in which partition 1 has any. */
async function keyIn(node: StorageNode, space: 'items' | 'tombstones'): Promise<Uint8Array> {
  const snapshot = node.store.snapshot();
  const range = itemSpaceRange(space, 1, hashRange(1, PARTITIONS));
  const [first] = await snapshot.iterate(range).next(1);
  return present(first, `one of the ${space}`)[0];
}

test('a source that has lost anything is refused, and the target is rebuilt from another', async () => {
  for (const space of ['items', 'tombstones'] as const) {
    const disk = new MemoryStoreDisk();
    const key = await keyIn(await nodeWith([somePuts], disk), space);
    const lossy = await openWithout(disk, key);
    const target = await openNode(new MemoryStoreDisk());
    await expect(target.rebuildFrom(lossy, 1)).rejects.toMatchObject({
      name: 'RebuildError',
      side: 'source',
      code: 'damaged',
    });
    expect(target.state).toBe('open');
    expect(target.copy(1).rebuilding).toBe(true);
    const whole = await nodeWith([somePuts]);
    for (const partition of ALL) await target.rebuildFrom(whole, partition);
    expect(await dump(target.store)).toEqual(await dump(whole.store));
  }
});

test('items of a table that the source has not counted are not passed over', async () => {
  const disk = new MemoryStoreDisk();
  await nodeWith([somePuts], disk);
  const lossy = await openWithout(disk, countersKey(1, 1));
  const target = await openNode(new MemoryStoreDisk());
  await expect(target.rebuildFrom(lossy, 1)).rejects.toMatchObject({ side: 'source' });
});

test('a value that fails its checksum in the source is blamed on the source', async () => {
  const disk = new MemoryStoreDisk();
  const source = await nodeWith([somePuts], disk);
  disk.damage(await keyIn(source, 'items'));
  const target = await openNode(new MemoryStoreDisk());
  await expect(target.rebuildFrom(source, 1)).rejects.toMatchObject({
    side: 'source',
    code: 'damaged',
  });
  expect(target.state).toBe('open');
});

test('a source that is closed meanwhile fails as the source', async () => {
  const source = await nodeWith([somePuts]);
  const target = await openNode(new MemoryStoreDisk());
  let closed: Promise<void> | undefined;
  const rebuild = target.rebuildFrom(source, 1, {
    onProgress: () => {
      closed ??= source.close();
    },
  });
  await expect(rebuild).rejects.toMatchObject({ side: 'source', code: 'io' });
  await closed;
  expect(target.state).toBe('open');
});

test('a write that fails is blamed on the target, which has failed', async () => {
  const disk = new MemoryStoreDisk();
  const target = await openNode(disk);
  const rebuild = target.rebuildFrom(await nodeWith([somePuts]), 1, {
    onProgress: () => {
      disk.failWrites('full');
    },
  });
  await expect(rebuild).rejects.toMatchObject({ side: 'target', code: 'full' });
  expect(target.state).toBe('failed');
  expect(target.failure).toMatchObject({ name: 'StoreError', code: 'full' });
});

test('a copy that is under rebuild is no source', async () => {
  const disk = new MemoryStoreDisk();
  const half = await nodeWith([somePuts], disk);
  const whole = await nodeWith([somePuts]);
  const begun = half.rebuildFrom(whole, 1, {
    onProgress: () => {
      disk.powerCut(0);
    },
  });
  await expect(begun).rejects.toMatchObject({ side: 'target' });
  const again = await openNode(disk);
  const target = await openNode(new MemoryStoreDisk());
  await expect(target.rebuildFrom(again, 1)).rejects.toMatchObject({ side: 'source', code: 'io' });
});

test('a rebuild ends when it is told to, and can be begun again', async () => {
  const source = await nodeWith([somePuts]);
  const target = await openNode(new MemoryStoreDisk());
  const reason = new Error('enough');
  for (const calls of [0, 1, 2]) {
    const stop = new AbortController();
    let left = calls;
    if (left === 0) stop.abort(reason);
    const rebuild = target.rebuildFrom(source, 1, {
      signal: stop.signal,
      onProgress: () => {
        left -= 1;
        if (left === 0) stop.abort(reason);
      },
    });
    await expect(rebuild).rejects.toBe(reason);
    expect(target.copy(1).rebuilding).toBe(true);
    expect(target.state).toBe('open');
  }
  for (const partition of ALL) await target.rebuildFrom(source, partition);
  expect(await dump(target.store)).toEqual(await dump(source.store));
});

test('progress begins with nothing and ends with all', async () => {
  const source = await nodeWith([somePuts]);
  const target = await openNode(new MemoryStoreDisk());
  const told: RebuildProgress[] = [];
  await target.rebuildFrom(source, 1, { onProgress: (progress) => told.push(progress) });
  const { itemCount, tombstoneCount, sizeBytes } = source.copy(1).counters(1);
  expect(itemCount).toBeGreaterThan(0);
  expect(tombstoneCount).toBeGreaterThan(0);
  const totals = { totalItems: itemCount + tombstoneCount, totalBytes: sizeBytes };
  expect(told[0]).toEqual({ items: 0, bytes: 0, ...totals });
  expect(told.at(-1)).toEqual({ items: totals.totalItems, bytes: sizeBytes, ...totals });
});
