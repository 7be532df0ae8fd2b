import { assert, unreachable } from '../base/assert.ts';
import { type AttributeMap, attributeOf, type AttributeValue } from './attribute-value.ts';
import {
  afterPrefix,
  encodeItemKey,
  encodeKeyValue,
  type ItemKeyRange,
  itemKeyParts,
  joinKey,
  type SortKeyCondition,
} from './item-key.ts';
import { itemSizeBytes } from './item-size.ts';
import { PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX } from './limits.ts';
import type { IndexDefinition, KeyAttribute, KeySchema } from './table.ts';

/*
 * The key of an index's entry is an item key, so that all that keeps and reads items keeps and reads entries:
 *
 *   hash (4) | partition key length (2) | partition key | sort attributes, each delimited | base key
 *
 * A delimited value has 0x00 as 0x00 0xFF and ends with 0x00 0x01, so that bytes order as the values do, one
 * attribute after the other, and a value never runs into what follows it. The base key is at the end because many items
 * may have the same index key: it tells them apart, and orders them.
 *
 * A global index hashes its own partition key: the bytes of one attribute, as of a table, or of several, each
 * delimited. The entry of a local index has hash and partition key of its item, and so lies in the same partition; of the
 * base key it takes the sort key only.
 */

const ESCAPED = 0x00;
const ESCAPED_ZERO = 0xff;
const END = 0x01;

/**
 * The key of an item's entry, `ItemKey` bytes. `attributes`: the item, or an exclusive start key of the index, which has the
 * key attributes of the index and of the table. Undefined where the index has no entry: a key attribute is absent, or is
 * none that a key can have, as what an item held before the index was made may be.
 */
export function encodeIndexKey(
  index: IndexDefinition,
  keySchema: KeySchema,
  attributes: AttributeMap,
): Uint8Array | undefined {
  return hasIndexKey(index, attributes)
    ? indexEntryKey(index, encodeItemKey(keySchema, attributes), attributes)
    : undefined;
}

/** As `encodeIndexKey`, of the item that stands under `itemKey`. */
export function encodeIndexKeyOf(
  index: IndexDefinition,
  itemKey: Uint8Array,
  item: AttributeMap,
): Uint8Array | undefined {
  return hasIndexKey(index, item) ? indexEntryKey(index, itemKey, item) : undefined;
}

function hasIndexKey({ partition, sort }: IndexDefinition, attributes: AttributeMap): boolean {
  return (
    partition.every((key) => isKeyValue(attributes, key, PARTITION_KEY_BYTES_MAX)) &&
    sort.every((key) => isKeyValue(attributes, key, SORT_KEY_BYTES_MAX))
  );
}

function isKeyValue(attributes: AttributeMap, key: KeyAttribute, bytesMax: number): boolean {
  const value = attributeOf(attributes, key.name);
  if (value === undefined || !(key.type in value)) return false;
  if (key.type === 'N') return true;
  const { length } = encodeKeyValue(key, value);
  return length > 0 && length <= bytesMax;
}

function indexEntryKey(
  index: IndexDefinition,
  itemKey: Uint8Array,
  attributes: AttributeMap,
): Uint8Array {
  const sorts = index.sort.map((key) => delimited(encodeKeyValue(key, valueOf(attributes, key))));
  if (index.kind === 'global') {
    const values = index.partition.map((key) => valueOf(attributes, key));
    return joinKey(globalPartitionKey(index, values), Buffer.concat([...sorts, itemKey]));
  }
  const { partitionKey, sortKey } = itemKeyParts(itemKey);
  return joinKey(partitionKey, Buffer.concat([...sorts, sortKey]));
}

function valueOf(attributes: AttributeMap, { name }: KeyAttribute): AttributeValue {
  const value = attributeOf(attributes, name);
  assert(value !== undefined, 'an index key attribute is there');
  return value;
}

function globalPartitionKey(
  { partition }: IndexDefinition,
  values: readonly AttributeValue[],
): Uint8Array {
  const parts = partition.map((key, place) => {
    const value = values[place];
    assert(value !== undefined, 'every partition attribute of an index has a value');
    return encodeKeyValue(key, value);
  });
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts.map(delimited));
}

/** The bytes with every zero escaped, then an end that orders before whatever could follow instead of it. */
const delimited = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([escaped(bytes), Uint8Array.of(ESCAPED, END)]);

function escaped(bytes: Uint8Array): Uint8Array {
  let zeros = 0;
  for (const byte of bytes) if (byte === ESCAPED) zeros += 1;
  if (zeros === 0) return bytes;
  const result = new Uint8Array(bytes.length + zeros);
  let offset = 0;
  for (const byte of bytes) {
    result[offset] = byte;
    offset += 1;
    if (byte !== ESCAPED) continue;
    result[offset] = ESCAPED_ZERO;
    offset += 1;
  }
  return result;
}

/**
 * The entries of one partition key of an index that meet conditions on its sort attributes. `partitionValues`: one for
 * each partition attribute, in order. `sortConditions`: of the sort attributes in order, equality of all but the last one
 * given; the attributes after them are free. Empty, with `from` above `to`, when the bounds of a `between` are.
 */
export function indexKeyRange(
  index: IndexDefinition,
  partitionValues: readonly AttributeValue[],
  sortConditions: readonly SortKeyCondition[],
): ItemKeyRange {
  const partitionKey = globalPartitionKey(index, partitionValues);
  const equal = sortConditions.slice(0, -1).map((condition, place) => {
    assert(condition.kind === '=', 'all conditions but the last are equality');
    return delimited(encodeKeyValue(sortAttribute(index, place), condition.value));
  });
  const last = sortConditions.at(-1);
  const prefix = joinKey(partitionKey, Buffer.concat(equal));
  if (last === undefined) return { from: prefix, to: afterPrefix(prefix) };
  return lastRange(prefix, sortAttribute(index, sortConditions.length - 1), last);
}

function sortAttribute({ sort }: IndexDefinition, place: number): KeyAttribute {
  const key = sort[place];
  assert(key !== undefined, 'a condition is of a sort attribute');
  return key;
}

function lastRange(
  prefix: Uint8Array,
  sort: KeyAttribute,
  condition: SortKeyCondition,
): ItemKeyRange {
  const at = (value: AttributeValue): Uint8Array =>
    Buffer.concat([prefix, delimited(encodeKeyValue(sort, value))]);
  switch (condition.kind) {
    case '=':
      return { from: at(condition.value), to: afterPrefix(at(condition.value)) };
    case '<':
      return { from: prefix, to: at(condition.value) };
    case '<=':
      return { from: prefix, to: afterPrefix(at(condition.value)) };
    case '>':
      return { from: afterPrefix(at(condition.value)), to: afterPrefix(prefix) };
    case '>=':
      return { from: at(condition.value), to: afterPrefix(prefix) };
    case 'between':
      return { from: at(condition.low), to: afterPrefix(at(condition.high)) };
    case 'begins-with': {
      assert(sort.type !== 'N', 'numbers have no prefix');
      const from = Buffer.concat([prefix, escaped(encodeKeyValue(sort, condition.value))]);
      return { from, to: afterPrefix(from) };
    }
    default:
      return unreachable(condition);
  }
}

/** What an index holds of an item: wire JSON in UTF-8, and its size as DynamoDB counts it. */
export interface IndexImage {
  readonly image: Uint8Array;
  readonly itemBytes: number;
}

/** The projection of an item. `stored`: the item as it is kept, whose bytes a projection of all shares. */
export function indexImage(
  index: IndexDefinition,
  keySchema: KeySchema,
  { item, stored }: { readonly item: AttributeMap; readonly stored: IndexImage },
): IndexImage {
  if (index.projection.kind === 'all') return stored;
  const names = projectedNames(index, keySchema);
  const projected: AttributeMap = Object.fromEntries(
    Object.entries(item).filter(([name]) => names.has(name)),
  );
  return {
    image: Buffer.from(JSON.stringify(projected)),
    itemBytes: itemSizeBytes(projected),
  };
}

/** The attributes that an index holds of each item, unless it holds all. */
export function projectedNames(
  { partition, sort, projection }: IndexDefinition,
  keySchema: KeySchema,
): ReadonlySet<string> {
  const keys = [keySchema.partition, ...(keySchema.sort === undefined ? [] : [keySchema.sort])];
  return new Set([
    ...[...keys, ...partition, ...sort].map(({ name }) => name),
    ...(projection.kind === 'include' ? projection.attributes : []),
  ]);
}
