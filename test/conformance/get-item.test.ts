import {
  DescribeTableCommand,
  GetItemCommand,
  type GetItemCommandInput,
  type GetItemCommandOutput,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, parameter, refused, shapeErrors } from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

const TableName = await newTable(RANGE_TABLE);
const Key = { id: { S: 'a' }, at: { N: '1' } };
const Item = {
  ...Key,
  text: { S: 'hello' },
  list: { L: [{ N: '10' }, { M: { deep: { S: 'x' }, other: { S: 'y' } } }, { N: '30' }] },
  map: { M: { one: { N: '1' }, 'two.three': { N: '23' }, size: { N: '4' } } },
};
await client.send(new PutItemCommand({ TableName, Item }));

const get = async (input: Partial<GetItemCommandInput> = {}): Promise<GetItemCommandOutput> =>
  client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true, ...input }));

test('an item is read by its whole key', async () => {
  expect((await get()).Item).toEqual(Item);
});

test('a key writes its numbers in any way', async () => {
  expect((await get({ Key: { id: { S: 'a' }, at: { N: '1.0e0' } } })).Item).toEqual(Item);
});

test('an item that is not there is answered with nothing', async () => {
  expect(await call('GetItem', { TableName, Key: { ...Key, at: { N: '2' } } })).toEqual({
    status: 200,
    output: {},
  });
});

test('a projection keeps what it names, and the order of what it takes from a list', async () => {
  const { Item: part } = await get({
    ProjectionExpression: '#t, #l[2], #l[1].deep, #m.one, #m.#dotted, nothing, #l[9]',
    ExpressionAttributeNames: { '#t': 'text', '#l': 'list', '#m': 'map', '#dotted': 'two.three' },
  });
  expect(part).toEqual({
    text: { S: 'hello' },
    list: { L: [{ M: { deep: { S: 'x' } } }, { N: '30' }] },
    map: { M: { one: { N: '1' }, 'two.three': { N: '23' } } },
  });
});

test('a projection of nothing that is there is an empty item', async () => {
  const answer = await call('GetItem', { TableName, Key, ProjectionExpression: 'nothing' });
  expect(answer).toEqual({ status: 200, output: { Item: {} } });
});

test('AttributesToGet names attributes whole, reserved words and dots included', async () => {
  const { Item: part } = await get({ AttributesToGet: ['text', 'id', 'map.one', 'size'] });
  expect(part).toEqual({ text: { S: 'hello' }, id: { S: 'a' } });
});

test('a read costs half a unit for each begun 4 KB, a strong one all of it', async () => {
  const key = { id: { S: 'capacity' }, at: { N: '1' } };
  // Names and key take 2 + 2 + 4 + 8 + 2 bytes.
  for (const [bytes, units] of [
    [4096 - 18, 1],
    [4096 - 17, 2],
  ] as const) {
    await client.send(
      new PutItemCommand({ TableName, Item: { ...key, text: { S: 'x'.repeat(bytes) } } }),
    );
    const strong = await get({ Key: key, ReturnConsumedCapacity: 'TOTAL' });
    expect(strong.ConsumedCapacity).toEqual({ TableName, CapacityUnits: units });
    const weak = await get({
      Key: key,
      ConsistentRead: false,
      ReturnConsumedCapacity: 'INDEXES',
      ProjectionExpression: 'id',
    });
    expect(weak.ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: units / 2,
      Table: { CapacityUnits: units / 2 },
    });
  }
});

test('what is not there costs the least that a read can', async () => {
  const { ConsumedCapacity } = await get({
    Key: { id: { S: 'none' }, at: { N: '1' } },
    ReturnConsumedCapacity: 'TOTAL',
  });
  expect(ConsumedCapacity).toEqual({ TableName, CapacityUnits: 1 });
});

test('a table is found by its ARN too', async () => {
  const { Table: { TableArn = '' } = {} } = await client.send(
    new DescribeTableCommand({ TableName }),
  );
  expect(await call('GetItem', { TableName: TableArn, Key })).toEqual({
    status: 200,
    output: { Item },
  });
});

const MISMATCH = 'The provided key element does not match the schema';

test.each([
  [
    'nothing at all',
    { TableName: undefined, Key: undefined },
    shapeErrors(
      complaint('null', 'tableName', 'Member must not be null'),
      complaint('null', 'key', 'Member must not be null'),
    ),
  ],
  ['no key', { Key: {} }, MISMATCH],
  ['half a key', { Key: { id: { S: 'a' } } }, MISMATCH],
  ['more than a key', { Key: { ...Key, more: { S: 'a' } } }, MISMATCH],
  ['a key of other names', { Key: { id: { S: 'a' }, when: { N: '1' } } }, MISMATCH],
  ['a key of another type', { Key: { id: { S: 'a' }, at: { S: '1' } } }, MISMATCH],
  [
    'an empty partition key',
    { Key: { ...Key, id: { S: '' } } },
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
  ],
  [
    'a number that is none',
    { Key: { id: { S: 'a' }, at: { N: 'one' } } },
    'The parameter cannot be converted to a numeric value: one',
  ],
  [
    'a long partition key',
    { Key: { ...Key, id: { S: 'x'.repeat(2049) } } },
    parameter('Size of hashkey has exceeded the maximum size limit of2048 bytes'),
  ],
  [
    'no name at all to get',
    { AttributesToGet: [] },
    shapeErrors(
      complaint("'[]'", 'attributesToGet', 'Member must have length greater than or equal to 1'),
    ),
  ],
  [
    'a name twice to get',
    { AttributesToGet: ['a', 'b', 'a'] },
    parameter('Duplicate value in attribute name: a'),
  ],
  [
    'old and new parameters together',
    { AttributesToGet: ['a'], ProjectionExpression: 'a' },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}',
  ],
  [
    'names without an expression',
    { ExpressionAttributeNames: { '#a': 'a' } },
    'ExpressionAttributeNames can only be specified when using expressions',
  ],
  [
    'a path into a key',
    { ProjectionExpression: 'id.x' },
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: id",
  ],
  [
    'an unknown kind of capacity',
    { ReturnConsumedCapacity: 'SOME' },
    shapeErrors(
      complaint(
        "'SOME'",
        'returnConsumedCapacity',
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
      ),
    ),
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('GetItem', { TableName, Key, ...input })).toEqual(invalid(message));
});

test('a table that is not there is not named', async () => {
  expect(await call('GetItem', { TableName: newName(), Key })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});
