import {
  type AttributeValue,
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, parameter, refused, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, newName, newTable } from './target.ts';

const TableName = await newTable();

type Item = Record<string, AttributeValue>;

const put = async (input: Partial<PutItemCommandInput> & { readonly Item: Item }) =>
  client.send(new PutItemCommand({ TableName, ...input }));

async function stored(id: string): Promise<Item | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName, Key: { id: { S: id } }, ConsistentRead: true }),
  );
  return item;
}

test('an item of all ten types comes back as it was put', async () => {
  const item: Item = {
    id: { S: 'all types' },
    text: { S: 'grüße 🌍\u0000\\"' },
    number: { N: '-12.5' },
    bytes: { B: new Uint8Array([0, 127, 128, 255]) },
    yes: { BOOL: true },
    no: { BOOL: false },
    nothing: { NULL: true },
    texts: { SS: ['a', 'ä'] },
    numbers: { NS: ['1', '2.5'] },
    binaries: { BS: [new Uint8Array([1]), new Uint8Array([2])] },
    list: { L: [{ S: 'x' }, { L: [{ N: '1' }] }, { M: {} }] },
    map: { M: { a: { M: { b: { NULL: true } } } } },
  };
  await put({ Item: item });
  const back = await stored('all types');
  const sorted = (set: readonly (string | Uint8Array)[] | undefined) =>
    [...(set ?? [])].map(String).toSorted();
  expect(sorted(back?.['texts']?.SS)).toEqual(['a', 'ä']);
  expect(sorted(back?.['numbers']?.NS)).toEqual(['1', '2.5']);
  expect(back?.['binaries']?.BS).toHaveLength(2);
  const rest = ({ texts: _t, numbers: _n, binaries: _b, ...others }: Item): Item => others;
  expect(rest(back ?? {})).toEqual(rest(item));
});

test('a put replaces the whole item', async () => {
  await put({ Item: { id: { S: 'replaced' }, a: { S: 'old' }, b: { S: 'old' } } });
  await put({ Item: { id: { S: 'replaced' }, a: { S: 'new' } } });
  expect(await stored('replaced')).toEqual({ id: { S: 'replaced' }, a: { S: 'new' } });
});

test('ALL_OLD answers what was replaced, and nothing when nothing was', async () => {
  const Item = { id: { S: 'old' }, a: { N: '1' } };
  const first = await put({ Item, ReturnValues: 'ALL_OLD' });
  expect(first.Attributes).toBeUndefined();
  const second = await put({ Item: { id: { S: 'old' } }, ReturnValues: 'ALL_OLD' });
  expect(second.Attributes).toEqual(Item);
  const third = await put({ Item, ReturnValues: 'NONE' });
  expect(third.Attributes).toBeUndefined();
});

test('empty strings and binaries are values, outside of keys', async () => {
  const Item = { id: { S: 'empty' }, s: { S: '' }, b: { B: new Uint8Array() }, l: { L: [] } };
  await put({ Item });
  expect(await stored('empty')).toEqual(Item);
});

test('a condition that holds lets the item in', async () => {
  const Item = { id: { S: 'conditional' }, n: { N: '1' } };
  await put({ Item, ConditionExpression: 'attribute_not_exists(id)' });
  await put({
    Item: { ...Item, n: { N: '2' } },
    ConditionExpression: 'n = :one',
    ExpressionAttributeValues: { ':one': { N: '1.0' } },
  });
  expect(await stored('conditional')).toEqual({ ...Item, n: { N: '2' } });
});

test('a condition that fails leaves the item as it was, and answers it when asked', async () => {
  const Item = { id: { S: 'refused' }, n: { N: '1' } };
  await put({ Item });
  const again = { Item: { id: { S: 'refused' } }, ConditionExpression: 'attribute_not_exists(id)' };
  const plain = await expectRefusal(put(again), {
    name: 'ConditionalCheckFailedException',
    message: 'The conditional request failed',
  });
  expect(JSON.stringify(plain)).not.toContain('"Item"');
  const telling = await expectRefusal(
    put({ ...again, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
    { name: 'ConditionalCheckFailedException', message: 'The conditional request failed' },
  );
  expect(telling).toBeInstanceOf(ConditionalCheckFailedException);
  expect(telling).toMatchObject({ Item });
  expect(await stored('refused')).toEqual(Item);
});

test('a condition on an item that is not there fails without an item to tell', async () => {
  const error = await expectRefusal(
    put({
      Item: { id: { S: 'never' } },
      ConditionExpression: 'attribute_exists(id)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
    { name: 'ConditionalCheckFailedException' },
  );
  expect(JSON.stringify(error)).not.toContain('"Item"');
});

test('a put costs a unit for each begun kilobyte of the larger of the old and the new item', async () => {
  const id = { S: 'capacity' };
  const units = async (bytes: number): Promise<unknown> => {
    const { ConsumedCapacity } = await put({
      Item: { id, text: { S: 'x'.repeat(bytes) } },
      ReturnConsumedCapacity: 'TOTAL',
    });
    return ConsumedCapacity;
  };
  // The names and the key take 2 + 8 + 4 bytes.
  expect(await units(1024 - 14)).toEqual({ TableName, CapacityUnits: 1 });
  expect(await units(1024 - 13)).toEqual({ TableName, CapacityUnits: 2 });
  expect(await units(1)).toEqual({ TableName, CapacityUnits: 2 });
  expect(await units(1)).toEqual({ TableName, CapacityUnits: 1 });
  const { ConsumedCapacity } = await put({ Item: { id }, ReturnConsumedCapacity: 'INDEXES' });
  expect(ConsumedCapacity).toEqual({ TableName, CapacityUnits: 1, Table: { CapacityUnits: 1 } });
});

test('an item may take 400 KB with its names, and no byte more', async () => {
  const room = 400 * 1024 - 'idtext'.length - 'large'.length;
  const item = (bytes: number): Item => ({ id: { S: 'large' }, text: { S: 'x'.repeat(bytes) } });
  await put({ Item: item(room) });
  await expectRefusal(put({ Item: item(room + 1) }), {
    name: 'ValidationException',
    message: 'Item size has exceeded the maximum allowed size',
  });
});

test('lists and maps nest 32 deep', async () => {
  const nested = (levels: number): AttributeValue =>
    levels === 0 ? { S: 'x' } : { L: [nested(levels - 1)] };
  await put({ Item: { id: { S: 'deep' }, deep: nested(31) } });
  await expectRefusal(put({ Item: { id: { S: 'deep' }, deep: nested(33) } }), {
    name: 'ValidationException',
    message:
      'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit',
  });
});

test('without an index there are no metrics of item collections', async () => {
  const answer = await put({
    Item: { id: { S: 'metrics' } },
    ReturnItemCollectionMetrics: 'SIZE',
  });
  expect(answer.ItemCollectionMetrics).toBeUndefined();
});

const good = { TableName, Item: { id: { S: 'x' } } };
const withValue = (value: unknown): object => ({ TableName, Item: { id: { S: 'x' }, value } });

test.each([
  [
    'no item and no table',
    {},
    shapeErrors(
      complaint('null', 'tableName', 'Member must not be null'),
      complaint('null', 'item', 'Member must not be null'),
    ),
  ],
  [
    'words that are none',
    { ...good, ReturnValues: 'hi' },
    shapeErrors(
      complaint(
        "'hi'",
        'returnValues',
        'Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]',
      ),
    ),
  ],
  [
    'return values of an update',
    { ...good, ReturnValues: 'ALL_NEW' },
    'ReturnValues can only be ALL_OLD or NONE',
  ],
  ['an item without its key', { TableName, Item: {} }, parameter('Missing the key id in the item')],
  [
    'a key of another type',
    { TableName, Item: { id: { N: '1' } } },
    parameter('Type mismatch for key id expected: S actual: N'),
  ],
  [
    'an empty key',
    { TableName, Item: { id: { S: '' } } },
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
  ],
  [
    'a key of more than 2048 bytes',
    { TableName, Item: { id: { S: 'x'.repeat(2049) } } },
    parameter('Size of hashkey has exceeded the maximum size limit of2048 bytes'),
  ],
  [
    'a value of no type',
    withValue({}),
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    'a value of two types',
    withValue({ S: 'a', N: '1' }),
    'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes',
  ],
  [
    'a NULL that is not true',
    withValue({ NULL: false }),
    parameter('Null attribute value types must have the value of true'),
  ],
  ['an empty set of strings', withValue({ SS: [] }), parameter('An string set  may not be empty')],
  ['an empty set of numbers', withValue({ NS: [] }), parameter('An number set  may not be empty')],
  ['an empty set of binaries', withValue({ BS: [] }), parameter('Binary sets should not be empty')],
  [
    'a set with a string twice',
    withValue({ SS: ['a', 'b', 'a'] }),
    parameter('Input collection [a, b, a] contains duplicates.'),
  ],
  [
    'a set with a number twice, in two writings',
    withValue({ NS: ['1', '1.0'] }),
    'Input collection contains duplicates',
  ],
  [
    'a set with a binary twice',
    withValue({ BS: ['Yg==', 'Yg=='] }),
    parameter('Input collection [Yg==, Yg==]of type BS contains duplicates.'),
  ],
  [
    'a bad value inside a list',
    withValue({ L: [{ M: { deep: { N: 'x' } } }] }),
    'The parameter cannot be converted to a numeric value: x',
  ],
  [
    'old and new parameters together',
    { ...good, Expected: {}, ConditionExpression: 'attribute_exists(id)' },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('PutItem', input)).toEqual(invalid(message));
});

test('a table that is not there is not named', async () => {
  expect(await call('PutItem', { ...good, TableName: newName() })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});

test('an empty name of a table hides a complaint about what to return', async () => {
  const answer = await call('PutItem', { ...good, TableName: '', ReturnValues: 'X' });
  expect(answer).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^1 validation error detected: Value .*tableName/i) as unknown,
  });
});
