import { setTimeout } from 'node:timers/promises';

import { DescribeTableCommand, type StreamViewType } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  DynamoDBStreamsServiceException,
  GetRecordsCommand,
  type GetRecordsCommandOutput,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type Shard,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';

import { expect } from 'vitest';

import { client, clientConfig, HASH_TABLE, newTable, type TableChoice } from './target.ts';

/** How long a record may take to be told, in ms: AWS needs about a second. */
const recordsWaitMs = 60_000;
const pollMs = 100;

export const streams = new DynamoDBStreamsClient({
  ...clientConfig,
  maxAttempts: 1,
});

/** Makes a table with a stream, and answers its name and the stream's ARN once that is ENABLED. */
export async function newStreamTable(
  view: StreamViewType = 'NEW_AND_OLD_IMAGES',
  choice: TableChoice = HASH_TABLE,
): Promise<{ readonly table: string; readonly arn: string }> {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: view };
  const table = await newTable({ ...choice, StreamSpecification });
  const arn = await latestArn(table);
  await untilStatus(arn, 'ENABLED');
  return { table, arn };
}

export async function latestArn(table: string): Promise<string> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  return Table?.LatestStreamArn ?? '';
}

export async function untilStatus(arn: string, status: string): Promise<void> {
  for (;;) {
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: arn }));
    if (StreamDescription?.StreamStatus === status) return;
    await setTimeout(pollMs);
  }
}

export async function shardsOf(arn: string): Promise<readonly Shard[]> {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: arn }));
  return StreamDescription?.Shards ?? [];
}

export async function iteratorOf(
  arn: string,
  shard: string | undefined,
  type: GetShardIteratorCommandInput['ShardIteratorType'] = 'TRIM_HORIZON',
  sequence?: string,
): Promise<string> {
  const { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({
      StreamArn: arn,
      ShardId: shard,
      ShardIteratorType: type,
      ...(sequence !== undefined && { SequenceNumber: sequence }),
    }),
  );
  return ShardIterator ?? '';
}

/** All that the stream tells now, each shard from its beginning. */
async function recordsNow(arn: string): Promise<readonly _Record[]> {
  const found: _Record[] = [];
  for (const { ShardId } of await shardsOf(arn)) {
    let iterator: string | undefined = await iteratorOf(arn, ShardId);
    while (iterator !== undefined) {
      const { Records = [], NextShardIterator }: GetRecordsCommandOutput = await streams.send(
        new GetRecordsCommand({ ShardIterator: iterator }),
      );
      found.push(...Records);
      iterator = Records.length === 0 ? undefined : NextShardIterator;
    }
  }
  return found;
}

/** The stream's records once there are `count` of them, or all that there are after a while. */
export async function recordsOf(arn: string, count: number): Promise<readonly _Record[]> {
  const endMs = performance.now() + recordsWaitMs;
  for (;;) {
    const found = await recordsNow(arn);
    if (found.length >= count || performance.now() > endMs) return found;
    await setTimeout(pollMs);
  }
}

/** As `expectRefusal`, of DynamoDB Streams. */
export async function expectStreamRefusal(
  request: Promise<unknown>,
  name: string,
  message?: string | RegExp,
): Promise<void> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DynamoDBStreamsServiceException))
    throw new Error(`expected ${name}, got ${String(error)}`);
  expect([error.name, error.$metadata.httpStatusCode]).toEqual([name, 400]);
  if (typeof message === 'string') expect(error.message).toBe(message);
  else if (message !== undefined) expect(error.message).toMatch(message);
}
