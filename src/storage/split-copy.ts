import type { HybridTime } from '../clock/hybrid-time.ts';
import {
  addCounters,
  isNothing,
  NO_COUNTERS,
  START,
  subtractCounters,
  type TableCounters,
} from './apply.ts';
import { Copy } from './copy.ts';
import {
  FORMAT_KEY,
  forgottenKey,
  heldHashesKey,
  itemSpaceRange,
  metaOfAll,
  partitionOfHeldHashesKey,
  positionKey,
  SPLIT_STORE_FORMAT_VERSION,
  tableHashes,
  uncountedKey,
  uncountedTableKey,
} from './key-layout.ts';
import { forEachBatch } from './key-ranges.ts';
import { StoreError, type KeyValueOperation, type KeyValueSnapshot } from './key-value-store.ts';
import {
  encodeCounters,
  encodeHeldHashes,
  encodeNumbers,
  encodePosition,
  encodeTimeVector,
} from './meta-codec.ts';
import { decodePair } from './read.ts';
import { readCounters, TableCount, tablesOf } from './table-count.ts';

/**
 * What a split changes in a store besides the position of the parent: whose the hashes are. No item moves, since they lie by
 * table and hash. `index` and partition `time`: of the entry that splits.
 */
export function splitCopy(
  parent: Copy,
  {
    child,
    middle,
    index,
    time,
  }: {
    readonly child: number;
    readonly middle: number;
    readonly index: number;
    readonly time: HybridTime;
  },
): {
  readonly operations: readonly KeyValueOperation[];
  readonly born: Copy;
  readonly countsWith: readonly number[];
} {
  const { partition, hashes, forgotten, origin } = parent;
  const before = parent.countsWith.length === 0 ? [partition] : parent.countsWith;
  const countsWith = [...before, child];
  const held = { from: middle, to: hashes.to, origin: { parent: partition, index, time } };
  return {
    operations: [
      put(FORMAT_KEY, Buffer.from(String(SPLIT_STORE_FORMAT_VERSION))),
      put(heldHashesKey(partition), encodeHeldHashes({ from: hashes.from, to: middle, origin })),
      put(uncountedKey(partition), encodeNumbers(countsWith)),
      put(heldHashesKey(child), encodeHeldHashes(held)),
      put(uncountedKey(child), encodeNumbers(countsWith)),
      put(positionKey(child), encodePosition(START)),
      put(forgottenKey(child), encodeTimeVector(forgotten)),
    ],
    born: Copy.ofSplit(child, { held, forgotten, countsWith }),
    countsWith,
  };
}

const put = (key: Uint8Array, value: Uint8Array): KeyValueOperation => ({
  kind: 'put',
  key,
  value,
});

/** The partitions of which the store says which hashes they hold: those that were split, and those that came of it. */
export async function splitPartitions(snapshot: KeyValueSnapshot): Promise<readonly number[]> {
  const found: number[] = [];
  await forEachBatch(snapshot, metaOfAll, (pairs) => {
    for (const [key] of pairs) {
      const partition = partitionOfHeldHashesKey(key);
      if (partition !== undefined) found.push(partition);
    }
  });
  return found;
}

type ByTable = ReadonlyMap<number, TableCounters>;

/**
 * What the counters of each copy lack, by table, as one snapshot has it. Rejects with `StoreError`: `damaged`, where copies that
 * were split apart, and are all there, hold something else together than they have counted.
 */
export async function countCopies(
  snapshot: KeyValueSnapshot,
  copies: readonly Copy[],
  pace: (bytes: number) => Promise<void>,
): Promise<readonly ByTable[]> {
  const found: ByTable[] = [];
  for (const copy of copies) {
    const counted = await readCounters(snapshot, copy.partition);
    const lacking = new Map<number, TableCounters>();
    for (const table of await tablesOf(snapshot, [...counted.keys(), ...copy.tables])) {
      const there = await countTable(snapshot, { table, copy }, pace);
      const lack = subtractCounters(there, counted.get(table) ?? NO_COUNTERS);
      if (!isNothing(lack)) lacking.set(table, lack);
    }
    found.push(lacking);
  }
  assertWhole(copies, found);
  return found;
}

async function countTable(
  snapshot: KeyValueSnapshot,
  { table, copy }: { readonly table: number; readonly copy: Copy },
  pace: (bytes: number) => Promise<void>,
): Promise<TableCounters> {
  const count = new TableCount();
  const hashes = tableHashes(table, copy.partition, copy.hashes);
  for (const space of ['items', 'tombstones'] as const) {
    await forEachBatch(snapshot, itemSpaceRange(space, table, hashes), async (pairs) => {
      let bytes = 0;
      for (const pair of pairs) {
        count.add(pair[0], decodePair(pair));
        bytes += pair[0].length + pair[1].length;
      }
      await pace(bytes);
    });
  }
  return count.counters;
}

/** What one of them lacks another one has too much, as long as nothing else went wrong. */
function assertWhole(copies: readonly Copy[], found: readonly ByTable[]): void {
  const together = new Set(copies.map(({ partition }) => partition));
  const isAll = copies.every(({ countsWith }) => countsWith.every((each) => together.has(each)));
  if (!isAll) return;
  const tables = new Set([
    ...found.flatMap((each) => [...each.keys()]),
    ...copies.flatMap((copy) => copy.tables),
  ]);
  for (const table of tables) {
    let sum = NO_COUNTERS;
    for (const [place, copy] of copies.entries()) {
      const lack = found[place]?.get(table) ?? NO_COUNTERS;
      sum = addCounters(sum, subtractCounters(lack, copy.uncounted(table)));
    }
    if (isNothing(sum)) continue;
    const numbers = [...together].join(', ');
    throw new StoreError(
      'damaged',
      `the copies of partitions ${numbers} hold other items of table ${table} than were counted`,
    );
  }
}

/** Without the tables that are dropped. */
export const without = (found: ByTable, isDropped: (table: number) => boolean): ByTable =>
  new Map([...found].filter(([table]) => !isDropped(table)));

/** Writes down what a copy's counters lack, in the place of what they lacked when they were counted last. */
export const countedOperations = (
  { partition, tables }: Copy,
  lacking: ByTable | undefined,
): readonly KeyValueOperation[] => [
  { kind: 'delete', key: uncountedKey(partition) },
  ...tables
    .filter((table) => lacking?.has(table) !== true)
    .map((table): KeyValueOperation => ({
      kind: 'delete',
      key: uncountedTableKey(partition, table),
    })),
  ...[...(lacking ?? [])].map(([table, lack]): KeyValueOperation => ({
    kind: 'put',
    key: uncountedTableKey(partition, table),
    value: encodeCounters(lack),
  })),
];
