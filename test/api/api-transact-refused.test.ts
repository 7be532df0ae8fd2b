import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createIndexedTable } from '../support/indexed-api-table.ts';
import { createKeyedTable } from '../support/keyed-table.ts';
import { type MemoryApi, startMemoryApi } from '../support/memory-api.ts';
import type { Answer, Json } from '../support/transact-requests.ts';
import {
  add,
  cancelled,
  check,
  invalid,
  invalidReason,
  KEYED,
  keyOf,
  NONE,
  NOT_FOUND,
  put,
  putItem,
  remove,
} from '../support/transact-requests.ts';

let api: MemoryApi;

beforeAll(async () => {
  api = await startMemoryApi();
  await createKeyedTable(api.client, KEYED);
  await createIndexedTable(api.client, 'indexed');
});

afterAll(async () => api.stop());

async function call(operation: string, input: Json): Promise<Answer> {
  const { status, body } = await api.call(operation, input);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every answer is an object
  return { status, body: body as Json };
}

const write = async (TransactItems: readonly Json[], more: Json = {}): Promise<Answer> =>
  call('TransactWriteItems', { TransactItems, ...more });

async function found(pk: string): Promise<unknown> {
  const { body } = await call('GetItem', { TableName: KEYED, Key: keyOf(pk) });
  return body['Item'];
}

const INVALID = 'One or more parameter values were invalid: ';

const empty = (kind: string): string =>
  `The AttributeValue for a key attribute cannot contain an empty ${kind} value.`;

describe('what is wrong without a table', () => {
  const none = 'there-is-no-such-table';
  test.each<readonly [string, Json, string]>([
    [
      'no action',
      {},
      'Invalid Request: TransactWriteRequest should contain Delete or Put or Update request',
    ],
    [
      'an action that there is not',
      { Insert: { TableName: none } },
      'Invalid Request: TransactWriteRequest should contain Delete or Put or Update request',
    ],
    [
      'two actions in one',
      { Put: { TableName: none, Item: {} }, Delete: { TableName: none, Key: {} } },
      'TransactItems can only contain one of Check, Put, Update or Delete',
    ],
    [
      'a value that is none',
      { Put: { TableName: none, Item: { pk: {} } } },
      'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
    ],
    [
      'an item of more than 400 KB',
      { Put: { TableName: none, Item: { pk: { S: 'x'.repeat(410_000) } } } },
      'Item size has exceeded the maximum allowed size',
    ],
    [
      'an expression that is none',
      { Put: { TableName: none, Item: {}, ConditionExpression: 'hello!' } },
      'Invalid ConditionExpression: Syntax error; token: "!", near: "hello!"',
    ],
    [
      'a name that is not told',
      { Delete: { TableName: none, Key: {}, ConditionExpression: 'attribute_exists(#a)' } },
      'Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #a',
    ],
    [
      'a value that is not used',
      {
        ConditionCheck: {
          TableName: none,
          Key: {},
          ConditionExpression: 'attribute_exists(a)',
          ExpressionAttributeValues: { ':unused': { S: 'x' } },
        },
      },
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}',
    ],
    [
      'values that are empty',
      {
        Update: {
          TableName: none,
          Key: {},
          UpdateExpression: 'SET a = :a',
          ExpressionAttributeValues: {},
        },
      },
      'ExpressionAttributeValues must not be empty',
    ],
  ])('%s is refused, though the table is not there', async (_, item, message) => {
    expect(await write([item])).toEqual(invalid(message));
    expect(await write([{ Put: { TableName: none, Item: {} } }, item])).toEqual(invalid(message));
  });

  test('names and values that come without an expression are not looked at', async () => {
    const more = {
      ExpressionAttributeNames: { '#a': 'a' },
      ExpressionAttributeValues: { ':b': { S: 'b' } },
    };
    expect((await write([put('named', more)])).status).toBe(200);
    expect((await write([remove('named', more)])).status).toBe(200);
  });

  test('all of it together may write 4 MB, whatever it deletes', async () => {
    const text = { S: 'x'.repeat(380_000) };
    const some = (count: number): readonly Json[] =>
      Array.from({ length: count }, (_, at) => putItem(`large ${at}`, { text }));
    expect((await write(some(11))).status).toBe(200);
    expect(await write(some(12))).toEqual(invalid('Transaction payload size cannot exceed 4 MB'));
    const values = { ExpressionAttributeValues: { ':one': { N: '1' }, ':t': text } };
    const update = add('one more', { ...values, UpdateExpression: 'SET n = :one, t = :t' });
    expect((await write([...some(11), update])).status).toBe(400);
    const deletes = Array.from({ length: 12 }, (_, at) => remove(`large ${at}`));
    expect(await write(deletes)).toMatchObject({ status: 200 });
  });
});

describe('what is wrong with tables and keys', () => {
  const missing = { Put: { TableName: 'there-is-none', Item: keyOf('a') } };
  test('a table that is not there comes before keys and before items named twice', async () => {
    expect(await write([putItem('', {}), missing])).toEqual(NOT_FOUND);
    expect(await write([put('a'), put('a'), missing])).toEqual(NOT_FOUND);
    expect(await write([put('a', { Item: {} }), missing])).toEqual(NOT_FOUND);
  });

  test('a table that is not ACTIVE is as if it were not there', async () => {
    const other = await createKeyedTable(api.client);
    api.region.alterTable(other, { status: 'CREATING' });
    expect(await write([put('a', { TableName: other })])).toEqual(NOT_FOUND);
    api.region.alterTable(other, { status: 'UPDATING' });
    expect((await write([put('a', { TableName: other })])).status).toBe(200);
  });

  test('a table may be named by its ARN', async () => {
    const TableName = `arn:aws:dynamodb:us-east-1:000000000000:table/${KEYED}`;
    expect((await write([put('by ARN', { TableName })])).status).toBe(200);
    expect(await found('by ARN')).toEqual(keyOf('by ARN'));
    expect(await write([put('twice', { TableName }), add('twice')])).toEqual(
      invalid('Transaction request cannot include multiple operations on one item'),
    );
  });

  const mismatch = 'The provided key element does not match the schema';
  const wrongKey = { pk: { N: '1' }, sk: { N: '1' } };
  test.each<readonly [string, Json, string]>([
    [
      'a key of another type in an item',
      put('', { Item: wrongKey }),
      `${INVALID}Type mismatch for key pk expected: S actual: N`,
    ],
    [
      'a key that an item lacks',
      put('', { Item: { pk: { S: 'a' } } }),
      `${INVALID}Missing the key sk in the item`,
    ],
    ['a key of another type', remove('', { Key: wrongKey }), mismatch],
    ['a key that lacks an attribute', remove('', { Key: { pk: { S: 'a' } } }), mismatch],
    ['a key with one more', remove('', { Key: { ...keyOf('a'), x: { S: 'x' } } }), mismatch],
    ['a key of nothing', add('', { Key: {} }), mismatch],
    [
      'a key that is too long',
      add('', { Key: keyOf('x'.repeat(2049)) }),
      `${INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes`,
    ],
    [
      'an update of the key',
      add('a', { UpdateExpression: 'SET pk = :one' }),
      `${INVALID}Cannot update attribute pk. This attribute is part of the key`,
    ],
    [
      'the key of an index, put with another type',
      {
        Put: {
          TableName: 'indexed',
          Item: { pk: { S: 'a' }, sk: { S: 'a' }, g: { N: '5' } },
        },
      },
      `${INVALID}Type mismatch for Index Key g Expected: S Actual: N IndexName: first`,
    ],
    [
      'the key of an index, set to another type',
      {
        Update: {
          TableName: 'indexed',
          Key: { pk: { S: 'a' }, sk: { S: 'a' } },
          UpdateExpression: 'SET l = :s',
          ExpressionAttributeValues: { ':s': { S: '' } },
        },
      },
      `${INVALID}Type mismatch for Index Key l Expected: N Actual: S IndexName: first`,
    ],
  ])('%s cancels the transaction, and what comes after is not looked at', async (_, item, text) => {
    expect(await write([item])).toEqual(cancelled(invalidReason(text)));
    const all = [put('before'), item, put('after', { Item: wrongKey }), check('never there')];
    expect(await write(all)).toEqual(cancelled(NONE, invalidReason(text), NONE, NONE));
    expect(await found('before')).toBeUndefined();
    expect(await write([put('twice'), put('twice'), item])).toEqual(
      cancelled(NONE, NONE, invalidReason(text)),
    );
  });

  test.each<readonly [string, Json, string]>([
    ['in an item', put(''), `${empty('string')} Key: pk`],
    ['in a key', check(''), `${empty('string')} Key: pk`],
    ['in an update', add(''), `${empty('string')} Key: pk`],
    [
      'of an index, in an item',
      {
        Put: {
          TableName: 'indexed',
          Item: { pk: { S: 'a' }, sk: { S: 'a' }, b: { B: '' } },
        },
      },
      'A value specified for a secondary index key is not supported. ' +
        `${empty('binary')} IndexName: second, IndexKey: b`,
    ],
    [
      'of an index, in an update',
      {
        Update: {
          TableName: 'indexed',
          Key: { pk: { S: 'a' }, sk: { S: 'a' } },
          UpdateExpression: 'SET g = :s',
          ExpressionAttributeValues: { ':s': { S: '' } },
        },
      },
      'The update expression attempted to update a secondary index key to a value that is not supported. ' +
        empty('string'),
    ],
  ])('an empty key %s is refused before a transaction begins', async (_, item, text) => {
    const message = `One or more parameter values are not valid. ${text}`;
    expect(await write([item])).toEqual(invalid(message));
    // Also where another action would have cancelled it.
    expect(await write([put('', { Item: wrongKey }), item])).toEqual(invalid(message));
  });

  test('no two actions may be about one item', async () => {
    const twice = invalid('Transaction request cannot include multiple operations on one item');
    expect(await write([put('a'), put('a')])).toEqual(twice);
    expect(await write([put('a'), check('a')])).toEqual(twice);
    expect(await write([put('b'), add('a'), remove('a')])).toEqual(twice);
    const turned = { sk: { N: '1.0' }, pk: { S: 'a' } };
    expect(await write([put('a'), remove('', { Key: turned })])).toEqual(twice);
  });
});
