import { DeleteTableCommand, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
});

afterEach(async () => {
  await api.stop();
});

const S = (...names: readonly string[]): object[] =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }));
const key = (...elements: readonly string[]): object[] =>
  elements.map((element) => {
    const [AttributeName, KeyType = 'HASH'] = element.split(' ');
    return { AttributeName, KeyType };
  });
const index = (IndexName: string, elements: readonly string[], changes: object = {}): object => ({
  IndexName,
  KeySchema: key(...elements),
  Projection: { ProjectionType: 'ALL' },
  ...changes,
});

const music = {
  TableName: 'Music',
  AttributeDefinitions: S('a', 'b'),
  KeySchema: key('a', 'b RANGE'),
  BillingMode: 'PAY_PER_REQUEST',
};

const TableArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';
const INVALID = 'One or more parameter values were invalid: ';
const onDemandStart =
  'initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial';

const refusals: readonly (readonly [string, object, string])[] = [
  [
    'a class that is none, whatever else is wrong',
    { TableClass: 'junk', KeySchema: undefined },
    'Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].',
  ],
  [
    'no throughput of a provisioned table, before its key',
    { BillingMode: 'PROVISIONED', KeySchema: key('no') },
    `${INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
  ],
  [
    'throughput of a table that has none',
    { ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } },
    `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'throughput beyond all bounds',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1_000_000_000_001 },
    },
    'Given value 1000000000001 for WriteCapacityUnits is out of bounds',
  ],
  [
    'a key of more attributes than are defined',
    { AttributeDefinitions: [] },
    'Invalid KeySchema: Some index key attribute have no definition',
  ],
  [
    'a key attribute that is not defined',
    { KeySchema: key('q'), AttributeDefinitions: S('pk', 'sk') },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [q], AttributeDefinitions: [sk, pk]`,
  ],
  [
    'a definition twice',
    { AttributeDefinitions: S('a', 'b', 'a') },
    'Attribute Name is duplicated: a',
  ],
  [
    'one attribute as both keys',
    { KeySchema: key('a', 'a RANGE') },
    'Both the Hash Key and the Range Key element in the KeySchema have the same name',
  ],
  [
    'a first key that is RANGE',
    { KeySchema: key('a RANGE', 'b') },
    'Invalid KeySchema: The first KeySchemaElement is not a HASH key type',
  ],
  [
    'a second key that is HASH',
    { KeySchema: key('a', 'b') },
    'Invalid KeySchema: The second KeySchemaElement is not a RANGE key type',
  ],
  [
    'a definition that nothing uses',
    { AttributeDefinitions: S('a', 'b', 'c') },
    `${INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions`,
  ],
  [
    'the same beside indexes, before what is wrong with them',
    {
      AttributeDefinitions: S('pk', 'sk', 'a', 'b', 'c'),
      KeySchema: key('pk', 'sk RANGE'),
      GlobalSecondaryIndexes: [index('g-a', ['a'], { Projection: {} })],
    },
    `${INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [sk, a, b, pk, c], keys used: [a, sk, pk]`,
  ],
  [
    'no local index in their list',
    { LocalSecondaryIndexes: [] },
    `${INVALID}List of LocalSecondaryIndexes is empty`,
  ],
  [
    'no global index in their list',
    { GlobalSecondaryIndexes: [] },
    `${INVALID}List of GlobalSecondaryIndexes is empty`,
  ],
  [
    'a local index of a table without a sort key',
    {
      KeySchema: key('a'),
      LocalSecondaryIndexes: [index('abc', ['c RANGE'])],
    },
    `${INVALID}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex`,
  ],
  [
    'a local index without a sort key',
    { LocalSecondaryIndexes: [index('abc', ['b'])] },
    `${INVALID}Index KeySchema does not have a range key for index: abc`,
  ],
  [
    'a local index of another partition key',
    { LocalSecondaryIndexes: [index('abc', ['b', 'a RANGE'])] },
    `${INVALID}Index KeySchema does not have the same leading hash key as table KeySchema for index: abc. index hash key: b, table hash key: a`,
  ],
  [
    'an index of an attribute that is not defined',
    { GlobalSecondaryIndexes: [index('abc', ['c RANGE', 'd RANGE'])] },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [c, d], AttributeDefinitions: [a, b]`,
  ],
  [
    'an index that begins with RANGE',
    { GlobalSecondaryIndexes: [index('abc', ['a RANGE'])] },
    'Invalid KeySchema: The first KeySchemaElement is not a HASH key type',
  ],
  [
    'an index that has an attribute twice',
    { GlobalSecondaryIndexes: [index('abc', ['a', 'a RANGE'])] },
    'The KeySchema contains multiple key attributes with the same name',
  ],
  [
    'no projection type',
    { GlobalSecondaryIndexes: [index('abc', ['b'], { Projection: {} })] },
    `${INVALID}Unknown ProjectionType: null`,
  ],
  [
    'attributes for a projection of all',
    {
      LocalSecondaryIndexes: [
        index('abc', ['a', 'b RANGE'], {
          Projection: { ProjectionType: 'ALL', NonKeyAttributes: ['x'] },
        }),
      ],
    },
    `${INVALID}ProjectionType is ALL, but NonKeyAttributes is specified`,
  ],
  [
    'no attributes for a projection of some',
    {
      GlobalSecondaryIndexes: [index('abc', ['b'], { Projection: { ProjectionType: 'INCLUDE' } })],
    },
    `${INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified`,
  ],
  [
    'an attribute that is projected twice',
    {
      GlobalSecondaryIndexes: [
        index('abc', ['b'], {
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['x', 'x'] },
        }),
      ],
    },
    `${INVALID}Duplicate element in NonKeyAttributes: x`,
  ],
  [
    'throughput of an index of a table that has none',
    {
      GlobalSecondaryIndexes: [
        index('g-a', ['b'], {
          ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
        }),
      ],
    },
    `${INVALID}ProvisionedThroughput should not be specified for index: g-a when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'no throughput of an index of a provisioned table',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      GlobalSecondaryIndexes: [index('g-a', ['b'])],
    },
    `${INVALID}ProvisionedThroughput is not specified for index: g-a`,
  ],
  [
    'an index name twice, be it local and global',
    {
      LocalSecondaryIndexes: [index('dup', ['a', 'b RANGE'])],
      GlobalSecondaryIndexes: [index('dup', ['b'])],
    },
    `${INVALID}Duplicate index name: dup`,
  ],
  [
    'six local indexes',
    {
      LocalSecondaryIndexes: [1, 2, 3, 4, 5, 6].map((n) => index(`ab${n}`, ['a', 'b RANGE'])),
    },
    `${INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of 5`,
  ],
  [
    'twenty-one global indexes',
    {
      GlobalSecondaryIndexes: Array.from({ length: 21 }, (_, n) => index(`abc${n}`, ['b'])),
    },
    `${INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20`,
  ],
  [
    'a bound of what is provisioned',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      OnDemandThroughput: { MaxReadRequestUnits: 10 },
    },
    `${INVALID}MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.`,
  ],
  [
    'a bound of nothing',
    { OnDemandThroughput: { MaxReadRequestUnits: -1 } },
    `${INVALID}Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range`,
  ],
  [
    'less warm throughput than any table has',
    { WarmThroughput: { WriteUnitsPerSecond: 3999 } },
    `${INVALID}Requested WriteUnitsPerSecond for WarmThroughput for table is lower than ${onDemandStart}`,
  ],
  [
    'less warm throughput than is provisioned',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 10, WriteCapacityUnits: 10 },
      WarmThroughput: { ReadUnitsPerSecond: 5 },
    },
    `${INVALID}Requested ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of ProvisionedThroughput`,
  ],
  [
    'a stream that tells nothing',
    { StreamSpecification: { StreamEnabled: true } },
    `${INVALID}Table is being created with a stream enabled, UpdateViewType is required`,
  ],
  [
    'what no stream is to tell',
    { StreamSpecification: { StreamEnabled: false, StreamViewType: 'NEW_IMAGE' } },
    `${INVALID}Table is being created with a stream disabled, UpdateViewType should not be specified`,
  ],
  [
    'a type of no encryption',
    { SSESpecification: { Enabled: false, SSEType: 'KMS', KMSMasterKeyId: 'x' } },
    `${INVALID}SSEType can not be specified if Enabled is false`,
  ],
  [
    'a key without a type',
    { SSESpecification: { Enabled: true, KMSMasterKeyId: 'x' } },
    `${INVALID}SSEType KMS is required if KMSMasterKeyId is specified`,
  ],
  [
    'a policy that is no JSON',
    { ResourcePolicy: '{' },
    `${INVALID}Invalid policy document: This policy contains invalid Json`,
  ],
  [
    'a policy that is too large',
    { ResourcePolicy: JSON.stringify('x'.repeat(20_480)) },
    `${INVALID}Maximum policy size of 20480 bytes exceeded`,
  ],
  [
    'a tag that is AWS’s own',
    { Tags: [{ Key: 'aws:foo', Value: 'x' }] },
    'Tag Key cannot be prefixed with aws:, Key: aws:foo',
  ],
];

test.each(refusals)('CreateTable refuses %s', async (_what, changes, message) => {
  const { status, body } = await api.call('CreateTable', { ...music, ...changes });
  expect({ status, body }).toEqual({
    status: 400,
    body: { __type: 'com.amazon.coral.validate#ValidationException', message },
  });
  expect(api.region.findTable('Music')).toBeUndefined();
});

test.each([
  [['a', 'b', 'c', 'd', 'e'], 'HASH'],
  [['a', 'b RANGE', 'c RANGE', 'd RANGE', 'e RANGE', 'f RANGE'], 'RANGE'],
])('a global index has at most four attributes of a kind, not %j', async (elements, kind) => {
  const { body } = await api.call('CreateTable', {
    ...music,
    AttributeDefinitions: S('a', 'b', 'c', 'd', 'e', 'f').slice(0, elements.length),
    GlobalSecondaryIndexes: [index('abc', elements)],
  });
  expect(body).toMatchObject({
    message: `${INVALID}The KeySchema exceeds the maximum allowed number of ${kind} key attributes`,
  });
});

test('HASH attributes of a global index come first', async () => {
  const { body } = await api.call('CreateTable', {
    ...music,
    AttributeDefinitions: S('a', 'b', 'c'),
    GlobalSecondaryIndexes: [index('abc', ['a', 'b RANGE', 'c'])],
  });
  expect(body).toMatchObject({
    message: `${INVALID}All HASH key attributes must precede RANGE key attributes in the KeySchema`,
  });
});

test('keys of tables and local indexes have at most two attributes, by their shape', async () => {
  const three = key('a', 'b RANGE', 'c RANGE');
  for (const [changes, place] of [
    [{ KeySchema: three }, 'keySchema'],
    [
      { LocalSecondaryIndexes: [index('abc', [], { KeySchema: three })] },
      'localSecondaryIndexes.1.member.keySchema',
    ],
  ] as const) {
    const { body } = await api.call('CreateTable', { ...music, ...changes });
    expect(body).toMatchObject({
      message: expect.stringContaining(
        `at '${place}' failed to satisfy constraint: Member must have length less than or equal to 2`,
      ) as unknown,
    });
  }
});

test('units of writing are looked at first', async () => {
  const { body } = await api.call('CreateTable', {
    ...music,
    ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
  });
  expect(body).toMatchObject({
    message:
      "2 validation errors detected: Value '0' at 'provisionedThroughput.writeCapacityUnits' failed to satisfy " +
      "constraint: Member must have value greater than or equal to 1; Value '0' at " +
      "'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: Member must have value greater than or " +
      'equal to 1',
  });
});

test('whatever is missing or out of bounds is told at once', async () => {
  const { body } = await api.call('CreateTable', { TableName: 'Music' });
  expect(body).toMatchObject({
    message: expect.stringMatching(/^2 validation errors detected: /) as unknown,
  });
});

test('a table has what it was given, and its indexes in the order given', async () => {
  const created = await api.call('CreateTable', {
    TableName: 'Music',
    AttributeDefinitions: S('sk', 'pk', 'm', 'a'),
    KeySchema: key('pk', 'sk RANGE'),
    BillingMode: 'PAY_PER_REQUEST',
    LocalSecondaryIndexes: [index('l-m', ['pk', 'm RANGE'])],
    GlobalSecondaryIndexes: [
      index('g-z', ['m', 'a', 'pk RANGE'], {
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['zz', 'aa'] },
        OnDemandThroughput: { MaxReadRequestUnits: 50 },
        WarmThroughput: { WriteUnitsPerSecond: 5000 },
      }),
      index('g-a', ['a']),
    ],
    OnDemandThroughput: { MaxWriteRequestUnits: 100 },
    WarmThroughput: { ReadUnitsPerSecond: 12_001 },
    TableClass: 'STANDARD_INFREQUENT_ACCESS',
    DeletionProtectionEnabled: true,
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
    SSESpecification: {
      SSEType: 'KMS',
      KMSMasterKeyId: '0e89ef16-bbf9-456f-be05-8000c64aa7d3',
    },
    Tags: [{ Key: 'team', Value: 'blue' }],
    ResourcePolicy: '{"Version":"2012-10-17"}',
  });
  expect(created.status).toBe(200);
  expect(created.body).toMatchObject({
    TableDescription: {
      TableStatus: 'CREATING',
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      WarmThroughput: { ReadUnitsPerSecond: 12_001, WriteUnitsPerSecond: 4000, Status: 'UPDATING' },
      GlobalSecondaryIndexes: [{ IndexStatus: 'CREATING' }, { IndexStatus: 'CREATING' }],
    },
  });
  expect(JSON.stringify(created.body)).not.toContain('LastUpdateToPayPerRequestDateTime');
  const { body } = await api.call('DescribeTable', { TableName: 'Music' });
  const counts = { IndexSizeBytes: 0, ItemCount: 0 };
  const none = { NumberOfDecreasesToday: 0, ReadCapacityUnits: 0, WriteCapacityUnits: 0 };
  expect(body).toMatchObject({
    Table: {
      AttributeDefinitions: S('a', 'm', 'pk', 'sk'),
      LocalSecondaryIndexes: [
        {
          IndexName: 'l-m',
          KeySchema: key('pk', 'm RANGE'),
          Projection: { ProjectionType: 'ALL' },
          IndexArn: `${TableArn}/index/l-m`,
          ...counts,
        },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'g-z',
          KeySchema: key('m', 'a', 'pk RANGE'),
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['aa', 'zz'] },
          IndexStatus: 'ACTIVE',
          ProvisionedThroughput: none,
          OnDemandThroughput: { MaxReadRequestUnits: 50 },
          WarmThroughput: {
            ReadUnitsPerSecond: 12_000,
            WriteUnitsPerSecond: 5000,
            Status: 'ACTIVE',
          },
          IndexArn: `${TableArn}/index/g-z`,
          ...counts,
        },
        { IndexName: 'g-a', IndexStatus: 'ACTIVE' },
      ],
      OnDemandThroughput: { MaxWriteRequestUnits: 100 },
      TableClassSummary: { TableClass: 'STANDARD_INFREQUENT_ACCESS' },
      DeletionProtectionEnabled: true,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
      LatestStreamLabel: '2023-11-14T22:13:20.123',
      LatestStreamArn: `${TableArn}/stream/2023-11-14T22:13:20.123`,
      SSEDescription: {
        Status: 'ENABLED',
        SSEType: 'KMS',
        KMSMasterKeyArn:
          'arn:aws:kms:us-east-1:000000000000:key/0e89ef16-bbf9-456f-be05-8000c64aa7d3',
      },
    },
  });
  expect(JSON.stringify(body)).not.toContain('Backfilling');
  expect(api.region.findTable('Music')).toMatchObject({
    tags: [{ key: 'team', value: 'blue' }],
    resourcePolicy: { document: '{"Version":"2012-10-17"}' },
  });
});

test.each([
  ['an alias', 'alias/mine'],
  ['nothing, which is the key that AWS manages', undefined],
])('a key that is named by %s is always the same', async (_what, KMSMasterKeyId) => {
  const arns: unknown[] = [];
  for (const TableName of ['one', 'two']) {
    const SSESpecification = { Enabled: true, SSEType: 'KMS', KMSMasterKeyId };
    await api.call('CreateTable', { ...music, TableName, SSESpecification });
    const { Table } = await api.client.send(new DescribeTableCommand({ TableName }));
    arns.push(Table?.SSEDescription);
  }
  expect(arns[0]).toEqual(arns[1]);
  expect(arns[0]).toMatchObject({
    KMSMasterKeyArn: expect.stringMatching(
      /^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    ) as unknown,
  });
});

test('a table that is protected is deleted when it is not any more', async () => {
  await api.call('CreateTable', { ...music, DeletionProtectionEnabled: true });
  const refused = await api.call('DeleteTable', { TableName: 'Music' });
  expect(refused.body).toMatchObject({
    message:
      'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
  });
  await api.call('UpdateTable', { TableName: 'Music', DeletionProtectionEnabled: false });
  const { TableDescription } = await api.client.send(
    new DeleteTableCommand({ TableName: 'Music' }),
  );
  expect(TableDescription).toMatchObject({ TableStatus: 'DELETING', ItemCount: 0 });
  for (const member of ['KeySchema', 'AttributeDefinitions', 'CreationDateTime'])
    expect(TableDescription).not.toHaveProperty(member);
});
