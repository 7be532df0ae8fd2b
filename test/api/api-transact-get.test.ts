import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { encodeItemKey } from '../../src/model/item-key.ts';
import { createKeyedTable } from '../support/keyed-table.ts';
import { type MemoryApi, startMemoryApi } from '../support/memory-api.ts';
import { itemName } from '../support/memory-transactions.ts';
import type { Json } from '../support/transact-requests.ts';
import {
  cancelled,
  CONFLICT,
  invalid,
  KEYED,
  keyOf,
  NONE,
  NOT_FOUND,
} from '../support/transact-requests.ts';

let api: MemoryApi;

beforeAll(async () => {
  api = await startMemoryApi();
  await createKeyedTable(api.client, KEYED);
});

afterAll(async () => api.stop());

const get = (pk: string, more: Json = {}): Json => ({
  Get: { TableName: KEYED, Key: keyOf(pk), ...more },
});

const read = async (TransactItems: readonly Json[], more: Json = {}): Promise<unknown> =>
  api.call('TransactGetItems', { TransactItems, ...more });

const put = async (pk: string, attributes: Json = {}): Promise<unknown> =>
  api.call('PutItem', { TableName: KEYED, Item: { ...keyOf(pk), ...attributes } });

test('items come in the order of the gets, nothing for what is not there', async () => {
  await put('one', { s: { S: 'grüße 🌍' } });
  await put('two');
  expect(await read([get('two'), get('none'), get('one')])).toEqual({
    status: 200,
    body: {
      Responses: [{ Item: keyOf('two') }, {}, { Item: { ...keyOf('one'), s: { S: 'grüße 🌍' } } }],
    },
  });
});

test('each get has a projection of its own', async () => {
  await put('projected', { a: { N: '1' }, b: { M: { c: { S: 'x' }, d: { S: 'y' } } } });
  const named = { ProjectionExpression: '#b.c', ExpressionAttributeNames: { '#b': 'b' } };
  expect(await read([get('projected', named), get('one', { ProjectionExpression: 'zz' })])).toEqual(
    {
      status: 200,
      body: { Responses: [{ Item: { b: { M: { c: { S: 'x' } } } } }, {}] },
    },
  );
});

test('names that come without a projection are not looked at', async () => {
  expect(await read([get('none', { ExpressionAttributeNames: { '#a': 'a' } })])).toEqual({
    status: 200,
    body: { Responses: [{}] },
  });
});

describe('what is wrong', () => {
  test.each<readonly [string, Json, string]>([
    [
      'a projection',
      { ProjectionExpression: '!!!' },
      'Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"',
    ],
    [
      'a name that is not used',
      { ProjectionExpression: 'a', ExpressionAttributeNames: { '#q': 'q' } },
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#q}',
    ],
    [
      'a name that is not told',
      { ProjectionExpression: '#z' },
      'Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; attribute name: #z',
    ],
    [
      'a value',
      { Key: { pk: {} } },
      'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
    ],
  ])('%s comes before tables', async (_, more, message) => {
    expect(await read([get('a', { TableName: 'none', ...more })])).toEqual(invalid(message));
    expect(await read([get('a', { TableName: 'none' }), get('a', more)])).toEqual(invalid(message));
  });

  test('a table that is not there comes before keys', async () => {
    expect(await read([get(''), get('a', { TableName: 'none' })])).toEqual(NOT_FOUND);
    expect(await read([get('a'), get('a'), get('a', { TableName: 'none' })])).toEqual(NOT_FOUND);
  });

  test('an empty key is refused, any other wrong key cancels', async () => {
    expect(await read([get('a', { Key: {} }), get('')])).toEqual(
      invalid(
        'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain ' +
          'an empty string value. Key: pk',
      ),
    );
    const reason = {
      Code: 'ValidationError',
      Message: 'The provided key element does not match the schema',
    };
    for (const Key of [
      {},
      { pk: { S: 'a' } },
      { pk: { N: '1' }, sk: { N: '1' } },
      { ...keyOf('a'), more: { S: 'x' } },
    ]) {
      expect(await read([get('a', { Key })])).toEqual(cancelled(reason));
      expect(await read([get('b'), get('a', { Key }), get('b')])).toEqual(
        cancelled(NONE, reason, NONE),
      );
    }
    expect(await read([get('x'.repeat(2049))])).toEqual(
      cancelled({
        Code: 'ValidationError',
        Message:
          'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
      }),
    );
  });

  test('no two gets may be of one item', async () => {
    const TableName = `arn:aws:dynamodb:us-east-1:000000000000:table/${KEYED}`;
    const twice = invalid('Transaction request cannot include multiple operations on one item');
    expect(await read([get('a'), get('b'), get('a')])).toEqual(twice);
    expect(await read([get('a'), get('a', { TableName })])).toEqual(twice);
  });

  test('the items may have 4 MB together', async () => {
    const text = { S: 'x'.repeat(380_000) };
    const names = Array.from({ length: 12 }, (_, at) => `large ${at}`);
    for (const name of names) await put(name, { text });
    expect(await read(names.slice(1).map((name) => get(name)))).toMatchObject({ status: 200 });
    expect(await read(names.map((name) => get(name)))).toEqual(
      invalid('Transaction payload size cannot exceed 4 MB'),
    );
  });

  test('a transaction on one of the items cancels the read', async () => {
    const stored = api.region.findTable(KEYED);
    if (stored === undefined) throw new Error('the table is there');
    const key = encodeItemKey(stored.definition.keySchema, { pk: { S: 'busy' }, sk: { N: '1' } });
    api.region.transactions.busy.add(itemName({ table: stored.number, key }));
    expect(await read([get('free'), get('busy')])).toEqual(cancelled(NONE, CONFLICT));
    api.region.transactions.busy.clear();
  });

  test('a get must be there', async () => {
    expect(await read([{}])).toEqual(
      invalid(
        "1 validation error detected: Value null at 'transactItems.1.member.get' failed to satisfy " +
          'constraint: Member must not be null',
      ),
    );
  });
});

test('each item costs two units for every 4 KB, and two for none', async () => {
  const other = await createKeyedTable(api.client);
  await put('large', { text: { S: 'x'.repeat(5000) } });
  const items = [get('large'), get('none'), get('none', { TableName: other })];
  expect(await read(items, { ReturnConsumedCapacity: 'INDEXES' })).toMatchObject({
    body: {
      ConsumedCapacity: [
        {
          TableName: KEYED,
          CapacityUnits: 6,
          ReadCapacityUnits: 6,
          Table: { CapacityUnits: 6, ReadCapacityUnits: 6 },
        },
        { TableName: other, CapacityUnits: 2, ReadCapacityUnits: 2 },
      ],
    },
  });
  expect(await read(items, { ReturnConsumedCapacity: 'NONE' })).toEqual({
    status: 200,
    body: { Responses: [{ Item: expect.anything() as unknown }, {}, {}] },
  });
});
