import {
  type AttributeValue,
  BatchWriteItemCommand,
  type BatchWriteItemCommandInput,
  type BatchWriteItemCommandOutput,
  GetItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, refused, shapeErrors } from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const one = await newTable();
const two = await newTable(RANGE_TABLE);
const key = (id: string): Item => ({ id: { S: id } });

const write = async (
  RequestItems: BatchWriteItemCommandInput['RequestItems'],
  choice: Partial<BatchWriteItemCommandInput> = {},
): Promise<BatchWriteItemCommandOutput> =>
  client.send(new BatchWriteItemCommand({ RequestItems, ...choice }));

async function stored(id: string): Promise<Item | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: one, Key: key(id), ConsistentRead: true }),
  );
  return item;
}

test('one batch puts and deletes in several tables', async () => {
  await write({ [one]: [{ PutRequest: { Item: key('goes') } }] });
  const kept = { ...key('stays'), n: { N: '1' } };
  const ranged = { id: { S: 'r' }, at: { N: '1' } };
  const { UnprocessedItems } = await write({
    [one]: [{ PutRequest: { Item: kept } }, { DeleteRequest: { Key: key('goes') } }],
    [two]: [{ PutRequest: { Item: ranged } }],
  });
  expect(UnprocessedItems).toEqual({});
  expect(await stored('goes')).toBeUndefined();
  expect(await stored('stays')).toEqual(kept);
  const { Items } = await client.send(new ScanCommand({ TableName: two, ConsistentRead: true }));
  expect(Items).toEqual([ranged]);
});

test('a put replaces, and what is not there can be deleted', async () => {
  await write({ [one]: [{ PutRequest: { Item: { ...key('same'), a: { N: '1' } } } }] });
  await write({
    [one]: [
      { PutRequest: { Item: { ...key('same'), b: { N: '2' } } } },
      { DeleteRequest: { Key: key('never') } },
    ],
  });
  expect(await stored('same')).toEqual({ ...key('same'), b: { N: '2' } });
});

test('twenty-five writes are done at once', async () => {
  const puts = Array.from({ length: 25 }, (_, at) => ({
    PutRequest: { Item: key(`of 25: ${at}`) },
  }));
  expect((await write({ [one]: puts })).UnprocessedItems).toEqual({});
  expect(await stored('of 25: 24')).toBeDefined();
});

test('capacity is told by table', async () => {
  const { ConsumedCapacity = [] } = await write(
    {
      [one]: [
        { PutRequest: { Item: { ...key('large'), text: { S: 'x'.repeat(2000) } } } },
        { DeleteRequest: { Key: key('never') } },
      ],
      [two]: [{ PutRequest: { Item: { id: { S: 'c' }, at: { N: '1' } } } }],
    },
    { ReturnConsumedCapacity: 'TOTAL' },
  );
  expect(ConsumedCapacity).toHaveLength(2);
  expect(ConsumedCapacity).toContainEqual({ TableName: one, CapacityUnits: 3 });
  expect(ConsumedCapacity).toContainEqual({ TableName: two, CapacityUnits: 1 });
});

const put = (item: unknown): object => ({
  RequestItems: { [one]: [{ PutRequest: { Item: item } }] },
});
const Item = { id: { S: 'refused' } };

test.each([
  ['no request', {}, shapeErrors(complaint('null', 'requestItems', 'Member must not be null'))],
  [
    'an empty request',
    { RequestItems: {} },
    'The requestItems parameter is required for BatchWriteItem',
  ],
  [
    'no request, and no such return value',
    { ReturnConsumedCapacity: 'ALL' },
    shapeErrors(
      complaint(
        "'ALL'",
        'returnConsumedCapacity',
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
      ),
      complaint('null', 'requestItems', 'Member must not be null'),
    ),
  ],
  [
    'a table with no name, which comes after what else is wrong',
    { RequestItems: { 'bad!name': [{ PutRequest: { Item } }] }, ReturnConsumedCapacity: 'ALL' },
    shapeErrors(
      complaint(
        "'ALL'",
        'returnConsumedCapacity',
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
      ),
    ),
  ],
  [
    'a key twice',
    {
      RequestItems: {
        [one]: [{ PutRequest: { Item } }, { DeleteRequest: { Key: { id: { S: 'refused' } } } }],
      },
    },
    'Provided list of item keys contains duplicates',
  ],
  [
    'an item without its key',
    put({ a: { S: 'x' } }),
    'The provided key element does not match the schema',
  ],
  [
    'an item with a key of another type',
    put({ id: { N: '1' } }),
    'The provided key element does not match the schema',
  ],
  [
    'a deletion by more than the key',
    { RequestItems: { [one]: [{ DeleteRequest: { Key: { ...Item, more: { S: 'x' } } } }] } },
    'The provided key element does not match the schema',
  ],
  [
    'an empty key',
    put({ id: { S: '' } }),
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
  ],
  [
    'a value of no type',
    put({ ...Item, a: {} }),
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    'a number that is none',
    put({ ...Item, a: { N: 'x' } }),
    'The parameter cannot be converted to a numeric value: x',
  ],
  [
    'an item of more than 400 KB',
    put({ ...Item, text: { S: 'x'.repeat(410_000) } }),
    'Item size has exceeded the maximum allowed size',
  ],
  [
    'a put without an item',
    { RequestItems: { [one]: [{ PutRequest: {} }] } },
    shapeErrors(
      complaint(
        'null',
        `requestItems.${one}.member.1.member.putRequest.item`,
        'Member must not be null',
      ),
    ),
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('BatchWriteItem', input)).toEqual(invalid(message));
});

test('nothing of a batch that is refused is done', async () => {
  const { status } = await call('BatchWriteItem', {
    RequestItems: {
      [one]: [{ PutRequest: { Item: { id: { S: 'half' } } } }, { PutRequest: { Item: {} } }],
    },
  });
  expect(status).toBe(400);
  expect(await stored('half')).toBeUndefined();
});

test('more than twenty-five writes are refused', async () => {
  const writes = (count: number, from = 0): object[] =>
    Array.from({ length: count }, (_, at) => ({
      DeleteRequest: { Key: { id: { S: String(from + at) } } },
    }));
  const many = await call('BatchWriteItem', { RequestItems: { [one]: writes(26) } });
  expect([many.status, many.code]).toEqual([400, 'ValidationException']);
  const other = await newTable();
  expect(
    await call('BatchWriteItem', { RequestItems: { [one]: writes(13), [other]: writes(13) } }),
  ).toEqual(invalid('Too many items requested for the BatchWriteItem call'));
});

test('one table that is not there fails the batch', async () => {
  expect(
    await call('BatchWriteItem', { RequestItems: { [newName()]: [{ PutRequest: { Item } }] } }),
  ).toEqual(refused('ResourceNotFoundException', 'Requested resource not found'));
});
