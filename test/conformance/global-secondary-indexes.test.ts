import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  paginateQuery,
  paginateScan,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, invalid, parameter } from './raw-request.ts';
import { client, newTable } from './target.ts';

type Item = Record<string, AttributeValue>;

/** Longer than an index needs to take in a write. */
const eventually = { timeout: 30_000, interval: 20 };

const key = (...elements: readonly string[]) =>
  elements.map((element) => {
    const [AttributeName = '', KeyType = 'HASH'] = element.split(' ');
    return { AttributeName, KeyType: KeyType === 'RANGE' ? ('RANGE' as const) : ('HASH' as const) };
  });
const define = (...attributes: readonly string[]) =>
  attributes.map((attribute) => {
    const [AttributeName = '', type] = attribute.split(' ');
    return { AttributeName, AttributeType: type === 'N' ? ('N' as const) : ('S' as const) };
  });

const DEFINITION = {
  AttributeDefinitions: define('at N', 'city S', 'id S', 'kind S', 'rank N'),
  KeySchema: key('id', 'at RANGE'),
  GlobalSecondaryIndexes: [
    {
      IndexName: 'whole',
      KeySchema: key('kind', 'rank RANGE'),
      Projection: { ProjectionType: 'ALL' as const },
    },
    {
      IndexName: 'keys',
      KeySchema: key('city'),
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    },
    {
      IndexName: 'some',
      KeySchema: key('kind'),
      Projection: { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: ['height', 'color'] },
    },
    {
      IndexName: 'many',
      KeySchema: key('kind', 'city', 'rank RANGE', 'at RANGE'),
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    },
  ],
};
const TableName = await newTable(DEFINITION);

const entry = (id: string, at: number, more: Item = {}): Item => ({
  id: { S: id },
  at: { N: String(at) },
  ...more,
});
const put = async (Item: Item): Promise<unknown> =>
  client.send(new PutItemCommand({ TableName, Item }));

/** The items of one page of an index. */
async function query(
  IndexName: string,
  KeyConditionExpression: string,
  values: Record<string, string | number>,
  more: Partial<QueryCommandInput> = {},
): Promise<Item[]> {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName,
      IndexName,
      KeyConditionExpression,
      ExpressionAttributeValues: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          `:${name}`,
          typeof value === 'number' ? { N: String(value) } : { S: value },
        ]),
      ),
      ...more,
    }),
  );
  return Items;
}

const ids = (items: readonly Item[]) => items.map(({ id, at }) => `${id?.S} ${at?.N}`);

describe('what an index holds', () => {
  test('the items that have its keys, in the order of its sort key', async () => {
    const kind = { S: 'ordered' };
    for (const [at, rank] of [
      [1, 30],
      [2, -4],
      [3, 200],
    ] as const)
      await put(entry('o', at, { kind, rank: { N: String(rank) } }));
    await put(entry('o', 4, { kind }));
    await put(entry('o', 5, { rank: { N: '7' } }));
    const read = async (ScanIndexForward: boolean) =>
      ids(await query('whole', 'kind = :k', { k: 'ordered' }, { ScanIndexForward }));
    await expect.poll(async () => read(true), eventually).toEqual(['o 2', 'o 1', 'o 3']);
    expect(await read(false)).toEqual(['o 3', 'o 1', 'o 2']);
    expect(
      ids(
        await query(
          'whole',
          'kind = :k and #r between :a and :b',
          { k: 'ordered', a: 0, b: 99 },
          {
            ExpressionAttributeNames: { '#r': 'rank' },
          },
        ),
      ),
    ).toEqual(['o 1']);
  });

  test('several items of one index key', async () => {
    for (const id of ['x', 'y', 'z'])
      await put(entry(id, 1, { kind: { S: 'same' }, rank: { N: '1' } }));
    await expect
      .poll(
        async () => ids(await query('whole', 'kind = :k', { k: 'same' })).toSorted(),
        eventually,
      )
      .toEqual(['x 1', 'y 1', 'z 1']);
  });

  test('what its projection says, and the keys', async () => {
    const more: Item = {
      kind: { S: 'projected' },
      city: { S: 'Lima' },
      rank: { N: '1' },
      color: { S: 'red' },
      secret: { S: 'x' },
    };
    const item = entry('p', 1, more);
    await put(item);
    const { secret: _s, ...shown } = item;
    const { color: _c, ...keys } = shown;
    const { kind: _k, rank: _r, ...cityKeys } = keys;
    const { city: _l, rank: _n, ...colored } = shown;
    await expect
      .poll(async () => query('whole', 'kind = :k', { k: 'projected' }), eventually)
      .toEqual([item]);
    await expect
      .poll(async () => query('keys', 'city = :c', { c: 'Lima' }), eventually)
      .toEqual([cityKeys]);
    await expect
      .poll(async () => query('some', 'kind = :k', { k: 'projected' }), eventually)
      .toEqual([colored]);
  });

  test('it follows when an item changes its key, loses it, and goes', async () => {
    const Key = entry('f', 1);
    const where = async () => [
      ids(await query('whole', 'kind = :k', { k: 'before' })),
      ids(await query('whole', 'kind = :k', { k: 'after' })),
    ];
    await put({ ...Key, kind: { S: 'before' }, rank: { N: '1' } });
    await expect.poll(where, eventually).toEqual([['f 1'], []]);
    const update = async (UpdateExpression: string, values?: Item): Promise<unknown> =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key,
          UpdateExpression,
          ExpressionAttributeValues: values,
        }),
      );
    await update('SET kind = :k', { ':k': { S: 'after' } });
    await expect.poll(where, eventually).toEqual([[], ['f 1']]);
    await update('REMOVE kind');
    await expect.poll(where, eventually).toEqual([[], []]);
    await update('SET kind = :k', { ':k': { S: 'before' } });
    await expect.poll(where, eventually).toEqual([['f 1'], []]);
    await client.send(new DeleteItemCommand({ TableName, Key }));
    await expect.poll(where, eventually).toEqual([[], []]);
  });

  test('pages of any size give each of its items once, ending with the keys of table and index', async () => {
    const items = Array.from({ length: 13 }, (_, at) =>
      entry('w', at, { kind: { S: 'walked' }, rank: { N: String(at % 4) } }),
    );
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) },
      }),
    );
    const expected = ids(items).toSorted();
    await expect
      .poll(
        async () => ids(await query('whole', 'kind = :k', { k: 'walked' })).toSorted(),
        eventually,
      )
      .toEqual(expected);
    for (const pageSize of [1, 4, 13]) {
      const found: Item[] = [];
      for await (const page of paginateQuery(
        { client, pageSize },
        {
          TableName,
          IndexName: 'whole',
          KeyConditionExpression: 'kind = :k',
          ExpressionAttributeValues: { ':k': { S: 'walked' } },
        },
      )) {
        found.push(...(page.Items ?? []));
        const end = Object.keys(page.LastEvaluatedKey ?? {}).toSorted();
        expect(['', 'at id kind rank']).toContain(end.join(' '));
      }
      expect(ids(found).toSorted()).toEqual(expected);
      expect(found.map(({ rank }) => Number(rank?.N))).toEqual(
        found.map(({ rank }) => Number(rank?.N)).toSorted((one, other) => one - other),
      );
    }
  });

  test('a scan reads all of it, in segments too', async () => {
    for (const at of [1, 2, 3, 4]) await put(entry('s', at, { city: { S: `scanned ${at}` } }));
    const scanned = async (): Promise<string[]> => {
      const parts = await Promise.all(
        [0, 1].map(async (Segment) => {
          const found: Item[] = [];
          const input = { TableName, IndexName: 'keys', Segment, TotalSegments: 2 };
          for await (const page of paginateScan({ client, pageSize: 3 }, input))
            found.push(...(page.Items ?? []));
          return found;
        }),
      );
      return ids(
        parts.flat().filter(({ city }) => city?.S?.startsWith('scanned') === true),
      ).toSorted();
    };
    await expect.poll(scanned, eventually).toEqual(['s 1', 's 2', 's 3', 's 4']);
  });
});

describe('keys of several attributes', () => {
  test('all of the partition, and of the sort attributes the first ones', async () => {
    for (const [at, rank] of [
      [1, 1],
      [2, 1],
      [3, 2],
    ] as const)
      await put(
        entry('m', at, { kind: { S: 'many' }, city: { S: 'Rome' }, rank: { N: String(rank) } }),
      );
    await put(entry('m', 4, { kind: { S: 'many' }, city: { S: 'Oslo' }, rank: { N: '1' } }));
    await put(entry('m', 5, { kind: { S: 'many' }, city: { S: 'Rome' } }));
    const names = { '#r': 'rank', '#at': 'at' };
    const read = async (condition: string, values: Record<string, number> = {}) => {
      const used = Object.entries(names).filter(([name]) => condition.includes(name));
      return ids(
        await query(
          'many',
          `kind = :k AND city = :c${condition}`,
          { k: 'many', c: 'Rome', ...values },
          {
            ExpressionAttributeNames: used.length === 0 ? undefined : Object.fromEntries(used),
          },
        ),
      );
    };
    await expect.poll(async () => read(''), eventually).toEqual(['m 1', 'm 2', 'm 3']);
    expect(await read(' AND #r = :r', { r: 1 })).toEqual(['m 1', 'm 2']);
    expect(await read(' AND #r > :r', { r: 1 })).toEqual(['m 3']);
    expect(await read(' AND #r = :r AND #at >= :at', { r: 1, at: 2 })).toEqual(['m 2']);
  });

  test.each([
    ['kind = :k', { ':k': { S: 'x' } }],
    ['kind = :k AND city > :c', { ':k': { S: 'x' }, ':c': { S: 'x' } }],
    [
      'kind = :k AND city = :c AND #at = :n',
      { ':k': { S: 'x' }, ':c': { S: 'x' }, ':n': { N: '1' } },
    ],
  ])('%s is refused', async (KeyConditionExpression, ExpressionAttributeValues) => {
    const { status, code } = await call('Query', {
      TableName,
      IndexName: 'many',
      KeyConditionExpression,
      ExpressionAttributeValues,
      ...(KeyConditionExpression.includes('#at')
        ? { ExpressionAttributeNames: { '#at': 'at' } }
        : {}),
    });
    expect([status, code]).toEqual([400, 'ValidationException']);
  });
});

describe('what an index says of itself', () => {
  test('a table describes its indexes', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.AttributeDefinitions).toEqual(DEFINITION.AttributeDefinitions);
    const indexes = Table?.GlobalSecondaryIndexes ?? [];
    expect(indexes).toHaveLength(4);
    for (const { IndexName, KeySchema, Projection } of DEFINITION.GlobalSecondaryIndexes)
      expect(indexes.find((index) => index.IndexName === IndexName)).toMatchObject({
        KeySchema,
        Projection:
          Projection.ProjectionType === 'INCLUDE'
            ? { ...Projection, NonKeyAttributes: ['color', 'height'] }
            : Projection,
        IndexStatus: 'ACTIVE',
        IndexArn: `${Table?.TableArn}/index/${IndexName}`,
        ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
        WarmThroughput: {
          ReadUnitsPerSecond: 12_000,
          WriteUnitsPerSecond: 4_000,
          Status: 'ACTIVE',
        },
      });
  });

  test('a write pays for each index that it changes, and for none that it leaves', async () => {
    const one = { CapacityUnits: 1 };
    const write = async (Item: Item): Promise<unknown> => {
      const { ConsumedCapacity } = await client.send(
        new PutItemCommand({ TableName, Item, ReturnConsumedCapacity: 'INDEXES' }),
      );
      return ConsumedCapacity;
    };
    const item = entry('c', 1, { kind: { S: 'paid' }, rank: { N: '1' } });
    expect(await write(item)).toEqual({
      TableName,
      CapacityUnits: 3,
      Table: one,
      GlobalSecondaryIndexes: { whole: one, some: one },
    });
    expect(await write({ ...item, secret: { S: 'x' } })).toMatchObject({
      CapacityUnits: 2,
      GlobalSecondaryIndexes: { whole: one },
    });
    const moved = await write({ ...item, secret: { S: 'x' }, kind: { S: 'paid again' } });
    expect(moved).toMatchObject({
      CapacityUnits: 5,
      GlobalSecondaryIndexes: { whole: { CapacityUnits: 2 }, some: { CapacityUnits: 2 } },
    });
  });

  test('a query of an index pays there', async () => {
    const { ConsumedCapacity } = await client.send(
      new QueryCommand({
        TableName,
        IndexName: 'whole',
        KeyConditionExpression: 'kind = :k',
        ExpressionAttributeValues: { ':k': { S: 'nothing' } },
        ReturnConsumedCapacity: 'INDEXES',
      }),
    );
    expect(ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: 0.5,
      Table: { CapacityUnits: 0 },
      GlobalSecondaryIndexes: { whole: { CapacityUnits: 0.5 } },
    });
  });
});

const onKind = {
  KeyConditionExpression: 'kind = :k',
  ExpressionAttributeValues: { ':k': { S: 'x' } },
};
const badItem = (more: object): object => ({ Item: { id: { S: 'bad' }, at: { N: '1' }, ...more } });

test.each<[string, string, object, string]>([
  [
    'a strong read',
    'Query',
    { ...onKind, IndexName: 'whole', ConsistentRead: true },
    'Consistent reads are not supported on global secondary indexes',
  ],
  [
    'a strong scan',
    'Scan',
    { IndexName: 'whole', ConsistentRead: true },
    'Consistent reads are not supported on global secondary indexes',
  ],
  [
    'all attributes of a part of them',
    'Query',
    { ...onKind, IndexName: 'some', Select: 'ALL_ATTRIBUTES' },
    parameter(
      'Select type ALL_ATTRIBUTES is not supported for global secondary index some because its projection type is not ALL',
    ),
  ],
  [
    'a condition of the table’s key',
    'Query',
    {
      IndexName: 'whole',
      KeyConditionExpression: 'id = :k',
      ExpressionAttributeValues: { ':k': { S: 'x' } },
    },
    'Query condition missed key schema element: kind',
  ],
  [
    'a filter of its key',
    'Query',
    { ...onKind, IndexName: 'whole', FilterExpression: 'attribute_exists(kind)' },
    'Filter Expression can only contain non-primary key attributes: Primary key attribute: kind',
  ],
  [
    'a start with the table’s key alone',
    'Query',
    { ...onKind, IndexName: 'whole', ExclusiveStartKey: { id: { S: 'a' }, at: { N: '1' } } },
    'The provided starting key is invalid',
  ],
  [
    'an item with a key of another type',
    'PutItem',
    badItem({ kind: { N: '1' } }),
    parameter('Type mismatch for Index Key kind Expected: S Actual: N IndexName: whole'),
  ],
  [
    'an update to an empty key',
    'UpdateItem',
    {
      Key: { id: { S: 'bad' }, at: { N: '1' } },
      UpdateExpression: 'SET city = :v',
      ExpressionAttributeValues: { ':v': { S: '' } },
    },
    'One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.',
  ],
  [
    'an update to a key of another type',
    'UpdateItem',
    {
      Key: { id: { S: 'bad' }, at: { N: '1' } },
      UpdateExpression: 'SET city = :v',
      ExpressionAttributeValues: { ':v': { N: '1' } },
    },
    parameter('Type mismatch for Index Key city Expected: S Actual: N IndexName: keys'),
  ],
  [
    'an empty key',
    'PutItem',
    badItem({ city: { S: '' } }),
    'One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: keys, IndexKey: city',
  ],
])('%s is refused', async (_, operation, input, message) => {
  const { message: told = '', ...answer } = await call(operation, { TableName, ...input });
  // Of several indexes with one key any may be named.
  const anyIndex = (text: string): string => text.replace(/IndexName: \w+/, 'IndexName: any');
  expect({ ...answer, message: anyIndex(told) }).toEqual(invalid(anyIndex(message)));
});

test('an update to a key of a type that only the item tells is refused', async () => {
  const Key = entry('copy', 1);
  await put({ ...Key, rank: { N: '1' } });
  const copy = {
    UpdateExpression: 'SET city = #r',
    ExpressionAttributeNames: { '#r': 'rank' },
  };
  expect(await call('UpdateItem', { TableName, Key, ...copy })).toEqual(
    invalid(
      'The update expression attempted to update the secondary index key to unsupported type',
    ),
  );
});
