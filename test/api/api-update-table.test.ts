import { DescribeTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { SystemClock } from '../../src/daemon/system-clock.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';
import {
  BOUND,
  CLASS,
  INVALID,
  MODE,
  newIndex,
  onDemand,
  SSE,
  STREAM,
  units,
  WARM,
  withIndexes,
} from '../support/update-table-requests.ts';

/** On the day of the region in memory. */
class StandingClock extends SystemClock {
  override wallMs(): number {
    return 1_700_000_000_123;
  }
}

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi({ clock: new StandingClock() });
});

afterEach(async () => {
  await api.stop();
});

const provisioned = {
  ...onDemand,
  BillingMode: 'PROVISIONED',
  ProvisionedThroughput: units(2),
};

async function update(changes: object): Promise<{ status: number; body: unknown }> {
  return api.call('UpdateTable', { TableName: 'Music', ...changes });
}

async function described(): Promise<unknown> {
  const { body } = await api.call('DescribeTable', { TableName: 'Music' });
  return body;
}

test('a table that is not there is missing only to valid requests', async () => {
  const { body } = await update(MODE);
  expect(body).toMatchObject({ message: 'Requested resource not found: Table: Music not found' });
});

test.each<[string, object, object, string]>([
  [
    'the same throughput',
    provisioned,
    { BillingMode: 'PROVISIONED', ProvisionedThroughput: units(2) },
    'The provisioned throughput for the table will not change. The requested value equals the current value. ' +
      'Current ReadCapacityUnits provisioned for the table: 2. Requested ReadCapacityUnits: 2. ' +
      'Current WriteCapacityUnits provisioned for the table: 2. Requested WriteCapacityUnits: 2. ' +
      'Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.',
  ],
  [
    'a provisioned mode alone',
    provisioned,
    { BillingMode: 'PROVISIONED' },
    `${INVALID}ProvisionedThroughput must be specified when BillingMode is PROVISIONED`,
  ],
  [
    'units of a table that has none',
    onDemand,
    { ProvisionedThroughput: units(1) },
    `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'a bound of what is provisioned',
    provisioned,
    BOUND,
    `${INVALID}MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED`,
  ],
  [
    'less warm throughput',
    onDemand,
    { WarmThroughput: { WriteUnitsPerSecond: 3999 } },
    `${INVALID}Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported`,
  ],
  [
    'no stream where there is none',
    onDemand,
    { StreamSpecification: { StreamEnabled: false } },
    'Table has no stream to disable: TableName: Music',
  ],
  [
    'a stream where there is one',
    { ...onDemand, ...STREAM },
    STREAM,
    'Table already has an enabled stream: TableName: Music',
  ],
  [
    'no encryption where there is none',
    onDemand,
    { SSESpecification: {} },
    `${INVALID}Table is already encrypted by default`,
  ],
  [
    'the key that is',
    { ...onDemand, SSESpecification: { SSEType: 'KMS', KMSMasterKeyId: 'arn:aws:kms:x:y:key/z' } },
    { SSESpecification: { SSEType: 'KMS', KMSMasterKeyId: 'arn:aws:kms:x:y:key/z' } },
    `${INVALID}Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key`,
  ],
])('UpdateTable refuses %s', async (_what, table, changes, message) => {
  await api.call('CreateTable', table);
  const before = await described();
  const { status, body } = await update(changes);
  expect({ status, body }).toMatchObject({ status: 400, body: { message } });
  expect(await described()).toEqual(before);
});

test('throughput is as it was in the answer, and then as it is to be', async () => {
  await api.call('CreateTable', provisioned);
  const { body } = await update({ ProvisionedThroughput: units(1, 3) });
  expect(body).toMatchObject({
    TableDescription: {
      TableStatus: 'UPDATING',
      ProvisionedThroughput: {
        ...units(2),
        NumberOfDecreasesToday: 0,
        LastIncreaseDateTime: 1_700_000_000.123,
        LastDecreaseDateTime: 1_700_000_000.123,
      },
    },
  });
  expect(await described()).toMatchObject({
    Table: {
      TableStatus: 'ACTIVE',
      ProvisionedThroughput: { ...units(1, 3), NumberOfDecreasesToday: 1 },
      WarmThroughput: { ReadUnitsPerSecond: 2, WriteUnitsPerSecond: 3, Status: 'ACTIVE' },
    },
  });
});

test('a day has four decreases at once, and further ones an hour later', async () => {
  await api.call('CreateTable', { ...provisioned, ProvisionedThroughput: units(10) });
  for (const read of [9, 8, 7, 6])
    expect((await update({ ProvisionedThroughput: units(read) })).status).toBe(200);
  const { body } = await update({ ProvisionedThroughput: units(5, 20) });
  expect(body).toMatchObject({
    __type: 'com.amazonaws.dynamodb.v20120810#LimitExceededException',
    message:
      'Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. ' +
      'After the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once ' +
      'every 3600 seconds. Number of decreases today: 4. Last decrease at Tuesday, November 14, 2023 at 10:13:20 PM ' +
      'Coordinated Universal Time. Next decrease can be made at Tuesday, November 14, 2023 at 11:13:20 PM Coordinated ' +
      'Universal Time.',
  });
  expect((await update({ ProvisionedThroughput: units(11) })).status).toBe(200);
});

test('a table changes its mode and back, and loses what went with it', async () => {
  await api.call('CreateTable', { ...onDemand, ...BOUND });
  const to = await update({ BillingMode: 'PROVISIONED', ProvisionedThroughput: units(5) });
  expect(to.body).toMatchObject({
    TableDescription: {
      TableStatus: 'UPDATING',
      BillingModeSummary: { BillingMode: 'PROVISIONED' },
      ProvisionedThroughput: units(5),
    },
  });
  expect(await described()).toMatchObject({
    Table: {
      BillingModeSummary: {
        BillingMode: 'PROVISIONED',
        LastUpdateToPayPerRequestDateTime: 1_700_000_000.123,
      },
      WarmThroughput: { ReadUnitsPerSecond: 12_000, WriteUnitsPerSecond: 4000 },
    },
  });
  expect(JSON.stringify(await described())).not.toContain('OnDemandThroughput');
  await update(MODE);
  expect(await described()).toMatchObject({
    Table: {
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      ProvisionedThroughput: units(0),
    },
  });
});

test('a mode or class sent again is answered as if it were changed', async () => {
  await api.call('CreateTable', onDemand);
  for (const changes of [MODE, { TableClass: 'STANDARD' }]) {
    const { status, body } = await update(changes);
    expect(status).toBe(200);
    expect(body).toMatchObject({ TableDescription: { TableStatus: 'UPDATING' } });
  }
  expect(await described()).toMatchObject({ Table: { TableStatus: 'ACTIVE' } });
  expect(JSON.stringify(await described())).not.toContain('TableClassSummary');
});

test('bounds are set and taken away one by one', async () => {
  await api.call('CreateTable', onDemand);
  const steps: readonly (readonly [object, object, object | undefined])[] = [
    [
      { MaxReadRequestUnits: 10, MaxWriteRequestUnits: 5 },
      { MaxReadRequestUnits: 10, MaxWriteRequestUnits: 5 },
      { MaxReadRequestUnits: 10, MaxWriteRequestUnits: 5 },
    ],
    [
      { MaxReadRequestUnits: -1 },
      { MaxReadRequestUnits: -1, MaxWriteRequestUnits: 5 },
      { MaxWriteRequestUnits: 5 },
    ],
    [{ MaxWriteRequestUnits: -1 }, { MaxWriteRequestUnits: -1 }, undefined],
  ];
  for (const [OnDemandThroughput, answered, left] of steps) {
    const TableName = 'Music';
    const { TableDescription } = await api.client.send(
      new UpdateTableCommand({ TableName, OnDemandThroughput }),
    );
    expect(TableDescription?.OnDemandThroughput).toEqual(answered);
    const { Table } = await api.client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.OnDemandThroughput).toEqual(left);
  }
});

test('stream, class, encryption and warm throughput change', async () => {
  await api.call('CreateTable', onDemand);
  const stream = await update(STREAM);
  expect(stream.body).toMatchObject({
    TableDescription: {
      TableStatus: 'UPDATING',
      StreamSpecification: STREAM.StreamSpecification,
      LatestStreamLabel: '2023-11-14T22:13:20.123',
    },
  });
  const off = await update({ StreamSpecification: { StreamEnabled: false } });
  expect(JSON.stringify(off.body)).not.toContain('StreamSpecification');
  expect(off.body).toMatchObject({
    TableDescription: { LatestStreamLabel: '2023-11-14T22:13:20.123' },
  });
  expect(JSON.stringify((await update(CLASS)).body)).not.toContain('TableClassSummary');
  const sse = await update(SSE);
  expect(sse.body).toMatchObject({
    TableDescription: { TableStatus: 'ACTIVE', SSEDescription: { Status: 'UPDATING' } },
  });
  const warm = await update(WARM);
  expect(warm.body).toMatchObject({
    TableDescription: {
      TableStatus: 'ACTIVE',
      WarmThroughput: {
        ReadUnitsPerSecond: 12_000,
        WriteUnitsPerSecond: 4000,
        Status: 'UPDATING',
      },
    },
  });
  expect(await described()).toMatchObject({
    Table: {
      TableClassSummary: { ...CLASS, LastUpdateDateTime: 1_700_000_000.123 },
      SSEDescription: { Status: 'ENABLED', SSEType: 'KMS' },
      WarmThroughput: {
        ReadUnitsPerSecond: 13_000,
        WriteUnitsPerSecond: 4000,
        Status: 'ACTIVE',
      },
    },
  });
});

test('an index is added, changed and deleted, and its attribute is defined as long', async () => {
  await api.call('CreateTable', provisioned);
  const ProvisionedThroughput = units(1);
  const added = await update(withIndexes(newIndex('gsi', { ProvisionedThroughput })));
  expect(added.body).toMatchObject({
    TableDescription: {
      TableStatus: 'UPDATING',
      AttributeDefinitions: [{ AttributeName: 'pk' }, { AttributeName: 'x' }],
      GlobalSecondaryIndexes: [
        { IndexName: 'gsi', IndexStatus: 'CREATING', Backfilling: false, ProvisionedThroughput },
      ],
    },
  });
  const changed = await update({
    GlobalSecondaryIndexUpdates: [
      { Update: { IndexName: 'gsi', ProvisionedThroughput: units(4) } },
    ],
  });
  expect(changed.body).toMatchObject({
    TableDescription: {
      TableStatus: 'ACTIVE',
      GlobalSecondaryIndexes: [{ IndexStatus: 'UPDATING', ProvisionedThroughput }],
    },
  });
  expect(await described()).toMatchObject({
    Table: {
      GlobalSecondaryIndexes: [{ IndexStatus: 'ACTIVE', ProvisionedThroughput: units(4) }],
    },
  });
  const deleted = await update({ GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'gsi' } }] });
  expect(deleted.body).toMatchObject({
    TableDescription: {
      TableStatus: 'UPDATING',
      AttributeDefinitions: [{ AttributeName: 'pk' }, { AttributeName: 'x' }],
      GlobalSecondaryIndexes: [{ IndexStatus: 'DELETING' }],
    },
  });
  const { Table } = await api.client.send(new DescribeTableCommand({ TableName: 'Music' }));
  expect(Table?.AttributeDefinitions).toEqual(provisioned.AttributeDefinitions);
  expect(Table).not.toHaveProperty('GlobalSecondaryIndexes');
});

test.each<[string, object, object, string]>([
  [
    'two indexes at once',
    onDemand,
    withIndexes({ Delete: { IndexName: 'one' } }, { Delete: { IndexName: 'two' } }),
    'Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table',
  ],
  [
    'an index that is not there',
    onDemand,
    withIndexes({ Delete: { IndexName: 'gone' } }),
    'Requested resource not found: Index gone for table Music',
  ],
  [
    'an index of a table that has units, without any',
    provisioned,
    withIndexes(newIndex('gsi')),
    `${INVALID}Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: gsi`,
  ],
  [
    'units of an index of a table that has none',
    onDemand,
    withIndexes(newIndex('gsi', { ProvisionedThroughput: units(1) })),
    `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: gsi when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'another type of a key attribute',
    onDemand,
    {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'N' }],
      GlobalSecondaryIndexUpdates: [
        newIndex('gsi', { KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] }),
      ],
    },
    `${INVALID}Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. ` +
      'Existing schema: Schema:[SchemaElement: key{pk:S:HASH}] New schema: Schema:[SchemaElement: key{pk:N:HASH}]',
  ],
])('UpdateTable refuses %s', async (_what, table, changes, message) => {
  await api.call('CreateTable', table);
  const { status, body } = await update(changes);
  expect({ status, body }).toMatchObject({ status: 400, body: { message } });
});

test('an index is known by its name, and a local one is not deleted', async () => {
  await api.call('CreateTable', {
    ...onDemand,
    AttributeDefinitions: ['pk', 'sk', 'x'].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    LocalSecondaryIndexes: [
      {
        IndexName: 'lsi',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'x', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
  const created = await update(withIndexes(newIndex('lsi')));
  expect(created.body).toMatchObject({
    message: 'Attempting to create an index which already exists',
  });
  const deleted = await update(withIndexes({ Delete: { IndexName: 'lsi' } }));
  expect(deleted.body).toMatchObject({
    message: 'Cannot delete an index that is not a GlobalSecondaryIndex: lsi',
  });
});

test('a table with indexes gets units for each with its mode', async () => {
  await api.call('CreateTable', onDemand);
  await update(withIndexes(newIndex('gsi')));
  const mode = { BillingMode: 'PROVISIONED', ProvisionedThroughput: units(5) };
  expect((await update(mode)).body).toMatchObject({
    message: `${INVALID}ProvisionedThroughput must be specified for index: gsi`,
  });
  const Update = { IndexName: 'gsi', ProvisionedThroughput: units(6) };
  const { status } = await update({ ...mode, GlobalSecondaryIndexUpdates: [{ Update }] });
  expect(status).toBe(200);
  expect(await described()).toMatchObject({
    Table: {
      ProvisionedThroughput: units(5),
      GlobalSecondaryIndexes: [{ ProvisionedThroughput: units(6) }],
    },
  });
  const same = await update({ GlobalSecondaryIndexUpdates: [{ Update }] });
  expect(same.body).toMatchObject({
    message: expect.stringContaining(
      'The provisioned throughput for the index gsi will not change. The requested value equals the current value. ' +
        'Current ReadCapacityUnits provisioned for index gsi: 6. Requested ReadCapacityUnits: 6.',
    ) as unknown,
  });
});
