import { expect, test } from 'vitest';

import { encodeStoredItem } from '../../../src/model/stored-item-codec.ts';
import {
  type Line,
  partingOf,
  surplusOf,
  type Parting,
} from '../../../src/partition/clustered/copy-surplus.ts';
import type { ReceivedRecord } from '../../../src/partition/partition.ts';
import type { Position } from '../../../src/storage/apply.ts';
import { epochEndsMax } from '../../../src/storage/copy.ts';
import { itemSpaceKey, PARTITION_TABLE } from '../../../src/storage/key-layout.ts';
import { keyOf } from '../../support/partition-world.ts';
import { MemoryStoreDisk } from '../../support/memory-store.ts';

const at = (logId: string, epoch: number, index: number, checksum = index): Position => ({
  logId,
  epoch,
  index,
  checksum,
  partitionTime: index * 10,
});

/** A copy that does not know where its earlier epochs have ended. */
const alone = (position: Position): Line => ({ position, epochEnds: [], epochStarts: [] });

/** Epoch 1 up to 10, epoch 4 up to 20, and then under another log id. */
const line = {
  position: at('B', 9, 30),
  epochEnds: [at('A', 1, 10), at('A', 4, 20), at('B', 7, 25)],
  epochStarts: [],
};

test.each([
  ['in the first epoch', at('A', 1, 5)],
  ['at the end of an epoch', at('A', 4, 20)],
  ['in the current one', at('B', 9, 29)],
  ['at the end', at('B', 9, 30)],
  ['nowhere yet', at('', 0, 0)],
])('a position on the line is behind it: %s', (_, position) => {
  expect(partingOf(alone(position), line)).toEqual({ kind: 'behind' });
});

test.each([
  ['further in its epoch', at('A', 1, 12), at('A', 1, 10)],
  ['in an epoch that the line passed over', at('A', 3, 14), at('A', 1, 10)],
  ['under the log id before, later', at('A', 6, 40), at('A', 4, 20)],
  ['further than its end', at('B', 9, 31), at('B', 9, 30)],
])('a position beside the line has forked where the line went on: %s', (_, position, fork) => {
  expect(partingOf(alone(position), line)).toEqual({ kind: 'forked', at: fork });
});

test('what a line knows nothing of is foreign, or before what it knows', () => {
  expect(partingOf(alone(at('C', 2, 5)), line)).toEqual({ kind: 'foreign' });
  expect(partingOf(alone(at('B', 9, 30, 31)), line)).toEqual({ kind: 'foreign' });
  const epochEnds = Array.from({ length: epochEndsMax }, (_, number) => at('D', number + 20, 90));
  const cut = { position: at('D', 100, 99), epochEnds, epochStarts: [] };
  expect(partingOf(alone(at('A', 1, 5)), cut)).toEqual({ kind: 'unknown' });
  expect(partingOf(alone(at('A', 1, 100)), cut)).toEqual({ kind: 'foreign' });
  expect(partingOf(alone(at('A', 101, 5)), cut)).toEqual({ kind: 'foreign' });
});

/** The stream went back to 18, and another leader has opened the epochs 7 and 9 once more. */
const again: Line = {
  position: at('A', 9, 40),
  epochEnds: [at('A', 1, 10), at('A', 4, 18), at('A', 7, 33)],
  epochStarts: [],
};

test.each([
  ['whose epoch was opened again later', at('A', 7, 25), [at('A', 4, 20)]],
  ['whose epoch was opened again, and ended before', at('A', 7, 38), [at('A', 4, 20)]],
  ['two epochs on', at('A', 9, 26), [at('A', 4, 20), at('A', 7, 25)]],
])('an epoch that was opened behind another entry is another one: %s', (_, position, ends) => {
  const own = { position, epochEnds: [at('A', 1, 10), ...ends], epochStarts: [] };
  expect(partingOf(own, again)).toEqual({ kind: 'forked', at: at('A', 4, 18) });
});

test('a copy that parted where an epoch of its own begins has forked there', () => {
  const epochEnds = [at('A', 1, 10), at('A', 4, 15)];
  const own = { position: at('A', 5, 22), epochEnds, epochStarts: [] };
  expect(partingOf(own, again)).toEqual({ kind: 'forked', at: at('A', 4, 15) });
  const ends = [at('A', 1, 10), at('A', 4, 18)];
  const same = { position: at('A', 7, 19, 99), epochEnds: ends, epochStarts: [] };
  const line7 = { position: at('A', 7, 19), epochEnds: ends, epochStarts: [] };
  expect(partingOf(same, line7)).toEqual({ kind: 'forked', at: at('A', 4, 18) });
});

/** At the end of epoch 7, behind 18 of epoch 4. */
const ofEpoch7 = (position: Position, openedBy: number): Line => ({
  position,
  epochEnds: [at('A', 1, 10), at('A', 4, 18)],
  epochStarts: [at('A', 4, 11), at('A', 7, 19, openedBy)],
});

test.each([
  ['no further than the line', at('A', 7, 22), { kind: 'behind' }],
  ['further than the line', at('A', 7, 30), { kind: 'forked', at: at('A', 7, 25) }],
  ['as far', at('A', 7, 25), { kind: 'behind' }],
] as const)('an epoch that was opened twice behind one entry is two: %s', (_, position, same) => {
  const line7 = ofEpoch7(at('A', 7, 25), 71);
  expect(partingOf(ofEpoch7(position, 71), line7)).toEqual(same);
  const forked = { kind: 'forked', at: at('A', 4, 18) };
  expect(partingOf(ofEpoch7(position, 70), line7)).toEqual(forked);
});

test('a copy that has nothing in common with what a line still knows is before what it knows', () => {
  const epochEnds = [at('A', 1, 10, 77), at('A', 4, 20)];
  const own = { position: at('A', 9, 26), epochEnds, epochStarts: [] };
  const short = { position: at('A', 9, 40), epochEnds: [at('A', 8, 30)], epochStarts: [] };
  expect(partingOf(own, short)).toEqual({ kind: 'unknown' });
});

const GLOBAL = 6;
const LOCAL = 5;
const INDEX = 7;

/** In each of the tables two items and a tombstone of this region, from before and after 100, and an old one of another. */
async function surplus(parting: Parting, damaged?: Uint8Array): Promise<readonly ReceivedRecord[]> {
  const disk = new MemoryStoreDisk();
  const store = await disk.open();
  const made = [
    { item: 1, time: 90, region: 'east', text: 'old' },
    { item: 2, time: 110, region: 'east', text: 'new' },
    { item: 3, time: 95, region: 'west', text: 'foreign' },
    { item: 4, time: 120, region: 'east', text: undefined },
  ];
  for (const table of [LOCAL, GLOBAL, INDEX, PARTITION_TABLE])
    for (const { item, time, region, text } of made) {
      const image = text === undefined ? undefined : Buffer.from(text);
      const key = itemSpaceKey(image === undefined ? 'tombstones' : 'items', table, keyOf(item));
      const version = { time, region };
      const stored = { version, replaced: undefined, image, itemBytes: text?.length ?? 0 };
      await store.write([{ kind: 'put', key, value: encodeStoredItem(stored, key) }]);
    }
  if (damaged !== undefined) disk.damage(damaged);
  const found: ReceivedRecord[] = [];
  const snapshot = store.snapshot();
  const batches = surplusOf({
    snapshot,
    partition: 0,
    partitionCount: 1,
    region: 'east',
    parting,
    tables: {
      holdsItems: (table) => table !== INDEX,
      keepsTombstones: (table) => table === GLOBAL,
    },
    onDamage: (error) => {
      expect(error.code).toBe('damaged');
    },
  });
  for await (const batch of batches) found.push(...batch);
  return found;
}

const named = (records: readonly ReceivedRecord[]): readonly string[] =>
  records.map(({ table, image, version }) => {
    const text = image === undefined ? 'gone' : Buffer.from(image).toString();
    return `${table} ${text} ${version.time}`;
  });

const forked: Parting = { kind: 'forked', at: at('A', 1, 10) };

test('handed in is what is later than the fork, and of global tables what other regions made', async () => {
  expect(named(await surplus(forked)).toSorted()).toEqual([
    '5 gone 120',
    '5 new 110',
    '6 foreign 95',
    '6 gone 120',
    '6 new 110',
  ]);
});

test('without a known fork only tables with tombstones are handed in, whole', async () => {
  expect(named(await surplus({ kind: 'unknown' })).toSorted()).toEqual([
    '6 foreign 95',
    '6 gone 120',
    '6 new 110',
    '6 old 90',
  ]);
});

test('a copy that is only behind has nothing to hand in', async () => {
  expect(await surplus({ kind: 'behind' })).toEqual([]);
});

test('an item that cannot be read is passed over', async () => {
  const damaged = itemSpaceKey('items', LOCAL, keyOf(2));
  expect(named(await surplus(forked, damaged))).not.toContain('5 new 110');
  expect(named(await surplus(forked, damaged))).toContain('5 gone 120');
});

test('what is handed in is taken as from a scan', async () => {
  const records = await surplus(forked);
  expect(new Set(records.map(({ via }) => via))).toEqual(new Set(['scan']));
  const [first] = records;
  expect(Buffer.from(first?.key ?? [])).toEqual(keyOf(2));
});
