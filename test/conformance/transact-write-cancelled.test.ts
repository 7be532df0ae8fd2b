import {
  type AttributeValue,
  type CancellationReason,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, parameter, refused } from './raw-request.ts';
import {
  checkThere,
  FAILED,
  given,
  indexed,
  key,
  NONE,
  one,
  put,
  putUnless,
  reasonsOf,
  remove,
  stored,
  two,
  write,
  type Item,
} from './transact-write.ts';

describe('what cancels a transaction', () => {
  test('one condition that fails keeps all the others from being written', async () => {
    await given('in the way');
    expect(await reasonsOf(write([put('kept out'), putUnless('in the way')]))).toEqual([
      NONE,
      FAILED,
    ]);
    expect(await stored('kept out')).toBeUndefined();
    expect(await reasonsOf(write([checkThere('nowhere'), remove('in the way')]))).toEqual([
      FAILED,
      NONE,
    ]);
    expect(await stored('in the way')).toBeDefined();
  });

  test('all conditions that fail are told, in the order of the actions', async () => {
    await given('first');
    await given('second');
    expect(
      await reasonsOf(
        write([putUnless('first'), put('between'), checkThere('nowhere'), putUnless('second')]),
      ),
    ).toEqual([FAILED, NONE, FAILED, FAILED]);
  });

  test('reasons have no more members than they need', async () => {
    await given('members');
    const { output: _, ...answer } = await call('TransactWriteItems', {
      TransactItems: [put('beside'), putUnless('members')],
    });
    expect(answer).toEqual(
      refused(
        'TransactionCanceledException',
        'Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]',
      ),
    );
    const error = await write([put('beside'), putUnless('members')]).catch(
      (reason: unknown) => reason,
    );
    expect(error).toHaveProperty('CancellationReasons', [NONE, FAILED]);
  });

  const shown = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
  const never = {
    ConditionExpression: 'attribute_not_exists(id) AND n = :n',
    ExpressionAttributeValues: { ':n': { N: '0' } },
  };
  test.each<readonly [string, (id: string) => TransactWriteItem]>([
    ['Put', (id) => ({ Put: { TableName: one, Item: key(id), ...never, ...shown } })],
    [
      'Update',
      (id) => ({
        Update: {
          TableName: one,
          Key: key(id),
          UpdateExpression: 'SET n = :n',
          ...never,
          ...shown,
        },
      }),
    ],
    ['Delete', (id) => ({ Delete: { TableName: one, Key: key(id), ...never, ...shown } })],
    [
      'ConditionCheck',
      (id) => ({ ConditionCheck: { TableName: one, Key: key(id), ...never, ...shown } }),
    ],
  ])('%s answers the item on which its condition failed, when asked', async (kind, action) => {
    const there = await given(`shown ${kind}`, { n: { N: '1' }, deep: { L: [{ S: 'x' }] } });
    expect(await reasonsOf(write([putUnless(`shown ${kind}`), put('any')]))).toEqual([
      FAILED,
      NONE,
    ]);
    expect(await reasonsOf(write([put('any'), action(`shown ${kind}`)]))).toEqual([
      NONE,
      { ...FAILED, Item: there },
    ]);
    expect(await stored(`shown ${kind}`)).toEqual(there);
    const error = await write([action(`not there ${kind}`)]).catch((reason: unknown) => reason);
    expect(error).toHaveProperty('CancellationReasons', [FAILED]);
  });

  const reason = (Message: string): CancellationReason => ({ Code: 'ValidationError', Message });
  const set = (id: string, UpdateExpression: string, value: AttributeValue): TransactWriteItem => ({
    Update: {
      TableName: one,
      Key: key(id),
      UpdateExpression,
      ExpressionAttributeValues: { ':v': value },
    },
  });

  test('what an update cannot make of the item as it stands', async () => {
    await given('refused', { s: { S: 'x' }, l: { L: [] } });
    const operand = 'An operand in the update expression has an incorrect data type';
    expect(
      await reasonsOf(write([put('x'), set('refused', 'SET s = s + :v', { N: '1' })])),
    ).toEqual([NONE, reason(operand)]);
    expect(await reasonsOf(write([set('refused', 'SET nowhere.x = :v', { N: '1' })]))).toEqual([
      reason('The document path provided in the update expression is invalid for update'),
    ]);
    expect(await reasonsOf(write([set('refused', 'SET a = nowhere + :v', { N: '1' })]))).toEqual([
      reason('The provided expression refers to an attribute that does not exist in the item'),
    ]);
    expect(await stored('x')).toBeUndefined();
  });

  test('an update may leave an item of 400 KB, and no more', async () => {
    const full = 400 * 1024 - 'idfullt'.length;
    await write([set('full', 'SET t = :v', { S: 'x'.repeat(full) })]);
    expect(
      await reasonsOf(write([set('full', 'SET t = :v', { S: 'x'.repeat(full + 1) })])),
    ).toEqual([reason('Item size to update has exceeded the maximum allowed size')]);
  });

  const mismatch = 'The provided key element does not match the schema';
  const keyed = (Key: Item): readonly TransactWriteItem[] => [
    { Delete: { TableName: one, Key } },
    { Update: { TableName: one, Key, UpdateExpression: 'REMOVE a' } },
    {
      ConditionCheck: { TableName: one, Key, ConditionExpression: 'attribute_not_exists(id)' },
    },
  ];
  test.each<readonly [string, Item]>([
    ['of another type', { id: { N: '5' } }],
    ['that is no scalar', { id: { L: [{ S: 'x' }] } }],
    ['of another name', { other: { S: 'x' } }],
    ['with one more attribute', { id: { S: 'x' }, more: { S: 'y' } }],
    ['of nothing', {}],
  ])('a key %s', async (_, Key) => {
    for (const action of keyed(Key))
      expect(await reasonsOf(write([action]))).toEqual([reason(mismatch)]);
  });

  test('a key that is too long', async () => {
    const Key = key('x'.repeat(2049));
    const message = parameter('Size of hashkey has exceeded the maximum size limit of2048 bytes');
    const puts = { Put: { TableName: one, Item: Key } };
    for (const action of [puts, ...keyed(Key)])
      expect(await reasonsOf(write([action]))).toEqual([reason(message)]);
    const Item = { id: { S: 'x' }, at: { S: 'y'.repeat(1025) } };
    expect(await reasonsOf(write([{ Put: { TableName: indexed, Item } }]))).toEqual([
      reason(
        parameter('Aggregated size of all range keys has exceeded the size limit of 1024 bytes'),
      ),
    ]);
  });

  test('a key of an item to put that is not as the table has it', async () => {
    const puts = (item: Item): TransactWriteItem => ({ Put: { TableName: two, Item: item } });
    expect(await reasonsOf(write([puts({ id: { N: '5' }, at: { N: '1' } })]))).toEqual([
      reason(parameter('Type mismatch for key id expected: S actual: N')),
    ]);
    expect(await reasonsOf(write([puts({ id: { S: 'x' }, at: { L: [] } })]))).toEqual([
      reason(parameter('Type mismatch for key at expected: N actual: L')),
    ]);
    expect(await reasonsOf(write([puts({ id: { S: 'x' } })]))).toEqual([
      reason(parameter('Missing the key at in the item')),
    ]);
  });

  test('the key of an index that is not as the index has it', async () => {
    const message = (actual: string): string =>
      parameter(`Type mismatch for Index Key g Expected: S Actual: ${actual} IndexName: global`);
    const Key = { id: { S: 'x' }, at: { S: 'y' } };
    const wrong: readonly (readonly [string, AttributeValue])[] = [
      ['N', { N: '5' }],
      ['L', { L: [{ S: 'x' }] }],
    ];
    for (const [actual, value] of wrong) {
      expect(
        await reasonsOf(write([{ Put: { TableName: indexed, Item: { ...Key, g: value } } }])),
      ).toEqual([reason(message(actual))]);
      const Update = {
        TableName: indexed,
        Key,
        UpdateExpression: 'SET g = :g',
        ExpressionAttributeValues: { ':g': value },
      };
      expect(await reasonsOf(write([{ Update }]))).toEqual([reason(message(actual))]);
    }
  });

  test('an update of the key', async () => {
    expect(await reasonsOf(write([put('x'), set('key', 'SET id = :v', { S: 'other' })]))).toEqual([
      NONE,
      reason(parameter('Cannot update attribute id. This attribute is part of the key')),
    ]);
  });

  test('only the first wrong action is looked at, and no condition', async () => {
    const wrong = { Put: { TableName: one, Item: { id: { N: '7' } } } };
    const message = parameter('Type mismatch for key id expected: S actual: N');
    expect(await reasonsOf(write([put('x'), wrong, wrong, checkThere('nowhere')]))).toEqual([
      NONE,
      reason(message),
      NONE,
      NONE,
    ]);
  });
});
