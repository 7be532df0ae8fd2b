import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { SIGNED_HEADERS, startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
const logged: unknown[] = [];

beforeAll(async () => {
  api = await startMemoryApi({ log: { error: (fields) => logged.push(fields) } });
  await api.call('CreateTable', valid['CreateTable']);
});

afterAll(async () => {
  await api.stop();
});

const key = { pk: { S: 'a' }, sk: { N: '1' } };
const values = { ExpressionAttributeValues: { ':v': { S: 'a' }, ':n': { N: '1' } } };
const names = { ExpressionAttributeNames: { '#n': 'x' } };

/** One well-formed input for each operation, for the fuzz to break. */
const valid: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  CreateTable: {
    TableName: 'table',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'N' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
  },
  DescribeTable: { TableName: 'table' },
  ListTables: { Limit: 5, ExclusiveStartTableName: 'aaa' },
  UpdateTable: { TableName: 'table', ReplicaUpdates: [{ Create: { RegionName: 'eu-west-1' } }] },
  PutItem: {
    TableName: 'table',
    Item: { ...key, l: { L: [{ M: { a: { BS: ['AA=='] } } }] }, ns: { NS: ['1', '2'] } },
    ConditionExpression: '#n <> :v OR size(pk) > :n',
    ReturnValues: 'ALL_OLD',
    ReturnConsumedCapacity: 'INDEXES',
    ...values,
    ...names,
  },
  GetItem: { TableName: 'table', Key: key, ProjectionExpression: '#n, l[0].a', ...names },
  UpdateItem: {
    TableName: 'table',
    Key: key,
    UpdateExpression: 'SET #n = if_not_exists(c, :n) + :n REMOVE l[0] ADD d :n',
    ConditionExpression: 'pk = :v',
    ReturnValues: 'UPDATED_NEW',
    ...values,
    ...names,
  },
  DeleteItem: { TableName: 'table', Key: key, Expected: { none: { Exists: false } } },
  Query: {
    TableName: 'table',
    KeyConditionExpression: 'pk = :v AND sk >= :n',
    FilterExpression: 'attribute_exists(#n)',
    ExclusiveStartKey: key,
    Limit: 3,
    ...values,
    ...names,
  },
  Scan: {
    TableName: 'table',
    ScanFilter: {
      x: { ComparisonOperator: 'BETWEEN', AttributeValueList: [{ N: '1' }, { N: '2' }] },
    },
    Segment: 0,
    TotalSegments: 1,
    AttributesToGet: ['pk'],
  },
  BatchGetItem: { RequestItems: { table: { Keys: [key], ProjectionExpression: 'pk' } } },
  BatchWriteItem: {
    RequestItems: {
      table: [
        { PutRequest: { Item: key } },
        { DeleteRequest: { Key: { ...key, sk: { N: '2' } } } },
      ],
    },
  },
};

const operations = Object.keys(valid);

/** Things that do not belong where they are put. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, '', 'x', '__proto__', [], {}, [[]]),
  fc.constantFrom<unknown>({ S: 1 }, { N: 'x' }, { L: [null] }, { M: { a: 1 } }, { NULL: false }),
  fc.constantFrom<unknown>(
    { B: '?' },
    { SS: [] },
    { NS: ['1', '1'] },
    { S: 'a', N: '1' },
    { X: 1 },
  ),
  fc.constantFrom<unknown>('((((', 'SET', 'a = :v AND', '#n', ':v', 'a[99999999999]', 'a.b.c = :n'),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Puts `value` at the `at`th place of `tree`, counted in depth-first order; or takes the place away. */
function mutate(tree: unknown, at: number, value: unknown): unknown {
  let left = at;
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return value;
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node === 'object' && node !== null) {
      return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, walk(child)]));
    }
    return node;
  };
  return walk(tree);
}

const input = fc
  .record({
    operation: fc.constantFrom(...operations),
    changes: fc.array(fc.tuple(fc.nat(24), strange), { minLength: 1, maxLength: 3 }),
    cut: fc.option(fc.nat(300), { freq: 10, nil: undefined }),
  })
  .map(({ operation, changes, cut }) => {
    const start: unknown = valid[operation];
    const broken = changes.reduce((tree, [at, value]) => mutate(tree, at, value), start);
    return { operation, body: JSON.stringify(broken).slice(0, cut) };
  });

test('the inputs that the fuzz breaks are sound', async () => {
  for (const operation of operations) {
    if (operation === 'CreateTable') continue;
    const { status, body } = await api.call(operation, valid[operation]);
    expect({ operation, status, body }).toMatchObject({ operation, status: 200 });
  }
});

test('no malformed body is answered with 500', async () => {
  await fc.assert(
    fc.asyncProperty(input, async ({ operation, body }) => {
      const { status, text } = await api.send({
        headers: { ...SIGNED_HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` },
        body,
      });
      expect([200, 400], `${operation} ${body}: ${text}`).toContain(status);
    }),
    { seed: 20_261_121, numRuns: 1_500 },
  );
  expect(logged).toEqual([]);
}, 60_000);

test('a body that nests without end is refused', async () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"L":[', ']}'],
    ['{"M":{"a":', '}}'],
  ] as const) {
    const deep = open.repeat(100_000) + close.repeat(100_000);
    const { status, text } = await api.send({
      headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.PutItem' },
      body: `{"TableName":"table","Item":{"pk":${deep}}}`,
    });
    expect({ status, text }).toMatchObject({ status: 400 });
  }
  expect(logged).toEqual([]);
});
