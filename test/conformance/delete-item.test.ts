import {
  type AttributeValue,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DeleteItemCommandOutput,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, refused, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, newName, newTable } from './target.ts';

const TableName = await newTable();

async function given(
  id: string,
  more: Record<string, AttributeValue> = {},
): Promise<Record<string, AttributeValue>> {
  const Item = { id: { S: id }, ...more };
  await client.send(new PutItemCommand({ TableName, Item }));
  return Item;
}

const remove = async (
  id: string,
  input: Partial<DeleteItemCommandInput> = {},
): Promise<DeleteItemCommandOutput> =>
  client.send(new DeleteItemCommand({ TableName, Key: { id: { S: id } }, ...input }));

async function isThere(id: string): Promise<boolean> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName, Key: { id: { S: id } }, ConsistentRead: true }),
  );
  return Item !== undefined;
}

test('a deleted item is gone', async () => {
  await given('gone');
  await remove('gone');
  expect(await isThere('gone')).toBe(false);
});

test('what is not there can be deleted, again and again', async () => {
  expect(await call('DeleteItem', { TableName, Key: { id: { S: 'never' } } })).toEqual({
    status: 200,
    output: {},
  });
  await remove('never');
});

test('ALL_OLD answers what was deleted, and nothing when nothing was', async () => {
  const Item = await given('old', { n: { N: '1' } });
  expect((await remove('old', { ReturnValues: 'ALL_OLD' })).Attributes).toEqual(Item);
  expect((await remove('old', { ReturnValues: 'ALL_OLD' })).Attributes).toBeUndefined();
});

test('a condition decides', async () => {
  await given('conditional', { n: { N: '5' } });
  const condition = {
    ConditionExpression: 'n > :least',
    ExpressionAttributeValues: { ':least': { N: '5' } },
  };
  await expectRefusal(remove('conditional', condition), {
    name: 'ConditionalCheckFailedException',
    message: 'The conditional request failed',
  });
  expect(await isThere('conditional')).toBe(true);
  await remove('conditional', {
    ...condition,
    ExpressionAttributeValues: { ':least': { N: '4' } },
  });
  expect(await isThere('conditional')).toBe(false);
});

test('a condition that fails answers the item when asked', async () => {
  const Item = await given('told', { n: { N: '1' } });
  const error = await expectRefusal(
    remove('told', {
      ConditionExpression: 'attribute_not_exists(n)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
    { name: 'ConditionalCheckFailedException' },
  );
  expect(error).toMatchObject({ Item });
});

test('a condition may ask for what is not there', async () => {
  await remove('absent', { ConditionExpression: 'attribute_not_exists(id)' });
  await expectRefusal(remove('absent', { ConditionExpression: 'attribute_exists(id)' }), {
    name: 'ConditionalCheckFailedException',
  });
});

test('a deletion costs what writing the item did, and a unit when there was none', async () => {
  await given('big', { text: { S: 'x'.repeat(3000) } });
  const units = async (): Promise<unknown> =>
    (await remove('big', { ReturnConsumedCapacity: 'TOTAL' })).ConsumedCapacity;
  expect(await units()).toEqual({ TableName, CapacityUnits: 3 });
  expect(await units()).toEqual({ TableName, CapacityUnits: 1 });
});

const Key = { id: { S: 'x' } };

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
    'return values of an update',
    { ReturnValues: 'UPDATED_OLD' },
    'ReturnValues can only be ALL_OLD or NONE',
  ],
  ['no key', { Key: {} }, 'The provided key element does not match the schema'],
  [
    'a key of another type',
    { Key: { id: { N: '1' } } },
    'The provided key element does not match the schema',
  ],
  [
    'a bad value in the key',
    { Key: { id: {} } },
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    'an empty key',
    { Key: { id: { S: '' } } },
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
  ],
  [
    'a condition that is empty',
    { ConditionExpression: '' },
    'Invalid ConditionExpression: The expression can not be empty;',
  ],
  [
    'values without a condition',
    { ExpressionAttributeValues: { ':v': { S: 'x' } } },
    'ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
  ],
  [
    'old and new parameters together',
    { Expected: { a: { Exists: false } }, ConditionExpression: 'attribute_exists(a)' },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('DeleteItem', { TableName, Key, ...input })).toEqual(invalid(message));
});

test('a table that is not there is not named', async () => {
  expect(await call('DeleteItem', { TableName: newName(), Key })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});
