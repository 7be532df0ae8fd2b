import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { TableIndex } from '../../src/model/table.ts';
import { createIndexedTable } from '../support/indexed-table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
let TableName: string;

beforeAll(async () => {
  api = await startMemoryApi();
  TableName = await createIndexedTable(api.region);
});

afterAll(async () => {
  await api.stop();
});

async function refused(operation: string, input: object): Promise<unknown> {
  const { status, body } = await api.call(operation, { TableName, ...input });
  expect(status).toBe(400);
  expect(body).toMatchObject({
    __type: expect.stringContaining('#ValidationException') as unknown,
  });
  return Object(body).message as unknown;
}

const INVALID = 'One or more parameter values were invalid: ';
const START = 'The provided starting key is invalid';
const MISMATCH = 'The provided key element does not match the schema';

const values = (texts: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [`:${name}`, { S: text }]));

const where = (
  KeyConditionExpression: string,
  texts: Readonly<Record<string, string>>,
): object => ({
  KeyConditionExpression,
  ExpressionAttributeValues: values(texts),
});

const onC = where('c = :c', { c: 'x' });

describe('Query and Scan of an index that cannot be read so', () => {
  const unknown = { IndexName: 'whatever', ExclusiveStartKey: {} };
  const consistent = { IndexName: 'global-all', ConsistentRead: true };

  test.each([
    ['Query', { ...onC, ...unknown }, 'The table does not have the specified index: whatever'],
    ['Scan', unknown, 'The table does not have the specified index: whatever'],
    [
      'Query',
      { ...onC, ...consistent },
      'Consistent reads are not supported on global secondary indexes',
    ],
    ['Scan', consistent, 'Consistent reads are not supported on global secondary indexes'],
    [
      'Query',
      { ...onC, IndexName: 'global-some', Select: 'ALL_ATTRIBUTES' },
      `${INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index global-some because its projection type is not ALL`,
    ],
    [
      'Scan',
      { IndexName: 'global-many', Select: 'ALL_ATTRIBUTES' },
      `${INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index global-many because its projection type is not ALL`,
    ],
    [
      'Query',
      { ...onC, IndexName: 'global-some', ProjectionExpression: 'e, x, y[0]' },
      `${INVALID}Global secondary index global-some does not project [x, y]`,
    ],
    [
      'Scan',
      { IndexName: 'global-some', AttributesToGet: ['a', 'x'] },
      `${INVALID}Global secondary index global-some does not project [x]`,
    ],
    [
      'Scan',
      { IndexName: 'local-some', FilterExpression: 'attribute_exists(x)' },
      `${INVALID}Secondary index local-some does not project one or more filter attributes: [x]`,
    ],
  ])('%s %j', async (operation, input, message) => {
    expect(await refused(operation, input)).toBe(message);
  });

  test.each([
    ['CREATING', 'Cannot read from backfilling global secondary index: global-all'],
    ['DELETING', 'The table does not have the specified index: global-all'],
  ] as const)('an index that is %s', async (status, message) => {
    const name = await createIndexedTable(api.region);
    const indexes = api.region.findTable(name)?.indexes?.map((index): TableIndex => ({
      ...index,
      status,
      backfilling: status === 'CREATING',
    }));
    api.region.alterTable(name, indexes === undefined ? {} : { indexes });
    expect(await refused('Query', { TableName: name, IndexName: 'global-all', ...onC })).toBe(
      message,
    );
    expect(await refused('Scan', { TableName: name, IndexName: 'global-all' })).toBe(message);
  });
});

const some = (
  IndexName: string,
  condition: string,
  texts: Readonly<Record<string, string>>,
): object => ({
  IndexName,
  ...where(condition, texts),
});

describe('conditions that do not fit the keys of an index', () => {
  const h = { h: 'h', i: 'i', s: 's', t: 't' };
  const UNSUPPORTED = 'Query key condition not supported';
  const EQUAL = 'must have equality conditions specified in the query';
  const PRESENT = 'because a condition is present on key attribute';

  test.each([
    [some('global-all', 'd = :h', { h: 'h' }), 'Query condition missed key schema element: c'],
    [some('global-all', 'c = :h AND d = :i', { h: 'h', i: 'i' }), UNSUPPORTED],
    [some('global-all', 'c > :h', { h: 'h' }), UNSUPPORTED],
    [
      some('global-some', 'c = :h AND b = :i', { h: 'h', i: 'i' }),
      'Query condition missed key schema element: d',
    ],
    [
      some('global-some', 'a = :h AND c = :h AND d = :h', { h: 'h' }),
      'Conditions can be of length 1 or 2 only',
    ],
    [some('local-all', 'c = :h', { h: 'h' }), 'Query condition missed key schema element: a'],
    [some('global-many', 'h1 = :h', { h: 'h' }), `HASH key attributes h2 ${EQUAL}`],
    [some('global-many', 'r1 = :s', { s: 's' }), `HASH key attributes h1, h2 ${EQUAL}`],
    [
      some('global-many', 'h1 = :h AND h2 > :i', { h: 'h', i: 'i' }),
      `HASH key attributes h2 ${EQUAL}`,
    ],
    [
      some('global-many', 'h1 = :h AND h2 = :i AND z = :s', { h: 'h', i: 'i', s: 's' }),
      'Query condition missed key schema element: r1',
    ],
    [
      some('global-many', 'h1 = :h AND h2 = :i AND r3 = :s', { h: 'h', i: 'i', s: 's' }),
      `RANGE key attributes r1, r2 ${EQUAL} ${PRESENT} r3`,
    ],
    [
      some('global-many', 'h1 = :h AND h2 = :i AND r1 = :s AND r3 = :t', h),
      `RANGE key attributes r2 ${EQUAL} ${PRESENT} r3`,
    ],
    [
      {
        IndexName: 'global-many',
        KeyConditionExpression: 'h1 = :h AND h2 = :i AND r1 > :s AND r2 = :n',
        ExpressionAttributeValues: {
          ...values({ h: 'h', i: 'i', s: 's' }),
          ':n': { N: '1' },
        },
      },
      `RANGE key attributes r1 ${EQUAL} ${PRESENT} r2`,
    ],
    [
      some('global-many', 'h1 = :h AND h2 = :i AND r1 = :s AND r2 = :t', h),
      `${INVALID}Condition parameter type does not match schema type`,
    ],
    [
      some('global-many', 'h1 = :h AND h2 = :i AND r1 = :s AND begins_with(r2, :t)', h),
      'Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
    ],
    [
      {
        IndexName: 'global-many',
        KeyConditions: {
          h1: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'h' }] },
          h2: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'i' }] },
          r2: { ComparisonOperator: 'GT', AttributeValueList: [{ N: '1' }] },
        },
      },
      `RANGE key attributes r1 ${EQUAL} ${PRESENT} r2`,
    ],
    [
      { IndexName: 'global-all', KeyConditions: { c: { ComparisonOperator: 'NULL' } } },
      'Attempted conditional constraint is not an indexable operation',
    ],
    [{ IndexName: 'global-all', KeyConditions: {} }, 'Conditions can be of length 1 or 2 only'],
  ])('%j', async (input, message) => {
    expect(await refused('Query', input)).toBe(message);
  });
});

const scalar = (name: string): string =>
  `Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: ${name}`;

describe('filters and projections', () => {
  test.each([
    [
      'Query',
      { ...onC, IndexName: 'global-some', FilterExpression: 'd > c' },
      'Filter Expression can only contain non-primary key attributes: Primary key attribute: c',
    ],
    [
      'Query',
      {
        IndexName: 'global-some',
        KeyConditions: { c: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'x' }] } },
        QueryFilter: { d: { ComparisonOperator: 'NOT_NULL' } },
      },
      'QueryFilter can only contain non-primary key attributes: Primary key attribute: d',
    ],
    ['Query', { ...onC, IndexName: 'global-all', ProjectionExpression: 'b.x' }, scalar('Key: b')],
    [
      'Query',
      { ...onC, IndexName: 'global-all', ProjectionExpression: 'd.x' },
      scalar('IndexKey: d'),
    ],
    ['Scan', { FilterExpression: 'attribute_exists(h2[0])' }, scalar('IndexKey: h2')],
    [
      'Scan',
      { IndexName: 'local-all', FilterExpression: 'attribute_exists(a.x)' },
      scalar('Key: a'),
    ],
  ])('%s %j', async (operation, input, message) => {
    expect(await refused(operation, input)).toBe(message);
  });

  test.each(['a', 'c'])('a read of items sees no inside of %s', async (name) => {
    const Key = { a: { S: 'k' }, b: { S: '1' } };
    const ProjectionExpression = `${name}.x`;
    const message = scalar(name === 'a' ? 'Key: a' : 'IndexKey: c');
    expect(await refused('GetItem', { Key, ProjectionExpression })).toBe(message);
    const batch = { RequestItems: { [TableName]: { Keys: [Key], ProjectionExpression } } };
    expect(await refused('BatchGetItem', { ...batch, TableName: undefined })).toBe(message);
  });

  test('a filter may ask for the key of the table, where that is not the key of the index', async () => {
    const { body } = await api.call('Query', {
      TableName,
      IndexName: 'global-all',
      KeyConditionExpression: 'c = :c',
      FilterExpression: 'a = :c',
      ExpressionAttributeValues: values({ c: 'x' }),
    });
    expect(body).toMatchObject({ Count: 0 });
  });
});

const key = (texts: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { S: text }]));

const onSome = (condition: string, ExclusiveStartKey: object): object => ({
  IndexName: 'global-some',
  ExclusiveStartKey,
  ...where(condition, { x: 'x' }),
});

describe('starting keys', () => {
  const good = key({ a: 'k', b: '1', c: 'x', d: 'x' });

  test.each([
    [onSome('c = :x', key({ a: 'k', b: '1', c: 'x' })), START],
    [onSome('c = :x', key({ a: 'k', b: '1', c: 'x', z: 'x' })), START],
    [onSome('c = :x', { ...good, d: { N: '1' } }), MISMATCH],
    [onSome('c = :x', { ...good, b: { N: '1' } }), `${START}: ${MISMATCH}`],
    [onSome('c = :x', key({ y: 'k', z: '1', c: 'x', d: 'x' })), `${START}: ${MISMATCH}`],
    [onSome('e = :x', good), 'Query condition missed key schema element: c'],
    [
      onSome('c = :x', { ...good, c: { S: 'y' } }),
      'The provided starting key is outside query boundaries based on provided conditions',
    ],
    [
      onSome('c = :x AND d > :x', good),
      'The provided starting key does not match the range key predicate',
    ],
    [
      onSome('c = :x AND d = :x', { ...good, c: { S: 'y' } }),
      'The query can return at most one row and cannot be restarted',
    ],
    [
      onSome('c = :x', { ...good, d: {} }),
      `${START}: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes`,
    ],
    [
      onSome('c = :x', { ...good, d: { N: 'd' } }),
      'The parameter cannot be converted to a numeric value: d',
    ],
  ])('Query %j', async (input, message) => {
    expect(await refused('Query', input)).toBe(message);
  });

  test.each([
    [{ ExclusiveStartKey: key({ a: 'k' }) }, `${START}: ${MISMATCH}`],
    [{ IndexName: 'global-some', ExclusiveStartKey: key({ a: 'k' }) }, START],
    [{ IndexName: 'global-some', ExclusiveStartKey: { ...good, c: { N: '1' } } }, MISMATCH],
    [
      { IndexName: 'global-some', ExclusiveStartKey: { ...good, a: { N: '1' } } },
      `${START}: ${MISMATCH}`,
    ],
    [
      {
        IndexName: 'global-some',
        Select: 'ALL_ATTRIBUTES',
        ExclusiveStartKey: { ...good, a: { N: '1' } },
      },
      `${INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index global-some because its projection type is not ALL`,
    ],
  ])('Scan %j', async (input, message) => {
    expect(await refused('Scan', input)).toBe(message);
  });

  test('a start in another segment of an index', async () => {
    const starts = await Promise.all(
      [0, 1].map(async (Segment) =>
        api.call('Scan', {
          TableName,
          IndexName: 'global-some',
          ExclusiveStartKey: good,
          Segment,
          TotalSegments: 2,
        }),
      ),
    );
    expect(new Set(starts.map(({ status }) => status))).toEqual(new Set([200, 400]));
  });
});
