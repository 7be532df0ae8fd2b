import {
  BatchWriteItemCommand,
  DescribeTableCommand,
  QueryCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, invalid, parameter, refused } from './raw-request.ts';
import { client, newName, newTable } from './target.ts';

/** As long as AWS takes to add an index to a table, however small. */
const indexAddedMs = 1_200_000;

const key = (...names: readonly string[]) =>
  names.map((AttributeName) => ({ AttributeName, KeyType: 'HASH' as const }));
const define = (...names: readonly string[]) =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const }));

const TableName = await newTable({ AttributeDefinitions: define('id'), KeySchema: key('id') });

const onKind = {
  KeyConditionExpression: 'kind = :k',
  ExpressionAttributeValues: { ':k': { S: 'even' } },
};

const index = (IndexName: string, elements: readonly string[], more: object = {}): object => ({
  IndexName,
  KeySchema: key(...elements),
  Projection: { ProjectionType: 'ALL' },
  ...more,
});
const many = (count: number): object[] =>
  Array.from({ length: count }, (_, at) => index(`index${at}`, ['id']));

test.each<[string, object[], string]>([
  [
    'an attribute that is not defined',
    [index('abc', ['none'])],
    parameter(
      'Some index key attributes are not defined in AttributeDefinitions. Keys: [none], AttributeDefinitions: [id]',
    ),
  ],
  [
    'two of one name',
    [index('abc', ['id']), index('abc', ['id'])],
    parameter('Duplicate index name: abc'),
  ],
  [
    'more than twenty',
    many(21),
    parameter('GlobalSecondaryIndex count exceeds the per-table limit of 20'),
  ],
  [
    'no kind of projection',
    [index('abc', ['id'], { Projection: {} })],
    parameter('Unknown ProjectionType: null'),
  ],
  [
    'attributes beside all of them',
    [index('abc', ['id'], { Projection: { ProjectionType: 'ALL', NonKeyAttributes: ['x'] } })],
    parameter('ProjectionType is ALL, but NonKeyAttributes is specified'),
  ],
  [
    'no attributes to include',
    [index('abc', ['id'], { Projection: { ProjectionType: 'INCLUDE' } })],
    parameter('ProjectionType is INCLUDE, but NonKeyAttributes is not specified'),
  ],
  [
    'units on demand',
    [
      index('abc', ['id'], {
        ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      }),
    ],
    parameter(
      'ProvisionedThroughput should not be specified for index: abc when BillingMode is PAY_PER_REQUEST',
    ),
  ],
])('a table with indexes of %s is refused', async (_, GlobalSecondaryIndexes, message) => {
  expect(
    await call('CreateTable', {
      TableName: newName(),
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: define('id'),
      KeySchema: key('id'),
      GlobalSecondaryIndexes,
    }),
  ).toEqual(invalid(message));
});

describe('a table that has items already', () => {
  const add = (IndexName: string): object => ({
    AttributeDefinitions: define('id', 'kind'),
    GlobalSecondaryIndexUpdates: [{ Create: index(IndexName, ['kind']) }],
  });

  test(
    'gets an index with all of them, one at a time, and loses it again',
    { timeout: indexAddedMs },
    async () => {
      const table = await newTable({ AttributeDefinitions: define('id'), KeySchema: key('id') });
      const writes = Array.from({ length: 20 }, (_, at) => ({
        PutRequest: { Item: { id: { S: `i${at}` }, kind: { S: at % 2 === 0 ? 'even' : 'odd' } } },
      }));
      await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: writes } }));
      expect(await call('UpdateTable', { TableName: table, ...add('late') })).toMatchObject({
        output: {
          TableDescription: {
            TableStatus: 'UPDATING',
            GlobalSecondaryIndexes: [
              { IndexName: 'late', IndexStatus: 'CREATING', Backfilling: false },
            ],
          },
        },
      });
      const second = await call('UpdateTable', { TableName: table, ...add('second') });
      expect(['LimitExceededException', 'ResourceInUseException']).toContain(second.code);
      const state = async () => {
        const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
        const status = Table?.GlobalSecondaryIndexes?.map(
          (each) => `${each.IndexName} ${each.IndexStatus}`,
        );
        return [Table?.TableStatus, ...(status ?? [])];
      };
      await expect
        .poll(state, { timeout: indexAddedMs, interval: 50 })
        .toEqual(['ACTIVE', 'late ACTIVE']);
      const { Count } = await client.send(
        new QueryCommand({
          TableName: table,
          IndexName: 'late',
          KeyConditionExpression: 'kind = :k',
          ExpressionAttributeValues: { ':k': { S: 'even' } },
        }),
      );
      expect(Count).toBe(10);
      expect(await call('UpdateTable', { TableName: table, ...add('late') })).toEqual(
        invalid('Attempting to create an index which already exists'),
      );
      await client.send(
        new UpdateTableCommand({
          TableName: table,
          GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'late' } }],
        }),
      );
      await expect.poll(state, { timeout: indexAddedMs, interval: 50 }).toEqual(['ACTIVE']);
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      expect(Table?.AttributeDefinitions).toEqual(define('id'));
      expect(await call('Query', { TableName: table, IndexName: 'late', ...onKind })).toEqual(
        invalid('The table does not have the specified index: late'),
      );
    },
  );

  test('an index that is not there is neither changed nor deleted', async () => {
    expect(
      await call('UpdateTable', {
        TableName,
        GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'none' } }],
      }),
    ).toEqual(
      refused(
        'ResourceNotFoundException',
        `Requested resource not found: Index none for table ${TableName}`,
      ),
    );
  });
});
