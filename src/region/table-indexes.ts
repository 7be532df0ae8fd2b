import type { IndexDefinition, Table, TableDefinition, TableIndex } from '../model/table.ts';

/** The secondary indexes of a table that is only just made: all that it is to hold comes after them. */
export const bornIndexes = ({ indexes = [] }: TableDefinition): readonly TableIndex[] =>
  indexes.map((definition) => newIndex(definition, false));

/** Under number 0, for which `Catalogue.change` puts the next free one. */
const newIndex = (definition: IndexDefinition, backfilling: boolean): TableIndex => ({
  definition,
  number: 0,
  status: 'CREATING',
  backfilling,
});

/**
 * The secondary indexes that a region holds of a table that stands, brought to what a definition says. One that the
 * definition has and the table has not is CREATING, and backfilling: a replica holds items before it is ACTIVE. One that
 * the definition lacks, or has otherwise under the same name, is DELETING. Whoever keeps the indexes finishes both.
 */
export function reconcileIndexes(table: Table, definition: TableDefinition): readonly TableIndex[] {
  const standing = table.indexes ?? [];
  const wanted = definition.indexes ?? [];
  const kept = standing.map((index): TableIndex => {
    const same = wanted.find((other) => isHeldAs(index, other));
    if (same !== undefined) return { ...index, definition: same };
    return { ...index, status: 'DELETING', backfilling: false };
  });
  const made = wanted
    .filter((other) => !standing.some((index) => isHeldAs(index, other)))
    .map((added) => newIndex(added, true));
  return [...kept, ...made];
}

/** Whether the entries that the index holds are those of the definition. Throughput changes no entry. */
const isHeldAs = (index: TableIndex, definition: IndexDefinition): boolean =>
  index.status !== 'DELETING' && entriesOf(index.definition) === entriesOf(definition);

const entriesOf = ({ name, kind, partition, sort, projection }: IndexDefinition): string =>
  JSON.stringify([
    name,
    kind,
    partition.map(({ name: attribute, type }) => [attribute, type]),
    sort.map(({ name: attribute, type }) => [attribute, type]),
    projection.kind,
    projection.kind === 'include' ? projection.attributes : [],
  ]);

/** The table once it is CREATING no more: so are the indexes that came with it. */
export function withIndexesActive(table: Table): Table {
  const { indexes } = table;
  if (indexes === undefined || table.status === 'CREATING') return table;
  if (!indexes.some(isBornWithTable)) return table;
  return {
    ...table,
    indexes: indexes.map((index) =>
      isBornWithTable(index) ? { ...index, status: 'ACTIVE' as const } : index,
    ),
  };
}

const isBornWithTable = ({ status, backfilling }: TableIndex): boolean =>
  status === 'CREATING' && !backfilling;

/** Whether an index is on its way in or out: the table takes no other change of its indexes meanwhile. */
export const isIndexChanging = ({ indexes }: Table): boolean =>
  indexes?.some(({ status }) => status !== 'ACTIVE') ?? false;
