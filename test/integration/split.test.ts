import {
  CreateTableCommand,
  DescribeTableCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { EU, TestLab, US, type TestRegion } from '../support/test-lab.ts';
import { until } from '../support/until.ts';

const TABLE = 'split';
const INDEX = 'by-color';
const COLORS = ['red', 'green', 'blue'];

async function createTable(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'color', AttributeType: 'S' },
      ],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: INDEX,
          KeySchema: [{ AttributeName: 'color', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
}

const untilActive = async ({ client }: TestRegion): Promise<unknown> =>
  until('the table', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: TABLE }));
    return Table?.TableStatus === 'ACTIVE';
  });

async function put(client: DynamoDBClient, id: string, value: string): Promise<void> {
  const color = COLORS[value.length % COLORS.length] ?? 'red';
  await client.send(
    new PutItemCommand({
      TableName: TABLE,
      Item: { id: { S: id }, value: { S: value }, color: { S: color } },
    }),
  );
}

async function scanned(client: DynamoDBClient): Promise<ReadonlyMap<string, string>> {
  const items = new Map<string, string>();
  let start: Record<string, { S: string }> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName: TABLE,
        ConsistentRead: true,
        Limit: 17,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );
    for (const { id, value } of page.Items ?? []) items.set(id?.S ?? '', value?.S ?? '');
    const next = page.LastEvaluatedKey?.['id']?.S;
    start = next === undefined ? undefined : { id: { S: next } };
  } while (start !== undefined);
  return items;
}

async function indexed(client: DynamoDBClient): Promise<ReadonlyMap<string, string>> {
  const items = new Map<string, string>();
  for (const color of COLORS) {
    const page = await client.send(
      new QueryCommand({
        TableName: TABLE,
        IndexName: INDEX,
        KeyConditionExpression: 'color = :color',
        ExpressionAttributeValues: { ':color': { S: color } },
      }),
    );
    for (const { id, value } of page.Items ?? []) items.set(id?.S ?? '', value?.S ?? '');
  }
  return items;
}

const textOf = (items: ReadonlyMap<string, string>): string =>
  [...items]
    .map(([id, value]) => `${id}=${value}`)
    .toSorted((one, other) => one.localeCompare(other, 'en'))
    .join(' ');

/** Writes for as long as it is not ended, each value new, and remembers what was acknowledged. */
class Writer {
  readonly acknowledged = new Map<string, string>();
  readonly #client: DynamoDBClient;
  readonly #name: string;
  #isOver = false;
  #running: Promise<void>;

  constructor(client: DynamoDBClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#isOver; at += 1) {
      const [id, value] = [`${this.#name}-${at % 60}`, 'v'.repeat(at % 7) + String(at)];
      await put(this.#client, id, value);
      this.acknowledged.set(id, value);
      if (at % 5 === 0) await this.#expectRead(id, value);
    }
  }

  async #expectRead(id: string, value: string): Promise<void> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: TABLE, Key: { id: { S: id } }, ConsistentRead: true }),
    );
    if (Item?.['value']?.S !== value) throw new Error(`${id} was read without its last write`);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

async function splitPartition(region: TestRegion, partition: number): Promise<number> {
  await region.post(`/partitions/${partition}/split`);
  return (await partitionsOf(region)).length - 1;
}

interface PartitionSaid {
  readonly number: number;
  readonly parent?: number;
}

async function partitionsOf(region: TestRegion): Promise<readonly PartitionSaid[]> {
  const response = await fetch(`${region.running.operationsEndpoint}/status`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer of our own operations port
  const status = (await response.json()) as { readonly partitions: readonly PartitionSaid[] };
  return status.partitions;
}

test('partitions split under load, and nothing is lost, twice there, or told to a client', async () => {
  const lab = await TestLab.start([US, EU], { partitions: 2 });
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createTable(us.client);
  await untilActive(us);
  await us.client.send(
    new UpdateTableCommand({ TableName: TABLE, ReplicaUpdates: [{ Create: { RegionName: EU } }] }),
  );
  await until('the replica', () => eu.table(TABLE)?.members[EU]?.phase === 'active');
  const writers = [
    ...['a', 'b', 'c', 'd'].map((name) => new Writer(us.client, name)),
    new Writer(eu.client, 'e'),
  ];
  for (const writer of writers) await until('writes', () => writer.acknowledged.size > 20);
  expect(await splitPartition(us, 0)).toBe(2);
  expect(await splitPartition(us, 1)).toBe(3);
  expect(await splitPartition(eu, 1)).toBe(2);
  expect(await splitPartition(us, 2)).toBe(4);
  for (const writer of writers) await writer.end();
  const acknowledged = new Map(writers.flatMap((writer) => [...writer.acknowledged]));
  for (const region of [us, eu]) {
    await until('all items', async () => (await scanned(region.client)).size === acknowledged.size);
    await until('all values', async () => {
      const found = await scanned(region.client);
      return [...acknowledged].every(([id, value]) => found.get(id) === value);
    });
    const items = textOf(await scanned(region.client));
    await until('the index', async () => {
      return textOf(await indexed(region.client)) === items;
    });
  }
  expect(us.table(TABLE)?.digest).toBe(eu.table(TABLE)?.digest);
  await us.stop();
  await us.start();
  expect((await scanned(us.client)).size).toBe(acknowledged.size);
  expect(await partitionsOf(us)).toMatchObject([
    { number: 0 },
    { number: 1 },
    { number: 2, parent: 0 },
    { number: 3, parent: 1 },
    { number: 4, parent: 2 },
  ]);
  await put(us.client, 'after', 'the restart');
  await until(
    'what was written after the restart',
    async () => (await scanned(eu.client)).get('after') === 'the restart',
  );
});
