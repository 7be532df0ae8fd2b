import { assert } from '../base/assert.ts';
import type { KeyCondition } from '../expression/key-condition.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import { encodeIndexKey, indexKeyRange, projectedNames } from '../model/index-key.ts';
import { keyAttributesOf } from '../model/index-key-validation.ts';
import type { ItemKeyRange } from '../model/item-key.ts';
import { encodeItemKey, partitionKeyRange, sortKeyRange } from '../model/item-key.ts';
import type { IndexDefinition, KeyAttributes, Table } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import { GSI_CONSISTENT_READ, indexBackfilling, indexNotFound } from './api-messages.ts';
import { itemTable } from './table-access.ts';

/** What a Query or a Scan reads: a table, or one of its indexes. */
export interface PageSource {
  readonly table: Table;
  /** Undefined: the table itself. */
  readonly index: IndexDefinition | undefined;
  /** Of the table, or of the index's entries. */
  readonly number: number;
  readonly key: KeyAttributes;
  /** Every attribute of a starting key: the table's key, then what the index adds. */
  readonly startNames: readonly string[];
}

interface SourceInput {
  readonly TableName: string;
  readonly IndexName?: string;
  readonly ConsistentRead?: boolean;
}

/**
 * The source that a request names. Throws `ResourceNotFoundException` for a table that is not there, and
 * `ValidationException` for an index that is not, or cannot be read so or yet.
 */
export function pageSource(region: Region, input: SourceInput): PageSource {
  const table = itemTable(region, input.TableName);
  const key = keyAttributesOf(table.definition.keySchema);
  const tableNames = namesOf(key);
  if (input.IndexName === undefined) {
    return { table, index: undefined, number: table.number, key, startNames: tableNames };
  }
  const { definition: index, number } = readableIndex(table, input.IndexName);
  if (index.kind === 'global' && input.ConsistentRead === true) {
    throw validationError(GSI_CONSISTENT_READ);
  }
  const startNames = [...new Set([...tableNames, ...namesOf(index)])];
  return { table, index, number, key: index, startNames };
}

const namesOf = ({ partition, sort }: KeyAttributes): readonly string[] =>
  [...partition, ...sort].map(({ name }) => name);

function readableIndex(
  { indexes = [] }: Table,
  name: string,
): { readonly definition: IndexDefinition; readonly number: number } {
  const found = indexes.find(
    ({ definition, status }) => definition.name === name && status !== 'DELETING',
  );
  if (found === undefined) throw validationError(indexNotFound(name));
  if (found.status === 'CREATING') throw validationError(indexBackfilling(name));
  return found;
}

/** The bytes of a key of the source, made of the attributes of a starting key that has been checked. */
export function sourceKey({ table, index }: PageSource, attributes: AttributeMap): Uint8Array {
  const { keySchema } = table.definition;
  if (index === undefined) return encodeItemKey(keySchema, attributes);
  const key = encodeIndexKey(index, keySchema, attributes);
  assert(key !== undefined, 'a checked starting key is a key of the index');
  return key;
}

/** What a Query reads of its source. */
export function sourceRange(
  { table, index }: PageSource,
  { partition, sort }: KeyCondition,
): ItemKeyRange {
  if (index !== undefined) return indexKeyRange(index, partition, sort);
  const { keySchema } = table.definition;
  const [value] = partition;
  const [condition] = sort;
  assert(value !== undefined, 'a key condition has a partition value');
  return condition === undefined
    ? partitionKeyRange(keySchema, value)
    : sortKeyRange(keySchema, value, condition);
}

/** Those of the attributes that the source's entries do not have: none of a table or of a projection of all. */
export function attributesNotProjected(
  { table, index }: PageSource,
  names: Iterable<string>,
): readonly string[] {
  if (index === undefined || index.projection.kind === 'all') return [];
  const projected = projectedNames(index, table.definition.keySchema);
  return [...names].filter((name) => !projected.has(name));
}
