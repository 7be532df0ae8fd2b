import { DeleteTableCommand, PutItemCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  type DescribeStreamCommandInput,
  GetRecordsCommand,
  type StreamDescription,
} from '@aws-sdk/client-dynamodb-streams';
import { describe, expect, test } from 'vitest';

import {
  expectStreamRefusal,
  iteratorOf,
  newStreamTable,
  recordsOf,
  shardsOf,
  streams,
  untilStatus,
} from './streams-client.ts';
import { client, RANGE_TABLE } from './target.ts';

async function describeStream(
  input: DescribeStreamCommandInput,
): Promise<StreamDescription | undefined> {
  const { StreamDescription: found } = await streams.send(new DescribeStreamCommand(input));
  return found;
}

test('a stream is described with its shards', async () => {
  const { table, arn } = await newStreamTable('OLD_IMAGE', RANGE_TABLE);
  const found = await describeStream({ StreamArn: arn });
  expect(found).toMatchObject({
    StreamArn: arn,
    StreamLabel: arn.split('/').at(-1),
    StreamStatus: 'ENABLED',
    StreamViewType: 'OLD_IMAGE',
    TableName: table,
    KeySchema: [
      { AttributeName: 'id', KeyType: 'HASH' },
      { AttributeName: 'at', KeyType: 'RANGE' },
    ],
  });
  expect(found?.CreationRequestDateTime).toBeInstanceOf(Date);
  expect(found?.LastEvaluatedShardId).toBeUndefined();
  const shards = found?.Shards ?? [];
  expect(shards.length).toBeGreaterThan(0);
  for (const { ShardId, SequenceNumberRange, ParentShardId } of shards) {
    expect(ShardId).toMatch(/^shardId-\d{20}-[0-9a-f]{8}$/u);
    expect(SequenceNumberRange?.StartingSequenceNumber).toMatch(/^\d{21,40}$/u);
    expect(SequenceNumberRange?.EndingSequenceNumber).toBeUndefined();
    expect(ParentShardId).toBeUndefined();
  }
});

test('pages hold the shards in the order of their ids', async () => {
  const { arn } = await newStreamTable();
  const all = (await shardsOf(arn)).map(({ ShardId = '' }) => ShardId);
  expect(all.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(all);
  const found: (string | undefined)[] = [];
  let after: string | undefined;
  do {
    const page = await describeStream({
      StreamArn: arn,
      Limit: 1,
      ...(after !== undefined && { ExclusiveStartShardId: after }),
    });
    found.push(...(page?.Shards ?? []).map(({ ShardId }) => ShardId));
    after = page?.LastEvaluatedShardId;
  } while (after !== undefined);
  expect(found).toEqual(all);
  const behind = await describeStream({ StreamArn: arn, ExclusiveStartShardId: all.at(-1) });
  expect(behind?.Shards).toEqual([]);
});

test('a shard without children has none', async () => {
  const { arn } = await newStreamTable();
  const [shard] = await shardsOf(arn);
  const found = await describeStream({
    StreamArn: arn,
    ShardFilter: { Type: 'CHILD_SHARDS', ShardId: shard?.ShardId },
  });
  expect(found?.Shards).toEqual([]);
});

test.each(['disabled', 'deleted with its table'])(
  'a stream that was %s has closed shards, which can be read to their end',
  async (how) => {
    const { table, arn } = await newStreamTable('KEYS_ONLY');
    const Item = { id: { S: 'a' } };
    await client.send(new PutItemCommand({ TableName: table, Item }));
    await recordsOf(arn, 1);
    await client.send(
      how === 'disabled'
        ? new UpdateTableCommand({
            TableName: table,
            StreamSpecification: { StreamEnabled: false },
          })
        : new DeleteTableCommand({ TableName: table }),
    );
    await untilStatus(arn, 'DISABLED');
    const shards = await shardsOf(arn);
    let count = 0;
    for (const { ShardId, SequenceNumberRange } of shards) {
      const { StartingSequenceNumber: first, EndingSequenceNumber: last } =
        SequenceNumberRange ?? {};
      expect(BigInt(last ?? 0)).toBeGreaterThanOrEqual(BigInt(first ?? 0));
      let iterator: string | undefined = await iteratorOf(arn, ShardId);
      while (iterator !== undefined) {
        const page: { Records?: unknown[] | undefined; NextShardIterator?: string | undefined } =
          await streams.send(new GetRecordsCommand({ ShardIterator: iterator }));
        count += page.Records?.length ?? 0;
        iterator = page.NextShardIterator;
      }
    }
    expect(count).toBe(1);
  },
);

describe('refused', () => {
  test('an ARN that is none of a stream', async () => {
    const StreamArn = 'sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf';
    await expectStreamRefusal(describeStream({ StreamArn }), 'ValidationException');
  });

  test('a short ARN', async () => {
    await expectStreamRefusal(
      describeStream({ StreamArn: 'fake-stream' }),
      'ValidationException',
      "1 validation error detected: Value 'fake-stream' at 'streamArn' failed to satisfy constraint: Member must have length greater than or equal to 37",
    );
  });

  test('a stream of another account', async () => {
    const { arn } = await newStreamTable();
    const StreamArn = arn.replace(/:\d{12}:/u, ':123456789012:');
    await expectStreamRefusal(describeStream({ StreamArn }), 'ResourceNotFoundException');
  });

  test('a stream that is not there', async () => {
    const { arn } = await newStreamTable();
    const StreamArn = arn.replace(/[^/]*$/u, '2017-10-05T14:36:01.514');
    await expectStreamRefusal(
      describeStream({ StreamArn }),
      'ResourceNotFoundException',
      `Requested resource not found: Stream: ${StreamArn} not found`,
    );
  });

  test('a limit of 101', async () => {
    const { arn } = await newStreamTable();
    await expectStreamRefusal(
      describeStream({ StreamArn: arn, Limit: 101 }),
      'ValidationException',
      /at 'limit' failed to satisfy constraint/u,
    );
  });
});
