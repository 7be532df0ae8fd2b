import { START, type Position } from './apply.ts';
import { readDroppedTables, CLEARED } from './drop-table.ts';
import {
  countersRange,
  droppedTableKey,
  forgottenKey,
  itemKeyIn,
  itemKeyInTimeKey,
  itemSpaceOfAll,
  itemSpaceRange,
  metaRange,
  partitionOf,
  positionKey,
  rebuildingKey,
  tableHashRange,
  tableOfCountersKey,
  tableOfKey,
  tombstoneTimeKey,
  tombstoneTimesOfAll,
  type ItemSpace,
} from './key-layout.ts';
import { forEachBatch, readRange, withSnapshot } from './key-ranges.ts';
import type { KeyValueOperation, KeyValueSnapshot, KeyValueStore } from './key-value-store.ts';
import { decodePosition } from './meta-codec.ts';
import { decodeValue } from './read.ts';

export interface Rebuild {
  /** The source's copy, which must not be under rebuild itself. */
  readonly source: KeyValueSnapshot;
  readonly target: KeyValueStore;
  readonly partition: number;
  readonly partitionCount: number;
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
}

export interface RebuildProgress {
  /** Items and tombstones copied so far. */
  readonly items: number;
  readonly bytes: number;
}

/**
 * Replaces the target's copy of one partition by the source's: items, tombstones, counters, forgotten vector and
 * position, durable when it resolves with that position. From the first step to the last the target carries
 * `rebuildingKey`, so that a crash leaves it recognisably incomplete: begin again. Every value is verified on its
 * way. Throws `StoreError`.
 */
export async function rebuildPartition(rebuild: Rebuild): Promise<Position> {
  const { source, target, partition } = rebuild;
  await target.write([{ kind: 'put', key: rebuildingKey(partition), value: NOTHING }], {
    sync: true,
  });
  await clearPartition(rebuild);
  const progress = { items: 0, bytes: 0 };
  for (const [key] of await readRange(source, countersRange(partition))) {
    const table = tableOfCountersKey(key);
    await copySpace(rebuild, { space: 'items', table }, progress);
    await copySpace(rebuild, { space: 'tombstones', table }, progress);
  }
  return finish(rebuild);
}

const NOTHING = new Uint8Array(0);

/** The last batch: what the partition keeps of itself, in exchange for the mark. */
async function finish({ source, target, partition }: Rebuild): Promise<Position> {
  const operations: KeyValueOperation[] = [{ kind: 'delete', key: rebuildingKey(partition) }];
  for (const [table, cleared] of await readDroppedTables(source)) {
    if (cleared) operations.push({ kind: 'put', key: droppedTableKey(table), value: CLEARED });
  }
  const copied = [
    ...(await readRange(source, countersRange(partition))),
    ...[positionKey(partition), forgottenKey(partition)].flatMap((key) => {
      const value = source.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  ];
  for (const [key, value] of copied) operations.push({ kind: 'put', key, value });
  await target.write(operations, { sync: true });
  const position = source.get(positionKey(partition));
  return position === undefined ? START : decodePosition(position);
}

async function copySpace(
  { source, target, partition, partitionCount, onProgress }: Rebuild,
  { space, table }: { readonly space: ItemSpace; readonly table: number },
  progress: { items: number; bytes: number },
): Promise<void> {
  const hashes = tableHashRange(table, partition, partitionCount);
  await forEachBatch(source, itemSpaceRange(space, table, hashes), async (pairs) => {
    const operations: KeyValueOperation[] = [];
    for (const [key, value] of pairs) {
      const { version } = decodeValue(value);
      operations.push({ kind: 'put', key, value });
      progress.items += 1;
      progress.bytes += key.length + value.length;
      if (space === 'items') continue;
      const timeKey = tombstoneTimeKey(table, version.time, itemKeyIn(key));
      operations.push({ kind: 'put', key: timeKey, value: NOTHING });
    }
    await target.write(operations);
    onProgress?.({ ...progress });
  });
}

/** Removes whatever the target has of the partition, of tables that the source may not know. The mark stays. */
async function clearPartition({ target, partition, partitionCount }: Rebuild): Promise<void> {
  await withSnapshot(target, async (snapshot) => {
    for (const space of ['items', 'tombstones'] as const) {
      for (const table of await tablesIn(snapshot, space)) {
        const hashes = tableHashRange(table, partition, partitionCount);
        await target.clear(itemSpaceRange(space, table, hashes));
      }
    }
    await forEachBatch(snapshot, tombstoneTimesOfAll, async (pairs) => {
      const operations = pairs
        .map(([key]) => key)
        .filter(
          (key) =>
            partitionOf(tableOfKey(key), itemKeyInTimeKey(key), partitionCount) === partition,
        )
        .map((key): KeyValueOperation => ({ kind: 'delete', key }));
      await target.write(operations);
    });
    const meta = await readRange(snapshot, metaRange(partition));
    const mark = Buffer.from(rebuildingKey(partition));
    await target.write(
      meta
        .filter(([key]) => !mark.equals(key))
        .map(([key]): KeyValueOperation => ({ kind: 'delete', key })),
    );
  });
}

/** The tables that have anything in a space, found by skipping from one to the next. */
async function tablesIn(snapshot: KeyValueSnapshot, space: ItemSpace): Promise<readonly number[]> {
  const tables: number[] = [];
  const { to } = itemSpaceOfAll(space);
  let { from } = itemSpaceOfAll(space);
  for (;;) {
    const iterator = snapshot.iterate({ from, to });
    const [first] = await iterator.next(1);
    await iterator.close();
    if (first === undefined) return tables;
    const table = tableOfKey(first[0]);
    tables.push(table);
    from = itemSpaceRange(space, table, { from: 0, to: 2 ** 32 }).to;
  }
}
