import type { AttributeMap } from '../model/attribute-value.ts';
import { encodeIndexKeyOf, type IndexImage, indexImage } from '../model/index-key.ts';
import type { IndexDefinition, KeySchema } from '../model/table.ts';
import { parseImage } from './item-image.ts';

/** What a leader must know of a table that has secondary indexes, or a stream. */
export interface IndexedTable {
  readonly keySchema: KeySchema;
  /** Its entries are changed with the item, in the same entry of the log. */
  readonly locals: readonly IndexEntries[];
  /** Whether something that follows the log needs to know what a record has replaced. */
  readonly keepsOldImages: boolean;
  /**
   * Whether something needs to know if a record has changed anything: one that may not have brings what it replaced.
   * Absent means no.
   */
  readonly marksUnchanged?: boolean;
}

/** An index as the table that holds its entries. */
export interface IndexEntries {
  readonly definition: IndexDefinition;
  readonly number: number;
  /**
   * Whether every item that stood before has its entry already. While it may not, an entry that a change of its item
   * leaves as it was is said all the same.
   */
  readonly isWhole: boolean;
}

/** One entry of an index that comes, changes, or, with `entry` undefined, goes. */
export interface EntryChange {
  /** The number of the index. */
  readonly table: number;
  /** `ItemKey` bytes: see `encodeIndexKey`. */
  readonly key: Uint8Array;
  readonly entry: IndexImage | undefined;
}

/** A change of an item, as images. */
export interface ItemChangeSeen {
  readonly key: Uint8Array;
  /** Undefined where nothing stood there. */
  readonly before: Uint8Array | undefined;
  /** Undefined where nothing stands there now. */
  readonly after: IndexImage | undefined;
}

/** What a change of an item changes in indexes: nothing where the entry of a whole one stays as it was. Pure. */
export function entryChanges(
  indexes: readonly IndexEntries[],
  keySchema: KeySchema,
  { key: itemKey, before, after }: ItemChangeSeen,
): readonly EntryChange[] {
  const old = before === undefined ? undefined : parseImage(before);
  const item = after === undefined ? undefined : parseImage(after.image);
  const changes: EntryChange[] = [];
  for (const { definition, number, isWhole } of indexes) {
    const keyIn = (of: AttributeMap | undefined): Uint8Array | undefined =>
      of === undefined ? undefined : encodeIndexKeyOf(definition, itemKey, of);
    const [oldKey, key] = [keyIn(old), keyIn(item)];
    const isSameKey = oldKey !== undefined && key !== undefined && isEqual(oldKey, key);
    if (oldKey !== undefined && !isSameKey)
      changes.push({ table: number, key: oldKey, entry: undefined });
    if (key === undefined || item === undefined || after === undefined) continue;
    const entry = indexImage(definition, keySchema, { item, stored: after });
    if (isWhole && isSameKey && old !== undefined && before !== undefined) {
      const stored = { image: before, itemBytes: 0 };
      const oldEntry = indexImage(definition, keySchema, { item: old, stored });
      if (isEqual(oldEntry.image, entry.image)) continue;
    }
    changes.push({ table: number, key, entry });
  }
  return changes;
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
