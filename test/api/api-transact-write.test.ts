import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { transactionCancelled } from '../../src/api/transaction-cancellation.ts';
import { ClientError } from '../../src/model/errors.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { CancellationReason } from '../../src/region/transaction.ts';
import { createIndexedTable } from '../support/indexed-api-table.ts';
import { createKeyedTable } from '../support/keyed-table.ts';
import { type MemoryApi, startMemoryApi } from '../support/memory-api.ts';
import { itemName } from '../support/memory-transactions.ts';
import type { Answer, Json } from '../support/transact-requests.ts';
import {
  add,
  cancelled,
  check,
  CONFLICT,
  invalid,
  invalidReason,
  KEYED,
  keyOf,
  NONE,
  put,
  putItem,
  remove,
} from '../support/transact-requests.ts';

let api: MemoryApi;
let nowMs = 1_700_000_000_123;

beforeAll(async () => {
  api = await startMemoryApi({}, { wallMs: () => nowMs });
  await createKeyedTable(api.client, KEYED);
  await createIndexedTable(api.client, 'indexed');
});

afterAll(async () => api.stop());

async function call(operation: string, input: Json): Promise<Answer> {
  const { status, body } = await api.call(operation, input);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every answer is an object
  return { status, body: body as Json };
}

const write = async (TransactItems: readonly Json[], more: Json = {}): Promise<Answer> =>
  call('TransactWriteItems', { TransactItems, ...more });

async function found(pk: string): Promise<unknown> {
  const { body } = await call('GetItem', { TableName: KEYED, Key: keyOf(pk) });
  return body['Item'];
}

/** While it works, other work on the item is under way. */
async function whileBusy(pk: string, work: () => Promise<void>): Promise<void> {
  const stored = api.region.findTable(KEYED);
  if (stored === undefined) throw new Error('the table is there');
  const key = encodeItemKey(stored.definition.keySchema, { pk: { S: pk }, sk: { N: '1' } });
  api.region.transactions.busy.add(itemName({ table: stored.number, key }));
  try {
    await work();
  } finally {
    api.region.transactions.busy.clear();
  }
}

const capacity = async (
  ReturnConsumedCapacity: string,
  items: readonly Json[],
  more: Json = {},
): Promise<unknown> => {
  const { body } = await write(items, { ReturnConsumedCapacity, ...more });
  return body['ConsumedCapacity'];
};

const key = (pk: string, sk: string): Json => ({ pk: { S: pk }, sk: { S: sk } });

test('all four actions are answered with an empty object', async () => {
  await write([put('checked'), put('removed'), put('counted')]);
  const actions = [put('new'), add('counted'), remove('removed'), check('checked')];
  expect(await write(actions)).toEqual({ status: 200, body: {} });
  expect(await found('new')).toEqual(keyOf('new'));
  expect(await found('counted')).toEqual({ ...keyOf('counted'), n: { N: '1' } });
  expect(await found('removed')).toBeUndefined();
  expect(await found('checked')).toEqual(keyOf('checked'));
});

describe('what cancels a transaction', () => {
  test('all the conditions that fail are told, with the items that are asked for', async () => {
    await write([putItem('there', { n: { N: '5' } })]);
    const fails = { ConditionExpression: 'attribute_not_exists(pk)' };
    const shown = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
    const failed = { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };
    const Item = { ...keyOf('there'), n: { N: '5' } };
    expect(await write([put('not yet', fails), put('there', fails)])).toEqual(
      cancelled(NONE, failed),
    );
    expect(await write([put('there', { ...fails, ...shown })])).toEqual(
      cancelled({ ...failed, Item }),
    );
    expect(await write([check('not there'), remove('there', { ...fails, ...shown })])).toEqual(
      cancelled(failed, { ...failed, Item }),
    );
    const absent = { ConditionExpression: 'attribute_exists(pk)', ...shown };
    expect(await write([put('not there', absent)])).toEqual(cancelled(failed));
    expect(await found('not yet')).toBeUndefined();
  });

  test('what an update cannot make of the item as it stands', async () => {
    await write([putItem('text', { n: { S: 'five' } })]);
    expect(await write([put('beside'), add('text')])).toEqual(
      cancelled(
        NONE,
        invalidReason('An operand in the update expression has an incorrect data type'),
      ),
    );
    expect(await found('beside')).toBeUndefined();
  });

  test('an update may make an item of 400 KB, not of more', async () => {
    const [name, before] = ['full', 'pkfullsk2nt'.length];
    const grow = (bytes: number): Json =>
      add(name, {
        UpdateExpression: 'SET t = :t, n = :one',
        ExpressionAttributeValues: { ':one': { N: '1' }, ':t': { S: 'x'.repeat(bytes) } },
      });
    const left = 400 * 1024 - before - 3;
    expect((await write([grow(left)])).status).toBe(200);
    expect(await write([grow(left + 1)])).toEqual(
      cancelled(invalidReason('Item size to update has exceeded the maximum allowed size')),
    );
  });

  test('other work on an item', async () => {
    await whileBusy('busy', async () => {
      expect(await write([put('free'), add('busy')])).toEqual(cancelled(NONE, CONFLICT));
    });
    expect(await found('free')).toBeUndefined();
  });

  test.each([
    ['ItemCollectionSizeLimitExceededException', 'ItemCollectionSizeLimitExceeded'],
    ['ProvisionedThroughputExceededException', 'ProvisionedThroughputExceeded'],
    ['ThrottlingException', 'ThrottlingError'],
    ['TransactionConflictException', 'TransactionConflict'],
    ['ValidationException', 'ValidationError'],
  ])('%s of one action is the reason %s', (code, Code) => {
    const refused: CancellationReason = { kind: 'refused', error: new ClientError(code, 'why') };
    const error = transactionCancelled([refused, { kind: 'none' }]);
    expect(error.message).toContain(`[${Code}, None]`);
    expect(error.members).toEqual({ CancellationReasons: [{ Code, Message: 'why' }, NONE] });
  });

  test('what is no reason is thrown as it is', () => {
    const error = new ClientError('ResourceNotFoundException', 'gone');
    expect(() => transactionCancelled([{ kind: 'refused', error }])).toThrow(error);
  });
});

describe('the token of a request', () => {
  test('does a thing once, and tells what else it stands for', async () => {
    const token = { ClientRequestToken: 'once' };
    expect((await write([add('once')], token)).status).toBe(200);
    expect(await write([add('once')], token)).toEqual({ status: 200, body: {} });
    expect(await found('once')).toEqual({ ...keyOf('once'), n: { N: '1' } });
    const mismatch = {
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException',
        Message: 'The request uses the same client token as a previous, but different, request.',
      },
    };
    expect(await write([add('other')], token)).toEqual(mismatch);
    expect(await write([add('once'), add('other')], token)).toEqual(mismatch);
    const two = { ExpressionAttributeValues: { ':one': { N: '2' } } };
    expect(await write([add('once', two)], token)).toEqual(mismatch);
    expect(await found('other')).toBeUndefined();
  });

  test('is the same in whatever order members come', async () => {
    const token = { ClientRequestToken: 'order' };
    await write([putItem('order', { a: { M: { x: { N: '1' }, y: { N: '2' } } } })], token);
    const Item = { a: { M: { y: { N: '2' }, x: { N: '1' } } }, sk: { N: '1' }, pk: { S: 'order' } };
    const turned = { Put: { Item, TableName: KEYED } };
    expect(await write([turned], token)).toEqual({ status: 200, body: {} });
  });

  test('counts for ten minutes', async () => {
    const token = { ClientRequestToken: 'ten minutes' };
    await write([add('ten minutes')], token);
    nowMs += 10 * 60 * 1000 - 1;
    await write([add('ten minutes')], token);
    expect(await found('ten minutes')).toMatchObject({ n: { N: '1' } });
    nowMs += 1;
    await write([add('ten minutes')], token);
    expect(await found('ten minutes')).toMatchObject({ n: { N: '2' } });
  });

  test('does not count for what was cancelled', async () => {
    const token = { ClientRequestToken: 'cancelled' };
    expect((await write([check('cancelled')], token)).status).toBe(400);
    await write([put('cancelled')]);
    expect(await write([check('cancelled')], token)).toEqual({ status: 200, body: {} });
  });

  test('without it, a thing is done each time', async () => {
    await write([add('each time')]);
    await write([add('each time')]);
    expect(await found('each time')).toMatchObject({ n: { N: '2' } });
  });

  test('is told to wait for what is under way', async () => {
    api.region.transactions.underWay.add('under way');
    expect(await write([add('a')], { ClientRequestToken: 'under way' })).toEqual({
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#TransactionInProgressException',
        Message: 'Transaction from previous request is still in progress',
      },
    });
  });

  test('has 1 to 36 characters', async () => {
    expect(await write([put('a')], { ClientRequestToken: '' })).toEqual(
      invalid(
        "1 validation error detected: Value '' at 'clientRequestToken' failed to satisfy constraint: " +
          'Member must have length greater than or equal to 1',
      ),
    );
    const long = 'x'.repeat(37);
    expect(await write([put('a')], { ClientRequestToken: long })).toEqual(
      invalid(
        `1 validation error detected: Value '${long}' at 'clientRequestToken' failed to satisfy constraint: ` +
          'Member must have length less than or equal to 36',
      ),
    );
    expect((await write([put('a')], { ClientRequestToken: 'x'.repeat(36) })).status).toBe(200);
  });
});

describe('units', () => {
  test('are those of the writes, twice, a table each', async () => {
    const text = { S: 'x'.repeat(2000) };
    const other = { Put: { TableName: 'indexed', Item: { pk: { S: 'u' }, sk: { S: 'u' } } } };
    const items = [
      putItem('units', { text }),
      other,
      put('units 2'),
      check('none', 'attribute_not_exists(pk)'),
    ];
    const CapacityUnits = 2 * (2 + 1 + 1);
    expect(await capacity('TOTAL', items)).toEqual([
      { TableName: KEYED, CapacityUnits, WriteCapacityUnits: CapacityUnits },
      { TableName: 'indexed', CapacityUnits: 2, WriteCapacityUnits: 2 },
    ]);
    expect(await capacity('NONE', items)).toBeUndefined();
    // A condition costs what a write of the item does that it looks at.
    expect(await capacity('TOTAL', [check('units')])).toMatchObject([{ CapacityUnits: 4 }]);
  });

  test('are told by index, too', async () => {
    const Item = { pk: { S: 'i' }, sk: { S: 'i' }, l: { N: '1' }, b: { B: 'AQ==' } };
    const two = { CapacityUnits: 2, WriteCapacityUnits: 2 };
    expect(await capacity('INDEXES', [{ Put: { TableName: 'indexed', Item } }])).toEqual([
      {
        TableName: 'indexed',
        CapacityUnits: 6,
        WriteCapacityUnits: 6,
        Table: two,
        LocalSecondaryIndexes: { local: two },
        GlobalSecondaryIndexes: { second: two },
      },
    ]);
  });

  test('are units of reading for what was done before', async () => {
    const token = { ClientRequestToken: 'units' };
    const items = [putItem('read', { text: { S: 'x'.repeat(5000) } }), remove('not there')];
    expect(await capacity('TOTAL', items, token)).toMatchObject([{ WriteCapacityUnits: 12 }]);
    expect(await capacity('INDEXES', items, token)).toEqual([
      {
        TableName: KEYED,
        CapacityUnits: 6,
        ReadCapacityUnits: 6,
        Table: { CapacityUnits: 6, ReadCapacityUnits: 6 },
      },
    ]);
  });

  test('item collections are told by table, those that were written to', async () => {
    const TableName = 'indexed';
    const { body } = await write(
      [
        { Put: { TableName, Item: key('one', 'a') } },
        { Delete: { TableName, Key: key('one', 'b') } },
        { Put: { TableName, Item: key('two', 'a') } },
        {
          ConditionCheck: {
            TableName,
            Key: key('three', 'a'),
            ConditionExpression: 'attribute_not_exists(pk)',
          },
        },
        put('no index'),
      ],
      { ReturnItemCollectionMetrics: 'SIZE' },
    );
    expect(body).toEqual({
      ItemCollectionMetrics: {
        indexed: ['one', 'two'].map((pk) => ({
          ItemCollectionKey: { pk: { S: pk } },
          SizeEstimateRangeGB: [0, 1],
        })),
      },
    });
  });
});

describe('a write of one item that a transaction has under way', () => {
  const conflict = {
    status: 400,
    body: {
      __type: 'com.amazonaws.dynamodb.v20120810#TransactionConflictException',
      message: 'Transaction is ongoing for the item',
    },
  };

  test.each<readonly [string, Json]>([
    ['PutItem', { Item: keyOf('single') }],
    ['UpdateItem', { Key: keyOf('single') }],
    ['DeleteItem', { Key: keyOf('single') }],
  ])('is refused to %s', async (operation, input) => {
    await whileBusy('single', async () => {
      expect(await call(operation, { TableName: KEYED, ...input })).toEqual(conflict);
    });
  });

  test('is given back to BatchWriteItem', async () => {
    const one = { PutRequest: { Item: keyOf('batched') } };
    const other = { PutRequest: { Item: keyOf('batched too') } };
    await whileBusy('batched', async () => {
      expect(await call('BatchWriteItem', { RequestItems: { [KEYED]: [one, other] } })).toEqual({
        status: 200,
        body: { UnprocessedItems: { [KEYED]: [one] } },
      });
      expect(await call('BatchWriteItem', { RequestItems: { [KEYED]: [one] } })).toEqual({
        status: 200,
        body: { UnprocessedItems: { [KEYED]: [one] } },
      });
    });
  });
});
