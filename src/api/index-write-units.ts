import type { AttributeMap } from '../model/attribute-value.ts';
import { attributeValuesEqual } from '../model/compare-values.ts';
import { encodeIndexKey, indexImage } from '../model/index-key.ts';
import { indexKeyRules } from '../model/index-key-validation.ts';
import type { IndexDefinition, KeySchema, Table } from '../model/table.ts';
import type { ItemImage } from '../region/region.ts';
import type { IndexUnits } from './consumed-capacity.ts';
import { writeUnits } from './consumed-capacity.ts';
import { parseImage } from './item-json.ts';

interface Entry {
  readonly key: Uint8Array;
  readonly item: AttributeMap;
  readonly itemBytes: number;
}

/**
 * The units that a table's indexes take for a write: those of each entry that is put, deleted or rewritten. An entry
 * whose key changes is deleted and put; one that stays as it is takes none. Source: measured, and the developer guide,
 * "Using Global Secondary Indexes", write capacity units.
 */
export function indexWriteUnits(
  table: Table,
  before: ItemImage | undefined,
  after: ItemImage | undefined,
): readonly IndexUnits[] {
  const { indexes } = indexKeyRules(table);
  if (indexes.length === 0) return [];
  const { keySchema } = table.definition;
  const old = before === undefined ? undefined : { stored: before, item: parseImage(before.image) };
  const now = after === undefined ? undefined : { stored: after, item: parseImage(after.image) };
  return indexes
    .map((index) => ({
      index,
      units: entryUnits(entryOf(index, keySchema, old), entryOf(index, keySchema, now)),
    }))
    .filter(({ units }) => units > 0);
}

interface ParsedItem {
  readonly stored: ItemImage;
  readonly item: AttributeMap;
}

function entryOf(
  index: IndexDefinition,
  keySchema: KeySchema,
  parsed: ParsedItem | undefined,
): Entry | undefined {
  if (parsed === undefined) return undefined;
  const key = encodeIndexKey(index, keySchema, parsed.item);
  if (key === undefined) return undefined;
  const { image, itemBytes } = indexImage(index, keySchema, parsed);
  const item = image === parsed.stored.image ? parsed.item : parseImage(image);
  return { key, item, itemBytes };
}

function entryUnits(before: Entry | undefined, after: Entry | undefined): number {
  if (before === undefined) return after === undefined ? 0 : writeUnits(0, after.itemBytes);
  if (after === undefined) return writeUnits(before.itemBytes, 0);
  if (Buffer.compare(before.key, after.key) !== 0) {
    return writeUnits(before.itemBytes, 0) + writeUnits(0, after.itemBytes);
  }
  if (attributeValuesEqual({ M: before.item }, { M: after.item })) return 0;
  return writeUnits(before.itemBytes, after.itemBytes);
}
