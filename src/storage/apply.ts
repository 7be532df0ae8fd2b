import type { HybridTime } from '../clock/hybrid-time.ts';
import { addDigests, digestOf, NO_DIGEST, subtractDigests } from '../model/item-digest.ts';
import type { ItemDigest, ItemRecord } from '../model/record.ts';
import { encodeStoredItem } from '../model/stored-item-codec.ts';
import { dueKey, itemSpaceKey, tombstoneTimeKey } from './key-layout.ts';
import type { KeyValueOperation } from './key-value-store.ts';

/** One committed entry, prepared once and applied by every copy of its partition. */
export interface EntryToApply {
  readonly end: Position;
  readonly records: readonly ItemRecord[];
  /** What a `forget` entry says; undefined for any other. */
  readonly forget: Forgetting | undefined;
  /** What a `split` entry says; undefined for any other. */
  readonly split?: Splitting | undefined;
  readonly plan: RecordPlan;
}

/** How far a copy has applied its partition's log. The same members as the log's own `LogEnd`. */
export interface Position {
  readonly logId: string;
  readonly epoch: number;
  readonly index: number;
  readonly checksum: number;
  readonly partitionTime: number;
}

/** Before the first entry. */
export const START: Position = { logId: '', epoch: 0, index: 0, checksum: 0, partitionTime: 0 };

/** The same members as the partition's `ForgetDecision`. */
export interface Forgetting {
  readonly vector: Readonly<Record<string, HybridTime>>;
  readonly horizons: Readonly<Record<number, HybridTime>>;
}

/** The hashes from `middle` on are those of the partition `child` from the next entry on. */
export interface Splitting {
  readonly child: number;
  readonly middle: number;
}

/** What records change in any copy, and by how much they change what is counted per table. */
export interface RecordPlan {
  readonly operations: readonly KeyValueOperation[];
  readonly changes: ReadonlyMap<number, TableCounters>;
}

/** What a copy counts of a table. In a `RecordPlan`, differences. The digest covers items, not tombstones. */
export interface TableCounters {
  readonly itemCount: number;
  readonly sizeBytes: number;
  readonly tombstoneCount: number;
  readonly digest: ItemDigest;
}

export const NO_COUNTERS: TableCounters = {
  itemCount: 0,
  sizeBytes: 0,
  tombstoneCount: 0,
  digest: NO_DIGEST,
};

/** `entry.end` may be the log's entry itself; only the members of a position are kept of it. */
export const prepareEntry = (entry: Omit<EntryToApply, 'plan'>): EntryToApply => ({
  end: positionOf(entry.end),
  records: entry.records,
  forget: entry.forget,
  split: entry.split,
  plan: planRecords(entry.records),
});

const positionOf = ({ logId, epoch, index, checksum, partitionTime }: Position): Position => ({
  logId,
  epoch,
  index,
  checksum,
  partitionTime,
});

/** Reads nothing: what stood at a key is `record.previous`. Order matters where a key comes twice. */
export function planRecords(records: readonly ItemRecord[]): RecordPlan {
  const operations: KeyValueOperation[] = [];
  const changes = new Map<number, Tally>();
  for (const record of records) {
    let tally = changes.get(record.table);
    if (tally === undefined) {
      tally = { ...NO_COUNTERS };
      changes.set(record.table, tally);
    }
    removePrevious(record, operations, tally);
    if (record.image !== undefined) putItem(record, record.image, operations, tally);
    else if (record.keepsTombstone) putTombstone(record, operations, tally);
  }
  return { operations, changes };
}

type Tally = { -readonly [Member in keyof TableCounters]: TableCounters[Member] };

function removePrevious(record: ItemRecord, operations: KeyValueOperation[], tally: Tally): void {
  const { table, key, previous } = record;
  if (previous.kind === 'item') {
    tally.itemCount -= 1;
    tally.sizeBytes -= previous.itemBytes;
    tally.digest = subtractDigests(tally.digest, previous.digest);
    if (previous.dueMs !== undefined && previous.dueMs !== record.dueMs)
      operations.push({ kind: 'delete', key: dueKey(table, previous.dueMs, key) });
    if (record.image === undefined) {
      operations.push({ kind: 'delete', key: itemSpaceKey('items', table, key) });
    }
  } else if (previous.kind === 'tombstone') {
    tally.tombstoneCount -= 1;
    operations.push(
      { kind: 'delete', key: itemSpaceKey('tombstones', table, key) },
      { kind: 'delete', key: tombstoneTimeKey(table, previous.time, key) },
    );
  }
}

function putItem(
  record: ItemRecord,
  image: Uint8Array,
  operations: KeyValueOperation[],
  tally: Tally,
): void {
  const { table, key } = record;
  tally.itemCount += 1;
  tally.sizeBytes += record.itemBytes;
  tally.digest = addDigests(tally.digest, digestOf(key, record, image));
  const storeKey = itemSpaceKey('items', table, key);
  operations.push({ kind: 'put', key: storeKey, value: encodeStoredItem(record, storeKey) });
  if (record.dueMs !== undefined)
    operations.push({ kind: 'put', key: dueKey(table, record.dueMs, key), value: NOTHING });
}

const NOTHING = new Uint8Array(0);

function putTombstone(record: ItemRecord, operations: KeyValueOperation[], tally: Tally): void {
  const { table, key } = record;
  tally.tombstoneCount += 1;
  const storeKey = itemSpaceKey('tombstones', table, key);
  operations.push(
    { kind: 'put', key: storeKey, value: encodeStoredItem(record, storeKey) },
    { kind: 'put', key: tombstoneTimeKey(table, record.version.time, key), value: NOTHING },
  );
}

export const subtractCounters = (a: TableCounters, b: TableCounters): TableCounters => ({
  itemCount: a.itemCount - b.itemCount,
  sizeBytes: a.sizeBytes - b.sizeBytes,
  tombstoneCount: a.tombstoneCount - b.tombstoneCount,
  digest: subtractDigests(a.digest, b.digest),
});

export const isNothing = ({
  itemCount,
  sizeBytes,
  tombstoneCount,
  digest,
}: TableCounters): boolean =>
  itemCount === 0 && sizeBytes === 0 && tombstoneCount === 0 && digest[0] === 0 && digest[1] === 0;

export const addCounters = (a: TableCounters, b: TableCounters): TableCounters => ({
  itemCount: a.itemCount + b.itemCount,
  sizeBytes: a.sizeBytes + b.sizeBytes,
  tombstoneCount: a.tombstoneCount + b.tombstoneCount,
  digest: addDigests(a.digest, b.digest),
});
