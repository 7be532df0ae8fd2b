import {
  DescribeTableCommand,
  PutItemCommand,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, NAME_PATTERN, refused, shapeErrors } from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

const TableName = await newTable(RANGE_TABLE);

async function describe(name: string = TableName): Promise<TableDescription | undefined> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
  return Table;
}

test('a table tells its keys, its names and its mode', async () => {
  const table = await describe();
  expect(table).toMatchObject({
    TableName,
    TableStatus: 'ACTIVE',
    KeySchema: RANGE_TABLE.KeySchema,
    ItemCount: 0,
    TableSizeBytes: 0,
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    ProvisionedThroughput: {
      NumberOfDecreasesToday: 0,
      ReadCapacityUnits: 0,
      WriteCapacityUnits: 0,
    },
    DeletionProtectionEnabled: false,
  });
  expect(table?.AttributeDefinitions).toEqual(
    // In the order of their names, in whatever order they were given.
    [
      { AttributeName: 'at', AttributeType: 'N' },
      { AttributeName: 'id', AttributeType: 'S' },
    ],
  );
  expect(table?.TableArn).toMatch(
    new RegExp(`^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\\d{12}:table/${TableName}$`),
  );
  expect(table?.TableId).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(table?.CreationDateTime).toBeInstanceOf(Date);
});

test('a table is described the same twice, and by its ARN', async () => {
  const table = await describe();
  expect(await describe()).toEqual(table);
  expect(await describe(table?.TableArn)).toEqual(table);
});

test('what a table does not have is not told', async () => {
  const table = await describe();
  for (const member of [
    'GlobalSecondaryIndexes',
    'LocalSecondaryIndexes',
    'StreamSpecification',
    'LatestStreamArn',
    'SSEDescription',
    'Replicas',
    'GlobalTableVersion',
    'RestoreSummary',
    'ArchivalSummary',
    'TableClassSummary',
  ] as const)
    expect({ member, value: table?.[member] }).toEqual({ member, value: undefined });
});

test('a new table on demand is warm for 12,000 reads and 4,000 writes', async () => {
  expect((await describe())?.WarmThroughput).toEqual({
    ReadUnitsPerSecond: 12_000,
    WriteUnitsPerSecond: 4_000,
    Status: 'ACTIVE',
  });
});

test('a description is never behind by more than a count of items', async () => {
  await client.send(
    new PutItemCommand({ TableName, Item: { id: { S: 'a' }, at: { N: '1' }, x: { S: 'x' } } }),
  );
  const { ItemCount = -1, TableSizeBytes = -1 } = (await describe()) ?? {};
  // AWS counts every six hours.
  expect([0, 1]).toContain(ItemCount);
  expect(TableSizeBytes === 0 || ItemCount === 1).toBe(true);
});

const MISSING = 'conformance.none';

test('a table that is not there is named', async () => {
  expect(await call('DescribeTable', { TableName: MISSING })).toEqual(
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${MISSING} not found`,
    ),
  );
});

test('a table that is not there is named without the rest of its ARN', async () => {
  const arn = (await describe())?.TableArn?.replace(TableName, MISSING);
  expect(await call('DescribeTable', { TableName: arn })).toEqual(
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${MISSING} not found`,
    ),
  );
});

test('names are of small and large letters', async () => {
  const { code } = await call('DescribeTable', { TableName: TableName.toUpperCase() });
  expect(code).toBe('ResourceNotFoundException');
});

const SHORT = 'Member must have length greater than or equal to 3';
const name = (shown: string, constraint: string): string =>
  complaint(`'${shown}'`, 'tableName', constraint);

test.each([
  ['', shapeErrors(name('', SHORT), name('', NAME_PATTERN))],
  ['ab', shapeErrors(name('ab', SHORT))],
  ['a b', shapeErrors(name('a b', NAME_PATTERN))],
])('the name %j is refused', async (text, message) => {
  expect(await call('DescribeTable', { TableName: text })).toEqual(invalid(message));
});

test('no name, a long one and an ARN of another region are refused', async () => {
  const arn = (await describe())?.TableArn ?? '';
  for (const wrong of [
    undefined,
    `${newName()}${'x'.repeat(256)}`,
    arn.replace(/:dynamodb:[^:]+/, ':dynamodb:xx-west-9'),
  ]) {
    const { status, code } = await call('DescribeTable', { TableName: wrong });
    expect([status, code]).toEqual([400, 'ValidationException']);
  }
});
