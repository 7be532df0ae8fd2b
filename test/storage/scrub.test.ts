import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import {
  countersKey,
  droppedTableKey,
  duesOfAll,
  forgottenKey,
  itemSpaceOfAll,
  rebuildingKey,
  tombstoneTimesOfAll,
} from '../../src/storage/key-layout.ts';
import type { KeyRange, KeyValuePair, StoreError } from '../../src/storage/key-value-store.ts';
import { Layout } from '../../src/storage/layout.ts';
import { checkStore, Scrub } from '../../src/storage/scrub.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { anyHistory, keyOf, LeaderModel, PARTITIONS } from './leader-model.ts';

const ALL = [0, 1, 2];
const minuteMs = 60_000;

async function openNode(disk: MemoryStoreDisk, zone = 'a'): Promise<StorageNode> {
  const store = await disk.open();
  return StorageNode.open({ zone, store, partitionCount: PARTITIONS, partitions: ALL });
}

async function apply(
  node: StorageNode,
  leader: LeaderModel,
  step: Parameters<LeaderModel['entries']>[0],
): Promise<void> {
  for (const [partition, entry] of leader.entries(step)) {
    await node.apply(new Map([[partition, [entry]]]));
  }
}

const someChanges = Array.from({ length: 12 }, (_, item) => ({
  kind: item % 3 === 0 ? ('bury' as const) : ('put' as const),
  table: 1,
  item,
  text: 'x'.repeat(20),
  dueMs: item % 2 === 0 ? undefined : 70 + item,
}));

/** A disk with items, tombstones and a forgotten vector, whose node was closed. */
async function filledDisk(): Promise<MemoryStoreDisk> {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  const leader = new LeaderModel();
  await apply(node, leader, someChanges);
  await apply(node, leader, { kind: 'forget', partition: 1, table: 1, beforeTime: 1 });
  await node.close();
  return disk;
}

/** What a check says of each damaged partition. */
async function check(node: StorageNode): Promise<readonly (readonly [number, string])[]> {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const damage: [number, string][] = [];
  const done = checkStore(node, {
    clock,
    signal,
    onDamage: (partition, { code, message }) => damage.push([partition, `${code}: ${message}`]),
  });
  await clock.advance(minuteMs);
  await done;
  return damage;
}

const isIn = (key: Uint8Array, { from, to }: KeyRange): boolean =>
  Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;

const equals =
  (wanted: Uint8Array) =>
  (key: Uint8Array): boolean =>
    Buffer.compare(key, wanted) === 0;

/** Changes the first pair whose key is wanted, as a bad disk would. */
function change(
  disk: MemoryStoreDisk,
  isWanted: (key: Uint8Array) => boolean,
  how: (pair: KeyValuePair) => readonly KeyValuePair[],
): void {
  const pairs = [...disk.pairs()];
  const at = pairs.findIndex(([key]) => isWanted(key));
  pairs.splice(at, 1, ...how(present(pairs[at], 'a wanted pair')));
  disk.restore(pairs.toSorted(([a], [b]) => Buffer.compare(a, b)));
}

/** The same pair with a bit flipped at the end of its key, or `fromEnd` bytes before. */
const flippedKey =
  (fromEnd: number) =>
  ([key, value]: KeyValuePair): readonly KeyValuePair[] => {
    const flipped = Uint8Array.from(key);
    const at = key.length - 1 - fromEnd;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    return [[flipped, value]];
  };

/** The partition of a key that ends with an item's. */
const partitionIn = (key: Uint8Array): number =>
  Layout.even(PARTITIONS).partitionOf(1, key.subarray(key.length - keyOf(0).length));

const UNCOUNTED = 'damaged: the copy of partition 1 holds of table 1 2 items where 0 were counted';

const lost = (): readonly KeyValuePair[] => [];

test('whatever a node has applied, dropped and rebuilt, its counters agree with it', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, fc.boolean(), async (history, drops) => {
      const leader = new LeaderModel();
      const node = await openNode(new MemoryStoreDisk());
      for (const step of history) await apply(node, leader, step);
      if (drops) await node.dropTable(1);
      expect(await check(node)).toEqual([]);
      const other = await openNode(new MemoryStoreDisk());
      for (const partition of ALL) await other.rebuildFrom(node, partition);
      expect(await check(other)).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('finds what no read can: keys that were changed or are gone', async () => {
  const items = itemSpaceOfAll('items');
  const tombstones = itemSpaceOfAll('tombstones');
  const cases: readonly (readonly [KeyRange, (pair: KeyValuePair) => readonly KeyValuePair[]])[] = [
    [items, lost],
    [items, flippedKey(0)],
    [items, flippedKey(7)],
    [items, flippedKey(11)],
    [tombstones, lost],
    [tombstones, flippedKey(0)],
    [tombstoneTimesOfAll, lost],
    [tombstoneTimesOfAll, flippedKey(0)],
    [tombstoneTimesOfAll, flippedKey(8)],
    [duesOfAll, lost],
    [duesOfAll, flippedKey(0)],
    [duesOfAll, flippedKey(8)],
  ];
  for (const [range, how] of cases) {
    const disk = await filledDisk();
    const [first] = disk.pairs().filter(([key]) => isIn(key, range));
    const partition = partitionIn(present(first, 'a pair')[0]);
    change(disk, (key) => isIn(key, range), how);
    const damage = await check(await openNode(disk));
    expect(damage.map(([number]) => number)).toContain(partition);
    for (const [, text] of damage) expect(text).toMatch(/^damaged: /);
  }
});

test('finds counters and a forgotten vector that are gone', async () => {
  const uncounted = await filledDisk();
  change(uncounted, equals(countersKey(1, 1)), lost);
  expect(await check(await openNode(uncounted))).toEqual([[1, UNCOUNTED]]);
  const disk = await filledDisk();
  const node = await openNode(disk);
  expect(await check(node)).toEqual([]);
  await node.store.write([{ kind: 'delete', key: forgottenKey(1) }]);
  expect(await check(node)).toEqual([[1, 'damaged: partition 1 has lost its forgotten vector']]);
});

test('passes over a table that is being dropped, and a copy under rebuild', async () => {
  for (const mark of [droppedTableKey(1), rebuildingKey(1)]) {
    const node = await openNode(await filledDisk());
    await node.store.write([{ kind: 'delete', key: countersKey(1, 1) }]);
    expect(await check(node)).toEqual([[1, UNCOUNTED]]);
    await node.store.write([{ kind: 'put', key: mark, value: Uint8Array.of(0) }]);
    expect(await check(node)).toEqual([]);
  }
});

interface Watch {
  readonly clock: VirtualClock;
  readonly damage: {
    readonly zone: string;
    readonly error: StoreError;
    readonly partition: number | undefined;
  }[];
  readonly logger: MemoryLogger;
}

async function watch(nodes: readonly StorageNode[]): Promise<Watch> {
  const clock = new VirtualClock();
  const damage: Watch['damage'] = [];
  const logger = new MemoryLogger();
  const scrub = new Scrub({
    nodes: () => nodes,
    clock,
    logger,
    onDamage: (zone, error, partition) => damage.push({ zone, error, partition }),
  });
  await scrub.start();
  onTestFinished(async () => scrub.stop());
  return { clock, damage, logger };
}

async function lossyNode(zone: string, { isClosed }: { isClosed: boolean }): Promise<StorageNode> {
  const disk = await filledDisk();
  change(disk, (key) => isIn(key, itemSpaceOfAll('items')), lost);
  if (!isClosed) change(disk, equals(Buffer.from('sclosed')), lost);
  return openNode(disk, zone);
}

test('a node that was not closed is checked soon, any other after a while, and then again', async () => {
  const closed = await lossyNode('b', { isClosed: true });
  const cut = await lossyNode('c', { isClosed: false });
  const whole = await openNode(await filledDisk());
  const { clock, damage, logger } = await watch([whole, closed, cut]);
  await clock.advance(minuteMs);
  expect(damage.map(({ zone }) => zone)).toEqual(['c']);
  expect(damage[0]).toMatchObject({ partition: 0, error: { name: 'StoreError', code: 'damaged' } });
  await clock.advance(10 * minuteMs);
  expect(damage.map(({ zone }) => zone).toSorted()).toEqual(['b', 'c', 'c']);
  const said = logger.lines.map(({ fields }) => [fields['zone'], fields['damaged']].join(' '));
  expect(said.toSorted()).toEqual(['a 0', 'b 1', 'c 1', 'c 1']);
});

test('nothing is said of a node that was closed', async () => {
  const node = await openNode(await filledDisk());
  const { clock, damage, logger } = await watch([node]);
  await node.close();
  await clock.advance(11 * minuteMs);
  expect(damage).toEqual([]);
  expect(logger.messages('error')).toEqual([]);
});

const noDamage = (partition: number, error: StoreError): void => {
  throw new Error(`partition ${partition} is damaged`, { cause: error });
};

test('reads no faster than it may, and stops at once', async () => {
  const disk = new MemoryStoreDisk();
  const node = await openNode(disk);
  const leader = new LeaderModel();
  const big = Array.from({ length: 12 }, (_, item) => ({
    kind: 'put' as const,
    table: 1,
    item,
    text: 'x'.repeat(400_000),
  }));
  await apply(node, leader, big);
  const clock = new VirtualClock();
  const stop = new AbortController();
  const started = checkStore(node, { clock, signal: stop.signal, onDamage: noDamage }).then(
    () => 'done',
    () => 'stopped',
  );
  let outcome = 'runs';
  void started.then((text) => {
    outcome = text;
    return text;
  });
  await clock.advance(1000);
  expect(outcome).toBe('runs');
  await clock.advance(1000);
  expect(outcome).toBe('done');
  const other = checkStore(node, { clock, signal: stop.signal, onDamage: noDamage });
  await clock.settle();
  stop.abort(new Error('enough'));
  await expect(other).rejects.toThrow('enough');
});
