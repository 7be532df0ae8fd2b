import type { IndexDefinition, IndexOverride, Table, TableDefinition } from './table.ts';

/** The definition as it holds in one region, which may have its own word on reading and on the class. */
export function overriddenDefinition(
  definition: TableDefinition,
  { global }: Pick<Table, 'global'>,
  region: string,
): TableDefinition {
  const overrides = global?.members[region]?.overrides;
  if (overrides === undefined) return definition;
  const { read, onDemandRead, tableClass, indexes = [] } = overrides;
  const { provisionedThroughput, onDemandThroughput } = definition;
  return {
    ...definition,
    ...(read !== undefined && { provisionedThroughput: { ...provisionedThroughput, read } }),
    ...(onDemandRead !== undefined && {
      onDemandThroughput: { write: onDemandThroughput?.write, read: onDemandRead },
    }),
    ...(tableClass !== undefined && { tableClass }),
    ...(definition.indexes !== undefined && {
      indexes: definition.indexes.map((index) =>
        overriddenIndex(
          index,
          indexes.find(({ name }) => name === index.name),
        ),
      ),
    }),
  };
}

function overriddenIndex(
  index: IndexDefinition,
  override: IndexOverride | undefined,
): IndexDefinition {
  if (override === undefined) return index;
  const { read, onDemandRead } = override;
  const { provisionedThroughput, onDemandThroughput } = index;
  return {
    ...index,
    ...(read !== undefined &&
      provisionedThroughput !== undefined && {
        provisionedThroughput: { ...provisionedThroughput, read },
      }),
    ...(onDemandRead !== undefined && {
      onDemandThroughput: { write: onDemandThroughput?.write, read: onDemandRead },
    }),
  };
}
