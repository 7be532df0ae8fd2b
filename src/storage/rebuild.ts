import { NO_COUNTERS, START, type Position, type TableCounters } from './apply.ts';
import { readHeldHashes } from './copy.ts';
import { CLEARED, DROPPED, readDroppedTables } from './drop-table.ts';
import {
  countersRange,
  droppedTableKey,
  dueKey,
  duesOfAll,
  epochEndsKey,
  epochStartsKey,
  FORMAT_KEY,
  forgottenKey,
  heldHashesKey,
  holdsKey,
  itemKeyIn,
  itemKeyInTimeKey,
  itemSpaceRange,
  metaRange,
  positionKey,
  rebuildingKey,
  SPLIT_STORE_FORMAT_VERSION,
  tableHashes,
  tableOfKey,
  tombstoneTimeKey,
  tombstoneTimesOfAll,
  uncountedKey,
  uncountedTablesRange,
  type HashRange,
  type ItemSpace,
} from './key-layout.ts';
import { forEachBatch, readRange, withSnapshot } from './key-ranges.ts';
import {
  StoreError,
  type KeyValueOperation,
  type KeyValueSnapshot,
  type KeyValueStore,
} from './key-value-store.ts';
import { decodePosition } from './meta-codec.ts';
import { decodePair } from './read.ts';
import { readContents, TableCount, tablesIn, tablesOf } from './table-count.ts';

export interface Rebuild {
  /** The source's copy. */
  readonly source: KeyValueSnapshot;
  readonly target: KeyValueStore;
  readonly partition: number;
  /** How many there were before any was split. */
  readonly partitionCount: number;
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RebuildProgress {
  /** Items and tombstones copied so far, and in all. */
  readonly items: number;
  readonly totalItems: number;
  /** Their sizes, as DynamoDB counts them. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Which of the two stores a rebuild failed at. A target can be rebuilt from another source. */
export type RebuildSide = 'source' | 'target';

/** A rebuild failed at one of its sides. The code is the cause's; the cause is the `StoreError` of that store. */
export class RebuildError extends StoreError {
  readonly side: RebuildSide;

  constructor(side: RebuildSide, cause: StoreError) {
    super(cause.code, `the ${side} of a rebuild: ${cause.message}`, { cause });
    this.name = 'RebuildError';
    this.side = side;
  }
}

/**
 * Replaces the target's copy of one partition by the source's: items, tombstones, counters, forgotten vector and
 * position, durable when it resolves with that position. From the first step to the last the target carries
 * `rebuildingKey`, so that a crash, a failure or an abort leaves it recognisably incomplete: begin again. Every value is
 * verified on its way, and what was copied against what the source has counted: a source that has lost something is
 * refused. Tells of its progress at the start, with nothing copied, and then as it goes. Rejects with `RebuildError`, or
 * with the signal's reason.
 */
export async function rebuildPartition(rebuild: Rebuild): Promise<Position> {
  const { source, target, partition, signal } = rebuild;
  return onSide('source', async () => {
    signal?.throwIfAborted();
    const work = await workOf(rebuild);
    await onSide('target', async () => {
      await target.write([{ kind: 'put', key: rebuildingKey(partition), value: NOTHING }], {
        sync: true,
      });
      report(rebuild, work);
      await clearPartition(rebuild, work.hashes);
    });
    for (const table of await tablesOf(source, work.contents?.keys() ?? []))
      await copyTable(rebuild, table, work);
    return finish(rebuild);
  });
}

/** What goes wrong in `task`, and was not said by one inside to be of the other side, is of this side. */
export async function onSide<Result>(
  side: RebuildSide,
  task: () => Promise<Result>,
): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof StoreError) || error instanceof RebuildError) throw error;
    throw new RebuildError(side, error);
  }
}

interface RebuildWork {
  /** What the source holds of the partition's. */
  readonly hashes: HashRange;
  /** What the source should hold; undefined while it cannot tell, since a split. */
  readonly contents: ReadonlyMap<number, TableCounters> | undefined;
  /** Tables that the source is removing: what is left of them is not what was counted. */
  readonly dropped: ReadonlyMap<number, boolean>;
  readonly totalItems: number;
  readonly totalBytes: number;
  items: number;
  bytes: number;
}

/** Throws where the source's copy is under rebuild itself. */
async function workOf({ source, partition, partitionCount }: Rebuild): Promise<RebuildWork> {
  if (source.get(rebuildingKey(partition)) !== undefined) {
    throw new StoreError('io', `the copy of partition ${partition} is under rebuild itself`);
  }
  const hashes = readHeldHashes(source, partition, partitionCount);
  const contents = await readContents(source, partition);
  let totalItems = 0;
  let totalBytes = 0;
  for (const { itemCount, tombstoneCount, sizeBytes } of contents?.values() ?? []) {
    totalItems += itemCount + tombstoneCount;
    totalBytes += sizeBytes;
  }
  const dropped = await readDroppedTables(source);
  return { hashes, contents, dropped, totalItems, totalBytes, items: 0, bytes: 0 };
}

async function copyTable(rebuild: Rebuild, table: number, work: RebuildWork): Promise<void> {
  const found = new TableCount();
  for (const space of ['items', 'tombstones'] as const) {
    await copySpace(rebuild, { space, table, found }, work);
  }
  if (work.dropped.has(table) || work.contents === undefined) return;
  const difference = found.differenceFrom(work.contents.get(table) ?? NO_COUNTERS);
  if (difference === undefined) return;
  throw new StoreError(
    'damaged',
    `the copy of partition ${rebuild.partition} holds of table ${table} ${difference}`,
  );
}

const NOTHING = new Uint8Array(0);

const OWN_KEYS = [
  positionKey,
  forgottenKey,
  epochEndsKey,
  epochStartsKey,
  heldHashesKey,
  uncountedKey,
];

/** The last batch: what the partition keeps of itself, in exchange for the mark. */
async function finish({ source, target, partition }: Rebuild): Promise<Position> {
  const operations: KeyValueOperation[] = [{ kind: 'delete', key: rebuildingKey(partition) }];
  // What the target's other partitions hold of such a table is not cleared by that: whoever takes the copy does it.
  for (const [table, cleared] of await readDroppedTables(source)) {
    const key = droppedTableKey(table);
    if (cleared && target.get(key)?.[0] !== CLEARED[0])
      operations.push({ kind: 'put', key, value: DROPPED });
  }
  const copied = [
    ...(await readRange(source, countersRange(partition))),
    ...(await readRange(source, uncountedTablesRange(partition))),
    ...OWN_KEYS.flatMap((keyOf) => {
      const key = keyOf(partition);
      const value = source.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  ];
  for (const [key, value] of copied) operations.push({ kind: 'put', key, value });
  if (source.get(heldHashesKey(partition)) !== undefined)
    operations.push({
      kind: 'put',
      key: FORMAT_KEY,
      value: Buffer.from(String(SPLIT_STORE_FORMAT_VERSION)),
    });
  const position = source.get(positionKey(partition));
  const at = position === undefined ? START : decodePosition(position);
  await onSide('target', async () => target.write(operations, { sync: true }));
  return at;
}

async function copySpace(
  rebuild: Rebuild,
  part: { readonly space: ItemSpace; readonly table: number; readonly found: TableCount },
  work: RebuildWork,
): Promise<void> {
  const { source, target, partition, signal } = rebuild;
  const { space, table, found } = part;
  const hashes = tableHashes(table, partition, work.hashes);
  await forEachBatch(source, itemSpaceRange(space, table, hashes), async (pairs) => {
    signal?.throwIfAborted();
    const operations: KeyValueOperation[] = [];
    for (const pair of pairs) {
      const [key, value] = pair;
      const item = decodePair(pair);
      found.add(key, item);
      operations.push({ kind: 'put', key, value });
      work.items += 1;
      work.bytes += item.itemBytes;
      if (item.dueMs !== undefined) {
        const timeKey = dueKey(table, item.dueMs, itemKeyIn(key));
        operations.push({ kind: 'put', key: timeKey, value: NOTHING });
      }
      if (space === 'items') continue;
      const timeKey = tombstoneTimeKey(table, item.version.time, itemKeyIn(key));
      operations.push({ kind: 'put', key: timeKey, value: NOTHING });
    }
    await onSide('target', async () => target.write(operations));
    report(rebuild, work);
  });
}

function report({ onProgress }: Rebuild, work: RebuildWork): void {
  const { items, totalItems, bytes, totalBytes } = work;
  onProgress?.({ items, totalItems, bytes, totalBytes });
}

/** Removes whatever the target has of the partition, of tables that the source may not know. The mark stays. */
async function clearPartition(
  { target, partition, signal }: Rebuild,
  held: HashRange,
): Promise<void> {
  await withSnapshot(target, async (snapshot) => {
    for (const space of ['items', 'tombstones'] as const) {
      for (const table of await tablesIn(snapshot, space)) {
        signal?.throwIfAborted();
        const hashes = tableHashes(table, partition, held);
        await target.clear(itemSpaceRange(space, table, hashes));
      }
    }
    for (const times of [tombstoneTimesOfAll, duesOfAll]) {
      await forEachBatch(snapshot, times, async (pairs) => {
        signal?.throwIfAborted();
        const operations = pairs
          .map(([key]) => key)
          .filter((key) =>
            holdsKey({ partition, hashes: held }, tableOfKey(key), itemKeyInTimeKey(key)),
          )
          .map((key): KeyValueOperation => ({ kind: 'delete', key }));
        await target.write(operations);
      });
    }
    const meta = await readRange(snapshot, metaRange(partition));
    const mark = Buffer.from(rebuildingKey(partition));
    await target.write(
      meta
        .filter(([key]) => !mark.equals(key))
        .map(([key]): KeyValueOperation => ({ kind: 'delete', key })),
    );
  });
}
