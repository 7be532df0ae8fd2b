import { PutItemCommand, QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
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

describe('Query', () => {
  test('reads one partition key in the order of numbers, both ways', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 12 });
    await fillKey(client, TableName, { pk: 'b', items: 2 });
    const sks = async (ScanIndexForward: boolean): Promise<unknown> => {
      const page = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :a AND sk BETWEEN :low AND :high',
          ExpressionAttributeValues: { ':a': { S: 'a' }, ':low': { N: '9' }, ':high': { N: '11' } },
          ScanIndexForward,
        }),
      );
      return page.Items?.map((item) => item['sk']?.N);
    };
    expect(await sks(true)).toEqual(['9', '10', '11']);
    expect(await sks(false)).toEqual(['11', '10', '9']);
  });

  test('pages by Limit, and the filter comes after the page is cut', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 5 });
    const seen: (string | undefined)[] = [];
    const counts: unknown[] = [];
    let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :a',
          FilterExpression: 'even = :true',
          ProjectionExpression: 'sk',
          ExpressionAttributeValues: { ':a': { S: 'a' }, ':true': { BOOL: true } },
          Limit: 2,
          ExclusiveStartKey,
        }),
      );
      counts.push([page.Count, page.ScannedCount]);
      for (const item of page.Items ?? []) seen.push(item['sk']?.N);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    expect(seen).toEqual(['2', '4']);
    expect(counts).toEqual([
      [1, 2],
      [1, 2],
      [0, 1],
    ]);
  });

  test('Select COUNT answers no items', async () => {
    const TableName = await createKeyedTable(client);
    await fillKey(client, TableName, { pk: 'a', items: 3 });
    const page = await client.send(
      new QueryCommand({
        TableName,
        KeyConditions: {
          pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'a' }] },
          sk: { ComparisonOperator: 'GE', AttributeValueList: [{ N: '2' }] },
        },
        QueryFilter: { even: { ComparisonOperator: 'NOT_NULL' } },
        Select: 'COUNT',
      }),
    );
    expect(page).toMatchObject({ Count: 2, ScannedCount: 2 });
    expect(page.Items).toBeUndefined();
  });

  test.each([
    [{ pk: { S: 'a' } }, 'The provided starting key is invalid'],
    [keyOf('b', 1), 'The provided starting key is outside query boundaries'],
    [{ pk: { S: 'a' }, sk: { S: '1' } }, 'The provided key element does not match the schema'],
  ])('a starting key that no page ended at is refused: %j', async (ExclusiveStartKey, message) => {
    const TableName = await createKeyedTable(client);
    await expect(
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :a',
          ExpressionAttributeValues: { ':a': { S: 'a' } },
          ExclusiveStartKey,
        }),
      ),
    ).rejects.toThrow(message);
  });

  test('a page ends once it passes 1 MB', async () => {
    const TableName = await createKeyedTable(client);
    const text = { S: 'x'.repeat(300_000) };
    for (let sk = 1; sk <= 5; sk += 1) {
      await client.send(new PutItemCommand({ TableName, Item: { ...keyOf('a', sk), text } }));
    }
    const page = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :a',
        ExpressionAttributeValues: { ':a': { S: 'a' } },
      }),
    );
    expect(page.Count).toBe(4);
    expect(page.LastEvaluatedKey).toEqual(keyOf('a', 4));
  });
});

describe('Scan', () => {
  test('segments together hold every item once, also page by page', async () => {
    const TableName = await createKeyedTable(client);
    const expected: string[] = [];
    for (let at = 0; at < 40; at += 1) {
      await fillKey(client, TableName, { pk: `key-${at}`, items: 1 });
      expected.push(`key-${at}`);
    }
    const seen: (string | undefined)[] = [];
    for (let Segment = 0; Segment < 3; Segment += 1) {
      let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
      do {
        const page = await client.send(
          new ScanCommand({ TableName, Segment, TotalSegments: 3, Limit: 4, ExclusiveStartKey }),
        );
        for (const item of page.Items ?? []) seen.push(item['pk']?.S);
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
    }
    expect(new Set(seen)).toEqual(new Set(expected));
    expect(seen).toHaveLength(expected.length);
  });

  test('an index that is not there is named', async () => {
    const TableName = await createKeyedTable(client);
    await expect(client.send(new ScanCommand({ TableName, IndexName: 'none' }))).rejects.toThrow(
      'The table does not have the specified index: none',
    );
  });

  test.each([
    [{ Segment: 1 }, 'The TotalSegments parameter is required'],
    [{ TotalSegments: 2 }, 'The Segment parameter is required'],
    [{ Segment: 2, TotalSegments: 2 }, 'Segment: 2 is not less than TotalSegments: 2'],
    [{ Select: 'SPECIFIC_ATTRIBUTES' as const }, 'Must specify the AttributesToGet'],
  ])('%j is refused', async (parameters, message) => {
    const TableName = await createKeyedTable(client);
    await expect(client.send(new ScanCommand({ TableName, ...parameters }))).rejects.toThrow(
      message,
    );
  });
});

test('a Query counts complaints about Select, a Scan does not', async () => {
  const TableName = await createKeyedTable(client);
  const query = {
    TableName,
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: 'a' } },
  };
  const names =
    'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES';
  const projected = 'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName';
  for (const [select, message] of [
    ['SPECIFIC_ATTRIBUTES', names],
    ['ALL_PROJECTED_ATTRIBUTES', projected],
  ] as const) {
    await expect(client.send(new ScanCommand({ TableName, Select: select }))).rejects.toMatchObject(
      {
        message,
      },
    );
    await expect(client.send(new QueryCommand({ ...query, Select: select }))).rejects.toMatchObject(
      {
        message: `1 validation error detected: ${message}`,
      },
    );
  }
});

describe('legacy filters', () => {
  const item = {
    ...keyOf('a', 1),
    n: { N: '5' },
    s: { S: 'hello' },
    set: { SS: ['x', 'y'] },
  };

  test.each<[string, string, AttributeValue[], boolean]>([
    ['n', 'EQ', [{ N: '5.0' }], true],
    ['n', 'NE', [{ N: '5' }], false],
    ['n', 'LT', [{ N: '5' }], false],
    ['n', 'LE', [{ N: '5' }], true],
    ['n', 'GT', [{ N: '4' }], true],
    ['n', 'GE', [{ N: '6' }], false],
    ['n', 'BETWEEN', [{ N: '4' }, { N: '5' }], true],
    ['n', 'IN', [{ N: '1' }, { N: '5' }], true],
    ['s', 'BEGINS_WITH', [{ S: 'he' }], true],
    ['s', 'CONTAINS', [{ S: 'ell' }], true],
    ['set', 'CONTAINS', [{ S: 'z' }], false],
    ['set', 'NOT_CONTAINS', [{ S: 'z' }], true],
    ['none', 'NULL', [], true],
    ['none', 'NOT_NULL', [], false],
  ])('%s %s %j holds: %s', async (name, ComparisonOperator, AttributeValueList, holds) => {
    const TableName = await createKeyedTable(client);
    await client.send(new PutItemCommand({ TableName, Item: item }));
    const { body } = await api.call('Scan', {
      TableName,
      ScanFilter: { [name]: { ComparisonOperator, AttributeValueList } },
    });
    expect(body).toMatchObject({ Count: holds ? 1 : 0, ScannedCount: 1 });
  });

  test.each([
    ['EQ', [], 'Invalid number of argument(s) for the EQ ComparisonOperator'],
    ['LT', [{ SS: ['a'] }], 'ComparisonOperator LT is not valid for SS AttributeValue type'],
    ['IN', [{ S: 'a' }, { N: '1' }], 'AttributeValues inside AttributeValueList must be of same'],
    ['BETWEEN', [{ N: '2' }, { N: '1' }], 'lower bound is greater than the upper bound'],
  ])('%s %j is refused', async (ComparisonOperator, AttributeValueList, message) => {
    const { status, body } = await api.call('Scan', {
      TableName: await createKeyedTable(client),
      ScanFilter: { x: { ComparisonOperator, AttributeValueList } },
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ message: expect.stringContaining(message) as unknown });
  });
});
