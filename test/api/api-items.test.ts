import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createKeyedTable, fillKey, keyOf } from '../support/keyed-table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
let client: DynamoDBClient;

beforeAll(async () => {
  api = await startMemoryApi();
  client = api.client;
});

afterAll(async () => {
  await api.stop();
});

const everyType: Record<string, AttributeValue> = {
  s: { S: 'grüße 🌍' },
  n: { N: '-1.5' },
  b: { B: new Uint8Array([0, 255, 7]) },
  t: { BOOL: true },
  z: { NULL: true },
  ss: { SS: ['a', 'b'] },
  ns: { NS: ['1', '2.5'] },
  bs: { BS: [new Uint8Array([1]), new Uint8Array([2])] },
  l: { L: [{ S: 'x' }, { M: { deep: { N: '1' } } }] },
  m: { M: { a: { L: [] }, b: { S: '' } } },
};

describe('single items', () => {
  test('an item of all ten types comes back as it was put', async () => {
    const TableName = await createKeyedTable(client);
    const Item = { ...keyOf('a', 1), ...everyType };
    await client.send(new PutItemCommand({ TableName, Item }));
    const got = await client.send(new GetItemCommand({ TableName, Key: keyOf('a', 1) }));
    expect(got.Item).toEqual(Item);
  });

  test('a number keeps 38 digits', async () => {
    const TableName = await createKeyedTable(client);
    const n = '12345678901234567890123456789012345678';
    await client.send(new PutItemCommand({ TableName, Item: { ...keyOf('a', 1), n: { N: n } } }));
    const got = await client.send(new GetItemCommand({ TableName, Key: keyOf('a', 1) }));
    expect(got.Item?.['n']).toEqual({ N: n });
  });

  test('a missing item is answered without Item', async () => {
    const TableName = await createKeyedTable(client);
    const got = await client.send(new GetItemCommand({ TableName, Key: keyOf('a', 1) }));
    expect(got.Item).toBeUndefined();
  });

  test('a projection keeps what it names', async () => {
    const TableName = await createKeyedTable(client);
    await client.send(new PutItemCommand({ TableName, Item: { ...keyOf('a', 1), ...everyType } }));
    const got = await client.send(
      new GetItemCommand({
        TableName,
        Key: keyOf('a', 1),
        ProjectionExpression: '#l[1].deep, t',
        ExpressionAttributeNames: { '#l': 'l' },
      }),
    );
    expect(got.Item).toEqual({ l: { L: [{ M: { deep: { N: '1' } } }] }, t: { BOOL: true } });
    const legacy = await client.send(
      new GetItemCommand({ TableName, Key: keyOf('a', 1), AttributesToGet: ['s', 'none'] }),
    );
    expect(legacy.Item).toEqual({ s: { S: 'grüße 🌍' } });
  });

  test('PutItem answers the old item when asked', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 1 });
    const put = await client.send(
      new PutItemCommand({
        TableName,
        Item: keyOf('a', 1),
        ReturnValues: 'ALL_OLD',
        ReturnItemCollectionMetrics: 'SIZE',
      }),
    );
    expect(put.Attributes?.['text']).toEqual({ S: 'item 1' });
  });

  test('a failed condition answers the item when asked, and writes nothing', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 1 });
    const failed = await client
      .send(
        new PutItemCommand({
          TableName,
          Item: { ...keyOf('a', 1), text: { S: 'new' } },
          ConditionExpression: 'attribute_not_exists(pk)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ConditionalCheckFailedException);
    expect(failed).toMatchObject({
      message: 'The conditional request failed',
      Item: { ...keyOf('a', 1), text: { S: 'item 1' } },
    });
    const got = await client.send(new GetItemCommand({ TableName, Key: keyOf('a', 1) }));
    expect(got.Item?.['text']).toEqual({ S: 'item 1' });
  });

  test('DeleteItem removes, answers what was there, and is content with nothing there', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 1 });
    const remove = new DeleteItemCommand({
      TableName,
      Key: keyOf('a', 1),
      ReturnValues: 'ALL_OLD',
    });
    expect((await client.send(remove)).Attributes?.['text']).toEqual({ S: 'item 1' });
    expect((await client.send(remove)).Attributes).toBeUndefined();
  });

  test.each([
    ['ALL_OLD', { ...keyOf('a', 1), n: { N: '1' }, m: { M: { x: { N: '5' }, y: { N: '6' } } } }],
    ['ALL_NEW', { ...keyOf('a', 1), n: { N: '3' }, m: { M: { x: { N: '9' }, y: { N: '6' } } } }],
    ['UPDATED_OLD', { n: { N: '1' }, m: { M: { x: { N: '5' } } } }],
    ['UPDATED_NEW', { n: { N: '3' }, m: { M: { x: { N: '9' } } } }],
    ['NONE', undefined],
  ] as const)('UpdateItem with ReturnValues %s', async (ReturnValues, expected) => {
    const TableName = await createKeyedTable(client);
    const m = { M: { x: { N: '5' }, y: { N: '6' } } };
    await client.send(
      new PutItemCommand({ TableName, Item: { ...keyOf('a', 1), n: { N: '1' }, m } }),
    );
    const updated = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: keyOf('a', 1),
        UpdateExpression: 'SET n = n + :two, m.x = :nine',
        ExpressionAttributeValues: { ':two': { N: '2' }, ':nine': { N: '9' } },
        ReturnValues,
      }),
    );
    expect(updated.Attributes).toEqual(expected);
  });

  test('UpdateItem without an expression creates the item', async () => {
    const TableName = await createKeyedTable(client);
    const updated = await client.send(
      new UpdateItemCommand({ TableName, Key: keyOf('a', 1), ReturnValues: 'ALL_NEW' }),
    );
    expect(updated.Attributes).toEqual(keyOf('a', 1));
  });

  test('legacy parameters do what expressions do', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 1 });
    const updated = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: keyOf('a', 1),
        AttributeUpdates: {
          text: { Value: { S: 'new' } },
          even: { Action: 'DELETE' },
          n: { Action: 'ADD', Value: { N: '2' } },
        },
        Expected: { text: { Value: { S: 'item 1' } }, none: { Exists: false } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    expect(updated.Attributes).toEqual({ ...keyOf('a', 1), text: { S: 'new' }, n: { N: '2' } });
    await expect(
      client.send(
        new DeleteItemCommand({
          TableName,
          Key: keyOf('a', 1),
          Expected: { n: { ComparisonOperator: 'GT', AttributeValueList: [{ N: '5' }] } },
        }),
      ),
    ).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    await expect(
      client.send(
        new DeleteItemCommand({
          TableName,
          Key: keyOf('a', 1),
          Expected: { n: { Value: { N: '2' } } },
          ConditionExpression: 'attribute_exists(pk)',
        }),
      ),
    ).rejects.toThrow('Can not use both expression and non-expression parameters');
  });

  test('an update of a key attribute is refused', async () => {
    const TableName = await createKeyedTable(client);
    await expect(
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: keyOf('a', 1),
          UpdateExpression: 'SET sk = :v',
          ExpressionAttributeValues: { ':v': { N: '1' } },
        }),
      ),
    ).rejects.toThrow('Cannot update attribute sk. This attribute is part of the key');
  });
});

describe('capacity', () => {
  test('reads count 4 KB, half when eventually consistent; writes 1 KB of the larger item', async () => {
    const TableName = await createKeyedTable(client);
    const big = { ...keyOf('a', 1), text: { S: 'x'.repeat(5_000) } };
    const put = async (Item: Record<string, AttributeValue>): Promise<unknown> => {
      const { ConsumedCapacity } = await client.send(
        new PutItemCommand({ TableName, Item, ReturnConsumedCapacity: 'TOTAL' }),
      );
      return ConsumedCapacity;
    };
    expect(await put(big)).toEqual({ TableName, CapacityUnits: 5 });
    const read = async (ConsistentRead: boolean): Promise<unknown> => {
      const got = await client.send(
        new GetItemCommand({
          TableName,
          Key: keyOf('a', 1),
          ConsistentRead,
          ReturnConsumedCapacity: 'INDEXES',
        }),
      );
      return got.ConsumedCapacity;
    };
    expect(await read(true)).toEqual({ TableName, CapacityUnits: 2, Table: { CapacityUnits: 2 } });
    expect(await read(false)).toEqual({ TableName, CapacityUnits: 1, Table: { CapacityUnits: 1 } });
    expect(await put(keyOf('a', 1))).toEqual({ TableName, CapacityUnits: 5 });
    expect(await read(false)).toMatchObject({ CapacityUnits: 0.5 });
  });
});

describe('batches', () => {
  test('BatchWriteItem puts and deletes over tables, BatchGetItem reads them', async () => {
    const [one, two] = [await createKeyedTable(client), await createKeyedTable(client)];
    await fillKey(client, two, { pk: 'gone', items: 1 });
    const written = await client.send(
      new BatchWriteItemCommand({
        RequestItems: {
          [one]: [1, 2].map((sk) => ({ PutRequest: { Item: keyOf('a', sk) } })),
          [two]: [
            { PutRequest: { Item: { ...keyOf('b', 1), text: { S: 'new' } } } },
            { DeleteRequest: { Key: keyOf('gone', 1) } },
          ],
        },
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    expect(written.UnprocessedItems).toEqual({});
    expect(written.ConsumedCapacity).toEqual([
      { TableName: one, CapacityUnits: 2 },
      { TableName: two, CapacityUnits: 2 },
    ]);
    const got = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [one]: { Keys: [keyOf('a', 1), keyOf('a', 2), keyOf('a', 3)] },
          [two]: { Keys: [keyOf('b', 1), keyOf('gone', 1)], ProjectionExpression: 'pk' },
        },
      }),
    );
    expect(got.Responses?.[one]).toEqual([keyOf('a', 1), keyOf('a', 2)]);
    expect(got.Responses?.[two]).toEqual([{ pk: { S: 'b' } }]);
    expect(got.UnprocessedKeys).toEqual({});
  });

  test('what does not fit into 16 MB is left unprocessed', async () => {
    const TableName = await createKeyedTable(client);
    const text = { S: 'x'.repeat(400_000) };
    const keys = Array.from({ length: 45 }, (_, sk) => keyOf('a', sk));
    for (const key of keys) {
      await client.send(new PutItemCommand({ TableName, Item: { ...key, text } }));
    }
    const got = await client.send(
      new BatchGetItemCommand({
        RequestItems: { [TableName]: { Keys: keys, ConsistentRead: true } },
      }),
    );
    const answered = got.Responses?.[TableName]?.length ?? 0;
    const left = got.UnprocessedKeys?.[TableName];
    expect(answered).toBe(41);
    expect(left?.Keys).toEqual(keys.slice(41));
    expect(left?.ConsistentRead).toBe(true);
  });

  test('duplicates and too many are refused', async () => {
    const TableName = await createKeyedTable(client);
    const put = { PutRequest: { Item: keyOf('a', 1) } };
    await expect(
      client.send(
        new BatchWriteItemCommand({
          RequestItems: { [TableName]: [put, { DeleteRequest: { Key: keyOf('a', 1) } }] },
        }),
      ),
    ).rejects.toThrow('Provided list of item keys contains duplicates');
    await expect(
      client.send(
        new BatchGetItemCommand({
          RequestItems: { [TableName]: { Keys: [keyOf('a', 1), keyOf('a', 1)] } },
        }),
      ),
    ).rejects.toThrow('Provided list of item keys contains duplicates');
    const other = await createKeyedTable(client);
    const keys = Array.from({ length: 60 }, (_, sk) => keyOf('a', sk));
    await expect(
      client.send(
        new BatchGetItemCommand({
          RequestItems: { [TableName]: { Keys: keys }, [other]: { Keys: keys } },
        }),
      ),
    ).rejects.toThrow('Too many items requested for the BatchGetItem call');
  });
});
