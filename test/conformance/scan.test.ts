import {
  type AttributeValue,
  BatchWriteItemCommand,
  paginateScan,
  ScanCommand,
  type ScanCommandInput,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, refused, shapeErrors } from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const TableName = await newTable(RANGE_TABLE);
const empty = await newTable();

const items: Item[] = Array.from({ length: 50 }, (_, at) => ({
  id: { S: `id${at % 17}` },
  at: { N: String(at) },
  even: { BOOL: at % 2 === 0 },
}));
for (let at = 0; at < items.length; at += 25) {
  const writes = items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: writes } }));
}

const scan = async (choice: Partial<ScanCommandInput> = {}): Promise<ScanCommandOutput> =>
  client.send(new ScanCommand({ TableName, ConsistentRead: true, ...choice }));

const byAt = (found: readonly Item[]): Item[] =>
  found.toSorted((one, other) => Number(one['at']?.N) - Number(other['at']?.N));

async function walk(choice: Partial<ScanCommandInput>, pageSize: number): Promise<Item[]> {
  const read: Item[] = [];
  const input = { TableName, ConsistentRead: true, ...choice };
  for await (const page of paginateScan({ client, pageSize }, input)) {
    expect(page.ScannedCount).toBeLessThanOrEqual(pageSize);
    read.push(...(page.Items ?? []));
  }
  return read;
}

test('a scan reads every item', async () => {
  const { Items = [], Count, ScannedCount, LastEvaluatedKey } = await scan();
  expect(byAt(Items)).toEqual(items);
  expect([Count, ScannedCount]).toEqual([50, 50]);
  expect(LastEvaluatedKey).toBeUndefined();
});

test('a table without items is an empty page', async () => {
  expect(await call('Scan', { TableName: empty })).toEqual({
    status: 200,
    output: { Count: 0, Items: [], ScannedCount: 0 },
  });
});

test('the items of one partition key are together and in order', async () => {
  const { Items = [] } = await scan();
  const ids = Items.map((item) => item['id']?.S);
  const changes = ids.filter((id, place) => id !== ids[place - 1]).length;
  expect(changes).toBe(17);
  Items.forEach((item, place) => {
    const before = Items[place - 1];
    if (before?.['id']?.S !== item['id']?.S) return;
    expect(Number(before?.['at']?.N)).toBeLessThan(Number(item['at']?.N));
  });
});

test.each([3, 7, 50, 51])('pages of %s give each item once', async (pageSize) => {
  expect(byAt(await walk({}, pageSize))).toEqual(items);
});

test.each([1, 2, 5])('%s segments together give each item once', async (TotalSegments) => {
  const parts = await Promise.all(
    Array.from({ length: TotalSegments }, async (_, Segment) =>
      walk({ Segment, TotalSegments }, 6),
    ),
  );
  expect(byAt(parts.flat())).toEqual(items);
});

test('a page is cut before it is filtered', async () => {
  const page = await scan({
    FilterExpression: 'even = :true',
    ExpressionAttributeValues: { ':true': { BOOL: true } },
    Limit: 10,
  });
  expect(page.ScannedCount).toBe(10);
  expect(page.Count).toBeLessThan(10);
  expect(page.LastEvaluatedKey).toBeDefined();
  const even = await walk(
    {
      FilterExpression: 'even = :true',
      ExpressionAttributeValues: { ':true': { BOOL: true } },
    },
    10,
  );
  expect(byAt(even)).toEqual(items.filter((item) => item['even']?.BOOL === true));
});

test('a filter may ask for the key', async () => {
  const { Count, ScannedCount } = await scan({
    FilterExpression: 'id = :id and #at < :x',
    ExpressionAttributeNames: { '#at': 'at' },
    ExpressionAttributeValues: { ':id': { S: 'id3' }, ':x': { N: '30' } },
  });
  expect([Count, ScannedCount]).toEqual([2, 50]);
});

test('COUNT answers how many, and no items', async () => {
  expect(await call('Scan', { TableName, ConsistentRead: true, Select: 'COUNT' })).toEqual({
    status: 200,
    output: { Count: 50, ScannedCount: 50 },
  });
});

test('a projection leaves its part of each item', async () => {
  const { Items = [] } = await scan({ ProjectionExpression: 'even', Limit: 4 });
  expect(Items).toHaveLength(4);
  for (const item of Items) expect(Object.keys(item)).toEqual(['even']);
  const legacy = await scan({ AttributesToGet: ['at', 'nothing'], Limit: 1 });
  expect(Object.keys(legacy.Items?.[0] ?? {})).toEqual(['at']);
});

test('a strong scan costs twice as much as a weak one', async () => {
  const units = async (ConsistentRead: boolean): Promise<number | undefined> => {
    const { ConsumedCapacity } = await scan({ ConsistentRead, ReturnConsumedCapacity: 'TOTAL' });
    expect(ConsumedCapacity?.TableName).toBe(TableName);
    return ConsumedCapacity?.CapacityUnits;
  };
  // How much that is depends on how many partitions the table has.
  const weak = (await units(false)) ?? 0;
  expect(weak).toBeGreaterThanOrEqual(0.5);
  expect(await units(true)).toBe(weak * 2);
});

const key = (id: string, at: string): object => ({ id: { S: id }, at: { N: at } });

test('a start in the part of another segment is refused', async () => {
  const starts = await Promise.all(
    Array.from({ length: 4 }, async (_, Segment) =>
      call('Scan', {
        TableName,
        Segment,
        TotalSegments: 4,
        ExclusiveStartKey: key('id1', '1'),
      }),
    ),
  );
  expect(starts.filter(({ status }) => status === 200)).toHaveLength(1);
  const wrong = starts.findIndex(({ status }) => status === 400);
  expect(starts[wrong]).toEqual(
    invalid(
      'The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. ' +
        `TotalSegments: 4 Segment: ${wrong}`,
    ),
  );
});

const MISMATCH =
  'The provided starting key is invalid: The provided key element does not match the schema';

test.each([
  [
    'a segment of no number of them',
    { Segment: 1 },
    'The TotalSegments parameter is required but was not present in the request when Segment parameter is present',
  ],
  [
    'a number of segments and none of them',
    { TotalSegments: 2 },
    'The Segment parameter is required but was not present in the request when parameter TotalSegments is present',
  ],
  [
    'a segment beyond the last',
    { Segment: 2, TotalSegments: 2 },
    'The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 2 is not less than TotalSegments: 2',
  ],
  [
    'a segment below zero',
    { Segment: -1, TotalSegments: 1 },
    shapeErrors(complaint("'-1'", 'segment', 'Member must have value greater than or equal to 0')),
  ],
  [
    'more segments than a million',
    { Segment: 0, TotalSegments: 1_000_001 },
    shapeErrors(
      complaint(
        "'1000001'",
        'totalSegments',
        'Member must have value less than or equal to 1000000',
      ),
    ),
  ],
  ['half a starting key', { ExclusiveStartKey: { id: { S: 'a' } } }, MISMATCH],
  [
    'a starting key of another type',
    { ExclusiveStartKey: { id: { S: 'a' }, at: { S: '1' } } },
    MISMATCH,
  ],
  [
    'a starting key of no type',
    { ExclusiveStartKey: { id: {}, at: { N: '1' } } },
    'The provided starting key is invalid: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    'a starting number that is none',
    { ExclusiveStartKey: { id: { S: 'a' }, at: { N: 'b' } } },
    'The parameter cannot be converted to a numeric value: b',
  ],
  [
    'an index that is not there',
    { IndexName: 'whatever' },
    'The table does not have the specified index: whatever',
  ],
  [
    'specific attributes that nobody names',
    { Select: 'SPECIFIC_ATTRIBUTES' },
    'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
  ],
  [
    'names of a count',
    { Select: 'COUNT', AttributesToGet: ['a'] },
    'Cannot specify the AttributesToGet when choosing to get only the Count',
  ],
  [
    'an unknown choice',
    { Select: 'hi' },
    shapeErrors(
      complaint(
        "'hi'",
        'select',
        'Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]',
      ),
    ),
  ],
  [
    'old and new parameters together',
    { AttributesToGet: ['a'], ScanFilter: {}, FilterExpression: 'attribute_exists(a)' },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet, ScanFilter} Expression parameters: {FilterExpression}',
  ],
  [
    'values without an expression',
    { ExpressionAttributeValues: { ':v': { S: 'x' } } },
    'ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('Scan', { TableName, ...input })).toEqual(invalid(message));
});

test('a table that is not there is not named', async () => {
  expect(await call('Scan', { TableName: newName() })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});
