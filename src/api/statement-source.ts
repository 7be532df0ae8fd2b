import { validationError } from '../model/errors.ts';
import type { IndexDefinition, Table } from '../model/table.ts';
import {
  CONSISTENT_READ_OF_INDEX,
  INDEX_MISSING,
  INDEX_OF_SEVERAL_ATTRIBUTES,
  ORDER_WITHOUT_HASH_KEY,
  ORDER_WITHOUT_KEY,
  ORDER_WITHOUT_WHERE,
  orderByAttribute,
} from '../partiql/messages.ts';
import type { SelectPlan } from '../partiql/compiled-statement.ts';
import { attributesRead } from '../expression/key-checks.ts';
import { equalTo, termsOf } from '../partiql/key-terms.ts';
import type { ReadOrder, SimpleKey } from '../partiql/plan-reads.ts';
import { isKeyed } from '../partiql/plan-reads.ts';
import type { Region } from '../region/region.ts';
import type { PageSource } from './page-source.ts';
import { pageSource } from './page-source.ts';
import { itemTable } from './table-access.ts';

/** What a SELECT reads, and by which key. */
export interface StatementSource extends PageSource {
  readonly simple: SimpleKey;
}

/**
 * The table or the index that a SELECT reads. Throws `ResourceNotFoundException` for a table that is not there, and
 * `ValidationException` for an index that is not, or cannot be read so.
 */
export function statementSource(
  region: Region,
  plan: SelectPlan,
  consistent: boolean,
): StatementSource {
  const { table: TableName, index: IndexName } = plan;
  const table = availableTable(region, plan);
  if (IndexName !== undefined) checkIndex(table, IndexName, consistent);
  const source = pageSource(
    region,
    IndexName === undefined ? { TableName } : { TableName, IndexName },
  );
  const [partition] = source.key.partition;
  if (partition === undefined) throw validationError(INDEX_MISSING);
  return { ...source, simple: { partition, sort: source.key.sort[0] } };
}

/** DynamoDB complains of the columns before it complains of a table that is not there. */
function availableTable(region: Region, { table, columns }: SelectPlan): Table {
  try {
    return itemTable(region, table);
  } catch (error) {
    columns();
    throw error;
  }
}

function checkIndex({ indexes = [] }: Table, name: string, consistent: boolean): void {
  const found = indexes.find(
    ({ definition, status }) => definition.name === name && status !== 'DELETING',
  );
  if (found === undefined) throw validationError(INDEX_MISSING);
  if (hasSeveral(found.definition)) throw validationError(INDEX_OF_SEVERAL_ATTRIBUTES);
  if (consistent && found.definition.kind === 'global') {
    throw validationError(CONSISTENT_READ_OF_INDEX);
  }
}

const hasSeveral = ({ partition, sort }: IndexDefinition): boolean =>
  partition.length > 1 || sort.length > 1;

/** The order that a SELECT asks for. Throws `ValidationException` for one that the key cannot give. */
export function readOrder({ orderBy, where }: SelectPlan, key: SimpleKey): ReadOrder {
  if (orderBy === undefined) return { forward: true, partitions: undefined };
  if (where === undefined) throw validationError(ORDER_WITHOUT_WHERE);
  const { partition, sort } = key;
  for (const { name } of orderBy) {
    if (name !== partition.name && name !== sort?.name)
      throw validationError(orderByAttribute(name));
  }
  if (!isKeyed(where, key)) throw validationError(ORDER_WITHOUT_KEY);
  const byPartition = orderBy.find(({ name }) => name === partition.name);
  if (byPartition === undefined && mayReadSeveral(where, key)) {
    throw validationError(ORDER_WITHOUT_HASH_KEY);
  }
  // Measured: an order by the partition key alone turns that by the sort key around.
  const bySort = orderBy.find(({ name }) => name === sort?.name);
  return {
    forward: bySort !== undefined && !bySort.descending,
    partitions: byPartition?.descending === true ? 'descending' : 'ascending',
  };
}

/** Whether a keyed condition may name several partition keys. */
function mayReadSeveral(
  where: NonNullable<SelectPlan['where']>,
  { partition }: SimpleKey,
): boolean {
  const single = termsOf(where).some((term) => {
    const found = equalTo(term);
    return found?.name === partition.name && found.values.length === 1;
  });
  return !single && attributesRead(where).has(partition.name);
}
