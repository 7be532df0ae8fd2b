import { overriddenDefinition } from '../model/overridden-definition.ts';
import { shownDefinition } from '../model/shown-definition.ts';
import { formatTableArn } from '../model/table-arn.ts';
import type { ReplicaOverrides, Table, TableDefinition } from '../model/table.ts';
import { warmThroughputOf } from '../model/warm-throughput.ts';
import type { Region, TableChange } from '../region/region.ts';
import { describeGlobalIndexes, describeLocalIndexes } from './index-description.ts';
import { byCodeUnit } from './index-request.ts';
import { describeKeySchema } from './key-schema-description.ts';
import { keyArn } from './kms-key.ts';
import type { OperationContext } from './operation.ts';
import {
  describeOnDemand,
  describeThroughput,
  describeWarm,
  type ThroughputView,
} from './throughput-description.ts';

/** The current version of global tables, and the only one here. */
const GLOBAL_TABLE_VERSION = '2019.11.21';

/** How DynamoDB names the settings' replication of a table whose replicas are in one account. */
const SETTINGS_REPLICATION = 'ENABLED_WITH_OVERRIDES';

type Description = Readonly<Record<string, unknown>>;

/** A table as `TableDescription` of the service model. Members that do not apply are absent, as in DynamoDB. */
export function describeTable(context: OperationContext, table: Table): Description {
  return {
    ...describeSchema(context, table),
    ...describeState(context, table),
    ...(table.global !== undefined && describeReplicas(context.region, table)),
    WarmThroughput: describeTableWarm(table),
  };
}

/** What CreateTable answers: what comes of itself is not yet said. Source: measured, DDB-TABLE-033 of api-quirks. */
export function describeNewTable(
  context: OperationContext,
  table: Table,
  { isWarmSaid }: { readonly isWarmSaid: boolean },
): Description {
  const {
    WarmThroughput: warm,
    BillingModeSummary: _mode,
    TableThroughputModeSummary: _alias,
    ...rest
  } = describeTable(context, table);
  const { billingMode } = table.definition;
  return {
    ...rest,
    ...describeGlobalIndexes(context, table, { isNew: true }),
    ...(billingMode === 'PAY_PER_REQUEST' && modeSummaries(billingMode)),
    ...(isWarmSaid && { WarmThroughput: warm }),
  };
}

/** What UpdateTable answers: a bound that is taken away is -1. Source: measured, DDB-TABLE-182 of api-quirks. */
export function describeUpdatedTable(
  context: OperationContext,
  table: Table,
  { onDemandThroughput: change }: TableChange,
): Description {
  const description = describeTable(context, table);
  if (change === undefined) return description;
  const standing = table.definition.onDemandThroughput;
  const read = change.read === -1 ? -1 : standing?.read;
  const write = change.write === -1 ? -1 : standing?.write;
  return { ...description, ...describeOnDemand({ read, write }) };
}

/** What DeleteTable answers: nothing of keys and indexes. Source: scylladb/scylladb, test/alternator/test_table.py. */
export const describeDeletedTable = (context: OperationContext, table: Table): Description =>
  describeState(context, table);

function describeSchema(context: OperationContext, table: Table): Description {
  const { definition, indexes = [] } = table;
  const leaving = indexes.flatMap(({ status, definition: { partition, sort } }) =>
    status === 'DELETING' ? [...partition, ...sort] : [],
  );
  const { attributeDefinitions: known } = definition;
  const added = leaving.filter(
    ({ name }, at) =>
      !known.some((attribute) => attribute.name === name) &&
      leaving.findIndex((other) => other.name === name) === at,
  );
  const { partition, sort } = definition.keySchema;
  return {
    AttributeDefinitions: [...known, ...added]
      .toSorted((a, b) => byCodeUnit(a.name, b.name))
      .map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
    KeySchema: describeKeySchema({
      partition: [partition],
      sort: sort === undefined ? [] : [sort],
    }),
    CreationDateTime: table.createdAtMs / 1000,
    ...describeLocalIndexes(context, table),
    ...describeGlobalIndexes(context, table),
  };
}

function describeState({ region, clock }: OperationContext, table: Table): Description {
  const next = overriddenDefinition(table.definition, table, region.name);
  const shown = overriddenDefinition(shownDefinition(table), table, region.name);
  const { itemCount, sizeBytes } = region.statistics(table);
  const throughput: ThroughputView = {
    shown: shown.provisionedThroughput,
    next: next.provisionedThroughput,
    history: table.throughputHistory,
  };
  return {
    TableName: table.name,
    TableStatus: table.status,
    ProvisionedThroughput: describeThroughput(throughput, clock.wallMs()),
    TableSizeBytes: sizeBytes,
    ItemCount: itemCount,
    TableArn: tableArn(region, table),
    TableId: table.tableId,
    ...describeMode(table),
    ...describeOnDemand(shown.onDemandThroughput),
    ...describeClass(table, shown),
    ...describeStream(region, table),
    ...describeEncryption(region, table, shown),
    DeletionProtectionEnabled: table.deletionProtection ?? false,
  };
}

const tableArn = ({ name: region, accountId }: Region, { name }: Table): string =>
  formatTableArn({ region, accountId, tableName: name });

/** Of a table that has ever been PAY_PER_REQUEST. Source: measured, DDB-TABLE-025 and 055 of api-quirks. */
function describeMode({
  definition: { billingMode },
  payPerRequestAtMs,
  createdAtMs,
  updates = [],
}: Table): Description | undefined {
  const isSwitching = updates.some(({ kind }) => kind === 'billing');
  const isOnDemand = billingMode === 'PAY_PER_REQUEST';
  const atMs = payPerRequestAtMs ?? (isOnDemand && !isSwitching ? createdAtMs : undefined);
  if (!isOnDemand && atMs === undefined) return undefined;
  return modeSummaries(billingMode, atMs);
}

/** The same thing by its two names. Source: measured by extenddb, tests/test_table_throughput_mode.py. */
function modeSummaries(mode: TableDefinition['billingMode'], atMs?: number): Description {
  const since = atMs !== undefined && { LastUpdateToPayPerRequestDateTime: atMs / 1000 };
  return {
    BillingModeSummary: { BillingMode: mode, ...since },
    TableThroughputModeSummary: { TableThroughputMode: mode, ...since },
  };
}

function describeClass(
  { tableClassAtMs }: Table,
  { tableClass }: TableDefinition,
): Description | undefined {
  if (tableClass === undefined) return undefined;
  return {
    TableClassSummary: {
      TableClass: tableClass,
      ...(tableClassAtMs !== undefined && { LastUpdateDateTime: tableClassAtMs / 1000 }),
    },
  };
}

/** The latest stream is named also when it is disabled. Source: measured, DDB-TABLE-050 of api-quirks. */
function describeStream(region: Region, table: Table): Description {
  const { stream } = table.definition;
  const { streamLabel: label } = table;
  return {
    ...(stream !== undefined && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: stream },
    }),
    ...(label !== undefined && {
      LatestStreamLabel: label,
      LatestStreamArn: `${tableArn(region, table)}/stream/${label}`,
    }),
  };
}

/** Source: measured, DDB-TABLE-027, 140 and 371 of api-quirks. */
function describeEncryption(
  region: Region,
  { updates = [] }: Table,
  { encryption }: TableDefinition,
): Description | undefined {
  const isUpdating = updates.some(({ kind }) => kind === 'encryption');
  if (encryption === undefined && !isUpdating) return undefined;
  return {
    SSEDescription: {
      Status: isUpdating ? 'UPDATING' : 'ENABLED',
      ...(encryption !== undefined && {
        SSEType: 'KMS',
        KMSMasterKeyArn: keyArn(encryption, region),
      }),
    },
  };
}

/** Source: `Replicas` never lists the region that is asked; an entry without overrides has no more than this. */
function describeReplicas(region: Region, table: Table): Description {
  return {
    GlobalTableVersion: GLOBAL_TABLE_VERSION,
    Replicas: region.replicas(table).map((replica) => ({
      RegionName: replica.region,
      ReplicaStatus: replica.status,
      ...describeOverrides(replica.overrides),
      WarmThroughput: describeWarm(warmThroughputOf(shownDefinition(table)), 'ACTIVE'),
      GlobalTableSettingsReplicationMode: SETTINGS_REPLICATION,
    })),
    GlobalTableSettingsReplicationMode: SETTINGS_REPLICATION,
  };
}

function describeOverrides(overrides: ReplicaOverrides | undefined): Description | undefined {
  if (overrides === undefined) return undefined;
  const { tableClass, indexes } = overrides;
  return {
    ...describeReadOverride(overrides),
    ...(tableClass !== undefined && { ReplicaTableClassSummary: { TableClass: tableClass } }),
    ...(indexes !== undefined && {
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        ...describeReadOverride(index),
      })),
    }),
  };
}

const describeReadOverride = ({ read, onDemandRead }: ReplicaOverrides): Description => ({
  ...(read !== undefined && { ProvisionedThroughputOverride: { ReadCapacityUnits: read } }),
  ...(onDemandRead !== undefined && {
    OnDemandThroughputOverride: { MaxReadRequestUnits: onDemandRead },
  }),
});

function describeTableWarm(table: Table): Description {
  const isUpdating =
    table.status === 'CREATING' || (table.updates?.some(({ kind }) => kind === 'warm') ?? false);
  return describeWarm(warmThroughputOf(shownDefinition(table)), isUpdating ? 'UPDATING' : 'ACTIVE');
}
