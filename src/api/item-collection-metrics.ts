import { assert } from '../base/assert.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { attributeOf } from '../model/attribute-value.ts';
import { indexKeyRules } from '../model/index-key-validation.ts';
import type { Table } from '../model/table.ts';

export type ReturnItemCollectionMetrics = 'SIZE' | 'NONE';

/** `ItemCollectionMetrics` of the service model: all items of one partition key, with their entries in local indexes. */
export interface ItemCollectionMetrics {
  readonly ItemCollectionKey: AttributeMap;
  readonly SizeEstimateRangeGB: readonly [number, number];
}

/** Nothing measures collections: the estimate is that of every collection of DynamoDB's that is below 1 GB. */
const SMALLEST_ESTIMATE = [0, 1] as const;

/**
 * What an answer says of the collection of the item that `attributes` name, undefined when the client did not ask, or the
 * table has no local index: then it has no item collections.
 */
export function itemCollectionMetrics(
  table: Table,
  wanted: ReturnItemCollectionMetrics | undefined,
  attributes: AttributeMap,
): ItemCollectionMetrics | undefined {
  if (wanted !== 'SIZE') return undefined;
  if (!indexKeyRules(table).indexes.some(({ kind }) => kind === 'local')) return undefined;
  const { name } = table.definition.keySchema.partition;
  const value = attributeOf(attributes, name);
  assert(value !== undefined, 'a written item has a partition key');
  return {
    ItemCollectionKey: Object.fromEntries([[name, value]]),
    SizeEstimateRangeGB: SMALLEST_ESTIMATE,
  };
}

/** A write that was made, of the item that `attributes` name. */
interface CollectedWrite {
  readonly table: Table;
  /** What the client called the table. */
  readonly called: string;
  readonly attributes: AttributeMap;
}

/** By table, what is said of each item collection that was written to; undefined: nothing. */
export function collectionMetricsByTable(
  wanted: ReturnItemCollectionMetrics | undefined,
  writes: readonly CollectedWrite[],
): Readonly<Record<string, readonly ItemCollectionMetrics[]>> | undefined {
  if (wanted !== 'SIZE') return undefined;
  const tables = new Map<string, Map<string, ItemCollectionMetrics>>();
  for (const { table, called, attributes } of writes) {
    const each = itemCollectionMetrics(table, wanted, attributes);
    if (each === undefined) continue;
    const known = tables.get(called) ?? new Map<string, ItemCollectionMetrics>();
    tables.set(called, known.set(JSON.stringify(each.ItemCollectionKey), each));
  }
  if (tables.size === 0) return undefined;
  return Object.fromEntries([...tables].map(([called, each]) => [called, [...each.values()]]));
}
