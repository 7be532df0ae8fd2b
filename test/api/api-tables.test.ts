import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  ListTablesCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import type { CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
let client: DynamoDBClient;

beforeEach(async () => {
  api = await startMemoryApi();
  client = api.client;
});

afterEach(async () => {
  await api.stop();
});

const music: CreateTableCommandInput = {
  TableName: 'Music',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
};

const TableArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';

test('a table is described as AWS does', async () => {
  const created = await client.send(new CreateTableCommand(music));
  expect(created.TableDescription).toMatchObject({ TableStatus: 'CREATING', ItemCount: 0 });
  const { body } = await api.call('DescribeTable', { TableName: TableArn });
  expect(body).toEqual({
    Table: {
      AttributeDefinitions: music.AttributeDefinitions,
      TableName: 'Music',
      KeySchema: music.KeySchema,
      TableStatus: 'ACTIVE',
      CreationDateTime: 1_700_000_000.123,
      ProvisionedThroughput: {
        NumberOfDecreasesToday: 0,
        ReadCapacityUnits: 0,
        WriteCapacityUnits: 0,
      },
      TableSizeBytes: 0,
      ItemCount: 0,
      TableArn,
      TableId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      BillingModeSummary: {
        BillingMode: 'PAY_PER_REQUEST',
        LastUpdateToPayPerRequestDateTime: 1_700_000_000.123,
      },
      TableThroughputModeSummary: {
        TableThroughputMode: 'PAY_PER_REQUEST',
        LastUpdateToPayPerRequestDateTime: 1_700_000_000.123,
      },
      WarmThroughput: { ReadUnitsPerSecond: 12_000, WriteUnitsPerSecond: 4_000, Status: 'ACTIVE' },
      DeletionProtectionEnabled: false,
    },
  });
});

test('a provisioned table keeps its units and has no billing mode summary', async () => {
  const created = await client.send(
    new CreateTableCommand({
      ...music,
      BillingMode: undefined,
      ProvisionedThroughput: { ReadCapacityUnits: 3, WriteCapacityUnits: 2 },
    }),
  );
  expect(created.TableDescription?.ProvisionedThroughput).toMatchObject({
    ReadCapacityUnits: 3,
    WriteCapacityUnits: 2,
  });
  expect(created.TableDescription?.BillingModeSummary).toBeUndefined();
});

test('names are unique, missing tables are named, and deletion ends both', async () => {
  await client.send(new CreateTableCommand(music));
  await expect(client.send(new CreateTableCommand(music))).rejects.toBeInstanceOf(
    ResourceInUseException,
  );
  const deleted = await client.send(new DeleteTableCommand({ TableName: 'Music' }));
  expect(deleted.TableDescription?.TableStatus).toBe('DELETING');
  const missing = client.send(new DescribeTableCommand({ TableName: 'Music' }));
  await expect(missing).rejects.toBeInstanceOf(ResourceNotFoundException);
  await expect(missing).rejects.toThrow('Requested resource not found: Table: Music not found');
});

test('ListTables pages in the order of names', async () => {
  for (const TableName of ['ccc', 'aaa', 'bbb']) {
    await client.send(new CreateTableCommand({ ...music, TableName }));
  }
  const first = await client.send(new ListTablesCommand({ Limit: 2 }));
  expect(first).toMatchObject({ TableNames: ['aaa', 'bbb'], LastEvaluatedTableName: 'bbb' });
  const second = await client.send(new ListTablesCommand({ ExclusiveStartTableName: 'bbb' }));
  expect(second.TableNames).toEqual(['ccc']);
  expect(second.LastEvaluatedTableName).toBeUndefined();
});

test('a replica is added and removed, and never is the asked region listed', async () => {
  await client.send(new CreateTableCommand(music));
  const update = async (kind: 'Create' | 'Delete'): Promise<void> => {
    await client.send(
      new UpdateTableCommand({
        TableName: 'Music',
        ReplicaUpdates: [{ [kind]: { RegionName: 'eu-west-1' } }],
      }),
    );
  };
  await update('Create');
  const global = await client.send(new DescribeTableCommand({ TableName: 'Music' }));
  expect(global.Table).toMatchObject({
    GlobalTableVersion: '2019.11.21',
    Replicas: [{ RegionName: 'eu-west-1', ReplicaStatus: 'ACTIVE' }],
  });
  await update('Delete');
  const regional = await client.send(new DescribeTableCommand({ TableName: 'Music' }));
  expect(regional.Table).not.toHaveProperty('GlobalTableVersion');
  expect(regional.Table).not.toHaveProperty('Replicas');
});

async function changeReplica(kind: 'Create' | 'Update', settings: object): Promise<object> {
  const ReplicaUpdates = [{ [kind]: { RegionName: 'eu-west-1', ...settings } }];
  return api.call('UpdateTable', { TableName: 'Music', ReplicaUpdates });
}

test('a replica reads otherwise than the table, as its entry says', async () => {
  await client.send(new CreateTableCommand(music));
  const OnDemandThroughputOverride = { MaxReadRequestUnits: 7 };
  const TableClassOverride = 'STANDARD_INFREQUENT_ACCESS';
  await changeReplica('Create', { OnDemandThroughputOverride });
  await changeReplica('Update', { TableClassOverride });
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: 'Music' }));
  expect(table?.Replicas).toMatchObject([
    { OnDemandThroughputOverride, ReplicaTableClassSummary: { TableClass: TableClassOverride } },
  ]);
  expect(table).not.toHaveProperty('OnDemandThroughput');
  const ProvisionedThroughputOverride = { ReadCapacityUnits: 7 };
  const refused = await changeReplica('Update', { ProvisionedThroughputOverride });
  expect(refused).toMatchObject({ status: 400 });
  const none = await changeReplica('Update', {
    OnDemandThroughputOverride: { MaxReadRequestUnits: 0 },
  });
  expect(none).toMatchObject({ status: 400 });
  await changeReplica('Update', {
    OnDemandThroughputOverride: { MaxReadRequestUnits: -1 },
    TableClassOverride: 'STANDARD',
  });
  const inherited = await client.send(new DescribeTableCommand({ TableName: 'Music' }));
  expect(inherited.Table?.Replicas?.[0]).not.toHaveProperty('OnDemandThroughputOverride');
  expect(inherited.Table?.Replicas?.[0]).not.toHaveProperty('ReplicaTableClassSummary');
});

test('a policy given with a new table is the one that is told', async () => {
  const ResourcePolicy = '{"Version":"2012-10-17","Statement":[]}';
  await client.send(new CreateTableCommand({ ...music, ResourcePolicy }));
  const { TableArn: ResourceArn } = await client
    .send(new DescribeTableCommand({ TableName: 'Music' }))
    .then(({ Table: table }) => table ?? {});
  const { status, body } = await api.call('GetResourcePolicy', { ResourceArn });
  expect(status).toBe(200);
  expect(body).toEqual({ Policy: ResourcePolicy, RevisionId: expect.any(String) as unknown });
});

const create = (RegionName: string): object => ({ Create: { RegionName } });

test.each([
  [{}, 'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled'],
  [
    { ReplicaUpdates: [create('eu-west-1')], BillingMode: 'PAY_PER_REQUEST' },
    'One or more parameter values were invalid: Replica modification must be the only operation',
  ],
  [
    { ReplicaUpdates: [create('eu-west-1'), create('ap-northeast-1')] },
    'Update table operation with more than one create or delete replica actions not allowed',
  ],
  [
    { ReplicaUpdates: [{ ...create('eu-west-1'), Delete: { RegionName: 'eu-west-1' } }] },
    'more than one type of replica actions not allowed.',
  ],
  [{ ReplicaUpdates: [{}] }, 'There are no actions specified in the Replica Update Action'],
  [
    { ReplicaUpdates: [{ Update: { RegionName: 'eu-west-1' } }] },
    'There are no actions specified in the Replica Update Action of the request.',
  ],
  [
    { ReplicaUpdates: [create('us-east-1')] },
    'Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or',
  ],
])('UpdateTable refuses %j', async (changes, message) => {
  await client.send(new CreateTableCommand(music));
  const { status, body } = await api.call('UpdateTable', { TableName: 'Music', ...changes });
  expect(status).toBe(400);
  expect(body).toMatchObject({
    __type: 'com.amazon.coral.validate#ValidationException',
    message: expect.stringContaining(message) as unknown,
  });
});

test('the same replica twice in one call counts once', async () => {
  await client.send(new CreateTableCommand(music));
  const ReplicaUpdates = [create('eu-west-1'), create('eu-west-1')];
  const { status } = await api.call('UpdateTable', { TableName: 'Music', ReplicaUpdates });
  expect(status).toBe(200);
});
