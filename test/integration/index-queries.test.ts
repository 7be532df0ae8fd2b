import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  paginateQuery,
  paginateScan,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { SeededRandom } from '../support/seeded-random.ts';
import { TestLab, US } from '../support/test-lab.ts';
import { until } from '../support/until.ts';

type Item = Record<string, AttributeValue>;

const TableName = 'Games';

async function createTable(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [
        { AttributeName: 'player', KeyType: 'HASH' },
        { AttributeName: 'game', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'player', AttributeType: 'S' },
        { AttributeName: 'game', AttributeType: 'S' },
        { AttributeName: 'score', AttributeType: 'N' },
        { AttributeName: 'country', AttributeType: 'S' },
        { AttributeName: 'city', AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      LocalSecondaryIndexes: [
        {
          IndexName: 'by-score',
          KeySchema: [
            { AttributeName: 'player', KeyType: 'HASH' },
            { AttributeName: 'score', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-place',
          KeySchema: [
            { AttributeName: 'country', KeyType: 'HASH' },
            { AttributeName: 'city', KeyType: 'HASH' },
            { AttributeName: 'score', KeyType: 'RANGE' },
            { AttributeName: 'game', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['note'] },
        },
      ],
    }),
  );
  await waitUntilTableExists(
    { client, maxWaitTime: 30, minDelay: 0.1, maxDelay: 1 },
    { TableName },
  );
}

/** Writes at random over few keys, and returns what the table then holds. */
async function writeAtRandom(client: DynamoDBClient, count: number): Promise<readonly Item[]> {
  const random = new SeededRandom(11);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  for (let at = 0; at < count; at += 1) {
    const Key = { player: { S: `p${below(4)}` }, game: { S: `g${below(6)}` } };
    const more: Item = {
      ...(below(5) > 0 && { score: { N: String(below(7) - 3) } }),
      ...(below(5) > 0 && { country: { S: `c${below(2)}` } }),
      ...(below(5) > 0 && { city: { S: `t${below(2)}` } }),
      note: { S: `note ${at}` },
      other: { S: `other ${at}` },
    };
    const kind = below(4);
    if (kind === 0) {
      await client.send(new DeleteItemCommand({ TableName, Key }));
    } else if (kind === 1) {
      await client.send(
        new UpdateItemCommand({
          TableName,
          Key,
          UpdateExpression: 'SET note = :note, score = :score REMOVE city',
          ExpressionAttributeValues: { ':note': { S: `${at}` }, ':score': { N: `${below(9)}` } },
        }),
      );
    } else if (kind === 2) {
      await client.send(new PutItemCommand({ TableName, Item: { ...Key, ...more } }));
    } else {
      await client.send(
        new BatchWriteItemCommand({
          RequestItems: { [TableName]: [{ PutRequest: { Item: { ...Key, ...more } } }] },
        }),
      );
    }
  }
  return scan(client, { ConsistentRead: true });
}

async function scan(client: DynamoDBClient, input: object): Promise<readonly Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client, pageSize: 5 }, { TableName, ...input })) {
    items.push(...(page.Items ?? []));
  }
  return items;
}

const texts = (items: readonly Item[]): readonly string[] =>
  items
    .map((item) =>
      JSON.stringify(Object.entries(item).toSorted(([one], [other]) => (one < other ? -1 : 1))),
    )
    .toSorted((one, other) => (one < other ? -1 : 1));

const project = (
  items: readonly Item[],
  { keys, more = [] }: { readonly keys: readonly string[]; readonly more?: readonly string[] },
): readonly Item[] =>
  items
    .filter((item) => keys.every((name) => name in item))
    .map((item) =>
      Object.fromEntries(
        Object.entries(item).filter(([name]) => keys.includes(name) || more.includes(name)),
      ),
    );

test('indexes of a real region are projections of the table, also after a restart', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us.client);
  const items = await writeAtRandom(us.client, 300);
  const local = project(items, { keys: ['player', 'game', 'score'] });
  const global = project(items, {
    keys: ['player', 'game', 'score', 'country', 'city'],
    more: ['note'],
  });
  expect(local.length).toBeGreaterThan(5);
  expect(global.length).toBeGreaterThan(1);
  const check = async (): Promise<void> => {
    const { client } = us;
    expect(texts(await scan(client, { IndexName: 'by-score', ConsistentRead: true }))).toEqual(
      texts(local),
    );
    await until(
      'the global index to have followed',
      async () =>
        texts(await scan(client, { IndexName: 'by-place' })).join() === texts(global).join(),
    );
    expect(texts(await scan(client, { IndexName: 'by-score', Select: 'ALL_ATTRIBUTES' }))).toEqual(
      texts(items.filter((item) => 'score' in item)),
    );
  };
  await check();
  await us.stop();
  await us.start();
  await check();
});

test('a query of a global index on several attributes goes on page by page', async () => {
  const lab = await TestLab.start([US]);
  const { client } = lab.region(US);
  await createTable(client);
  for (let at = 0; at < 12; at += 1) {
    const Item = {
      player: { S: `p${at}` },
      game: { S: 'same' },
      score: { N: String(at % 3) },
      country: { S: 'c' },
      city: { S: 't' },
    };
    await client.send(new PutItemCommand({ TableName, Item }));
  }
  const query = {
    TableName,
    IndexName: 'by-place',
    KeyConditionExpression: 'country = :c AND city = :t AND score BETWEEN :one AND :two',
    ExpressionAttributeValues: {
      ':c': { S: 'c' },
      ':t': { S: 't' },
      ':one': { N: '1' },
      ':two': { N: '2' },
    },
    ScanIndexForward: false,
  };
  await until('all to be there', async () => {
    const { Count } = await client.send(new QueryCommand(query));
    return Count === 8;
  });
  const scores: unknown[] = [];
  const players = new Set<unknown>();
  for await (const page of paginateQuery({ client, pageSize: 3 }, query)) {
    for (const item of page.Items ?? []) {
      scores.push(item['score']?.N);
      players.add(item['player']?.S);
    }
  }
  expect(scores).toEqual(['2', '2', '2', '2', '1', '1', '1', '1']);
  expect(players.size).toBe(8);
});
