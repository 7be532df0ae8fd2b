import {
  DeleteItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { GetRecordsCommand } from '@aws-sdk/client-dynamodb-streams';
import { describe, expect, test } from 'vitest';

import {
  expectStreamRefusal,
  iteratorOf,
  newStreamTable,
  recordsOf,
  shardsOf,
  streams,
} from './streams-client.ts';
import { client, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const put = async (table: string, item: Item): Promise<unknown> =>
  client.send(new PutItemCommand({ TableName: table, Item: item }));
const remove = async (table: string, key: Item): Promise<unknown> =>
  client.send(new DeleteItemCommand({ TableName: table, Key: key }));

test('an insert, a change and a removal are told with both images', async () => {
  const { table, arn } = await newStreamTable();
  await put(table, { id: { S: 'a' }, n: { N: '101' } });
  await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { id: { S: 'a' } },
      UpdateExpression: 'SET b = :b',
      ExpressionAttributeValues: { ':b': { B: new Uint8Array([1, 2]) } },
    }),
  );
  await remove(table, { id: { S: 'a' } });
  const records = await recordsOf(arn, 3);
  const before = { id: { S: 'a' }, n: { N: '101' } };
  const after = { ...before, b: { B: new Uint8Array([1, 2]) } };
  expect(records.map(({ eventName, dynamodb }) => [eventName, dynamodb])).toEqual([
    ['INSERT', expect.objectContaining({ Keys: { id: { S: 'a' } }, NewImage: before })],
    ['MODIFY', expect.objectContaining({ OldImage: before, NewImage: after })],
    ['REMOVE', expect.objectContaining({ OldImage: after })],
  ]);
  expect(records[0]?.dynamodb?.OldImage).toBeUndefined();
  expect(records[2]?.dynamodb?.NewImage).toBeUndefined();
  for (const record of records) {
    expect(record).toMatchObject({
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: arn.split(':')[3],
    });
    expect(record.eventID).toMatch(/^[0-9a-f]{32}$/u);
    expect(record.userIdentity).toBeUndefined();
    expect(record.dynamodb?.SequenceNumber).toMatch(/^\d{21,40}$/u);
    expect(record.dynamodb?.StreamViewType).toBe('NEW_AND_OLD_IMAGES');
    expect(record.dynamodb?.ApproximateCreationDateTime?.getMilliseconds()).toBe(0);
  }
  // Keys of 3 bytes; images of 3 + 4, and of 3 + 4 + 3.
  expect(records.map(({ dynamodb }) => dynamodb?.SizeBytes)).toEqual([10, 20, 13]);
  const numbers = records.map(({ dynamodb }) => BigInt(dynamodb?.SequenceNumber ?? 0));
  expect(numbers.toSorted((a, b) => Number(a - b))).toEqual(numbers);
  expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(3);
});

test.each([
  ['KEYS_ONLY', false, false],
  ['NEW_IMAGE', true, false],
  ['OLD_IMAGE', false, true],
] as const)('a stream of %s holds no more than that', async (view, hasNew, hasOld) => {
  const { table, arn } = await newStreamTable(view, RANGE_TABLE);
  const key = { id: { S: 'a' }, at: { N: '7' } };
  await put(table, { ...key, x: { N: '1' } });
  await put(table, { ...key, x: { N: '2' } });
  await remove(table, key);
  const records = await recordsOf(arn, 3);
  expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'MODIFY', 'REMOVE']);
  expect(records.map(({ dynamodb }) => dynamodb?.Keys)).toEqual([key, key, key]);
  const [one, two] = [
    { ...key, x: { N: '1' } },
    { ...key, x: { N: '2' } },
  ];
  expect(records.map(({ dynamodb }) => dynamodb?.NewImage)).toEqual(
    hasNew ? [one, two, undefined] : [undefined, undefined, undefined],
  );
  expect(records.map(({ dynamodb }) => dynamodb?.OldImage)).toEqual(
    hasOld ? [undefined, one, two] : [undefined, undefined, undefined],
  );
});

test.each(['KEYS_ONLY', 'NEW_AND_OLD_IMAGES'] as const)(
  'a write that changes nothing is not told in %s',
  async (view) => {
    const { table, arn } = await newStreamTable(view);
    const item = { id: { S: 'a' }, x: { SS: ['p', 'q'] }, y: { S: 'zz' } };
    await put(table, item);
    await put(table, item);
    await put(table, { y: { S: 'zz' }, x: { SS: ['q', 'p'] }, id: { S: 'a' } });
    await remove(table, { id: { S: 'b' } });
    await put(table, { ...item, y: { S: 'yy' } });
    const records = await recordsOf(arn, 2);
    expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'MODIFY']);
  },
);

test('a page ends at its limit, and the next one goes on', async () => {
  const { table, arn } = await newStreamTable('NEW_IMAGE');
  for (const n of ['1', '2', '3']) await put(table, { id: { S: 'a' }, n: { N: n } });
  await recordsOf(arn, 3);
  const told: (string | undefined)[] = [];
  for (const { ShardId } of await shardsOf(arn)) {
    let iterator = await iteratorOf(arn, ShardId);
    for (;;) {
      const page = await streams.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 1 }));
      expect(page.Records?.length).toBeLessThanOrEqual(1);
      expect(page.NextShardIterator).toBeDefined();
      if (page.Records?.length === 0) break;
      told.push(page.Records?.[0]?.dynamodb?.NewImage?.['n']?.N);
      iterator = page.NextShardIterator ?? '';
    }
  }
  expect(told).toEqual(['1', '2', '3']);
});

test('a page holds about a megabyte at most', async () => {
  const { table, arn } = await newStreamTable('NEW_IMAGE');
  for (const n of ['1', '2', '3', '4'])
    await put(table, { id: { S: 'a' }, n: { N: n }, x: { S: 'x'.repeat(390_000) } });
  const records = await recordsOf(arn, 4);
  expect(records).toHaveLength(4);
  const shards = await shardsOf(arn);
  const pages = await Promise.all(
    shards.map(async ({ ShardId }) =>
      streams.send(new GetRecordsCommand({ ShardIterator: await iteratorOf(arn, ShardId) })),
    ),
  );
  expect(Math.max(...pages.map(({ Records }) => Records?.length ?? 0))).toBe(2);
});

describe('refused', () => {
  test.each([0, -1, 1001])('a limit of %i', async (Limit) => {
    await expectStreamRefusal(
      streams.send(new GetRecordsCommand({ ShardIterator: 'x', Limit })),
      'ValidationException',
      /at 'limit' failed to satisfy constraint/u,
    );
  });

  test('an iterator that nobody has made', async () => {
    const { arn } = await newStreamTable();
    const [shard] = await shardsOf(arn);
    const real = await iteratorOf(arn, shard?.ShardId);
    const forged = [
      'sdfsdfsgagaddafgagasgasgasdfasdfasdfasdfasdgasdasdgasdg',
      `${arn}|1|AAAA`,
      `${real.slice(0, -8)}AAAAAAAA`,
    ];
    for (const ShardIterator of forged)
      await expectStreamRefusal(
        streams.send(new GetRecordsCommand({ ShardIterator })),
        'ValidationException',
      );
  });

  test('an iterator that is missing', async () => {
    await expectStreamRefusal(
      streams.send(new GetRecordsCommand({ ShardIterator: undefined })),
      'ValidationException',
      /at 'shardIterator' failed to satisfy constraint: Member must not be null/u,
    );
  });
});
