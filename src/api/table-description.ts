import { formatTableArn } from '../model/table-arn.ts';
import type { KeySchema, Table, TableDefinition } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import type { OperationContext } from './operation.ts';

/** The current version of global tables, and the only one here. */
const GLOBAL_TABLE_VERSION = '2019.11.21';

/** How DynamoDB names the settings' replication of a table whose replicas are in one account. */
const SETTINGS_REPLICATION = 'ENABLED_WITH_OVERRIDES';

/** Units that a new table of mode PAY_PER_REQUEST can take at once. */
const ON_DEMAND_WARM_READ_UNITS = 12_000;
const ON_DEMAND_WARM_WRITE_UNITS = 4_000;

/** A table as `TableDescription` of the service model. Members that do not apply are absent, as in DynamoDB. */
export function describeTable(
  { region }: OperationContext,
  table: Table,
): Readonly<Record<string, unknown>> {
  const { definition } = table;
  const { itemCount, sizeBytes } = region.statistics(table);
  const createdAtSeconds = table.createdAtMs / 1000;
  return {
    AttributeDefinitions: definition.attributeDefinitions.map(({ name, type }) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    TableName: table.name,
    KeySchema: describeKeySchema(definition.keySchema),
    TableStatus: table.status,
    CreationDateTime: createdAtSeconds,
    ProvisionedThroughput: {
      NumberOfDecreasesToday: 0,
      ReadCapacityUnits: definition.provisionedThroughput.read,
      WriteCapacityUnits: definition.provisionedThroughput.write,
    },
    TableSizeBytes: sizeBytes,
    ItemCount: itemCount,
    TableArn: formatTableArn({
      region: region.name,
      accountId: region.accountId,
      tableName: table.name,
    }),
    TableId: table.tableId,
    ...(definition.billingMode === 'PAY_PER_REQUEST' && {
      BillingModeSummary: {
        BillingMode: definition.billingMode,
        ...(table.status !== 'CREATING' && { LastUpdateToPayPerRequestDateTime: createdAtSeconds }),
      },
    }),
    ...(table.global !== undefined && describeReplicas(region, table)),
    WarmThroughput: describeWarmThroughput(definition, table.status),
    DeletionProtectionEnabled: false,
  };
}

function describeKeySchema({ partition, sort }: KeySchema): readonly unknown[] {
  const hash = { AttributeName: partition.name, KeyType: 'HASH' };
  return sort === undefined ? [hash] : [hash, { AttributeName: sort.name, KeyType: 'RANGE' }];
}

/** Source: `Replicas` never lists the region that is asked; an entry without overrides has no more than this. */
function describeReplicas(region: Region, table: Table): Readonly<Record<string, unknown>> {
  return {
    GlobalTableVersion: GLOBAL_TABLE_VERSION,
    Replicas: region.replicas(table).map((replica) => ({
      RegionName: replica.region,
      ReplicaStatus: replica.status,
      WarmThroughput: describeWarmThroughput(table.definition, 'ACTIVE'),
      GlobalTableSettingsReplicationMode: SETTINGS_REPLICATION,
    })),
    GlobalTableSettingsReplicationMode: SETTINGS_REPLICATION,
  };
}

function describeWarmThroughput(
  definition: TableDefinition,
  status: Table['status'],
): Readonly<Record<string, unknown>> {
  const onDemand = definition.billingMode === 'PAY_PER_REQUEST';
  const { read, write } = definition.provisionedThroughput;
  return {
    ReadUnitsPerSecond: onDemand ? ON_DEMAND_WARM_READ_UNITS : read,
    WriteUnitsPerSecond: onDemand ? ON_DEMAND_WARM_WRITE_UNITS : write,
    Status: status === 'CREATING' ? 'UPDATING' : status,
  };
}
