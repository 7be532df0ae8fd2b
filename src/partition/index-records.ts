import type { ItemRecord } from '../model/record.ts';
import type { Version } from '../model/version.ts';
import { entryChanges, type EntryChange, type IndexedTable, isEqual } from './index-entries.ts';
import type { Standing } from './standing.ts';

/** What stands at a key of a table, as the leader knows it. */
export type StandingOf = (table: number, key: Uint8Array) => Standing;

/**
 * The records that a record of a table with indexes brings with it into the same entry: it itself, with what it replaces
 * where a follower needs that, and those of the local indexes' entries. `standing`: what stands at its key.
 */
export function withIndexRecords(
  record: ItemRecord,
  standing: Standing,
  { table, standingOf }: { readonly table: IndexedTable; readonly standingOf: StandingOf },
): readonly ItemRecord[] {
  const before = standing.stored?.image;
  const base = withOldImage(record, standing, table);
  if (table.locals.length === 0) return [base];
  const { key, image, itemBytes } = record;
  const after = image === undefined ? undefined : { image, itemBytes };
  const records = [base];
  for (const change of entryChanges(table.locals, table.keySchema, { key, before, after })) {
    const entry = entryRecord(change, record.version, standingOf(change.table, change.key));
    if (entry !== undefined) records.push(entry);
  }
  return records;
}

/** A record with what it replaced, where a follower needs that. */
export function withOldImage(
  record: ItemRecord,
  standing: Standing,
  table: IndexedTable,
): ItemRecord {
  if (record.oldImage !== undefined) return record;
  const oldImage = oldImageFor(record.image, standing, table);
  return oldImage === undefined ? record : { ...record, oldImage };
}

/** What a record of a new image carries of what it replaces; undefined where no follower needs that. */
export function oldImageFor(
  image: Uint8Array | undefined,
  { stored }: Standing,
  { keepsOldImages, marksUnchanged = false }: IndexedTable,
): Uint8Array | undefined {
  const oldImage = stored?.image;
  if (oldImage === undefined) return undefined;
  return keepsOldImages || (marksUnchanged && mayBeSame(oldImage, image)) ? oldImage : undefined;
}

/** About how many bytes of images an entry needs for a change of an item, with what that changes in local indexes. */
export function changeBytes(
  table: Pick<IndexedTable, 'locals' | 'keepsOldImages'> | undefined,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): number {
  const oldBytes = table?.keepsOldImages === true ? (before?.length ?? 0) : 0;
  return oldBytes + (1 + (table?.locals.length ?? 0)) * (after?.length ?? 0);
}

/**
 * Whether an item may be what it was: its image has the same bytes, in whatever order. Cheap, and never false for the same
 * item whose attributes come in another order.
 */
function mayBeSame(before: Uint8Array, after: Uint8Array | undefined): boolean {
  if (before.length !== after?.length) return false;
  if (isEqual(before, after)) return true;
  let sum = 0;
  for (const byte of before) sum += byte;
  for (const byte of after) sum -= byte;
  return sum === 0;
}

/**
 * The record of a change of an index's entry, under the version of the item that it follows from. Undefined where what
 * stands is that already.
 */
export function entryRecord(
  { table, key, entry }: EntryChange,
  version: Version,
  standing: Standing,
): ItemRecord | undefined {
  const standingImage = standing.stored?.image;
  if (entry === undefined && standingImage === undefined) return undefined;
  if (entry !== undefined && standingImage !== undefined && isEqual(entry.image, standingImage))
    return undefined;
  return {
    table,
    key,
    version,
    replaced: undefined,
    image: entry?.image,
    itemBytes: entry?.itemBytes ?? 0,
    keepsTombstone: false,
    previous: standing.previous(),
    cause: 'system',
  };
}
