import {
  type AttributeMap,
  attributeOf,
  attributeTypeOf,
  type AttributeValue,
} from './attribute-value.ts';
import { validationError } from './errors.ts';
import { keyValueBytes } from './key-validation.ts';
import { PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX } from './limits.ts';
import {
  INDEX_KEY_UPDATED_TYPE,
  indexKeyEmpty,
  indexKeyTypeMismatch,
  indexKeyUpdatedEmpty,
  PARTITION_KEY_TOO_LONG,
  SORT_KEY_TOO_LONG,
} from './messages.ts';
import type { IndexDefinition, KeyAttribute, KeyAttributes, KeySchema, Table } from './table.ts';

/** What an item of a table may hold under the names of its indexes' key attributes, if it holds something there. */
export interface IndexKeyRules {
  /** Of the indexes that writes keep up, in the order in which DynamoDB looks at them: by name. */
  readonly indexes: readonly IndexDefinition[];
  /** Key attributes that are not the table's own: those are checked as such. */
  readonly attributes: readonly IndexKeyAttribute[];
}

export interface IndexKeyAttribute extends KeyAttribute {
  /** The first index, by name, that has the attribute in its key. */
  readonly index: string;
}

const NO_RULES: IndexKeyRules = { indexes: [], attributes: [] };

const known = new WeakMap<Table, IndexKeyRules>();

/** The rules of a table as it stands: one look-up, once they were asked for. */
export function indexKeyRules(table: Table): IndexKeyRules {
  if (table.indexes === undefined || table.indexes.length === 0) return NO_RULES;
  let rules = known.get(table);
  if (rules === undefined) {
    rules = rulesOf(table);
    known.set(table, rules);
  }
  return rules;
}

function rulesOf({ indexes = [], definition }: Table): IndexKeyRules {
  const kept = indexes
    .filter(({ status }) => status !== 'DELETING')
    .map((index) => index.definition)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const seen = new Set(tableKeyNames(definition.keySchema));
  const attributes: IndexKeyAttribute[] = [];
  for (const index of kept) {
    for (const key of [...index.partition, ...index.sort]) {
      if (seen.has(key.name)) continue;
      seen.add(key.name);
      attributes.push({ ...key, index: index.name });
    }
  }
  return { indexes: kept, attributes };
}

const tableKeyNames = ({ partition, sort }: KeySchema): readonly string[] =>
  sort === undefined ? [partition.name] : [partition.name, sort.name];

/** The key attributes of a table. */
export const keyAttributesOf = ({ partition, sort }: KeySchema): KeyAttributes => ({
  partition: [partition],
  sort: sort === undefined ? [] : [sort],
});

/**
 * Checks that every key attribute of an index that the item has is one that a key can have. Throws
 * `ValidationException` as PutItem does.
 */
export function validateIndexKeys(
  { indexes, attributes }: IndexKeyRules,
  item: AttributeMap,
): void {
  for (const key of attributes) {
    const value = attributeOf(item, key.name);
    if (value === undefined) continue;
    checkIndexKeyType(key, attributeTypeOf(value));
    const empty = emptyKind(value);
    if (empty !== undefined) throw validationError(indexKeyEmpty(key, empty));
  }
  checkLengths(indexes, item);
}

/** As `validateIndexKeys`, only of those that have their types, and only that none is empty. */
export function checkIndexKeysNotEmpty({ attributes }: IndexKeyRules, item: AttributeMap): void {
  for (const key of attributes) {
    const value = attributeOf(item, key.name);
    if (value === undefined || !(key.type in value)) continue;
    const empty = emptyKind(value);
    if (empty !== undefined) throw validationError(indexKeyEmpty(key, empty));
  }
}

/** Checks the type that a client gives a key attribute of an index. Throws `ValidationException`. */
export function checkIndexKeyType(key: IndexKeyAttribute, type: string): void {
  if (type !== key.type) throw validationError(indexKeyTypeMismatch(key, type));
}

/** Checks a value that an update gives a key attribute of an index. Throws `ValidationException`. */
export function checkUpdatedIndexKey(value: AttributeValue): void {
  const empty = emptyKind(value);
  if (empty !== undefined) throw validationError(indexKeyUpdatedEmpty(empty));
}

/** Those of a table's rules that an update of the named attributes may break; undefined: none. */
export function rulesTouched(
  { indexes, attributes }: IndexKeyRules,
  names: ReadonlySet<string>,
): IndexKeyRules | undefined {
  const touched = attributes.filter(({ name }) => names.has(name));
  if (touched.length === 0) return undefined;
  const isTouched = ({ name }: KeyAttribute): boolean => names.has(name);
  return {
    indexes: indexes.filter(({ partition, sort }) => [...partition, ...sort].some(isTouched)),
    attributes: touched,
  };
}

/**
 * As `validateIndexKeys`, of what an update has made of the item. What the update leaves alone may be as it was
 * before there was the index.
 */
export function validateUpdatedIndexKeys(touched: IndexKeyRules, item: AttributeMap): void {
  for (const { name, type } of touched.attributes) {
    const value = attributeOf(item, name);
    if (value === undefined) continue;
    if (!(type in value)) throw validationError(INDEX_KEY_UPDATED_TYPE);
    checkUpdatedIndexKey(value);
  }
  checkLengths(touched.indexes, item);
}

function checkLengths(indexes: readonly IndexDefinition[], item: AttributeMap): void {
  for (const { partition, sort } of indexes) {
    if (bytesOf(partition, item) > PARTITION_KEY_BYTES_MAX) {
      throw validationError(PARTITION_KEY_TOO_LONG);
    }
    if (bytesOf(sort, item) > SORT_KEY_BYTES_MAX) throw validationError(SORT_KEY_TOO_LONG);
  }
}

function bytesOf(keys: readonly KeyAttribute[], item: AttributeMap): number {
  let bytes = 0;
  for (const { name } of keys) {
    const value = attributeOf(item, name);
    if (value !== undefined) bytes += keyValueBytes(value);
  }
  return bytes;
}

function emptyKind(value: AttributeValue): 'string' | 'binary' | undefined {
  if ('S' in value) return value.S === '' ? 'string' : undefined;
  return 'B' in value && value.B === '' ? 'binary' : undefined;
}
