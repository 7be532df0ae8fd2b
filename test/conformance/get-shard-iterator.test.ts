import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type Shard,
} from '@aws-sdk/client-dynamodb-streams';
import { beforeAll, describe, expect, test } from 'vitest';

import {
  expectStreamRefusal,
  iteratorOf,
  newStreamTable,
  recordsOf,
  shardsOf,
  streams,
} from './streams-client.ts';
import { client } from './target.ts';

let table: string;
let arn: string;
/** The shard with the records. */
let shard: Shard;
/** Of three changes of one item. */
let sequences: readonly string[];

const put = async (n: string): Promise<unknown> =>
  client.send(new PutItemCommand({ TableName: table, Item: { id: { S: 'a' }, n: { N: n } } }));

async function read(iterator: string): Promise<readonly (string | undefined)[]> {
  const { Records } = await streams.send(new GetRecordsCommand({ ShardIterator: iterator }));
  return (Records ?? []).map(({ dynamodb }) => dynamodb?.NewImage?.['n']?.N);
}

const send = async (change: Partial<GetShardIteratorCommandInput>): Promise<unknown> =>
  streams.send(
    new GetShardIteratorCommand({
      StreamArn: arn,
      ShardId: shard.ShardId,
      ShardIteratorType: 'TRIM_HORIZON',
      ...change,
    }),
  );

beforeAll(async () => {
  ({ table, arn } = await newStreamTable('NEW_IMAGE'));
  for (const n of ['1', '2', '3']) await put(n);
  const records = await recordsOf(arn, 3);
  sequences = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '');
  for (const each of await shardsOf(arn))
    if ((await read(await iteratorOf(arn, each.ShardId))).length > 0) shard = each;
});

test('each type begins at its place', async () => {
  const { ShardId: id, SequenceNumberRange: range } = shard;
  expect(await read(await iteratorOf(arn, id, 'TRIM_HORIZON'))).toEqual(['1', '2', '3']);
  expect(await read(await iteratorOf(arn, id, 'AT_SEQUENCE_NUMBER', sequences[1]))).toEqual([
    '2',
    '3',
  ]);
  expect(await read(await iteratorOf(arn, id, 'AFTER_SEQUENCE_NUMBER', sequences[1]))).toEqual([
    '3',
  ]);
  expect(await read(await iteratorOf(arn, id, 'AFTER_SEQUENCE_NUMBER', sequences[2]))).toEqual([]);
  const start = range?.StartingSequenceNumber;
  expect(await read(await iteratorOf(arn, id, 'AT_SEQUENCE_NUMBER', start))).toEqual([
    '1',
    '2',
    '3',
  ]);
  const latest = await iteratorOf(arn, id, 'LATEST');
  expect(await read(latest)).toEqual([]);
  await put('4');
  await recordsOf(arn, 4);
  expect(await read(latest)).toEqual(['4']);
  // The same again, as often as one likes.
  expect(await read(latest)).toEqual(['4']);
});

test('an iterator names its stream', async () => {
  expect(await iteratorOf(arn, shard.ShardId)).toMatch(new RegExp(`^${arn}\\|\\d\\|.+`, 'u'));
});

describe('refused', () => {
  test.each(['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'] as const)(
    '%s without a sequence number',
    async (ShardIteratorType) => {
      await expectStreamRefusal(send({ ShardIteratorType }), 'ValidationException');
    },
  );

  test.each(['TRIM_HORIZON', 'LATEST'] as const)(
    '%s with a sequence number',
    async (ShardIteratorType) => {
      const [SequenceNumber] = sequences;
      await expectStreamRefusal(send({ ShardIteratorType, SequenceNumber }), 'ValidationException');
    },
  );

  test('a type that there is not', async () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what no type allows
    const ShardIteratorType = 'bulle' as 'LATEST';
    await expectStreamRefusal(
      send({ ShardIteratorType }),
      'ValidationException',
      /^1 validation error detected: Value 'bulle' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: \[/u,
    );
  });

  test('a sequence number that is none of the shard', async () => {
    for (const SequenceNumber of ['sdfsafglldfngjdafnasdfl', '1'.padEnd(36, '0')])
      await expectStreamRefusal(
        send({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', SequenceNumber }),
        'ValidationException',
      );
  });

  test('a shard that is not there', async () => {
    for (const ShardId of [
      'shardId-00000001414576573621-f55eea83',
      'semprinidfaasdasfsdvacsdcfsdsvsdvsdvsdvsdvsdv',
    ])
      await expectStreamRefusal(
        send({ ShardId }),
        'ResourceNotFoundException',
        'Requested resource not found: Shard does not exist',
      );
  });

  test('a stream that is not there', async () => {
    await expectStreamRefusal(
      send({ StreamArn: 'sdfadfsddafgdafsgjnadflkgnalngalsdfnlkasnlkasdfasdfasf' }),
      'ValidationException',
    );
    const StreamArn = arn.replace(/[^/]*$/u, '2017-10-05T14:36:01.514');
    await expectStreamRefusal(
      send({ StreamArn }),
      'ResourceNotFoundException',
      `Requested resource not found: Stream: ${StreamArn} not found`,
    );
  });
});
