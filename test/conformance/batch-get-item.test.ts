import {
  DescribeTableCommand,
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  type BatchGetItemCommandOutput,
  BatchWriteItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import {
  call,
  complaint,
  invalid,
  NAME_PATTERN,
  parameter,
  refused,
  shapeErrors,
} from './raw-request.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const one = await newTable();
const two = await newTable(RANGE_TABLE);
const key = (id: string): Item => ({ id: { S: id } });
const item = (id: string): Item => ({ ...key(id), name: { S: `item ${id}` }, n: { N: '1' } });
const ranged = (at: number): Item => ({ id: { S: 'r' }, at: { N: String(at) } });

await client.send(
  new BatchWriteItemCommand({
    RequestItems: {
      [one]: ['a', 'b', 'c'].map((id) => ({ PutRequest: { Item: item(id) } })),
      [two]: [1, 2].map((at) => ({ PutRequest: { Item: { ...ranged(at), x: { S: 'x' } } } })),
    },
  }),
);

const get = async (
  RequestItems: BatchGetItemCommandInput['RequestItems'],
  choice: Partial<BatchGetItemCommandInput> = {},
): Promise<BatchGetItemCommandOutput> =>
  client.send(new BatchGetItemCommand({ RequestItems, ...choice }));

const byId = (items: readonly Item[] = []): Item[] =>
  items.toSorted((first, second) => (String(first['id']?.S) < String(second['id']?.S) ? -1 : 1));

test('items come from several tables at once, and what is not there is left out', async () => {
  const { Responses, UnprocessedKeys } = await get({
    [one]: { Keys: [key('a'), key('none'), key('c')], ConsistentRead: true },
    [two]: { Keys: [ranged(2), ranged(9)], ConsistentRead: true },
  });
  expect(byId(Responses?.[one])).toEqual([item('a'), item('c')]);
  expect(Responses?.[two]).toEqual([{ ...ranged(2), x: { S: 'x' } }]);
  expect(UnprocessedKeys).toEqual({});
});

test('a table of which nothing is found has an empty list', async () => {
  const { Responses } = await get({ [one]: { Keys: [key('none')] } });
  expect(Responses).toEqual({ [one]: [] });
});

test('each table has its own projection', async () => {
  const { Responses } = await get({
    [one]: {
      Keys: [key('a')],
      ProjectionExpression: '#n',
      ExpressionAttributeNames: { '#n': 'name' },
      ConsistentRead: true,
    },
    [two]: { Keys: [ranged(1)], ProjectionExpression: 'x, nothing', ConsistentRead: true },
  });
  expect(Responses).toEqual({ [one]: [{ name: { S: 'item a' } }], [two]: [{ x: { S: 'x' } }] });
});

test('a hundred keys are read at once', async () => {
  const Keys = Array.from({ length: 100 }, (_, at) => key(`many ${at}`));
  const { Responses, UnprocessedKeys } = await get({ [one]: { Keys } });
  expect(Responses).toEqual({ [one]: [] });
  expect(UnprocessedKeys).toEqual({});
});

test('capacity is told by table: each key costs at least what a read does', async () => {
  const { ConsumedCapacity = [] } = await get(
    {
      [one]: { Keys: [key('a'), key('b'), key('none')], ConsistentRead: true },
      [two]: { Keys: [ranged(1)] },
    },
    { ReturnConsumedCapacity: 'TOTAL' },
  );
  expect(ConsumedCapacity).toHaveLength(2);
  expect(ConsumedCapacity).toContainEqual({ TableName: one, CapacityUnits: 3 });
  expect(ConsumedCapacity).toContainEqual({ TableName: two, CapacityUnits: 0.5 });
});

test('a table may be named by its ARN', async () => {
  const { Table: { TableArn = '' } = {} } = await client.send(
    new DescribeTableCommand({ TableName: one }),
  );
  const { Responses } = await get({ [TableArn]: { Keys: [key('a')], ConsistentRead: true } });
  expect(Responses).toEqual({ [TableArn]: [item('a')] });
});

const Keys = [{ id: { S: 'a' } }];
const keys = (count: number): object[] =>
  Array.from({ length: count }, (_, at) => ({ id: { S: String(at) } }));

test.each([
  ['no request', {}, shapeErrors(complaint('null', 'requestItems', 'Member must not be null'))],
  [
    'an empty request',
    { RequestItems: {} },
    "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
  ],
  [
    'a table without keys',
    { RequestItems: { [one]: {} } },
    shapeErrors(complaint('null', `requestItems.${one}.member.keys`, 'Member must not be null')),
  ],
  [
    'a table with no key',
    { RequestItems: { [one]: { Keys: [] } } },
    `1 validation error detected: Value at 'RequestItems.${one}.member.Keys' failed to satisfy constraint: Member must have length greater than or equal to 1`,
  ],
  [
    'a table with no name, which comes before what else is wrong',
    { RequestItems: { 'bad!name': { Keys: [{ id: { S: 'a' } }] } }, ReturnConsumedCapacity: 'ALL' },
    shapeErrors(
      complaint(
        `'{"bad!name":{"Keys":[{"id":{"S":"a"}}]}}'`,
        'requestItems',
        'Map keys must satisfy constraint: [Member must have length less than or equal to 255, ' +
          `Member must have length greater than or equal to 3, ${NAME_PATTERN}]`,
      ),
      complaint(
        "'ALL'",
        'returnConsumedCapacity',
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
      ),
    ),
  ],
  [
    'a key twice',
    { RequestItems: { [one]: { Keys: [...Keys, ...Keys] } } },
    'Provided list of item keys contains duplicates',
  ],
  [
    'more than a hundred keys of two tables',
    { RequestItems: { [one]: { Keys: keys(60) }, [two]: { Keys: keys(60) } } },
    'Too many items requested for the BatchGetItem call',
  ],
  [
    'a key of another type',
    { RequestItems: { [one]: { Keys: [{ id: { N: '1' } }] } } },
    'The provided key element does not match the schema',
  ],
  [
    'a key that is too much',
    { RequestItems: { [one]: { Keys: [{ ...Keys[0], more: { S: 'x' } }] } } },
    'The provided key element does not match the schema',
  ],
  [
    'a key of no type',
    { RequestItems: { [one]: { Keys: [{ id: {} }] } } },
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    'a name twice to get',
    { RequestItems: { [one]: { Keys, AttributesToGet: ['a', 'a'] } } },
    parameter('Duplicate value in attribute name: a'),
  ],
  [
    'old and new parameters together',
    { RequestItems: { [one]: { Keys, AttributesToGet: ['a'], ProjectionExpression: 'a' } } },
    'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}',
  ],
  [
    'an empty projection',
    { RequestItems: { [one]: { Keys, ProjectionExpression: '' } } },
    'Invalid ProjectionExpression: The expression can not be empty;',
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('BatchGetItem', input)).toEqual(invalid(message));
});

test('a hundred and one keys of one table are too many', async () => {
  const { status, code } = await call('BatchGetItem', {
    RequestItems: { [one]: { Keys: keys(101) } },
  });
  expect([status, code]).toEqual([400, 'ValidationException']);
});

test('one table that is not there fails the batch', async () => {
  expect(
    await call('BatchGetItem', { RequestItems: { [one]: { Keys }, [newName()]: { Keys } } }),
  ).toEqual(refused('ResourceNotFoundException', 'Requested resource not found'));
});
