import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { waitUntilTableExists, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  paginateScan,
  PutCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as dynamoose from 'dynamoose';
import { Entity, Service } from 'electrodb';
import { expect, inject, test } from 'vitest';

import { client, clientConfig, newName, newTable, RANGE_TABLE } from './target.ts';

const documents = DynamoDBDocumentClient.from(client);

test('the document client writes plain objects, and its paginators read every page of them', async () => {
  const TableName = await newTable(RANGE_TABLE);
  const tides = Array.from({ length: 60 }, (_, at) => ({
    id: 'Lima',
    at,
    height: at / 8,
    marks: new Set(['a', `b${at}`]),
    harbour: { open: at % 2 === 0, berths: [1, 'two', null] },
  }));
  for (let at = 0; at < tides.length; at += 25)
    await documents.send(
      new BatchWriteCommand({
        RequestItems: {
          [TableName]: tides.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } })),
        },
      }),
    );
  const read: unknown[] = [];
  for await (const { Items } of paginateQuery(
    { client: documents, pageSize: 7 },
    {
      TableName,
      KeyConditionExpression: 'id = :id and #at < :end',
      ExpressionAttributeNames: { '#at': 'at' },
      ExpressionAttributeValues: { ':id': 'Lima', ':end': 50 },
    },
  ))
    read.push(...(Items ?? []));
  expect(read).toEqual(tides.slice(0, 50));
  let scanned = 0;
  for await (const { Count } of paginateScan({ client: documents, pageSize: 9 }, { TableName }))
    scanned += Count ?? 0;
  expect(scanned).toBe(tides.length);
});

test('the document client updates, and returns what it asked for', async () => {
  const TableName = await newTable();
  await documents.send(new PutCommand({ TableName, Item: { id: 'x', count: 1 } }));
  const { Attributes } = await documents.send(
    new UpdateCommand({
      TableName,
      Key: { id: 'x' },
      UpdateExpression: 'set #c = #c + :one, seen = list_append(if_not_exists(seen, :none), :now)',
      ExpressionAttributeNames: { '#c': 'count' },
      ExpressionAttributeValues: { ':one': 1, ':none': [], ':now': ['today'] },
      ReturnValues: 'ALL_NEW',
    }),
  );
  expect(Attributes).toEqual({ id: 'x', count: 2, seen: ['today'] });
  const { Item } = await documents.send(
    new GetCommand({ TableName, Key: { id: 'x' }, ConsistentRead: true }),
  );
  expect(Item).toEqual(Attributes);
});

test('the document client writes and reads transactions of plain objects', async () => {
  const TableName = await newTable();
  await documents.send(new PutCommand({ TableName, Item: { id: 'stock', left: 3 } }));
  const order = (id: string, amount: number): TransactWriteCommand =>
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName, Item: { id, lines: [{ amount }], tags: new Set(['new']) } } },
        {
          Update: {
            TableName,
            Key: { id: 'stock' },
            UpdateExpression: 'set #l = #l - :amount',
            ConditionExpression: '#l >= :amount',
            ExpressionAttributeNames: { '#l': 'left' },
            ExpressionAttributeValues: { ':amount': amount },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
      ],
    });
  await documents.send(order('first', 2));
  const refused: unknown = await documents
    .send(order('second', 2))
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({
    name: 'TransactionCanceledException',
    CancellationReasons: [
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed', Item: { id: { S: 'stock' }, left: { N: '1' } } },
    ],
  });
  const { Responses } = await documents.send(
    new TransactGetCommand({
      TransactItems: ['stock', 'second', 'first'].map((id) => ({
        Get: { TableName, Key: { id } },
      })),
    }),
  );
  expect(Responses).toEqual([
    { Item: { id: 'stock', left: 1 } },
    {},
    { Item: { id: 'first', lines: [{ amount: 2 }], tags: new Set(['new']) } },
  ]);
});

test('waiters wait until a table is there, and until it is gone', async () => {
  const TableName = newName();
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  const waiting = { client, maxWaitTime: 120, minDelay: 0.02, maxDelay: 1 };
  expect((await waitUntilTableExists(waiting, { TableName })).state).toBe('SUCCESS');
  await client.send(new DeleteTableCommand({ TableName }));
  expect((await waitUntilTableNotExists(waiting, { TableName })).state).toBe('SUCCESS');
});

test('electrodb keeps two access patterns of an entity in one table', async () => {
  const table = await newTable({
    AttributeDefinitions: ['pk', 'sk', 'gsi1pk', 'gsi1sk'].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'gsi1pk-gsi1sk-index',
        KeySchema: [
          { AttributeName: 'gsi1pk', KeyType: 'HASH' },
          { AttributeName: 'gsi1sk', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
  const Ship = new Entity(
    {
      model: { entity: 'ship', version: '1', service: 'harbour' },
      attributes: {
        fleet: { type: 'string', required: true },
        name: { type: 'string', required: true },
        port: { type: 'string', required: true },
        tons: { type: 'number', default: 0 },
      },
      indexes: {
        ships: {
          pk: { field: 'pk', composite: ['fleet'] },
          sk: { field: 'sk', composite: ['name'] },
        },
        inPort: {
          index: 'gsi1pk-gsi1sk-index',
          pk: { field: 'gsi1pk', composite: ['port'] },
          sk: { field: 'gsi1sk', composite: ['name'] },
        },
      },
    },
    { table, client },
  );
  await Ship.put([
    { fleet: 'north', name: 'Ada', port: 'Bergen', tons: 10 },
    { fleet: 'north', name: 'Bel', port: 'Oslo', tons: 20 },
    { fleet: 'south', name: 'Cid', port: 'Bergen', tons: 30 },
  ]).go();
  await Ship.patch({ fleet: 'north', name: 'Ada' }).add({ tons: 5 }).go();
  await expect(Ship.create({ fleet: 'north', name: 'Ada', port: 'Rome' }).go()).rejects.toThrow(
    'conditional request failed',
  );
  const ships = Ship.query.ships({ fleet: 'north' }).begins({ name: 'a' });
  const north = await ships.go({ consistent: true });
  expect(north.data).toEqual([{ fleet: 'north', name: 'Ada', port: 'Bergen', tons: 15 }]);
  await expect
    .poll(async () => {
      const { data } = await Ship.query.inPort({ port: 'Bergen' }).go();
      return data.map(({ name, tons }) => `${name} ${tons}`);
    })
    .toEqual(['Ada 15', 'Cid 30']);
  await Ship.delete({ fleet: 'south', name: 'Cid' }).go();
  expect((await Ship.get({ fleet: 'south', name: 'Cid' }).go()).data).toBeNull();
});

test('electrodb writes and reads several entities in one transaction', async () => {
  const table = await newTable({
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  const indexes = {
    main: { pk: { field: 'pk', composite: ['name'] }, sk: { field: 'sk', composite: [] } },
  } as const;
  const berth = new Entity({
    model: { entity: 'berth', version: '1', service: 'harbour' },
    attributes: { name: { type: 'string', required: true }, ship: { type: 'string' } },
    indexes,
  });
  const ship = new Entity({
    model: { entity: 'ship', version: '1', service: 'harbour' },
    attributes: { name: { type: 'string', required: true }, calls: { type: 'number', default: 0 } },
    indexes,
  });
  const harbour = new Service({ berth, ship }, { table, client });
  const moor = async (
    name: string,
    token: string | undefined,
  ): Promise<{ readonly canceled: boolean; readonly codes: readonly string[] }> => {
    const { canceled, data } = await harbour.transaction
      .write((entities) => [
        entities.berth
          .upsert({ name: 'one', ship: name })
          .where((attributes, { notExists }) => notExists(attributes.ship))
          .commit({ response: 'all_old' }),
        entities.ship.upsert({ name }).add({ calls: 1 }).commit(),
      ])
      .go(token === undefined ? {} : { token });
    return { canceled, codes: data.map(({ code }) => code) };
  };
  const done = { canceled: false, codes: ['None', 'None'] };
  expect(await moor('Ada', 'electrodb')).toEqual(done);
  // Under the same token it is done once.
  expect(await moor('Ada', 'electrodb')).toEqual(done);
  expect(await moor('Bel', undefined)).toEqual({
    canceled: true,
    codes: ['ConditionalCheckFailed', 'None'],
  });
  const { data } = await harbour.transaction
    .get((entities) => [
      entities.berth.get({ name: 'one' }).commit(),
      entities.ship.get({ name: 'Ada' }).commit(),
      entities.ship.get({ name: 'Bel' }).commit(),
    ])
    .go();
  expect(data.map(({ item }) => item)).toEqual([
    { name: 'one', ship: 'Ada' },
    { name: 'Ada', calls: 1 },
    null,
  ]);
});

test('dynamoose makes its table, saves, updates and queries', async () => {
  const ddb = new dynamoose.aws.ddb.DynamoDB(clientConfig);
  dynamoose.aws.ddb.set(ddb);
  const schema = new dynamoose.Schema({
    id: { type: String, hashKey: true },
    at: { type: Number, rangeKey: true },
    kind: String,
    tags: { type: Set, schema: [String] },
  });
  const name = newName();
  const Event = dynamoose.model('Event', schema);
  const table = new dynamoose.Table(name, [Event], {
    prefix: '',
    initialize: false,
    throughput: 'ON_DEMAND',
    waitForActive: { enabled: true, check: { timeout: 120_000, frequency: 50 } },
  });
  await table.initialize();
  await Event.batchPut([
    { id: 'a', at: 1, kind: 'wave', tags: new Set(['x']) },
    { id: 'a', at: 2, kind: 'tide' },
    { id: 'b', at: 1, kind: 'wave' },
  ]);
  await Event.update({ id: 'a', at: 2 }, { $SET: { kind: 'storm' } });
  const found = await Event.query('id').eq('a').where('at').ge(1).exec();
  expect(found.map(({ at, kind }) => `${String(at)} ${String(kind)}`)).toEqual([
    '1 wave',
    '2 storm',
  ]);
  const waves = await Event.scan('kind').eq('wave').exec();
  expect(waves.length).toBe(2);
  await dynamoose.transaction([
    Event.transaction.create({ id: 'c', at: 1, kind: 'calm' }),
    Event.transaction.update({ id: 'a', at: 1 }, { $SET: { kind: 'swell' } }),
    Event.transaction.delete({ id: 'b', at: 1 }),
  ]);
  const exists = dynamoose.transaction([
    Event.transaction.delete({ id: 'a', at: 1 }),
    Event.transaction.create({ id: 'c', at: 1, kind: 'again' }),
  ]);
  await expect(exists).rejects.toThrow('[None, ConditionalCheckFailed]');
  const read = await dynamoose.transaction([
    Event.transaction.get({ id: 'a', at: 1 }),
    Event.transaction.get({ id: 'c', at: 1 }),
  ]);
  expect(read).toMatchObject([{ kind: 'swell' }, { kind: 'calm' }]);
  expect(await Event.get({ id: 'b', at: 1 })).toBeUndefined();
  await client.send(new DeleteTableCommand({ TableName: name }));
});

const run = promisify(execFile);

/** Words are parted by spaces. Answers the parsed output. */
async function aws(command: string): Promise<unknown> {
  const endpoint = inject('conformanceEndpoint');
  const place = endpoint === undefined ? '' : ` --endpoint-url ${endpoint}`;
  const words = `dynamodb ${command} --region ${inject('conformanceRegion')} --output json${place}`;
  const { stdout } = await run('aws', words.split(' '), {
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', ...process.env },
  });
  return stdout === '' ? undefined : JSON.parse(stdout);
}

const cli = await run('aws', ['--version']).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
);
if (cli === undefined)
  process.stderr.write('The AWS CLI is not installed: its session is not run.\n');

test.skipIf(cli === undefined)('the AWS CLI has an ordinary session', async () => {
  const TableName = newName();
  const table = `--table-name ${TableName}`;
  await aws(
    `create-table ${table} --billing-mode PAY_PER_REQUEST --key-schema AttributeName=id,KeyType=HASH ` +
      '--attribute-definitions AttributeName=id,AttributeType=S',
  );
  await aws(`wait table-exists ${table}`);
  await aws(`put-item ${table} --item {"id":{"S":"Lima"},"n":{"N":"1"}}`);
  const updated = await aws(
    `update-item ${table} --key {"id":{"S":"Lima"}} --update-expression ADD\tn\t:two ` +
      '--expression-attribute-values {":two":{"N":"2"}} --return-values UPDATED_NEW',
  );
  expect(updated).toEqual({ Attributes: { n: { N: '3' } } });
  const scanned = await aws(`scan ${table}`);
  expect(scanned).toMatchObject({ Count: 1, Items: [{ id: { S: 'Lima' }, n: { N: '3' } }] });
  await expect(aws(`get-item ${table} --key {"no":{"S":"x"}}`)).rejects.toThrow(
    'The provided key element does not match the schema',
  );
  await aws(`delete-table ${table}`);
});
