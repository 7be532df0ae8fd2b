import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  ListTablesCommand,
  PutItemCommand,
  ScanCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, NAME_PATTERN, refused, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, HASH_TABLE, newName, newTable } from './target.ts';

const waiting = { client, maxWaitTime: 120, minDelay: 0.02, maxDelay: 2 };

const remove = async (TableName: string) => client.send(new DeleteTableCommand({ TableName }));
const gone = async (TableName: string) => waitUntilTableNotExists(waiting, { TableName });

test('a deleted table is described as DELETING, and then is gone', async () => {
  const TableName = await newTable();
  const { TableDescription } = await remove(TableName);
  expect(TableDescription).toMatchObject({
    TableName,
    TableStatus: 'DELETING',
    ItemCount: 0,
    TableSizeBytes: 0,
  });
  await gone(TableName);
  const NOT_FOUND = {
    name: 'ResourceNotFoundException',
    message: `Requested resource not found: Table: ${TableName} not found`,
  };
  await expectRefusal(client.send(new DescribeTableCommand({ TableName })), NOT_FOUND);
  await expectRefusal(remove(TableName), NOT_FOUND);
  const { TableNames = [] } = await client.send(
    new ListTablesCommand({ ExclusiveStartTableName: TableName.slice(0, -1), Limit: 5 }),
  );
  expect(TableNames).not.toContain(TableName);
  await expectRefusal(client.send(new ScanCommand({ TableName })), {
    name: 'ResourceNotFoundException',
    message: 'Requested resource not found',
  });
});

test('a second deletion waits for the first or finds nothing', async () => {
  const TableName = await newTable();
  await remove(TableName);
  const { code, message } = await call('DeleteTable', { TableName });
  expect([
    [
      'ResourceInUseException',
      `Attempt to change a resource which is still in use: Table is being deleted: ${TableName}`,
    ],
    ['ResourceNotFoundException', `Requested resource not found: Table: ${TableName} not found`],
  ]).toContainEqual([code, message]);
  await gone(TableName);
});

test('a table of a name that was another’s has nothing of it', async () => {
  const TableName = await newTable();
  await client.send(new PutItemCommand({ TableName, Item: { id: { S: 'old' } } }));
  const { Table: old } = await client.send(new DescribeTableCommand({ TableName }));
  await remove(TableName);
  await gone(TableName);
  await client.send(
    new CreateTableCommand({
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: HASH_TABLE.AttributeDefinitions,
      KeySchema: HASH_TABLE.KeySchema,
      TableName,
    }),
  );
  await waitUntilTableExists(waiting, { TableName });
  const { Table: fresh } = await client.send(new DescribeTableCommand({ TableName }));
  expect(fresh?.TableArn).toBe(old?.TableArn);
  expect(fresh?.TableId).not.toBe(old?.TableId);
  const { Count } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
  expect(Count).toBe(0);
});

test('a table is deleted by its ARN', async () => {
  const TableName = await newTable();
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  await remove(Table?.TableArn ?? '');
  expect((await gone(TableName)).state).toBe('SUCCESS');
});

test('a protected table is not deleted', async () => {
  const TableName = await newTable({ ...HASH_TABLE, DeletionProtectionEnabled: true });
  const { status, code, message } = await call('DeleteTable', { TableName });
  expect([status, code]).toEqual([400, 'ValidationException']);
  expect(message).toMatch(/protect/i);
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  expect(Table).toMatchObject({ TableStatus: 'ACTIVE', DeletionProtectionEnabled: true });
  // At AWS protection cannot be changed again for some seconds.
  await expect
    .poll(
      async () =>
        (await call('UpdateTable', { TableName, DeletionProtectionEnabled: false })).status,
      { timeout: 30_000, interval: 200 },
    )
    .toBe(200);
  await expect
    .poll(async () => (await call('DeleteTable', { TableName })).status, { timeout: 30_000 })
    .toBe(200);
});

test('a table that is not there is named', async () => {
  const TableName = newName();
  expect(await call('DeleteTable', { TableName })).toEqual(
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${TableName} not found`,
    ),
  );
});

const SHORT = 'Member must have length greater than or equal to 3';
const name = (shown: string, constraint: string): string =>
  complaint(`'${shown}'`, 'tableName', constraint);

test.each([
  ['', shapeErrors(name('', SHORT), name('', NAME_PATTERN))],
  ['ab', shapeErrors(name('ab', SHORT))],
  ['abc;', shapeErrors(name('abc;', NAME_PATTERN))],
])('the name %j is refused', async (TableName, message) => {
  expect(await call('DeleteTable', { TableName })).toEqual(invalid(message));
});
