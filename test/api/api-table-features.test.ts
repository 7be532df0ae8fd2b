import { afterEach, beforeEach, expect, test } from 'vitest';

import type { TableIndex } from '../../src/model/table.ts';
import { SIGNED_HEADERS, startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
  await api.call('CreateTable', {
    TableName: 'Music',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
});

afterEach(async () => {
  await api.stop();
});

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';
const TableName = 'Music';
const INVALID = 'One or more parameter values were invalid: ';

const index = (name: string, kind: 'local' | 'global'): TableIndex => ({
  definition: {
    name,
    kind,
    partition: [{ name: 'pk', type: 'S' }],
    sort: [],
    projection: { kind: 'all' },
  },
  number: 7,
  status: 'ACTIVE',
  backfilling: false,
});

/** The code and the message of an answer that is a refusal. */
async function refusal(operation: string, input: object): Promise<readonly string[]> {
  const { text } = await api.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` },
    body: JSON.stringify(input),
  });
  const [, code = '', message = ''] = /#(\w+)","[mM]essage":(.*)\}$/.exec(text) ?? [];
  return [code, String(JSON.parse(message))];
}

test.each([
  [
    'DescribeTimeToLive',
    { TableName },
    { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } },
  ],
  [
    'DescribeContinuousBackups',
    { TableName },
    {
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: 'ENABLED',
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
      },
    },
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
  ['ListContributorInsights', { MaxResults: 1 }, { ContributorInsightsSummaries: [] }],
  ['ListBackups', {}, { BackupSummaries: [] }],
  ['ListBackups', { TableName: 'Missing', BackupType: 'ALL' }, { BackupSummaries: [] }],
  ['ListExports', {}, { ExportSummaries: [] }],
  ['ListExports', { TableArn: ARN, MaxResults: 25 }, { ExportSummaries: [] }],
  ['ListImports', {}, { ImportSummaryList: [] }],
  ['ListImports', { TableArn: ARN, PageSize: 25 }, { ImportSummaryList: [] }],
  ['ListGlobalTables', { Limit: 1, RegionName: 'us-east-1' }, { GlobalTables: [] }],
])('%s of %j answers as for a table that does not use it', async (operation, input, answer) => {
  expect(await api.call(operation, input)).toEqual({ status: 200, body: answer });
});

test('a table in the making or on its way out has no expiry to describe', async () => {
  for (const status of ['CREATING', 'DELETING'] as const) {
    api.region.alterTable('Music', { status });
    expect(await refusal('DescribeTimeToLive', { TableName })).toEqual([
      'ValidationException',
      `Cannot describe time to live while table is in ${status} state: Current table state is ${status}`,
    ]);
  }
});

test('backups of a table in the making are not on yet', async () => {
  api.region.alterTable('Music', { status: 'CREATING' });
  const { body } = await api.call('DescribeContinuousBackups', { TableName });
  expect(body).toMatchObject({
    ContinuousBackupsDescription: { ContinuousBackupsStatus: 'DISABLED' },
  });
});

test('a replica in the making is there for DescribeTable alone', async () => {
  const global = { home: 'eu-west-1', term: 1, revision: 1, members: {}, debts: [] };
  api.region.alterTable('Music', { status: 'CREATING', global });
  expect((await api.call('DescribeTable', { TableName })).status).toBe(200);
  const missing = 'Requested resource not found: Table: Music not found';
  for (const operation of ['DescribeTimeToLive', 'DescribeContributorInsights']) {
    expect(await refusal(operation, { TableName })).toEqual(['ResourceNotFoundException', missing]);
  }
  expect(await refusal('DescribeContinuousBackups', { TableName })).toEqual([
    'TableNotFoundException',
    'Table not found: Music',
  ]);
});

test('insights are of a table and of its global indexes', async () => {
  api.region.alterTable('Music', { indexes: [index('ByYear', 'global'), index('Near', 'local')] });
  const { body } = await api.call('DescribeContributorInsights', {
    TableName: ARN,
    IndexName: 'ByYear',
  });
  expect(body).toEqual({ TableName, IndexName: 'ByYear', ContributorInsightsStatus: 'DISABLED' });
  for (const IndexName of ['Near', 'None']) {
    expect(await refusal('DescribeContributorInsights', { TableName, IndexName })).toEqual([
      'ResourceNotFoundException',
      `Requested resource not found: Index: ${IndexName} not found for table: Music`,
    ]);
  }
  expect(await refusal('DescribeContributorInsights', { TableName, IndexName: '' })).toEqual([
    'ValidationException',
    'IndexName must be at least 3 characters long and at most 255 characters long',
  ]);
});

const other = (arn: string): string => arn.replace('000000000000', '111111111111');
const BACKUP = `${ARN}/backup/01791504762511-2779fadd`;

test.each(['DescribeBackup', 'DeleteBackup'])('%s finds no backup', async (operation) => {
  for (const BackupArn of [BACKUP, BACKUP.replace('us-east-1', 'eu-west-1')]) {
    expect(await refusal(operation, { BackupArn })).toEqual([
      'BackupNotFoundException',
      `Backup not found: ${BackupArn}`,
    ]);
  }
  for (const BackupArn of ['', ARN, 'x'.repeat(48), `${ARN}/export/1`]) {
    expect(await refusal(operation, { BackupArn })).toEqual([
      'ValidationException',
      'Invalid Backup ARN',
    ]);
  }
  expect(await refusal(operation, { BackupArn: BACKUP.replace('aws', 'aws-cn') })).toEqual([
    'ValidationException',
    'Invalid Request: BackupArn is not valid',
  ]);
  expect(await api.call(operation, { BackupArn: other(BACKUP) })).toEqual({
    status: 400,
    body: {
      __type: 'com.amazon.coral.service#AccessDeniedException',
      Message: 'Access is denied',
    },
  });
});

test.each([
  [
    { TimeRangeLowerBound: 2, TimeRangeUpperBound: 1 },
    `${INVALID}Time range lower bound must be less than or equal to upper bound`,
  ],
  [
    { ExclusiveStartBackupArn: BACKUP.replace('us-east-1', 'eu-west-1') },
    'Invalid Request: The supplied ExclusiveStartBackupArn does not match the region',
  ],
  [
    { Limit: 0 },
    "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [
    { Limit: 101 },
    "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100",
  ],
])('ListBackups refuses %j', async (input, message) => {
  expect(await refusal('ListBackups', input)).toEqual(['ValidationException', message]);
});

test.each(['Export', 'Import'])('Describe%s finds none', async (kind) => {
  const operation = `Describe${kind}`;
  const arn = `${ARN}/${kind.toLowerCase()}/0`;
  const name = `${kind}Arn`;
  const notFound = `${kind}NotFoundException`;
  expect(await refusal(operation, { [name]: arn })).toEqual([
    notFound,
    `${kind} not found: ${kind} not found: ${arn}`,
  ]);
  expect(await refusal(operation, { [name]: arn.replace('us-east-1', 'eu-west-1') })).toEqual([
    notFound,
    `${kind} not found: Invalid ${kind.toLowerCase()} arn`,
  ]);
  for (const wrong of [ARN, BACKUP, 'x'.repeat(40)]) {
    expect(await refusal(operation, { [name]: wrong })).toEqual([
      'ValidationException',
      `Invalid ${kind} ARN`,
    ]);
  }
  const denied = await api.call(operation, { [name]: other(arn) });
  expect(denied.body).toMatchObject({ Message: 'Access is denied' });
});

test.each([
  ['ListExports', { NextToken: 'aa' }, 'Invalid Request: Provided nextToken is invalid: aa'],
  [
    'ListImports',
    { NextToken: '0'.repeat(112) },
    `Invalid Request: Provided nextToken is invalid: ${'0'.repeat(112)}`,
  ],
  ['ListExports', { TableArn: 'Music' }, `${INVALID}tableArn is not a valid ARN`],
  ['ListExports', { TableArn: '' }, 'Invalid TableArn: Invalid Table ARN'],
  ['ListImports', { TableArn: `${ARN}/index/a` }, 'Invalid Request: Table ARN is invalid.'],
  [
    'ListExports',
    { MaxResults: 26 },
    "1 validation error detected: Value '26' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 25",
  ],
])('%s refuses %j', async (operation, input, message) => {
  expect(await refusal(operation, input)).toEqual(['ValidationException', message]);
});

test('a table has no resource policy', async () => {
  expect(await refusal('GetResourcePolicy', { ResourceArn: ARN })).toEqual([
    'PolicyNotFoundException',
    `Resource-based policy not found for the provided ResourceArn: ${ARN}`,
  ]);
});

test.each([
  ['Music', 'ValidationException', `${INVALID}ARNs must start with 'arn:': Music`],
  [
    other(ARN),
    'ValidationException',
    'This action is only supported by accounts that match the resource owner’s account.',
  ],
  [
    ARN.replace('us-east-1', 'eu-west-1'),
    'ValidationException',
    `${INVALID}Invalid resource Arn: ${ARN.replace('us-east-1', 'eu-west-1')}`,
  ],
  [
    ARN.replace('aws', 'aws-cn'),
    'ValidationException',
    `${INVALID}Invalid resource Arn: ${ARN.replace('aws', 'aws-cn')}`,
  ],
  [
    `${ARN}/index/ByYear`,
    'ValidationException',
    `${INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ${ARN}/index/ByYear`,
  ],
  [
    BACKUP,
    'ValidationException',
    `${INVALID}Provided Arn is not a DynamoDB resource arn: ${BACKUP}`,
  ],
  [
    ARN.replace('Music', 'MUSIC'),
    'ResourceNotFoundException',
    'Requested resource not found: Table: MUSIC not found',
  ],
  [
    `${ARN}/stream/2000-01-01T00:00:00.000`,
    'ResourceNotFoundException',
    'Requested resource not found: Stream: 2000-01-01T00:00:00.000 not found for Table: Music',
  ],
])('GetResourcePolicy answers %s with %s', async (ResourceArn, code, message) => {
  expect(await refusal('GetResourcePolicy', { ResourceArn })).toEqual([code, message]);
});

test('only a global table tells how it scales, and both its replicas never did', async () => {
  expect(await refusal('DescribeTableReplicaAutoScaling', { TableName })).toEqual([
    'ResourceNotFoundException',
    "Global table with name: 'Music' does not exist.",
  ]);
  await api.call('UpdateTable', {
    TableName,
    ReplicaUpdates: [{ Create: { RegionName: 'eu-west-1' } }],
  });
  api.region.alterTable('Music', { indexes: [index('ByYear', 'global'), index('Near', 'local')] });
  const never = { AutoScalingDisabled: true, ScalingPolicies: [] };
  const replica = (RegionName: string): object => ({
    RegionName,
    GlobalSecondaryIndexes: [
      {
        IndexName: 'ByYear',
        IndexStatus: 'ACTIVE',
        ProvisionedReadCapacityAutoScalingSettings: never,
        ProvisionedWriteCapacityAutoScalingSettings: never,
      },
    ],
    ReplicaProvisionedReadCapacityAutoScalingSettings: never,
    ReplicaProvisionedWriteCapacityAutoScalingSettings: never,
    ReplicaStatus: 'ACTIVE',
  });
  expect(await api.call('DescribeTableReplicaAutoScaling', { TableName })).toEqual({
    status: 200,
    body: {
      TableAutoScalingDescription: {
        TableName,
        TableStatus: 'ACTIVE',
        Replicas: [replica('eu-west-1'), replica('us-east-1')],
      },
    },
  });
});

test.each([
  'CreateBackup',
  'EnableKinesisStreamingDestination',
  'ExportTableToPointInTime',
  'ImportTable',
  'PutResourcePolicy',
  'RestoreTableFromBackup',
  'UpdateContinuousBackups',
  'UpdateContributorInsights',
  'UpdateTableReplicaAutoScaling',
])('%s, which turns on what is not there, is unknown', async (operation) => {
  expect(await api.call(operation, { TableName })).toEqual({
    status: 400,
    body: { __type: 'com.amazon.coral.service#UnknownOperationException' },
  });
});
