import {
  DescribeTableCommand,
  type TableDescription,
  UpdateTableCommand,
  type UpdateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, invalid, parameter, refused } from './raw-request.ts';
import { client, HASH_TABLE, newName, newTable } from './target.ts';

const units = (read: number, write = read) => ({
  ReadCapacityUnits: read,
  WriteCapacityUnits: write,
});

const onDemand = await newTable();
const provisioned = await newTable({
  ...HASH_TABLE,
  BillingMode: 'PROVISIONED',
  ProvisionedThroughput: units(2),
});

/** Longer than a change of the mode, the class or the encryption takes at AWS. */
const changeMs = 300_000;

async function described(TableName: string): Promise<TableDescription | undefined> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  return Table;
}

/** Changes the table, waits until it is ACTIVE and shows `expected`, and answers what UpdateTable did. */
async function change(
  TableName: string,
  input: Partial<UpdateTableCommandInput>,
  expected: object,
): Promise<TableDescription | undefined> {
  const { TableDescription: answer } = await client.send(
    new UpdateTableCommand({ TableName, ...input }),
  );
  await expect
    .poll(async () => described(TableName), { timeout: changeMs, interval: 100 })
    .toMatchObject({ TableStatus: 'ACTIVE', ...expected });
  return answer;
}

test('units change, and the answer still has the old ones', async () => {
  const answer = await change(
    provisioned,
    { ProvisionedThroughput: units(3, 4) },
    { ProvisionedThroughput: units(3, 4) },
  );
  expect(answer).toMatchObject({ TableStatus: 'UPDATING', ProvisionedThroughput: units(2) });
});

test('a decrease is counted', async () => {
  const before = (await described(provisioned))?.ProvisionedThroughput;
  await change(
    provisioned,
    { ProvisionedThroughput: units(1, 4) },
    { ProvisionedThroughput: units(1, 4) },
  );
  const after = (await described(provisioned))?.ProvisionedThroughput;
  expect(after?.NumberOfDecreasesToday).toBe((before?.NumberOfDecreasesToday ?? 0) + 1);
  expect(after?.LastDecreaseDateTime).toBeInstanceOf(Date);
});

test('the units that there are already are refused', async () => {
  const {
    ProvisionedThroughput: { ReadCapacityUnits: read = 0, WriteCapacityUnits: write = 0 } = {},
  } = (await described(provisioned)) ?? {};
  expect(
    await call('UpdateTable', {
      TableName: provisioned,
      ProvisionedThroughput: units(read, write),
    }),
  ).toEqual(
    invalid(
      'The provisioned throughput for the table will not change. The requested value equals the current value. ' +
        `Current ReadCapacityUnits provisioned for the table: ${read}. Requested ReadCapacityUnits: ${read}. ` +
        `Current WriteCapacityUnits provisioned for the table: ${write}. Requested WriteCapacityUnits: ${write}. ` +
        'Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.',
    ),
  );
});

test('a table changes its mode, and has no units any more', { timeout: changeMs }, async () => {
  const TableName = await newTable({
    ...HASH_TABLE,
    BillingMode: 'PROVISIONED',
    ProvisionedThroughput: units(1),
  });
  const answer = await change(
    TableName,
    { BillingMode: 'PAY_PER_REQUEST' },
    {
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      ProvisionedThroughput: units(0),
    },
  );
  expect(answer?.TableStatus).toBe('UPDATING');
});

test('protection is switched on and off, at once', { timeout: changeMs }, async () => {
  for (const DeletionProtectionEnabled of [true, false])
    // At AWS a change waits for some seconds after the one before.
    await expect
      .poll(
        async () => {
          const { output } = await call('UpdateTable', {
            TableName: onDemand,
            DeletionProtectionEnabled,
          });
          return output?.['TableDescription'];
        },
        { timeout: 60_000, interval: 500 },
      )
      .toMatchObject({ DeletionProtectionEnabled });
});

test('a stream is switched on and off, and its label stays', { timeout: changeMs }, async () => {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
  const answer = await change(onDemand, { StreamSpecification }, { StreamSpecification });
  expect(answer?.TableStatus).toBe('UPDATING');
  expect(await call('UpdateTable', { TableName: onDemand, StreamSpecification })).toEqual(
    invalid(`Table already has an enabled stream: TableName: ${onDemand}`),
  );
  const { LatestStreamLabel } = (await described(onDemand)) ?? {};
  expect(LatestStreamLabel).toBeDefined();
  await change(onDemand, { StreamSpecification: { StreamEnabled: false } }, { LatestStreamLabel });
  expect((await described(onDemand))?.StreamSpecification).toBeUndefined();
  expect(
    await call('UpdateTable', {
      TableName: onDemand,
      StreamSpecification: { StreamEnabled: false },
    }),
  ).toEqual(invalid(`Table has no stream to disable: TableName: ${onDemand}`));
});

test('bounds on demand are set, and taken away by -1', async () => {
  await change(
    onDemand,
    { OnDemandThroughput: { MaxReadRequestUnits: 100, MaxWriteRequestUnits: 50 } },
    { OnDemandThroughput: { MaxReadRequestUnits: 100, MaxWriteRequestUnits: 50 } },
  );
  await change(
    onDemand,
    { OnDemandThroughput: { MaxReadRequestUnits: -1 } },
    { OnDemandThroughput: { MaxWriteRequestUnits: 50 } },
  );
});

const NOTHING =
  'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, ' +
  'SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, ' +
  'DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required';
const only = (what: string): string =>
  parameter(`${what} must be the only operation in the request`);
const stream = { StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' } };
const replica = (RegionName: string): object => ({ Create: { RegionName } });

test.each<[string, object, string]>([
  ['nothing to change', {}, NOTHING],
  ['definitions alone', { AttributeDefinitions: HASH_TABLE.AttributeDefinitions }, NOTHING],
  ['no index to change', { GlobalSecondaryIndexUpdates: [] }, NOTHING],
  [
    'a provisioned mode without units',
    { BillingMode: 'PROVISIONED' },
    parameter('ProvisionedThroughput must be specified when BillingMode is PROVISIONED'),
  ],
  [
    'units on demand',
    { ProvisionedThroughput: units(1) },
    parameter(
      'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
    ),
  ],
  [
    'units for a mode that has none',
    { BillingMode: 'PAY_PER_REQUEST', ProvisionedThroughput: units(1) },
    parameter('ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST'),
  ],
  [
    'encryption and protection',
    { SSESpecification: { Enabled: true }, DeletionProtectionEnabled: true },
    only('Server-Side Encryption modification'),
  ],
  [
    'a class and a stream',
    { TableClass: 'STANDARD_INFREQUENT_ACCESS', ...stream },
    only('TableClass modification'),
  ],
  [
    'protection and a stream',
    { DeletionProtectionEnabled: true, ...stream },
    only('DeletionProtection modification'),
  ],
  [
    'a replica and a mode',
    { ReplicaUpdates: [replica('eu-west-1')], BillingMode: 'PAY_PER_REQUEST' },
    only('Replica modification'),
  ],
  [
    'a stream and units',
    { ...stream, ProvisionedThroughput: units(1) },
    parameter('You cannot modify stream status while updating table IOPS'),
  ],
  [
    'a stream that does not say what it tells',
    { StreamSpecification: { StreamEnabled: true } },
    parameter('If stream is being enabled then UpdateViewType is required'),
  ],
  [
    'no encryption where there is none',
    { SSESpecification: { Enabled: false } },
    parameter('Table is already encrypted by default'),
  ],
  [
    'less warm throughput than there is',
    { WarmThroughput: { ReadUnitsPerSecond: 1 } },
    parameter(
      'Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported',
    ),
  ],
  [
    'two replicas at once',
    { ReplicaUpdates: [replica('eu-west-1'), replica('ap-northeast-1')] },
    'Update table operation with more than one create or delete replica actions not allowed',
  ],
  [
    'no replica at all',
    { ReplicaUpdates: [{}] },
    'There are no actions specified in the Replica Update Action of the request.',
  ],
])('%s is refused', async (_, changes, message) => {
  expect(await call('UpdateTable', { TableName: onDemand, ...changes })).toEqual(invalid(message));
});

test('a bound of what is provisioned is refused', async () => {
  expect(
    await call('UpdateTable', {
      TableName: provisioned,
      OnDemandThroughput: { MaxReadRequestUnits: 10 },
    }),
  ).toEqual(
    invalid(
      parameter(
        'MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED',
      ),
    ),
  );
});

test('a table that is not there is named, once there is something to change', async () => {
  const TableName = newName();
  expect(await call('UpdateTable', { TableName })).toEqual(invalid(NOTHING));
  expect(await call('UpdateTable', { TableName, DeletionProtectionEnabled: true })).toEqual(
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${TableName} not found`,
    ),
  );
});
