import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  paginateQuery,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, invalid, parameter } from './raw-request.ts';
import { client, newName, newTable } from './target.ts';

type Item = Record<string, AttributeValue>;

const key = (...elements: readonly string[]) =>
  elements.map((AttributeName, at) => ({
    AttributeName,
    KeyType: at === 0 ? ('HASH' as const) : ('RANGE' as const),
  }));

const DEFINITION = {
  AttributeDefinitions: [
    { AttributeName: 'at', AttributeType: 'N' as const },
    { AttributeName: 'id', AttributeType: 'S' as const },
    { AttributeName: 'kind', AttributeType: 'S' as const },
    { AttributeName: 'rank', AttributeType: 'N' as const },
  ],
  KeySchema: key('id', 'at'),
  LocalSecondaryIndexes: [
    {
      IndexName: 'whole',
      KeySchema: key('id', 'rank'),
      Projection: { ProjectionType: 'ALL' as const },
    },
    {
      IndexName: 'keys',
      KeySchema: key('id', 'kind'),
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    },
    {
      IndexName: 'some',
      KeySchema: key('id', 'rank'),
      Projection: { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: ['color'] },
    },
  ],
};
const TableName = await newTable(DEFINITION);

const entry = (id: string, at: number, more: Item = {}): Item => ({
  id: { S: id },
  at: { N: String(at) },
  ...more,
});
const ranked = (id: string, at: number, rank: number): Item =>
  entry(id, at, {
    rank: { N: String(rank) },
    kind: { S: `k${at}` },
    color: { S: 'red' },
    x: { S: 'x' },
  });

async function fill(items: readonly Item[]): Promise<void> {
  const writes = items.map((Item) => ({ PutRequest: { Item } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: writes } }));
}

const query = async (IndexName: string, id: string, more: Partial<QueryCommandInput> = {}) =>
  client.send(
    new QueryCommand({
      TableName,
      IndexName,
      ConsistentRead: true,
      KeyConditionExpression: 'id = :id',
      ...more,
      ExpressionAttributeValues: { ':id': { S: id }, ...more.ExpressionAttributeValues },
    }),
  );

const ats = ({ Items = [] }: { readonly Items?: Item[] | undefined }) =>
  Items.map((item) => Number(item['at']?.N));

const byValue = (one: number, other: number): number => one - other;

describe('what an index holds', () => {
  test('the items that have its sort key, in its order, as soon as they are written', async () => {
    await fill([
      ranked('order', 1, 30),
      ranked('order', 2, -4),
      ranked('order', 3, 200),
      entry('order', 4),
      ranked('other', 5, 1),
    ]);
    expect(ats(await query('whole', 'order'))).toEqual([2, 1, 3]);
    expect(ats(await query('whole', 'order', { ScanIndexForward: false }))).toEqual([3, 1, 2]);
    const some = await query('whole', 'order', {
      KeyConditionExpression: 'id = :id AND #r >= :r',
      ExpressionAttributeNames: { '#r': 'rank' },
      ExpressionAttributeValues: { ':r': { N: '30' } },
    });
    expect(ats(some)).toEqual([1, 3]);
    const texts = await query('keys', 'order', {
      KeyConditionExpression: 'id = :id AND begins_with(kind, :k)',
      ExpressionAttributeValues: { ':k': { S: 'k' } },
    });
    expect(ats(texts)).toEqual([1, 2, 3]);
  });

  test('it follows every change at once', async () => {
    const Key = entry('follow', 1);
    const read = async () => ats(await query('whole', 'follow'));
    await client.send(new PutItemCommand({ TableName, Item: ranked('follow', 1, 5) }));
    await client.send(new PutItemCommand({ TableName, Item: ranked('follow', 2, 7) }));
    expect(await read()).toEqual([1, 2]);
    const update = async (UpdateExpression: string, values?: Item): Promise<unknown> =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key,
          UpdateExpression,
          ExpressionAttributeNames: { '#r': 'rank' },
          ExpressionAttributeValues: values,
        }),
      );
    await update('SET #r = #r + :n', { ':n': { N: '10' } });
    expect(await read()).toEqual([2, 1]);
    await update('REMOVE #r');
    expect(await read()).toEqual([2]);
    await update('SET #r = :n', { ':n': { N: '1' } });
    expect(await read()).toEqual([1, 2]);
    await client.send(new DeleteItemCommand({ TableName, Key }));
    expect(await read()).toEqual([2]);
  });

  test('items with one sort key are all there', async () => {
    await fill([1, 2, 3].map((at) => ranked('same', at, 1)));
    expect(ats(await query('whole', 'same')).toSorted(byValue)).toEqual([1, 2, 3]);
  });

  test('pages of any size give each of its items once, ending with the keys of table and index', async () => {
    await fill(Array.from({ length: 12 }, (_, at) => ranked('walk', at, at % 3)));
    for (const pageSize of [1, 5, 12]) {
      const found: number[] = [];
      for await (const page of paginateQuery(
        { client, pageSize },
        {
          TableName,
          IndexName: 'whole',
          ConsistentRead: true,
          KeyConditionExpression: 'id = :id',
          ExpressionAttributeValues: { ':id': { S: 'walk' } },
        },
      )) {
        found.push(...ats(page));
        const end = Object.keys(page.LastEvaluatedKey ?? {}).toSorted();
        expect(['', 'at id rank']).toContain(end.join(' '));
      }
      expect(found.toSorted(byValue)).toEqual(Array.from({ length: 12 }, (_, at) => at));
    }
  });

  test('a scan of it reads the same', async () => {
    await fill([ranked('scan', 1, 1), ranked('scan', 2, 2), entry('scan', 3)]);
    const { Items = [] } = await client.send(
      new ScanCommand({ TableName, IndexName: 'whole', ConsistentRead: true }),
    );
    const own = Items.filter(({ id }) => id?.S === 'scan');
    expect(ats({ Items: own }).toSorted(byValue)).toEqual([1, 2]);
  });
});

describe('what it answers', () => {
  const item = ranked('shown', 1, 1);
  const { x: _x, ...withoutX } = item;
  const { kind: _k, ...some } = withoutX;
  const { color: _c, rank: _r, ...keys } = withoutX;

  test('what its projection says, and the keys', async () => {
    await fill([item]);
    expect((await query('whole', 'shown')).Items).toEqual([item]);
    expect((await query('keys', 'shown')).Items).toEqual([keys]);
    expect((await query('some', 'shown')).Items).toEqual([some]);
  });

  test('what it does not have, from the table, when asked', async () => {
    await fill([item]);
    const all = await query('keys', 'shown', { Select: 'ALL_ATTRIBUTES' });
    expect(all.Items).toEqual([item]);
    const one = await query('keys', 'shown', { ProjectionExpression: 'x' });
    expect(one.Items).toEqual([{ x: { S: 'x' } }]);
  });

  test('reads are paid for in the index, and in the table for what is fetched there', async () => {
    await fill([ranked('paid', 1, 1)]);
    const units = async (more: Partial<QueryCommandInput>): Promise<unknown> =>
      (await query('keys', 'paid', { ...more, ReturnConsumedCapacity: 'INDEXES' }))
        .ConsumedCapacity;
    expect(await units({})).toEqual({
      TableName,
      CapacityUnits: 1,
      Table: { CapacityUnits: 0 },
      LocalSecondaryIndexes: { keys: { CapacityUnits: 1 } },
    });
    expect(await units({ Select: 'ALL_ATTRIBUTES' })).toEqual({
      TableName,
      CapacityUnits: 2,
      Table: { CapacityUnits: 1 },
      LocalSecondaryIndexes: { keys: { CapacityUnits: 1 } },
    });
  });

  test('writes are paid for in each index, and tell of the collection', async () => {
    const { ConsumedCapacity, ItemCollectionMetrics } = await client.send(
      new PutItemCommand({
        TableName,
        Item: ranked('written', 1, 1),
        ReturnConsumedCapacity: 'INDEXES',
        ReturnItemCollectionMetrics: 'SIZE',
      }),
    );
    const one = { CapacityUnits: 1 };
    expect(ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: 4,
      Table: one,
      LocalSecondaryIndexes: { whole: one, keys: one, some: one },
    });
    expect(ItemCollectionMetrics).toEqual({
      ItemCollectionKey: { id: { S: 'written' } },
      SizeEstimateRangeGB: [0, 1],
    });
  });

  test('a table describes its indexes', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.AttributeDefinitions).toEqual(DEFINITION.AttributeDefinitions);
    const indexes = Table?.LocalSecondaryIndexes ?? [];
    expect(indexes).toHaveLength(3);
    for (const index of DEFINITION.LocalSecondaryIndexes)
      expect(indexes.find(({ IndexName }) => IndexName === index.IndexName)).toMatchObject({
        ...index,
        IndexArn: `${Table?.TableArn}/index/${index.IndexName}`,
      });
  });
});

const onId = {
  KeyConditionExpression: 'id = :id',
  ExpressionAttributeValues: { ':id': { S: 'x' } },
};

test.each<[string, string, object, string]>([
  [
    'a condition of the table’s sort key',
    'Query',
    {
      IndexName: 'whole',
      KeyConditionExpression: 'id = :id AND #at = :n',
      ExpressionAttributeNames: { '#at': 'at' },
      ExpressionAttributeValues: { ':id': { S: 'x' }, ':n': { N: '1' } },
    },
    'Query condition missed key schema element: rank',
  ],
  [
    'a filter of its key',
    'Query',
    {
      ...onId,
      IndexName: 'keys',
      FilterExpression: 'attribute_exists(kind)',
    },
    'Filter Expression can only contain non-primary key attributes: Primary key attribute: kind',
  ],
  [
    'a start with the table’s key alone',
    'Query',
    { ...onId, IndexName: 'whole', ExclusiveStartKey: { id: { S: 'x' }, at: { N: '1' } } },
    'The provided starting key is invalid',
  ],
  [
    'an item with a key of another type',
    'PutItem',
    { Item: { id: { S: 'x' }, at: { N: '1' }, kind: { N: '1' } } },
    parameter('Type mismatch for Index Key kind Expected: S Actual: N IndexName: keys'),
  ],
  [
    'an index that is not there',
    'Query',
    { ...onId, IndexName: 'none' },
    'The table does not have the specified index: none',
  ],
])('%s is refused', async (_, operation, input, message) => {
  expect(await call(operation, { TableName, ...input })).toEqual(invalid(message));
});

const index = (IndexName: string, keySchema: object[], more: object = {}): object => ({
  IndexName,
  KeySchema: keySchema,
  Projection: { ProjectionType: 'ALL' },
  ...more,
});

test.each<[string, object, string]>([
  [
    'another partition key',
    { LocalSecondaryIndexes: [index('abc', key('at', 'id'))] },
    parameter(
      'Index KeySchema does not have the same leading hash key as table KeySchema for index: abc. index hash key: at, table hash key: id',
    ),
  ],
  [
    'no sort key',
    { LocalSecondaryIndexes: [index('abc', key('id'))] },
    parameter('Index KeySchema does not have a range key for index: abc'),
  ],
  [
    'a table without a sort key',
    {
      KeySchema: key('id'),
      LocalSecondaryIndexes: [index('abc', key('id', 'at'))],
    },
    parameter(
      'Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex',
    ),
  ],
  [
    'two names that are one',
    { LocalSecondaryIndexes: [index('abc', key('id', 'at')), index('abc', key('id', 'at'))] },
    parameter('Duplicate index name: abc'),
  ],
  [
    'more than five',
    {
      LocalSecondaryIndexes: Array.from({ length: 6 }, (_, at) =>
        index(`index${at}`, key('id', 'at')),
      ),
    },
    parameter('Number of LocalSecondaryIndexes exceeds per-table limit of 5'),
  ],
])('a table with indexes of %s is refused', async (_, changes, message) => {
  expect(
    await call('CreateTable', {
      TableName: newName(),
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'at', AttributeType: 'N' },
      ],
      KeySchema: key('id', 'at'),
      ...changes,
    }),
  ).toEqual(invalid(message));
});
