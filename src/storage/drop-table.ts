import {
  countersKey,
  droppedTableKey,
  droppedTablesRange,
  tableOfKey,
  tableRanges,
  uncountedTableKey,
} from './key-layout.ts';
import { readRange } from './key-ranges.ts';
import type { KeyValueOperation, KeyValueSnapshot, KeyValueStore } from './key-value-store.ts';

/** What stands under a dropped table's key until it is cleared, and then for ever. */
export const DROPPED: Uint8Array = Uint8Array.of(0);
export const CLEARED: Uint8Array = Uint8Array.of(1);

/** Every dropped table, and whether its keys are gone. Entries of the log that come late must not bring it back. */
export async function readDroppedTables(
  snapshot: KeyValueSnapshot,
): Promise<ReadonlyMap<number, boolean>> {
  const pairs = await readRange(snapshot, droppedTablesRange);
  return new Map(pairs.map(([key, value]) => [tableOfKey(key), value[0] === CLEARED[0]]));
}

/** Clears all key spaces and counters of a table that is marked as dropped, and then says so. May be repeated. */
export async function clearDroppedTable(
  store: KeyValueStore,
  table: number,
  partitions: Iterable<number>,
): Promise<void> {
  for (const range of tableRanges(table)) await store.clear(range);
  const counters = [...partitions].flatMap((partition): readonly KeyValueOperation[] => [
    { kind: 'delete', key: countersKey(partition, table) },
    { kind: 'delete', key: uncountedTableKey(partition, table) },
  ]);
  await store.write([...counters, { kind: 'put', key: droppedTableKey(table), value: CLEARED }]);
}
