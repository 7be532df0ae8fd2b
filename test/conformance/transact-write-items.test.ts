import { randomUUID } from 'node:crypto';

import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { until } from '../support/until.ts';
import { call, complaint, invalid, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, isConflict } from './target.ts';
import {
  checkThere,
  count,
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
} from './transact-write.ts';

describe('what a transaction does', () => {
  test('it puts, updates, deletes and checks, in several tables', async () => {
    await given('changed', { n: { N: '4' } });
    await given('gone');
    await given('looked at');
    const ranged = { id: { S: 'r' }, at: { N: '1' } };
    const output = await write([
      put('new', { a: { S: 'x' } }),
      count('changed', '38'),
      remove('gone'),
      checkThere('looked at'),
      { Put: { TableName: two, Item: ranged } },
    ]);
    expect(output.ConsumedCapacity).toBeUndefined();
    expect(output.ItemCollectionMetrics).toBeUndefined();
    expect(await stored('new')).toEqual({ ...key('new'), a: { S: 'x' } });
    expect(await stored('changed')).toEqual({ ...key('changed'), n: { N: '42' } });
    expect(await stored('gone')).toBeUndefined();
    expect(await stored('looked at')).toEqual(key('looked at'));
    const { Item: other } = await client.send(
      new GetItemCommand({ TableName: two, Key: ranged, ConsistentRead: true }),
    );
    expect(other).toEqual(ranged);
  });

  test('a put replaces the whole item', async () => {
    await given('replaced', { a: { S: 'x' } });
    await write([put('replaced', { b: { S: 'y' } })]);
    expect(await stored('replaced')).toEqual({ ...key('replaced'), b: { S: 'y' } });
  });

  test('an update makes the item that it does not find, a delete is content without', async () => {
    await write([count('made'), remove('never there')]);
    expect(await stored('made')).toEqual({ ...key('made'), n: { N: '1' } });
  });

  test('conditions that hold let it happen', async () => {
    await given('held', { n: { N: '1' } });
    const held = {
      TableName: one,
      Key: key('held'),
      ConditionExpression: '#n = :one',
      ExpressionAttributeNames: { '#n': 'n' },
    };
    await write([
      putUnless('unless'),
      {
        Update: {
          ...held,
          UpdateExpression: 'SET #n = #n + :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        },
      },
    ]);
    expect(await stored('unless')).toEqual(key('unless'));
    await write([
      { Delete: { ...held, ExpressionAttributeValues: { ':one': { N: '2' } } } },
      {
        ConditionCheck: {
          TableName: one,
          Key: key('not there'),
          ConditionExpression: 'attribute_not_exists(id)',
        },
      },
    ]);
    expect(await stored('held')).toBeUndefined();
    expect(await stored('not there')).toBeUndefined();
  });

  test('a hundred actions are one transaction', async () => {
    await write(Array.from({ length: 100 }, (_, at) => put(`of 100: ${at}`)));
    expect(await stored('of 100: 0')).toBeDefined();
    expect(await stored('of 100: 99')).toBeDefined();
  });

  test('what it writes can be found by the indexes', async () => {
    const made = { id: { S: 'i' }, at: { S: 'a' }, l: { S: 'x' }, g: { S: 'found' } };
    await write([{ Put: { TableName: indexed, Item: made } }]);
    const local = await client.send(
      new QueryCommand({
        TableName: indexed,
        IndexName: 'local',
        KeyConditionExpression: 'id = :i AND l = :x',
        ExpressionAttributeValues: { ':i': { S: 'i' }, ':x': { S: 'x' } },
        ConsistentRead: true,
      }),
    );
    expect(local.Items).toEqual([made]);
    await until('the entry in the global index', async () => {
      const { Items } = await client.send(
        new QueryCommand({
          TableName: indexed,
          IndexName: 'global',
          KeyConditionExpression: 'g = :g',
          ExpressionAttributeValues: { ':g': { S: 'found' } },
        }),
      );
      return Items?.length === 1;
    });
  });

  test('money that goes between accounts stays the same in sum', async () => {
    const accounts = ['account 0', 'account 1', 'account 2'];
    for (const id of accounts) await given(id, { n: { N: '100' } });
    const move = async (from: number, to: number): Promise<void> => {
      const [source = '', target = ''] = [accounts[from], accounts[to]];
      for (let left = 50; left > 0; left -= 1) {
        try {
          await write([count(source, '-1'), count(target, '1')]);
          return;
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    };
    await Promise.all(
      Array.from({ length: 12 }, async (_, at) => move(at % 3, (at + 1 + (at % 2)) % 3)),
    );
    const items = await Promise.all(accounts.map(stored));
    expect(items.reduce((sum, item) => sum + Number(item?.['n']?.N), 0)).toBe(300);
  });
});

describe('the token of a request', () => {
  test('what has the same one is done once', async () => {
    const token = { ClientRequestToken: randomUUID() };
    await write([count('once')], token);
    await write([count('once')], token);
    expect(await stored('once')).toEqual({ ...key('once'), n: { N: '1' } });
    await write([count('once')]);
    expect(await stored('once')).toEqual({ ...key('once'), n: { N: '2' } });
  });

  test('what has the same one is done once, though it is sent many times at once', async () => {
    const token = { ClientRequestToken: randomUUID() };
    const sent = await Promise.allSettled(
      Array.from({ length: 8 }, async () => write([count('at once'), count('and this')], token)),
    );
    const names = sent.flatMap((each) =>
      each.status === 'rejected' && each.reason instanceof Error ? [each.reason.name] : [],
    );
    expect(names.filter((name) => name !== 'TransactionInProgressException')).toEqual([]);
    await write([count('at once'), count('and this')], token);
    expect(await stored('at once')).toEqual({ ...key('at once'), n: { N: '1' } });
    expect(await stored('and this')).toEqual({ ...key('and this'), n: { N: '1' } });
  });

  test('what has the same one and is another request is refused', async () => {
    const token = { ClientRequestToken: randomUUID() };
    await write([count('same')], token);
    for (const actions of [[count('other')], [count('same', '2')], [count('same'), put('other')]])
      await expectRefusal(write(actions, token), { name: 'IdempotentParameterMismatchException' });
    expect(await stored('other')).toBeUndefined();
  });

  test('the order of members does not make another request', async () => {
    const token = { ClientRequestToken: randomUUID() };
    const turned = { a: { S: 'x' }, ...key('turned') };
    await write([put('turned', { a: { S: 'x' } })], token);
    const { ConsumedCapacity } = await write([{ Put: { Item: turned, TableName: one } }], {
      ...token,
      ReturnConsumedCapacity: 'TOTAL',
    });
    expect(ConsumedCapacity).toMatchObject([{ ReadCapacityUnits: 2 }]);
  });

  test('what was cancelled may be tried again', async () => {
    const token = { ClientRequestToken: randomUUID() };
    expect(await reasonsOf(write([checkThere('later'), count('tried')], token))).toEqual([
      FAILED,
      NONE,
    ]);
    await given('later');
    await write([checkThere('later'), count('tried')], token);
    expect(await stored('tried')).toEqual({ ...key('tried'), n: { N: '1' } });
  });

  test('it has 1 to 36 characters', async () => {
    const transact = async (ClientRequestToken: string): ReturnType<typeof call> =>
      call('TransactWriteItems', { TransactItems: [put('x')], ClientRequestToken });
    expect(await transact('')).toEqual(
      invalid(
        shapeErrors(
          complaint(
            "''",
            'clientRequestToken',
            'Member must have length greater than or equal to 1',
          ),
        ),
      ),
    );
    const long = 'x'.repeat(37);
    expect(await transact(long)).toEqual(
      invalid(
        shapeErrors(
          complaint(
            `'${long}'`,
            'clientRequestToken',
            'Member must have length less than or equal to 36',
          ),
        ),
      ),
    );
    expect((await transact(randomUUID())).status).toBe(200);
  });
});

describe('what a transaction costs', () => {
  const total = { ReturnConsumedCapacity: 'TOTAL' } as const;

  test('twice what the writes would, a table each', async () => {
    const { ConsumedCapacity = [] } = await write(
      [
        put('cost', { t: { S: 'x'.repeat(2000) } }),
        put('cost 2'),
        { Put: { TableName: two, Item: { id: { S: 'c' }, at: { N: '1' } } } },
      ],
      total,
    );
    expect(ConsumedCapacity).toHaveLength(2);
    expect(ConsumedCapacity).toContainEqual({
      TableName: one,
      CapacityUnits: 6,
      WriteCapacityUnits: 6,
    });
    expect(ConsumedCapacity).toContainEqual({
      TableName: two,
      CapacityUnits: 2,
      WriteCapacityUnits: 2,
    });
  });

  test('it is told by index when asked', async () => {
    const made = { id: { S: 'c' }, at: { S: 'a' }, l: { S: 'x' }, g: { S: 'y' } };
    const { ConsumedCapacity } = await write([{ Put: { TableName: indexed, Item: made } }], {
      ReturnConsumedCapacity: 'INDEXES',
    });
    const each = { CapacityUnits: 2, WriteCapacityUnits: 2 };
    expect(ConsumedCapacity).toEqual([
      {
        TableName: indexed,
        CapacityUnits: 6,
        WriteCapacityUnits: 6,
        Table: each,
        LocalSecondaryIndexes: { local: each },
        GlobalSecondaryIndexes: { global: each },
      },
    ]);
  });

  test('what was done before under the same token costs its reading', async () => {
    const choice = { ...total, ClientRequestToken: randomUUID() };
    const action = put('cost again', { t: { S: 'x'.repeat(1500) } });
    expect((await write([action], choice)).ConsumedCapacity).toEqual([
      { TableName: one, CapacityUnits: 4, WriteCapacityUnits: 4 },
    ]);
    expect((await write([action], choice)).ConsumedCapacity).toEqual([
      { TableName: one, CapacityUnits: 2, ReadCapacityUnits: 2 },
    ]);
  });

  test('item collections are told, of tables that have them', async () => {
    const made = { id: { S: 'collected' }, at: { S: 'a' } };
    const { ItemCollectionMetrics } = await write(
      [put('no collection'), { Put: { TableName: indexed, Item: made } }],
      { ReturnItemCollectionMetrics: 'SIZE' },
    );
    expect(ItemCollectionMetrics).toEqual({
      [indexed]: [{ ItemCollectionKey: { id: { S: 'collected' } }, SizeEstimateRangeGB: [0, 1] }],
    });
  });
});
