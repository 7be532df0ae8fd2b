import {
  type AttributeValue,
  type AttributeValueUpdate,
  type Condition,
  DeleteItemCommand,
  type ExpectedAttributeValue,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, complaint, invalid, parameter, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, newTable, RANGE_TABLE } from './target.ts';

const TableName = await newTable(RANGE_TABLE);

type Item = Record<string, AttributeValue>;

const Key = { id: { S: 'a' }, at: { N: '1' } };
const item: Item = {
  ...Key,
  n: { N: '5' },
  s: { S: 'hello' },
  b: { B: new Uint8Array([1, 2]) },
  set: { SS: ['x', 'y'] },
};
await client.send(new PutItemCommand({ TableName, Item: item }));
for (const at of ['2', '3', '4'])
  await client.send(
    new PutItemCommand({ TableName, Item: { id: { S: 'a' }, at: { N: at }, n: { N: at } } }),
  );

const conditions: [string, Condition, boolean][] = [
  ['n', { ComparisonOperator: 'EQ', AttributeValueList: [{ N: '5.0' }] }, true],
  ['n', { ComparisonOperator: 'NE', AttributeValueList: [{ N: '5' }] }, false],
  ['n', { ComparisonOperator: 'LT', AttributeValueList: [{ N: '5' }] }, false],
  ['n', { ComparisonOperator: 'LE', AttributeValueList: [{ N: '5' }] }, true],
  ['n', { ComparisonOperator: 'GT', AttributeValueList: [{ S: '4' }] }, false],
  ['n', { ComparisonOperator: 'GE', AttributeValueList: [{ N: '4' }] }, true],
  ['n', { ComparisonOperator: 'BETWEEN', AttributeValueList: [{ N: '4' }, { N: '5' }] }, true],
  ['n', { ComparisonOperator: 'IN', AttributeValueList: [{ N: '1' }, { N: '5' }] }, true],
  ['s', { ComparisonOperator: 'BEGINS_WITH', AttributeValueList: [{ S: 'he' }] }, true],
  ['s', { ComparisonOperator: 'CONTAINS', AttributeValueList: [{ S: 'ell' }] }, true],
  ['set', { ComparisonOperator: 'CONTAINS', AttributeValueList: [{ S: 'z' }] }, false],
  ['set', { ComparisonOperator: 'NOT_CONTAINS', AttributeValueList: [{ S: 'z' }] }, true],
  ['none', { ComparisonOperator: 'NULL' }, true],
  ['none', { ComparisonOperator: 'NOT_NULL' }, false],
  ['set', { ComparisonOperator: 'EQ', AttributeValueList: [{ SS: ['y', 'x'] }] }, true],
];

describe('conditions', () => {
  test.each(conditions)(
    '%s %j: %s, in a filter and in Expected',
    async (name, condition, holds) => {
      const { Items = [] } = await client.send(
        new ScanCommand({ TableName, ConsistentRead: true, ScanFilter: { [name]: condition } }),
      );
      expect(Items.some(({ at }) => at?.N === '1')).toBe(holds);
      const update = client.send(
        new UpdateItemCommand({ TableName, Key, Expected: { [name]: condition } }),
      );
      if (holds) await update;
      else await expectRefusal(update, { name: 'ConditionalCheckFailedException' });
    },
  );

  test('several conditions hold together, unless one of them is enough', async () => {
    const ScanFilter: Record<string, Condition> = {
      n: { ComparisonOperator: 'GT', AttributeValueList: [{ N: '2' }] },
      s: { ComparisonOperator: 'NOT_NULL' },
    };
    const count = async (ConditionalOperator: 'AND' | 'OR' | undefined) => {
      const { Count, ScannedCount } = await client.send(
        new ScanCommand({ TableName, ConsistentRead: true, ScanFilter, ConditionalOperator }),
      );
      return [Count, ScannedCount];
    };
    expect(await count(undefined)).toEqual([1, 4]);
    expect(await count('AND')).toEqual([1, 4]);
    expect(await count('OR')).toEqual([3, 4]);
  });

  test.each<[ExpectedAttributeValue, boolean]>([
    [{ Value: { S: 'hello' } }, true],
    [{ Value: { S: 'no' } }, false],
    [{ Value: { S: 'hello' }, Exists: true }, true],
    [{ Exists: false }, false],
    [{ ComparisonOperator: 'BEGINS_WITH', Value: { S: 'he' } }, true],
  ])('Expected %j: %s', async (expected, holds) => {
    const update = client.send(
      new UpdateItemCommand({ TableName, Key, Expected: { s: expected } }),
    );
    if (holds) await update;
    else
      await expectRefusal(update, {
        name: 'ConditionalCheckFailedException',
        message: 'The conditional request failed',
      });
  });

  test('Expected guards puts and deletions too', async () => {
    const Expected = { id: { Exists: false } };
    await expectRefusal(client.send(new PutItemCommand({ TableName, Item: Key, Expected })), {
      name: 'ConditionalCheckFailedException',
    });
    await expectRefusal(client.send(new DeleteItemCommand({ TableName, Key, Expected })), {
      name: 'ConditionalCheckFailedException',
    });
  });
});

describe('KeyConditions and QueryFilter', () => {
  const id: Condition = { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'a' }] };
  const ats = async (at: Condition, QueryFilter?: Record<string, Condition>) => {
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName,
        ConsistentRead: true,
        KeyConditions: { id, at },
        QueryFilter,
        AttributesToGet: ['at'],
      }),
    );
    return Items.map((each) => each['at']?.N);
  };

  test.each<[Condition, string[]]>([
    [{ ComparisonOperator: 'EQ', AttributeValueList: [{ N: '2' }] }, ['2']],
    [{ ComparisonOperator: 'LT', AttributeValueList: [{ N: '3' }] }, ['1', '2']],
    [{ ComparisonOperator: 'LE', AttributeValueList: [{ N: '3' }] }, ['1', '2', '3']],
    [{ ComparisonOperator: 'GT', AttributeValueList: [{ N: '3' }] }, ['4']],
    [{ ComparisonOperator: 'GE', AttributeValueList: [{ N: '3' }] }, ['3', '4']],
    [{ ComparisonOperator: 'BETWEEN', AttributeValueList: [{ N: '2' }, { N: '3' }] }, ['2', '3']],
  ])('%j reads %j', async (at, expected) => {
    expect(await ats(at)).toEqual(expected);
  });

  test('a filter takes out of what was read', async () => {
    const all: Condition = { ComparisonOperator: 'GE', AttributeValueList: [{ N: '1' }] };
    const n: Condition = { ComparisonOperator: 'IN', AttributeValueList: [{ N: '2' }, { N: '5' }] };
    expect(await ats(all, { n })).toEqual(['1', '2']);
  });

  test.each([
    [{}, 'Conditions can be of length 1 or 2 only'],
    [{ at: id }, 'Query condition missed key schema element: id'],
    [{ id: { ...id, ComparisonOperator: 'GT' } }, 'Query key condition not supported'],
    [{ id, other: id }, 'Query condition missed key schema element: at'],
    [
      { id, at: { ComparisonOperator: 'NE', AttributeValueList: [{ N: '1' }] } },
      'Attempted conditional constraint is not an indexable operation',
    ],
    [
      { id, at: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: '1' }] } },
      parameter('Condition parameter type does not match schema type'),
    ],
    [
      { id: { ComparisonOperator: 'EQ', AttributeValueList: [] } },
      parameter('Invalid number of argument(s) for the EQ ComparisonOperator'),
    ],
  ])('KeyConditions %j are refused', async (KeyConditions, message) => {
    expect(await call('Query', { TableName, KeyConditions })).toEqual(invalid(message));
  });

  test('a filter of the key is refused', async () => {
    const QueryFilter = { at: { ComparisonOperator: 'NOT_NULL' } };
    expect(await call('Query', { TableName, KeyConditions: { id }, QueryFilter })).toEqual(
      invalid('QueryFilter can only contain non-primary key attributes: Primary key attribute: at'),
    );
  });
});

describe('AttributeUpdates', () => {
  test.each<[Record<string, AttributeValueUpdate>, Item]>([
    [{ n: { Value: { N: '1' } } }, { n: { N: '1' } }],
    [{ n: { Action: 'PUT', Value: { S: 'x' } } }, { n: { S: 'x' } }],
    [{ n: { Action: 'ADD', Value: { N: '2' } } }, { n: { N: '7' } }],
    [{ fresh: { Action: 'ADD', Value: { N: '2' } } }, { fresh: { N: '2' } }],
    [{ set: { Action: 'ADD', Value: { SS: ['z'] } } }, { set: { SS: ['x', 'y', 'z'] } }],
    [{ set: { Action: 'DELETE', Value: { SS: ['x'] } } }, { set: { SS: ['y'] } }],
    [{ list: { Action: 'ADD', Value: { L: [{ N: '1' }] } } }, { list: { L: [{ N: '1' }] } }],
  ])('%j gives %j', async (AttributeUpdates, changes) => {
    const own = { ...item, at: { N: '100' } };
    await client.send(new PutItemCommand({ TableName, Item: own }));
    const { Attributes = {} } = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'a' }, at: { N: '100' } },
        AttributeUpdates,
        ReturnValues: 'ALL_NEW',
      }),
    );
    Attributes['set']?.SS?.sort();
    expect(Attributes).toEqual({ ...own, ...changes });
  });

  test('DELETE without a value takes the attribute away', async () => {
    await client.send(new PutItemCommand({ TableName, Item: { ...item, at: { N: '101' } } }));
    const { Attributes } = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'a' }, at: { N: '101' } },
        AttributeUpdates: { n: { Action: 'DELETE' }, none: { Action: 'DELETE' } },
        ReturnValues: 'UPDATED_OLD',
      }),
    );
    expect(Attributes).toEqual({ n: { N: '5' } });
  });

  test.each([
    [
      { n: { Action: 'PUT' } },
      parameter('Only DELETE action is allowed when no attribute value is specified'),
    ],
    [
      { n: { Action: 'DELETE', Value: { N: '1' } } },
      parameter('DELETE action with value is not supported for the type N'),
    ],
    [
      { n: { Action: 'ADD', Value: { S: 'x' } } },
      parameter('ADD action is not supported for the type S'),
    ],
    [
      { at: { Value: { N: '1' } } },
      parameter('Cannot update attribute at. This attribute is part of the key'),
    ],
    [{ n: { Action: 'ADD', Value: { SS: ['x'] } } }, 'Type mismatch for attribute to update'],
  ])('%j is refused', async (AttributeUpdates, message) => {
    expect(await call('UpdateItem', { TableName, Key, AttributeUpdates })).toEqual(
      invalid(message),
    );
  });
});

describe('conditions that are refused', () => {
  const list = [{ S: 'a' }];

  test.each([
    [
      { ComparisonOperator: 'LT', AttributeValueList: [{ SS: ['a'] }] },
      parameter('ComparisonOperator LT is not valid for SS AttributeValue type'),
    ],
    [
      { ComparisonOperator: 'IN', AttributeValueList: [{ S: 'a' }, { N: '1' }] },
      parameter('AttributeValues inside AttributeValueList must be of same type'),
    ],
    [
      { ComparisonOperator: 'BETWEEN', AttributeValueList: [{ N: '2' }, { N: '1' }] },
      'The BETWEEN condition was provided a range where the lower bound is greater than the upper bound',
    ],
    [
      { ComparisonOperator: 'NULL', AttributeValueList: list },
      parameter('Invalid number of argument(s) for the NULL ComparisonOperator'),
    ],
    [
      { ComparisonOperator: 'BETWEEN', AttributeValueList: list },
      parameter('Invalid number of argument(s) for the BETWEEN ComparisonOperator'),
    ],
  ])('the filter %j', async (n, message) => {
    expect(await call('Scan', { TableName, ScanFilter: { n } })).toEqual(invalid(message));
  });

  test('a filter without an operator', async () => {
    const { message } = await call('Scan', { TableName, ScanFilter: { n: {} } });
    expect(message).toBe(
      shapeErrors(
        complaint('null', 'scanFilter.n.member.comparisonOperator', 'Member must not be null'),
      ),
    );
  });

  test.each([
    [
      { AttributeValueList: list, Value: list[0] },
      parameter('Value and AttributeValueList cannot be used together for Attribute: n'),
    ],
    [
      { ComparisonOperator: 'EQ', Exists: true, Value: list[0] },
      parameter('Exists and ComparisonOperator cannot be used together for Attribute: n'),
    ],
    [
      { ComparisonOperator: 'EQ' },
      parameter(
        'Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: n',
      ),
    ],
    [
      { AttributeValueList: list },
      parameter('AttributeValueList can only be used with a ComparisonOperator for Attribute: n'),
    ],
    [
      { Exists: false, Value: list[0] },
      parameter('Value cannot be used when Exists is false for Attribute: n'),
    ],
    [{}, parameter('Value must be provided when Exists is null for Attribute: n')],
    [{ Exists: true }, parameter('Value must be provided when Exists is true for Attribute: n')],
  ])('Expected %j', async (n, message) => {
    expect(await call('PutItem', { TableName, Item: Key, Expected: { n } })).toEqual(
      invalid(message),
    );
  });
});
