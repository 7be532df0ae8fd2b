import {
  type AttributeValue,
  BatchWriteItemCommand,
  paginateQuery,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, invalid, parameter, refused, shapeErrors } from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const TableName = await newTable(RANGE_TABLE);
const texts = await newTable({
  AttributeDefinitions: [
    { AttributeName: 'id', AttributeType: 'B' },
    { AttributeName: 'at', AttributeType: 'S' },
  ],
  KeySchema: RANGE_TABLE.KeySchema,
});

async function fill(table: string, items: readonly Item[]): Promise<void> {
  for (let at = 0; at < items.length; at += 25) {
    const writes = items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: writes } }));
  }
}

const numbered = (id: string, at: number): Item => ({
  id: { S: id },
  at: { N: String(at) },
  even: { BOOL: at % 2 === 0 },
  name: { S: `${id}${at}` },
});
const numbers = Array.from({ length: 12 }, (_, at) => at + 1);
await fill(TableName, [
  ...numbers.map((at) => numbered('a', at)),
  numbered('b', 1),
  ...[1, 2, 3].map((at) => ({ ...numbered('big', at), text: { S: 'x'.repeat(390_000) } })),
]);
const words = ['', 'A', 'a', 'a\u0000', 'ab', 'abc', 'b', 'ä', '😀', '\uffee'];
const bytes = new Uint8Array([0, 255]);
await fill(
  texts,
  words.filter((word) => word !== '').map((word) => ({ id: { B: bytes }, at: { S: word } })),
);

type Choice = Partial<QueryCommandInput>;

/** Of the items with the partition key a, unless the choice says otherwise. */
const query = async (choice: Choice = {}): Promise<QueryCommandOutput> =>
  client.send(
    new QueryCommand({
      TableName,
      ConsistentRead: true,
      KeyConditionExpression: 'id = :id',
      ...choice,
      ExpressionAttributeValues: { ':id': { S: 'a' }, ...choice.ExpressionAttributeValues },
    }),
  );

const ats = ({ Items = [] }: QueryCommandOutput) => Items.map((item) => Number(item['at']?.N));

describe('key conditions', () => {
  test('a partition key alone reads all of its items in the order of numbers', async () => {
    const answer = await query();
    expect(ats(answer)).toEqual(numbers);
    expect(answer).toMatchObject({ Count: 12, ScannedCount: 12 });
    expect(answer.LastEvaluatedKey).toBeUndefined();
    expect(answer.Items?.[0]).toEqual(numbered('a', 1));
  });

  test.each([
    ['#at = :x', [3]],
    ['#at < :x', [1, 2]],
    ['#at <= :x', [1, 2, 3]],
    ['#at > :y', [11, 12]],
    ['#at >= :y', [10, 11, 12]],
    ['#at between :x and :y', [3, 4, 5, 6, 7, 8, 9, 10]],
    [':y < #at', [11, 12]],
  ])('%s', async (condition, expected) => {
    const answer = await query({
      KeyConditionExpression: `id = :id AND ${condition}`,
      ExpressionAttributeNames: { '#at': 'at' },
      ExpressionAttributeValues: {
        ...(condition.includes(':x') ? { ':x': { N: '3' } } : {}),
        ...(condition.includes(':y') ? { ':y': { N: '10' } } : {}),
      },
    });
    expect(ats(answer)).toEqual(expected);
  });

  test('the condition of the sort key may come first, in parentheses', async () => {
    const answer = await query({
      KeyConditionExpression: '(#at > :x) AND (id = :id)',
      ExpressionAttributeNames: { '#at': 'at' },
      ExpressionAttributeValues: { ':x': { N: '10' } },
    });
    expect(ats(answer)).toEqual([11, 12]);
  });

  test('a partition key of nothing is an empty page', async () => {
    const answer = await call('Query', {
      TableName,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: 'none' } },
    });
    expect(answer).toEqual({ status: 200, output: { Count: 0, Items: [], ScannedCount: 0 } });
  });

  test('strings are in the order of their UTF-8, and have beginnings', async () => {
    const read = async (condition: string, at: string): Promise<unknown> => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: texts,
          KeyConditionExpression: `id = :id and ${condition}`,
          ExpressionAttributeNames: { '#at': 'at' },
          ExpressionAttributeValues: { ':id': { B: bytes }, ':at': { S: at } },
        }),
      );
      return Items.map((item) => item['at']?.S);
    };
    expect(await read('#at > :at', 'A')).toEqual([
      'a',
      'a\u0000',
      'ab',
      'abc',
      'b',
      'ä',
      '\uffee',
      '😀',
    ]);
    expect(await read('begins_with(#at, :at)', 'a')).toEqual(['a', 'a\u0000', 'ab', 'abc']);
  });
});

describe('order and pages', () => {
  test('backwards is the same from the other end', async () => {
    expect(ats(await query({ ScanIndexForward: false }))).toEqual(numbers.toReversed());
  });

  test.each([
    [1, true],
    [5, true],
    [5, false],
    [12, true],
    [13, false],
  ])('pages of %s, forward: %s, give each item once and in order', async (pageSize, forward) => {
    const read: number[] = [];
    const pages = paginateQuery(
      { client, pageSize },
      {
        TableName,
        ConsistentRead: true,
        ScanIndexForward: forward,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': { S: 'a' } },
      },
    );
    for await (const page of pages) {
      expect(page.Count).toBeLessThanOrEqual(pageSize);
      read.push(...ats(page));
    }
    expect(read).toEqual(forward ? numbers : numbers.toReversed());
  });

  test('a page that the limit cuts ends with the key of its last item', async () => {
    const answer = await query({ Limit: 4 });
    expect(ats(answer)).toEqual([1, 2, 3, 4]);
    expect(answer.LastEvaluatedKey).toEqual({ id: { S: 'a' }, at: { N: '4' } });
  });

  test('a page may start after a key that has no item', async () => {
    const answer = await query({ ExclusiveStartKey: { id: { S: 'a' }, at: { N: '10.5' } } });
    expect(ats(answer)).toEqual([11, 12]);
  });

  test('a page ends once it has read 1 MB', async () => {
    const first = await query({ ExpressionAttributeValues: { ':id': { S: 'big' } } });
    expect(ats(first)).toEqual([1, 2, 3].slice(0, first.Count));
    expect(first.LastEvaluatedKey).toBeDefined();
    const { ExclusiveStartKey } = { ExclusiveStartKey: first.LastEvaluatedKey };
    const rest = await query({
      ExpressionAttributeValues: { ':id': { S: 'big' } },
      ExclusiveStartKey,
    });
    expect([...ats(first), ...ats(rest)]).toEqual([1, 2, 3]);
  });

  test('the limit and the filter: a page is cut before it is filtered', async () => {
    const answer = await query({
      FilterExpression: 'even = :true',
      ExpressionAttributeValues: { ':true': { BOOL: true } },
      Limit: 5,
    });
    expect(ats(answer)).toEqual([2, 4]);
    expect(answer).toMatchObject({ Count: 2, ScannedCount: 5 });
    expect(answer.LastEvaluatedKey).toEqual({ id: { S: 'a' }, at: { N: '5' } });
  });
});

describe('what is answered', () => {
  test('COUNT answers how many, and no items', async () => {
    const { output } = await call('Query', {
      TableName,
      Select: 'COUNT',
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: 'a' } },
    });
    expect(output).toEqual({ Count: 12, ScannedCount: 12 });
  });

  test('a projection leaves its part of each item', async () => {
    const answer = await query({
      ProjectionExpression: '#name, nothing',
      ExpressionAttributeNames: { '#name': 'name' },
      Limit: 2,
      Select: 'SPECIFIC_ATTRIBUTES',
    });
    expect(answer.Items).toEqual([{ name: { S: 'a1' } }, { name: { S: 'a2' } }]);
    const legacy = await query({ AttributesToGet: undefined, Limit: 1 });
    expect(legacy.Items).toEqual([numbered('a', 1)]);
  });

  test('a page costs half a unit for each begun 4 KB of all its items together', async () => {
    const strong = await query({ ReturnConsumedCapacity: 'INDEXES' });
    expect(strong.ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: 1,
      Table: { CapacityUnits: 1 },
    });
    const weak = await query({
      ConsistentRead: false,
      Limit: 1,
      ExpressionAttributeValues: { ':id': { S: 'big' } },
      ReturnConsumedCapacity: 'TOTAL',
    });
    expect(weak.ConsumedCapacity).toEqual({ TableName, CapacityUnits: 48 });
  });
});

const values = { ':id': { S: 'a' }, ':n': { N: '1' } };
const by = (KeyConditionExpression: string): object => ({
  KeyConditionExpression,
  ExpressionAttributeNames: KeyConditionExpression.includes('#at') ? { '#at': 'at' } : undefined,
  ExpressionAttributeValues: KeyConditionExpression.includes(':')
    ? Object.fromEntries(
        Object.entries(values).filter(([name]) => KeyConditionExpression.includes(name)),
      )
    : undefined,
});
const condition = 'Invalid condition in KeyConditionExpression: ';
const start = (ExclusiveStartKey: object): object => ({ ...by('id = :id'), ExclusiveStartKey });
const OUTSIDE =
  'The provided starting key is outside query boundaries based on provided conditions';

test.each([
  [
    'no condition',
    {},
    'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
  ],
  [
    'a condition without the partition key',
    by('#at = :n'),
    'Query condition missed key schema element: id',
  ],
  ['a range of partition keys', by('id > :id'), 'Query key condition not supported'],
  ['beginnings of partition keys', by('begins_with(id, :id)'), 'Query key condition not supported'],
  [
    'a condition of another attribute',
    by('id = :id AND elsewhere = :n'),
    'Query condition missed key schema element: at',
  ],
  [
    'a value of another type',
    by('id = :n'),
    parameter('Condition parameter type does not match schema type'),
  ],
  ['OR', by('id = :id OR #at = :n'), 'Invalid operator used in KeyConditionExpression: OR'],
  ['NOT', by('NOT id = :id'), 'Invalid operator used in KeyConditionExpression: NOT'],
  ['<>', by('id <> :id'), 'Invalid operator used in KeyConditionExpression: <>'],
  ['IN', by('id in (:id)'), 'Invalid operator used in KeyConditionExpression: IN'],
  [
    'a function of another kind',
    by('attribute_exists(id)'),
    'Invalid operator used in KeyConditionExpression: attribute_exists',
  ],
  ['size', by('size(id) = :n'), 'KeyConditionExpressions cannot contain nested operations'],
  [
    'a path into an attribute',
    by('id.x = :id'),
    'KeyConditionExpressions cannot have conditions on nested attributes',
  ],
  [
    'two attributes in one condition',
    by('id = #at'),
    `${condition}Multiple attribute names used in one condition`,
  ],
  [
    'one attribute in two conditions',
    by('id = :id AND id = :id'),
    'KeyConditionExpressions must only contain one condition per key',
  ],
  [
    'a filter of the key',
    { ...by('id = :id'), FilterExpression: 'attribute_exists(id)' },
    'Filter Expression can only contain non-primary key attributes: Primary key attribute: id',
  ],
  ['half a starting key', start({ id: { S: 'a' } }), 'The provided starting key is invalid'],
  [
    'a starting key of another type',
    start({ id: { S: 'a' }, at: { S: '1' } }),
    'The provided key element does not match the schema',
  ],
  ['a starting key elsewhere', start({ id: { S: 'b' }, at: { N: '1' } }), OUTSIDE],
  [
    'a starting key beside the condition',
    { ...by('id = :id AND #at > :n'), ExclusiveStartKey: { id: { S: 'a' }, at: { N: '1' } } },
    'The provided starting key does not match the range key predicate',
  ],
  [
    'a limit of nothing',
    { ...by('id = :id'), Limit: 0 },
    shapeErrors(
      "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ),
  ],
  [
    'an index that is not there',
    { ...by('id = :id'), IndexName: 'whatever' },
    'The table does not have the specified index: whatever',
  ],
  [
    'projected attributes without an index',
    { ...by('id = :id'), Select: 'ALL_PROJECTED_ATTRIBUTES' },
    'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName',
  ],
  [
    'specific attributes that nobody names',
    { ...by('id = :id'), Select: 'SPECIFIC_ATTRIBUTES' },
    'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
  ],
  [
    'a projection of all attributes',
    { ...by('id = :id'), Select: 'ALL_ATTRIBUTES', ProjectionExpression: 'x' },
    'Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES',
  ],
  [
    'a projection of a count',
    { ...by('id = :id'), Select: 'COUNT', ProjectionExpression: 'x' },
    'Cannot specify the ProjectionExpression when choosing to get only the Count',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('Query', { TableName, ...input })).toEqual(invalid(message));
});

test('a table that is not there is not named', async () => {
  expect(await call('Query', { TableName: newName(), ...by('id = :id') })).toEqual(
    refused('ResourceNotFoundException', 'Requested resource not found'),
  );
});
