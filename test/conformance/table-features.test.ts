import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, invalid, parameter, refused } from './raw-request.ts';
import { client, newName, newTable } from './target.ts';

const TableName = await newTable();
const { Table: { TableArn: arn = '' } = {} } = await client.send(
  new DescribeTableCommand({ TableName }),
);
const missing = newName();

test.each([
  [
    'DescribeTimeToLive',
    { TableName },
    { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } },
  ],
  [
    'DescribeKinesisStreamingDestination',
    { TableName },
    { TableName, KinesisDataStreamDestinations: [] },
  ],
  [
    'DescribeContributorInsights',
    { TableName },
    { TableName, ContributorInsightsStatus: 'DISABLED' },
  ],
  ['ListContributorInsights', { TableName }, { ContributorInsightsSummaries: [] }],
  ['ListBackups', { TableName }, { BackupSummaries: [] }],
  ['ListExports', { TableArn: arn }, { ExportSummaries: [] }],
  ['ListImports', { TableArn: arn }, { ImportSummaryList: [] }],
])('%s tells of a table that does not use it', async (operation, input, output) => {
  expect(await call(operation, input)).toEqual({ status: 200, output });
});

test('recovery to a point in time is off, though backups could be made', async () => {
  // At AWS a new table's backups are enabled some seconds after it is there.
  await expect
    .poll(async () => (await call('DescribeContinuousBackups', { TableName })).output, {
      timeout: 30_000,
    })
    .toMatchObject({
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: 'ENABLED',
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
      },
    });
});

test('DescribeLimits tells of units of the account and of a table', async () => {
  const { status, output } = await call('DescribeLimits', {});
  expect(status).toBe(200);
  for (const limit of [
    'AccountMaxReadCapacityUnits',
    'AccountMaxWriteCapacityUnits',
    'TableMaxReadCapacityUnits',
    'TableMaxWriteCapacityUnits',
  ])
    expect(output?.[limit]).toBeGreaterThanOrEqual(40_000);
});

test('DescribeEndpoints answers an address to talk to, for some time', async () => {
  const { output } = await call('DescribeEndpoints', {});
  expect(output).toEqual({
    Endpoints: [{ Address: expect.stringMatching(/./) as unknown, CachePeriodInMinutes: 1440 }],
  });
});

const NOT_FOUND = `Requested resource not found: Table: ${missing} not found`;

test.each([
  ['DescribeTimeToLive', 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeKinesisStreamingDestination', 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeContributorInsights', 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeContinuousBackups', 'TableNotFoundException', `Table not found: ${missing}`],
  [
    'DescribeTableReplicaAutoScaling',
    'ResourceNotFoundException',
    `Global table with name: '${missing}' does not exist.`,
  ],
])('%s has its own words for a table that is not there', async (operation, code, message) => {
  expect(await call(operation, { TableName: missing })).toEqual(refused(code, message));
});

test('backups of a table that is not there are none', async () => {
  expect(await call('ListBackups', { TableName: missing })).toEqual({
    status: 200,
    output: { BackupSummaries: [] },
  });
});

test('a table that has no policy says so', async () => {
  expect(await call('GetResourcePolicy', { ResourceArn: arn })).toEqual(
    refused(
      'PolicyNotFoundException',
      `Resource-based policy not found for the provided ResourceArn: ${arn}`,
    ),
  );
});

test('what is nowhere is not found', async () => {
  const backup = `${arn}/backup/01791504762511-2779fadd`;
  for (const operation of ['DescribeBackup', 'DeleteBackup'])
    expect(await call(operation, { BackupArn: backup })).toEqual(
      refused('BackupNotFoundException', `Backup not found: ${backup}`),
    );
  const job = `${arn}/export/01791504762511-2779fadd`;
  expect(await call('DescribeExport', { ExportArn: job })).toEqual(
    refused('ExportNotFoundException', `Export not found: Export not found: ${job}`),
  );
});

const UNSUPPORTED = parameter(
  'DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).',
);
const NO_SUCH = `Global table with name: '${missing}' does not exist.`;

test('global tables of 2017 are none, and none is made', async () => {
  const { status, output } = await call('ListGlobalTables', {});
  expect([status, output]).toEqual([200, { GlobalTables: expect.any(Array) as unknown }]);
  expect(
    await call('CreateGlobalTable', {
      GlobalTableName: missing,
      ReplicationGroup: [{ RegionName: 'eu-west-1' }],
    }),
  ).toEqual(invalid(UNSUPPORTED));
  expect(await call('DescribeGlobalTable', { GlobalTableName: missing })).toEqual(
    refused('GlobalTableNotFoundException', `Global table not found: ${NO_SUCH}`),
  );
  expect(await call('DescribeGlobalTableSettings', { GlobalTableName: missing })).toEqual(
    refused('GlobalTableNotFoundException', NO_SUCH),
  );
});
