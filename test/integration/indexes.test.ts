import {
  type AttributeValue,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { changeReplica, untilMembers } from '../support/test-table.ts';
import { EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { until } from '../support/until.ts';

const TABLE = 'orders';

type Item = Record<string, AttributeValue>;

async function create({ client }: TestRegion): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [
        { AttributeName: 'customer', KeyType: 'HASH' },
        { AttributeName: 'order', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'customer', AttributeType: 'S' },
        { AttributeName: 'order', AttributeType: 'N' },
        { AttributeName: 'price', AttributeType: 'N' },
        { AttributeName: 'state', AttributeType: 'S' },
      ],
      LocalSecondaryIndexes: [
        {
          IndexName: 'by-price',
          KeySchema: [
            { AttributeName: 'customer', KeyType: 'HASH' },
            { AttributeName: 'price', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-state',
          KeySchema: [
            { AttributeName: 'state', KeyType: 'HASH' },
            { AttributeName: 'price', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  await until('the table to be ACTIVE', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: TABLE }));
    return Table?.TableStatus === 'ACTIVE';
  });
}

const order = (number: number, price: number, state: string | undefined): Item => ({
  customer: { S: `customer ${number % 5}` },
  order: { N: String(number) },
  price: { N: String(price) },
  ...(state === undefined ? {} : { state: { S: state } }),
});

const put = async ({ client }: TestRegion, item: Item): Promise<unknown> =>
  client.send(new PutItemCommand({ TableName: TABLE, Item: item }));

const remove = async (
  { client }: TestRegion,
  { customer, order: number }: Item,
): Promise<unknown> =>
  client.send(
    new DeleteItemCommand({
      TableName: TABLE,
      Key: { ...(customer && { customer }), ...(number && { order: number }) },
    }),
  );

/** All of the table, or of an index, as sorted texts. */
async function all({ client }: TestRegion, IndexName?: string): Promise<readonly string[]> {
  const texts: string[] = [];
  let start: Item | undefined;
  do {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new ScanCommand({ TableName: TABLE, IndexName, ExclusiveStartKey: start, Limit: 20 }),
    );
    for (const item of Items) texts.push(textOf(item));
    start = LastEvaluatedKey;
  } while (start !== undefined);
  return texts.toSorted();
}

const textOf = (item: Item): string =>
  JSON.stringify(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Waits until the index holds what of the table has the attribute. */
async function untilEqual(region: TestRegion, IndexName: string, attribute: string): Promise<void> {
  await until(
    `${IndexName} to hold what the table does`,
    async () => {
      const expected = (await all(region)).filter((text) => text.includes(`"${attribute}"`));
      return JSON.stringify(await all(region, IndexName)) === JSON.stringify(expected);
    },
    { detail: async () => [await all(region), await all(region, IndexName)] },
  );
}

const indexStatus = async ({ client }: TestRegion, name: string): Promise<string | undefined> => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: TABLE }));
  return Table?.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === name)?.IndexStatus;
};

async function addIndex({ client }: TestRegion): Promise<void> {
  await client.send(
    new UpdateTableCommand({
      TableName: TABLE,
      AttributeDefinitions: [
        { AttributeName: 'customer', AttributeType: 'S' },
        { AttributeName: 'order', AttributeType: 'N' },
        { AttributeName: 'price', AttributeType: 'N' },
        { AttributeName: 'state', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: 'by-price-alone',
            KeySchema: [{ AttributeName: 'price', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        },
      ],
    }),
  );
}

test('a local index is read strongly right behind each write; a global one comes to hold the same', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await create(us);
  for (let number = 0; number < 20; number += 1) {
    await put(us, order(number, 100 - number, number % 3 === 0 ? undefined : 'open'));
    const { Items = [] } = await us.client.send(
      new QueryCommand({
        TableName: TABLE,
        IndexName: 'by-price',
        ConsistentRead: true,
        KeyConditionExpression: 'customer = :c AND price <= :p',
        ExpressionAttributeValues: {
          ':c': { S: `customer ${number % 5}` },
          ':p': { N: String(100 - number) },
        },
      }),
    );
    expect(Items.map((item) => item['order']?.N)).toEqual([String(number)]);
  }
  await remove(us, order(4, 0, undefined));
  await untilEqual(us, 'by-state', 'state');
  await until('nothing to be pending', async () => {
    const samples = await us.metric('tidemark_index_pending_entries');
    return samples.length > 0 && samples.every(({ value }) => value === 0);
  });
  const { Items = [] } = await us.client.send(
    new QueryCommand({
      TableName: TABLE,
      IndexName: 'by-state',
      KeyConditionExpression: '#s = :s AND price BETWEEN :low AND :high',
      ExpressionAttributeNames: { '#s': 'state' },
      ExpressionAttributeValues: { ':s': { S: 'open' }, ':low': { N: '90' }, ':high': { N: '95' } },
      ScanIndexForward: false,
    }),
  );
  expect(Items.map((item) => item['order']?.N)).toEqual(['5', '7', '8', '10']);
});

test('an index is made and removed on a live table, and goes on after the process was stopped', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await create(us);
  for (let number = 0; number < 200; number += 1) await put(us, order(number, number % 7, 'open'));
  await addIndex(us);
  const ended = new AbortController();
  const writer = (async () => {
    for (let number = 0; !ended.signal.aborted; number = (number + 3) % 250)
      await (number % 4 === 0
        ? remove(us, order(number, 0, 'open'))
        : put(us, order(number, number % 9, 'closed')));
  })();
  await until('the index to be ACTIVE', async () => {
    const status = await indexStatus(us, 'by-price-alone');
    return status === 'ACTIVE';
  });
  ended.abort();
  await writer;
  await untilEqual(us, 'by-price-alone', 'price');
  await us.stop();
  await us.start();
  await put(us, order(1000, 3, 'open'));
  await untilEqual(us, 'by-price-alone', 'price');
  await untilEqual(us, 'by-state', 'state');
  await us.client.send(
    new UpdateTableCommand({
      TableName: TABLE,
      GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'by-price-alone' } }],
    }),
  );
  await until('the index to be gone', async () => {
    const status = await indexStatus(us, 'by-price-alone');
    return status === undefined;
  });
  await expect(all(us, 'by-price-alone')).rejects.toThrow('does not have the specified index');
});

test('each replica of a global table has the indexes, by its own work', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await create(us);
  for (let number = 0; number < 40; number += 1) await put(us, order(number, number, 'open'));
  await changeReplica(us, 'Create', { region: EU, table: TABLE });
  await untilMembers([us, eu], TABLE);
  for (let number = 20; number < 50; number += 1)
    await put(number % 2 === 0 ? us : eu, order(number, -number, 'closed'));
  await remove(eu, order(3, 0, undefined));
  await until('both replicas to hold the same', async () => {
    const [one, other] = await Promise.all([all(us), all(eu)]);
    return one.length === 49 && JSON.stringify(one) === JSON.stringify(other);
  });
  for (const region of [us, eu]) await untilEqual(region, 'by-state', 'state');
  expect(await all(eu, 'by-price')).toEqual(await all(us, 'by-price'));
});
