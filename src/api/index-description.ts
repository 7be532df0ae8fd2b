import { overriddenDefinition } from '../model/overridden-definition.ts';
import { shownDefinition } from '../model/shown-definition.ts';
import { formatTableArn } from '../model/table-arn.ts';
import type {
  IndexDefinition,
  IndexProjection,
  Table,
  TableDefinition,
  TableIndex,
} from '../model/table.ts';
import { warmThroughputOfIndex } from '../model/warm-throughput.ts';
import { describeKeySchema } from './key-schema-description.ts';
import type { OperationContext } from './operation.ts';
import { describeOnDemand, describeThroughput, describeWarm } from './throughput-description.ts';

/** A table's indexes as `TableDescription` of the service model has them, in the order of their making. */

type Description = Readonly<Record<string, unknown>>;

export function describeLocalIndexes(
  context: OperationContext,
  table: Table,
): Description | undefined {
  const indexes = shownIndexes(table, 'local');
  if (indexes.length === 0) return undefined;
  return { LocalSecondaryIndexes: indexes.map((index) => describeIndex(context, table, index)) };
}

/** `isNew`: in the answer that creates the table warm throughput is not yet said. */
export function describeGlobalIndexes(
  context: OperationContext,
  table: Table,
  { isNew }: { readonly isNew: boolean } = { isNew: false },
): Description | undefined {
  const indexes = shownIndexes(table, 'global');
  if (indexes.length === 0) return undefined;
  return {
    GlobalSecondaryIndexes: indexes.map((index) => {
      const { WarmThroughput: warm, ...capacity } = describeCapacity(context, table, index);
      return {
        ...describeIndex(context, table, index),
        ...describeProgress(table, index),
        ...capacity,
        ...(!isNew && { WarmThroughput: warm }),
      };
    }),
  };
}

/** One under each name: an index on its way out gives way to its successor. */
function shownIndexes(
  { indexes = [] }: Table,
  kind: IndexDefinition['kind'],
): readonly TableIndex[] {
  return indexes.filter(
    ({ definition: { name, kind: own } }, at) =>
      own === kind && !indexes.slice(at + 1).some(({ definition }) => definition.name === name),
  );
}

function describeIndex(
  { region }: OperationContext,
  table: Table,
  { definition, number }: TableIndex,
): Description {
  const { itemCount, sizeBytes } = region.statistics({ number });
  const { name: regionName, accountId } = region;
  const tableArn = formatTableArn({ region: regionName, accountId, tableName: table.name });
  return {
    IndexName: definition.name,
    KeySchema: describeKeySchema(definition),
    Projection: describeProjection(definition.projection),
    IndexSizeBytes: sizeBytes,
    ItemCount: itemCount,
    IndexArn: `${tableArn}/index/${definition.name}`,
  };
}

function describeProjection(projection: IndexProjection): Description {
  switch (projection.kind) {
    case 'all':
      return { ProjectionType: 'ALL' };
    case 'keys':
      return { ProjectionType: 'KEYS_ONLY' };
    case 'include':
      return { ProjectionType: 'INCLUDE', NonKeyAttributes: projection.attributes };
    default:
      return projection satisfies never;
  }
}

/** `Backfilling` is there only of an index that is added to a table. Source: measured, DDB-TABLE-138 and 148 of api-quirks. */
function describeProgress(
  { updates = [] }: Table,
  { definition: { name }, status, backfilling }: TableIndex,
): Description {
  const isAllocating =
    status !== 'DELETING' &&
    updates.some(({ kind, index }) => kind === 'allocation' && index === name);
  if (isAllocating) return { IndexStatus: 'CREATING', Backfilling: false };
  return {
    IndexStatus: status,
    ...(status === 'CREATING' && backfilling && { Backfilling: true }),
  };
}

const NOTHING = { read: 0, write: 0 };

function describeCapacity(
  { clock, region }: OperationContext,
  table: Table,
  { definition, throughputHistory: history, status }: TableIndex,
): Description {
  const inRegion = (whole: TableDefinition): IndexDefinition =>
    overriddenDefinition(whole, table, region.name).indexes?.find(
      ({ name }) => name === definition.name,
    ) ?? definition;
  const { billingMode } = shownDefinition(table);
  const shown = inRegion(shownDefinition(table));
  const next = inRegion(table.definition);
  const throughput = {
    shown: shown.provisionedThroughput ?? NOTHING,
    next: next.provisionedThroughput ?? NOTHING,
    history,
  };
  const warm = warmThroughputOfIndex(shown, billingMode);
  const nextWarm = warmThroughputOfIndex(next, billingMode);
  const isUpdating =
    status === 'CREATING' || warm.read !== nextWarm.read || warm.write !== nextWarm.write;
  return {
    ProvisionedThroughput: describeThroughput(throughput, clock.wallMs()),
    ...describeOnDemand(shown.onDemandThroughput),
    WarmThroughput: describeWarm(warm, isUpdating ? 'UPDATING' : 'ACTIVE'),
  };
}
