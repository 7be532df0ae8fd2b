import {
  type AttributeValue,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
  type UpdateItemCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, parameter, refused, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, newName, newTable } from './target.ts';

const TableName = await newTable();

type Item = Record<string, AttributeValue>;

async function given(id: string, more: Item = {}): Promise<Item> {
  const Item = { id: { S: id }, ...more };
  await client.send(new PutItemCommand({ TableName, Item }));
  return Item;
}

const update = async (
  id: string,
  input: Partial<UpdateItemCommandInput>,
): Promise<UpdateItemCommandOutput> =>
  client.send(new UpdateItemCommand({ TableName, Key: { id: { S: id } }, ...input }));

async function stored(id: string): Promise<Item | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName, Key: { id: { S: id } }, ConsistentRead: true }),
  );
  return item;
}

test('an update makes the item that it does not find', async () => {
  await update('made', {
    UpdateExpression: 'SET a = :v',
    ExpressionAttributeValues: { ':v': { S: 'x' } },
  });
  expect(await stored('made')).toEqual({ id: { S: 'made' }, a: { S: 'x' } });
});

test('an update without an expression makes an item of its key alone', async () => {
  await update('bare', {});
  expect(await stored('bare')).toEqual({ id: { S: 'bare' } });
});

test('an update that only removes makes no item', async () => {
  await update('removed', { UpdateExpression: 'REMOVE a' });
  const item = await stored('removed');
  // Whether the key alone is then an item has been seen both ways; nothing else may be there.
  expect(Object.keys(item ?? {}).filter((name) => name !== 'id')).toEqual([]);
});

const before = { n: { N: '1' }, m: { M: { x: { N: '5' }, y: { N: '6' } } }, gone: { S: 'x' } };

test.each([
  ['ALL_OLD', (item: Item) => item],
  [
    'ALL_NEW',
    ({ id = { S: '' } }: Item) => ({
      id,
      n: { N: '3' },
      m: { M: { x: { N: '9' }, y: { N: '6' } } },
      fresh: { S: 'f' },
    }),
  ],
  ['UPDATED_OLD', () => ({ n: { N: '1' }, m: { M: { x: { N: '5' } } }, gone: { S: 'x' } })],
  ['UPDATED_NEW', () => ({ n: { N: '3' }, m: { M: { x: { N: '9' } } }, fresh: { S: 'f' } })],
  ['NONE', () => undefined],
] as const)('ReturnValues %s answers just that', async (ReturnValues, expected) => {
  const item = await given(`returns ${ReturnValues}`, before);
  const { Attributes } = await update(`returns ${ReturnValues}`, {
    UpdateExpression: 'SET n = n + :two, m.x = :nine, fresh = :f REMOVE gone',
    ExpressionAttributeValues: { ':two': { N: '2' }, ':nine': { N: '9' }, ':f': { S: 'f' } },
    ReturnValues,
  });
  expect(Attributes).toEqual(expected(item));
});

test('of an item that was not there, nothing old is answered', async () => {
  for (const ReturnValues of ['ALL_OLD', 'UPDATED_OLD'] as const) {
    const { Attributes } = await update(`nothing old ${ReturnValues}`, {
      UpdateExpression: 'SET a = :v',
      ExpressionAttributeValues: { ':v': { N: '1' } },
      ReturnValues,
    });
    expect(Attributes).toBeUndefined();
  }
});

test('all the right sides are read before anything is written', async () => {
  await given('swap', { a: { N: '1' }, b: { N: '2' } });
  const { Attributes } = await update('swap', {
    UpdateExpression: 'SET a = b, b = a',
    ReturnValues: 'UPDATED_NEW',
  });
  expect(Attributes).toEqual({ a: { N: '2' }, b: { N: '1' } });
});

test('a counter that is added to by many ends at their sum', async () => {
  await Promise.all(
    Array.from({ length: 20 }, async () =>
      update('counter', {
        UpdateExpression: 'ADD hits :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    ),
  );
  expect((await stored('counter'))?.['hits']).toEqual({ N: '20' });
});

test('a condition that fails changes nothing, and answers the item when asked', async () => {
  const Item = await given('conditional', { n: { N: '1' } });
  const error = await expectRefusal(
    update('conditional', {
      UpdateExpression: 'SET n = :two',
      ConditionExpression: 'n = :two',
      ExpressionAttributeValues: { ':two': { N: '2' } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
    { name: 'ConditionalCheckFailedException', message: 'The conditional request failed' },
  );
  expect(error).toMatchObject({ Item });
  expect(await stored('conditional')).toEqual(Item);
});

test('an update costs what the larger of the old and the new item does', async () => {
  await given('capacity', { text: { S: 'x'.repeat(2500) } });
  const { ConsumedCapacity } = await update('capacity', {
    UpdateExpression: 'REMOVE #t',
    ExpressionAttributeNames: { '#t': 'text' },
    ReturnConsumedCapacity: 'TOTAL',
  });
  expect(ConsumedCapacity).toEqual({ TableName, CapacityUnits: 3 });
});

test('an item may not grow beyond 400 KB', async () => {
  const big = { S: 'x'.repeat(300_000) };
  await given('growing', { first: big });
  await expectRefusal(
    update('growing', {
      UpdateExpression: 'SET two = :big',
      ExpressionAttributeValues: { ':big': big },
    }),
    {
      name: 'ValidationException',
      message: 'Item size to update has exceeded the maximum allowed size',
    },
  );
});

const set = (UpdateExpression: string, v: unknown = { N: '1' }): object => ({
  UpdateExpression,
  ExpressionAttributeValues: { ':v': v },
});
const ATTRIBUTE_MISSING =
  'The provided expression refers to an attribute that does not exist in the item';
const WRONG_TYPE = 'An operand in the update expression has an incorrect data type';
const PATH_INVALID = 'The document path provided in the update expression is invalid for update';

test.each([
  ['a sum with what is not there', set('SET a = nothing + :v'), ATTRIBUTE_MISSING],
  ['a copy of what is not there', { UpdateExpression: 'SET a = nothing' }, ATTRIBUTE_MISSING],
  ['a sum with a string', set('SET a = s + :v'), WRONG_TYPE],
  ['a list appended to a string', set('SET s = list_append(s, :v)', { L: [] }), WRONG_TYPE],
  ['adding a number to a string', set('ADD s :v'), WRONG_TYPE],
  ['deleting strings from a set of numbers', set('DELETE numbers :v', { SS: ['1'] }), WRONG_TYPE],
  ['a member of what is no map', set('SET s.x = :v'), PATH_INVALID],
  ['a member of what is not there', set('SET nothing.x = :v'), PATH_INVALID],
  ['an element of what is no list', set('SET s[0] = :v'), PATH_INVALID],
  [
    'a number that grows out of range',
    set('SET huge = huge + :v', { N: '9e125' }),
    'Number overflow. Attempting to store a number with magnitude larger than supported range',
  ],
])('%s is refused against the item', async (_, input, message) => {
  await given('against', {
    s: { S: 'text' },
    numbers: { NS: ['1'] },
    huge: { N: '9e125' },
  });
  expect(await call('UpdateItem', { TableName, Key: { id: { S: 'against' } }, ...input })).toEqual(
    invalid(message),
  );
});

test.each([
  [
    'nothing at all',
    { TableName: undefined, Key: undefined },
    shapeErrors(
      complaint('null', 'tableName', 'Member must not be null'),
      complaint('null', 'key', 'Member must not be null'),
    ),
  ],
  [
    'a change of the key',
    set('SET id = :v', { S: 'y' }),
    parameter('Cannot update attribute id. This attribute is part of the key'),
  ],
  [
    'the removal of the key',
    { UpdateExpression: 'REMOVE id' },
    parameter('Cannot update attribute id. This attribute is part of the key'),
  ],
  [
    'a key of another type',
    { Key: { id: { N: '1' } } },
    'The provided key element does not match the schema',
  ],
  [
    'old and new parameters together',
    { AttributeUpdates: {}, Expected: {}, UpdateExpression: 'REMOVE a' },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression}',
  ],
  [
    'values without an expression',
    { ExpressionAttributeValues: { ':v': { S: 'x' } } },
    'ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('UpdateItem', { TableName, Key: { id: { S: 'x' } }, ...input })).toEqual(
    invalid(message),
  );
});

test('a table that is not there is not named', async () => {
  expect(await call('UpdateItem', { TableName: newName(), Key: { id: { S: 'x' } } })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});

test.each([
  ['a short key', { id: 'u' }, { b: 409_577 }, 'SET b = :pad'],
  ['two values', { id: 'v' }, { b: 409_556 }, 'SET b = :pad, c = :one'],
  ['a removal', { id: 'w' }, { b: 409_575 }, 'SET b = :pad REMOVE r'],
  ['a long key', { id: 'x'.repeat(99) }, { b: 409_498 }, 'SET b = :pad'],
])('what an update writes counts with its actions beside %s', async (_, key, sizes, expression) => {
  const Key = { id: { S: key.id } };
  const write = async (bytes: number): Promise<unknown> =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: expression,
        ExpressionAttributeValues: {
          ':pad': { S: 'x'.repeat(bytes) },
          ...(expression.includes(':one') ? { ':one': { S: '1' } } : {}),
        },
      }),
    );
  const message = 'Item size to update has exceeded the maximum allowed size';
  await expectRefusal(write(sizes.b + 1), { name: 'ValidationException', message });
  await write(sizes.b);
});

test('where a key is given, one complaint about an enum hides another', async () => {
  const input = { TableName, ReturnConsumedCapacity: 'X', ReturnValues: 'X' };
  const withKey = await call('UpdateItem', { ...input, Key: { id: { S: 'x' } } });
  expect(withKey).toMatchObject({
    status: 400,
    message: expect.stringMatching(/enum value set: \[ALL_[^;]*$/) as unknown,
  });
  expect(await call('UpdateItem', input)).toMatchObject({
    message: expect.stringMatching(/^3 validation errors detected: .*'key'/) as unknown,
  });
});
