import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
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

async function createTables(names: readonly string[]): Promise<void> {
  for (const TableName of names) {
    const { status } = await api.call('CreateTable', {
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    });
    expect(status).toBe(200);
  }
}

test('DescribeLimits answers the quotas of a new account', async () => {
  expect(await api.call('DescribeLimits', {})).toEqual({
    status: 200,
    body: {
      AccountMaxReadCapacityUnits: 80_000,
      AccountMaxWriteCapacityUnits: 80_000,
      TableMaxReadCapacityUnits: 40_000,
      TableMaxWriteCapacityUnits: 40_000,
    },
  });
});

test('DescribeEndpoints answers the address that was asked', async () => {
  expect(await api.call('DescribeEndpoints', {})).toEqual({
    status: 200,
    body: { Endpoints: [{ Address: `127.0.0.1:${api.port}`, CachePeriodInMinutes: 1440 }] },
  });
});

test('no tables are an empty list', async () => {
  expect(await api.call('ListTables', {})).toEqual({ status: 200, body: { TableNames: [] } });
});

test('a walk over pages of any size lists each table once, capitals first', async () => {
  const names = ['bbb', 'AAA', 'aaa', 'B-b', 'a.c', 'a_c', 'a0c'];
  await createTables(names);
  for (let Limit = 1; Limit <= names.length + 1; Limit += 1) {
    const walked: unknown[] = [];
    let ExclusiveStartTableName: string | undefined;
    do {
      const page = await api.client.send(new ListTablesCommand({ Limit, ExclusiveStartTableName }));
      expect(page.TableNames?.length).toBeLessThanOrEqual(Limit);
      walked.push(...(page.TableNames ?? []));
      ExclusiveStartTableName = page.LastEvaluatedTableName;
    } while (ExclusiveStartTableName !== undefined);
    expect(walked).toEqual(names.toSorted());
  }
});

test('a page that ends with the last table says nothing of a next one', async () => {
  await createTables(['aaa', 'bbb']);
  const whole = await api.call('ListTables', { Limit: 2 });
  expect(whole.body).toEqual({ TableNames: ['aaa', 'bbb'] });
  const after = await api.call('ListTables', { ExclusiveStartTableName: 'bbb' });
  expect(after.body).toEqual({ TableNames: [] });
});

test('a page may start after a table that never was', async () => {
  await createTables(['aaa', 'ccc']);
  const { body } = await api.call('ListTables', { ExclusiveStartTableName: 'bbb' });
  expect(body).toEqual({ TableNames: ['ccc'] });
});

const PATTERN = 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+';
const SHORT = 'Member must have length greater than or equal to 3';
const start = (name: string, constraint: string): string =>
  `Value '${name}' at 'exclusiveStartTableName' failed to satisfy constraint: ${constraint}`;
const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/aaa';

test.each([
  [
    { ExclusiveStartTableName: 'a;', Limit: 500 },
    "3 validation errors detected: Value '500' at 'limit' failed to satisfy constraint: Member must have value " +
      `less than or equal to 100; ${start('a;', PATTERN)}; ${start('a;', SHORT)}`,
  ],
  [
    { ExclusiveStartTableName: '' },
    `2 validation errors detected: ${start('', PATTERN)}; ${start('', SHORT)}`,
  ],
  [
    { Limit: 0 },
    "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [{ ExclusiveStartTableName: ARN }, `1 validation error detected: ${start(ARN, PATTERN)}`],
])('ListTables refuses %j', async (input, message) => {
  expect(await api.call('ListTables', input)).toEqual({
    status: 400,
    body: { __type: 'com.amazon.coral.validate#ValidationException', message },
  });
});
