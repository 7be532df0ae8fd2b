import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createIndexedTable } from '../support/indexed-table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeAll(async () => {
  api = await startMemoryApi();
});

afterAll(async () => {
  await api.stop();
});

type Texts = Readonly<Record<string, string>>;
type Item = Readonly<Record<string, { readonly S: string } | { readonly N: string }>>;

interface PageBody {
  readonly Count?: number;
  readonly ScannedCount?: number;
  readonly Items?: readonly Item[];
  readonly LastEvaluatedKey?: Item;
  readonly ConsumedCapacity?: unknown;
}

/** An item of texts; `r2` is a number. */
const itemOf = (texts: Texts): Item =>
  Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, name === 'r2' ? { N: text } : { S: text }]),
  );

async function fill(TableName: string, items: readonly Texts[]): Promise<void> {
  for (const item of items) await call('PutItem', { TableName, Item: itemOf(item) });
}

async function call(operation: string, input: object): Promise<PageBody> {
  const { body } = await api.call(operation, input);
  expect(body).not.toHaveProperty('message');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at what they want of it
  return body as PageBody;
}

const query = async (
  TableName: string,
  IndexName: string,
  values: Texts,
  more: object = {},
): Promise<PageBody> =>
  call('Query', {
    TableName,
    IndexName,
    KeyConditionExpression: Object.keys(values)
      .map((name) => `${name} = :${name}`)
      .join(' AND '),
    ExpressionAttributeValues: Object.fromEntries(
      Object.entries(itemOf(values)).map(([name, value]) => [`:${name}`, value]),
    ),
    ...more,
  });

describe('what an index answers', () => {
  test('a local index orders the items of a partition key by its own sort key, both ways', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [
      { a: 'k', b: '1', c: 'z' },
      { a: 'k', b: '2', c: 'x' },
      { a: 'k', b: '3' },
      { a: 'other', b: '1', c: 'y' },
    ]);
    const up = await query(TableName, 'local-all', { a: 'k' }, { ConsistentRead: true });
    expect(up.Items).toEqual([
      itemOf({ a: 'k', b: '2', c: 'x' }),
      itemOf({ a: 'k', b: '1', c: 'z' }),
    ]);
    const down = await query(TableName, 'local-all', { a: 'k' }, { ScanIndexForward: false });
    expect(down.Items).toEqual(up.Items?.toReversed());
  });

  test('an index has the items with all its key attributes, and of them what it projects', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [
      { a: 'k', b: '1', c: 'x', d: '1', e: 'e', f: 'f' },
      { a: 'k', b: '2', c: 'x', e: 'e' },
      { a: 'k', b: '3', d: '1', e: 'e' },
    ]);
    expect((await query(TableName, 'global-some', { c: 'x' })).Items).toEqual([
      itemOf({ a: 'k', b: '1', c: 'x', d: '1', e: 'e' }),
    ]);
    expect((await query(TableName, 'global-all', { c: 'x' })).Count).toBe(2);
    const scanned = await call('Scan', { TableName, IndexName: 'local-some' });
    expect(scanned.Items).toEqual([
      itemOf({ a: 'k', b: '1', d: '1', e: 'e' }),
      itemOf({ a: 'k', b: '3', d: '1', e: 'e' }),
    ]);
  });

  test('legacy KeyConditions meet the keys of the index', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [
      { a: 'k', b: '1', c: 'x', d: '1' },
      { a: 'k', b: '2', c: 'x', d: '2' },
    ]);
    const { Items } = await call('Query', {
      TableName,
      IndexName: 'global-some',
      KeyConditions: {
        c: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'x' }] },
        d: { ComparisonOperator: 'GT', AttributeValueList: [{ S: '1' }] },
      },
    });
    expect(Items).toEqual([itemOf({ a: 'k', b: '2', c: 'x', d: '2' })]);
  });
});

const many = (b: string, r1: string, r2: string, r3 = 'r'): Texts => ({
  a: 'k',
  b,
  h1: 'h',
  h2: 'i',
  r1,
  r2,
  r3,
});

const condition = (ComparisonOperator: string, ...AttributeValueList: Item[string][]) => ({
  ComparisonOperator,
  AttributeValueList,
});

describe('keys of several attributes', () => {
  test.each([
    ['h1 = :h AND h2 = :i', ['1', '2', '3', '4']],
    ['h2 = :i AND h1 = :h AND r1 = :s', ['1', '2', '3']],
    ['h1 = :h AND h2 = :i AND r1 > :s', ['4']],
    ['h1 = :h AND h2 = :i AND r1 = :s AND r2 > :two', ['2', '3']],
    ['h1 = :h AND h2 = :i AND r1 = :s AND r2 BETWEEN :two AND :nine', ['1', '2']],
    ['r2 = :nine AND h1 = :h AND h2 = :i AND r1 = :s', ['2']],
    ['h1 = :h AND h2 = :i AND begins_with(r1, :s)', ['1', '2', '3', '4']],
  ])('%s reads its part of the index, in order', async (KeyConditionExpression, found) => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [
      many('4', 'st', '1'),
      many('3', 's', '10'),
      many('2', 's', '9'),
      many('1', 's', '2'),
      { ...many('0', 's', '1'), h2: 'other' },
    ]);
    const all: Item = {
      ':h': { S: 'h' },
      ':i': { S: 'i' },
      ':s': { S: 's' },
      ':two': { N: '2' },
      ':nine': { N: '9' },
    };
    const { Items } = await call('Query', {
      TableName,
      IndexName: 'global-many',
      KeyConditionExpression,
      ExpressionAttributeValues: Object.fromEntries(
        Object.entries(all).filter(([name]) =>
          new RegExp(`${name}\\b`, 'u').test(KeyConditionExpression),
        ),
      ),
    });
    expect(Items?.map((item) => Object.values(item['b'] ?? {})[0])).toEqual(found);
  });

  test('KeyConditions know keys of several attributes too', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [many('1', 's', '1'), many('2', 's', '2'), many('3', 't', '2')]);
    const { Items } = await call('Query', {
      TableName,
      IndexName: 'global-many',
      KeyConditions: {
        r2: condition('GT', { N: '1' }),
        r1: condition('EQ', { S: 's' }),
        h2: condition('EQ', { S: 'i' }),
        h1: condition('EQ', { S: 'h' }),
      },
    });
    expect(Items?.map((item) => item['b'])).toEqual([{ S: '2' }]);
  });

  test('a page ends at every key attribute of the index and of the table, and goes on from there', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [many('1', 's', '1'), many('2', 's', '1'), many('3', 's', '1')]);
    const seen: unknown[] = [];
    const starts: (readonly string[])[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const page: PageBody = await query(
        TableName,
        'global-many',
        { h1: 'h', h2: 'i', r1: 's' },
        { Limit: 1, ExclusiveStartKey },
      );
      seen.push(...(page.Items ?? []).map((item) => item['b']));
      ExclusiveStartKey = page.LastEvaluatedKey;
      if (ExclusiveStartKey !== undefined) starts.push(Object.keys(ExclusiveStartKey).toSorted());
    } while (ExclusiveStartKey !== undefined);
    expect(seen).toEqual([{ S: '1' }, { S: '2' }, { S: '3' }]);
    const names = ['a', 'b', 'h1', 'h2', 'r1', 'r2', 'r3'];
    expect(starts).toEqual([names, names, names]);
  });
});

describe('Select', () => {
  const whole = { a: 'k', b: '1', c: 'x', d: '1', e: 'e', f: 'f' };

  test('a local index fetches from the table what it does not project, and says what that took', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [whole, { ...whole, b: '2', f: 'x'.repeat(5000) }]);
    const all = await query(
      TableName,
      'local-some',
      { a: 'k' },
      {
        Select: 'ALL_ATTRIBUTES',
        ConsistentRead: true,
        ReturnConsumedCapacity: 'INDEXES',
      },
    );
    expect(all.Items?.[0]).toEqual(itemOf(whole));
    expect(all.ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: 4,
      Table: { CapacityUnits: 3 },
      LocalSecondaryIndexes: { 'local-some': { CapacityUnits: 1 } },
    });
    const some = await query(
      TableName,
      'local-some',
      { a: 'k' },
      {
        ProjectionExpression: 'f',
        Limit: 1,
      },
    );
    expect(some).toMatchObject({
      Items: [itemOf({ f: 'f' })],
      LastEvaluatedKey: itemOf({ a: 'k', b: '1', d: '1' }),
    });
  });

  test('a page of fetched items ends once they pass 1 MB', async () => {
    const TableName = await createIndexedTable(api.region);
    const f = 'x'.repeat(300_000);
    await fill(
      TableName,
      ['1', '2', '3', '4', '5'].map((b) => ({ ...whole, b, f })),
    );
    const page = await query(TableName, 'local-some', { a: 'k' }, { Select: 'ALL_ATTRIBUTES' });
    expect(page).toMatchObject({
      Count: 4,
      ScannedCount: 4,
      LastEvaluatedKey: itemOf({ a: 'k', b: '4', d: '1' }),
    });
    const rest = await query(
      TableName,
      'local-some',
      { a: 'k' },
      {
        Select: 'ALL_ATTRIBUTES',
        ExclusiveStartKey: page.LastEvaluatedKey,
      },
    );
    expect(rest).toMatchObject({ Count: 1 });
    expect(rest.LastEvaluatedKey).toBeUndefined();
  });

  test('what is projected, and COUNT, take units of the index alone', async () => {
    const TableName = await createIndexedTable(api.region);
    await fill(TableName, [whole]);
    for (const [IndexName, member] of [
      ['local-some', 'LocalSecondaryIndexes'],
      ['global-some', 'GlobalSecondaryIndexes'],
    ] as const) {
      const values = IndexName === 'local-some' ? { a: 'k' } : { c: 'x' };
      const more = { Select: 'COUNT', ReturnConsumedCapacity: 'INDEXES' };
      expect(await query(TableName, IndexName, values, more)).toEqual({
        Count: 1,
        ScannedCount: 1,
        ConsumedCapacity: {
          TableName,
          CapacityUnits: 0.5,
          Table: { CapacityUnits: 0 },
          [member]: { [IndexName]: { CapacityUnits: 0.5 } },
        },
      });
    }
    const total = await call('Scan', {
      TableName,
      IndexName: 'global-all',
      Select: 'ALL_PROJECTED_ATTRIBUTES',
      ReturnConsumedCapacity: 'TOTAL',
    });
    expect(total).toMatchObject({
      Items: [itemOf(whole)],
      ConsumedCapacity: { TableName, CapacityUnits: 0.5 },
    });
  });
});
