import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { IndexDefinition, TableIndex } from '../../src/model/table.ts';
import { createIndexedTable } from '../support/indexed-table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

/** Two indexes of which no write of the tests below touches both by one attribute, but by `c` and `e`. */
const INDEXES: readonly IndexDefinition[] = [
  {
    name: 'z-local',
    kind: 'local',
    partition: [{ name: 'a', type: 'S' }],
    sort: [{ name: 'd', type: 'S' }],
    projection: { kind: 'all' },
  },
  {
    name: 'global',
    kind: 'global',
    partition: [{ name: 'c', type: 'S' }],
    sort: [],
    projection: { kind: 'include', attributes: ['e'] },
  },
  {
    name: 'bytes',
    kind: 'global',
    partition: [{ name: 'x', type: 'B' }],
    sort: [
      { name: 'y', type: 'N' },
      { name: 'c', type: 'S' },
    ],
    projection: { kind: 'keys' },
  },
];

let api: MemoryApi;
let TableName: string;

beforeAll(async () => {
  api = await startMemoryApi();
});

beforeEach(async () => {
  TableName = await createIndexedTable(api.region, INDEXES);
});

afterAll(async () => {
  await api.stop();
});

type Texts = Readonly<Record<string, string>>;

const itemOf = (texts: Texts): Readonly<Record<string, { readonly S: string }>> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { S: text }]));

const Key = itemOf({ a: 'k', b: '1' });
const full = { a: 'k', b: '1', c: 'g', d: 'l', e: 'e', f: 'f' };

interface Answer {
  readonly ConsumedCapacity?: unknown;
  readonly ItemCollectionMetrics?: unknown;
  readonly message?: string;
}

async function call(operation: string, input: object): Promise<Answer> {
  const { body } = await api.call(operation, {
    ...(operation === 'BatchWriteItem' ? {} : { TableName }),
    ReturnConsumedCapacity: 'INDEXES',
    ...input,
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at what they want of it
  return body as Answer;
}

/** Units of the table, of the global and of the local index; one that took none is not named. */
function capacity(table: number, global: number, local: number): object {
  return {
    TableName,
    CapacityUnits: table + global + local,
    Table: { CapacityUnits: table },
    ...(global > 0 && { GlobalSecondaryIndexes: { global: { CapacityUnits: global } } }),
    ...(local > 0 && { LocalSecondaryIndexes: { 'z-local': { CapacityUnits: local } } }),
  };
}

const put = async (texts: Texts): Promise<Answer> => call('PutItem', { Item: itemOf(texts) });

const update = async (UpdateExpression: string, texts: Texts = {}): Promise<Answer> =>
  call('UpdateItem', {
    Key,
    UpdateExpression,
    ...(Object.keys(texts).length > 0 && {
      ExpressionAttributeValues: itemOf(texts),
    }),
  });

describe('units of the indexes', () => {
  test.each<[Texts, object, [number, number, number]]>([
    [{ a: 'k', b: '1' }, {}, [1, 0, 0]],
    [{ a: 'k', b: '1', c: 'g' }, {}, [1, 1, 0]],
    [{ a: 'k', b: '1', d: 'l' }, {}, [1, 0, 1]],
    [full, {}, [1, 1, 1]],
    [{ ...full, e: 'e'.repeat(1024) }, {}, [2, 2, 2]],
    [{ ...full, f: 'f'.repeat(1024) }, {}, [2, 1, 2]],
  ])('of a new item %j', async (item, _, [table, global, local]) => {
    expect((await put(item)).ConsumedCapacity).toEqual(capacity(table, global, local));
  });

  test('none for an item that is put as it stands, in whatever order', async () => {
    await put(full);
    const again = await put(Object.fromEntries(Object.entries(full).toReversed()));
    expect(again.ConsumedCapacity).toEqual(capacity(1, 0, 0));
  });

  test.each<[string, Texts, [number, number, number]]>([
    ['SET f = :v', { ':v': 'f2' }, [1, 0, 1]],
    ['SET e = :v', { ':v': 'e2' }, [1, 1, 1]],
    ['SET c = :v', { ':v': 'g2' }, [1, 2, 1]],
    ['SET d = :v', { ':v': 'l2' }, [1, 0, 2]],
    ['REMOVE c', {}, [1, 1, 1]],
    ['REMOVE c, d', {}, [1, 1, 1]],
    ['REMOVE nothing', {}, [1, 0, 0]],
  ])('of an update: %s', async (expression, texts, [table, global, local]) => {
    await put(full);
    expect((await update(expression, texts)).ConsumedCapacity).toEqual(
      capacity(table, global, local),
    );
  });

  test('of a delete: those that the item was in, and none for one that is gone', async () => {
    await put(full);
    expect((await call('DeleteItem', { Key })).ConsumedCapacity).toEqual(capacity(1, 1, 1));
    expect((await call('DeleteItem', { Key })).ConsumedCapacity).toEqual(capacity(1, 0, 0));
  });

  test('TOTAL sums them', async () => {
    const { ConsumedCapacity } = await call('PutItem', {
      Item: itemOf(full),
      ReturnConsumedCapacity: 'TOTAL',
    });
    expect(ConsumedCapacity).toEqual({ TableName, CapacityUnits: 3 });
  });

  test('a batch answers one sum for each table', async () => {
    const { ConsumedCapacity } = await call('BatchWriteItem', {
      RequestItems: {
        [TableName]: [
          { PutRequest: { Item: itemOf({ a: 'k', b: '1', c: 'g' }) } },
          { PutRequest: { Item: itemOf({ a: 'k', b: '2', c: 'g' }) } },
          { PutRequest: { Item: itemOf({ a: 'k', b: '3' }) } },
        ],
      },
    });
    expect(ConsumedCapacity).toEqual([capacity(3, 2, 0)]);
  });
});

const measuredBatch = async (name: string): Promise<Answer> =>
  call('BatchWriteItem', {
    RequestItems: {
      [name]: [
        { PutRequest: { Item: itemOf({ a: 'k', b: '1' }) } },
        { DeleteRequest: { Key: itemOf({ a: 'k', b: '2' }) } },
      ],
    },
    ReturnItemCollectionMetrics: 'SIZE',
  });

describe('item collections', () => {
  const metrics = { ItemCollectionKey: { a: { S: 'k' } }, SizeEstimateRangeGB: [0, 1] };
  const ReturnItemCollectionMetrics = 'SIZE';

  test('every write of a table with a local index tells of its own', async () => {
    const Item = itemOf(full);
    for (const [operation, input] of [
      ['PutItem', { Item }],
      ['UpdateItem', { Key }],
      ['DeleteItem', { Key }],
    ] as const) {
      const answer = await call(operation, { ...input, ReturnItemCollectionMetrics });
      expect(answer.ItemCollectionMetrics).toEqual(metrics);
      const unasked = await call(operation, { ...input, ReturnItemCollectionMetrics: 'NONE' });
      expect(unasked.ItemCollectionMetrics).toBeUndefined();
    }
  });

  test('a batch tells of each once, by table', async () => {
    expect((await measuredBatch(TableName)).ItemCollectionMetrics).toEqual({
      [TableName]: [metrics],
    });
    const without = await createIndexedTable(api.region, INDEXES.slice(1));
    expect((await measuredBatch(without)).ItemCollectionMetrics).toBeUndefined();
  });
});

const empty = (kind: string): string =>
  `The AttributeValue for a key attribute cannot contain an empty ${kind} value.`;

const scalar = (name: string): string =>
  `Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: ${name}`;

describe('what no key of an index can be', () => {
  const INVALID = 'One or more parameter values were invalid: ';
  const NOT_VALID = 'One or more parameter values are not valid. ';
  const mismatch = (name: string, types: readonly [string, string], index: string): string =>
    `${INVALID}Type mismatch for Index Key ${name} Expected: ${types[0]} Actual: ${types[1]} IndexName: ${index}`;
  const emptyOf = (kind: string, index: string, name: string): string =>
    `${NOT_VALID}A value specified for a secondary index key is not supported. ${empty(kind)} IndexName: ${index}, IndexKey: ${name}`;

  test.each([
    [{ c: { N: '1' } }, mismatch('c', ['S', 'N'], 'bytes')],
    [{ d: { NULL: true } }, mismatch('d', ['S', 'NULL'], 'z-local')],
    [{ d: { L: [] }, c: { M: {} } }, mismatch('c', ['S', 'M'], 'bytes')],
    [{ x: { B: 'AA==' }, y: { S: '1' } }, mismatch('y', ['N', 'S'], 'bytes')],
    [{ d: { S: '' } }, emptyOf('string', 'z-local', 'd')],
    [{ x: { B: '' } }, emptyOf('binary', 'bytes', 'x')],
    [
      { x: { B: 'A'.repeat(2732) } },
      `${INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes`,
    ],
    [
      { d: { S: 'd'.repeat(1025) } },
      `${INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes`,
    ],
    [{ a: { N: '1' }, c: { N: '1' } }, `${INVALID}Type mismatch for key a expected: S actual: N`],
  ])('PutItem %j', async (attributes, message) => {
    const Item = { ...Key, ...attributes };
    expect(await call('PutItem', { Item })).toMatchObject({ message });
    const batched = await call('BatchWriteItem', {
      RequestItems: {
        [TableName]: [{ PutRequest: { Item: { ...Item, b: { S: '2' } } } }],
      },
    });
    expect(batched.message).toBe(
      message.includes('for key a')
        ? 'The provided key element does not match the schema'
        : message,
    );
    expect(await call('Scan', {})).toMatchObject({ Count: 0 });
  });

  const one = { ':v': { N: '1' } };
  const UNSUPPORTED =
    'The update expression attempted to update the secondary index key to unsupported type';
  const updatedTo = (kind: string): string =>
    `${NOT_VALID}The update expression attempted to update a secondary index key to a value that is not supported. ${empty(kind)}`;

  test.each([
    ['SET c = :v', one, mismatch('c', ['S', 'N'], 'bytes')],
    ['ADD d :v', one, mismatch('d', ['S', 'N'], 'z-local')],
    ['SET f = c[1], c = f + :v', one, mismatch('c', ['S', 'N'], 'bytes')],
    ['SET c = list_append(f, :v)', { ':v': { L: [] } }, mismatch('c', ['S', 'L'], 'bytes')],
    ['DELETE c :v', { ':v': { SS: ['g'] } }, mismatch('c', ['S', 'SS'], 'bytes')],
    ['SET d.x = :v', one, scalar('IndexKey: d')],
    ['SET f = d[1]', {}, scalar('IndexKey: d')],
    ['SET f = if_not_exists(b.x, :v)', one, scalar('Key: b')],
    ['SET c = :v', { ':v': { S: '' } }, updatedTo('string')],
    ['SET x = :v', { ':v': { B: '' } }, updatedTo('binary')],
    ['SET c = n', {}, UNSUPPORTED],
    ['SET d = if_not_exists(n, :v)', { ':v': { S: 'l' } }, UNSUPPORTED],
    ['SET c = nothing', {}, updatedTo('string')],
    [
      'SET d = :v',
      { ':v': { S: 'd'.repeat(1025) } },
      `${INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes`,
    ],
  ])('UpdateItem %s %j', async (UpdateExpression, ExpressionAttributeValues, message) => {
    const Item = { ...itemOf(full), n: { N: '1' }, nothing: { S: '' } };
    await call('PutItem', { Item });
    const answer = await call('UpdateItem', {
      Key,
      UpdateExpression,
      ...(Object.keys(ExpressionAttributeValues).length > 0 && { ExpressionAttributeValues }),
    });
    expect(answer.message).toBe(message);
    expect(await call('GetItem', { Key })).toMatchObject({ Item });
  });

  test('legacy AttributeUpdates are held to it', async () => {
    const answer = await call('UpdateItem', {
      Key,
      AttributeUpdates: { c: { Action: 'PUT', Value: { N: '1' } } },
    });
    expect(answer.message).toBe(mismatch('c', ['S', 'N'], 'bytes'));
  });

  test('an update may leave a value alone that was there before the index', async () => {
    const name = await createIndexedTable(api.region, []);
    await call('PutItem', { TableName: name, Item: { ...Key, c: { N: '1' } } });
    const definition = INDEXES[1];
    if (definition === undefined) throw new Error('no index');
    const index: TableIndex = { definition, number: 9999, status: 'ACTIVE', backfilling: false };
    api.region.alterTable(name, { indexes: [index] });
    const input = { TableName: name, Key, ExpressionAttributeValues: one };
    expect(
      await call('UpdateItem', { ...input, UpdateExpression: 'SET f = :v' }),
    ).not.toHaveProperty('message');
    expect(await call('UpdateItem', { ...input, UpdateExpression: 'ADD c :v' })).toHaveProperty(
      'message',
    );
  });
});
