import { type AttributeValue, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetRecordsCommandOutput,
  type Shard,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';

import type { TestRegion } from './test-lab.ts';

/** What a consumer saves between its runs: by shard, the number of the last record that it has taken. */
export interface Checkpoint {
  readonly taken: ReadonlyMap<string, string>;
  /** Shards read to their end. */
  readonly ended: ReadonlySet<string>;
}

/**
 * Follows a stream as its documentation asks for: each shard from its beginning, no shard before its parent is read to its
 * end. What it has taken it folds into the items that the table must have.
 */
export class StreamConsumer {
  readonly arn: string;
  readonly #client: () => DynamoDBStreamsClient;
  /** The records, in the order of their taking. */
  readonly records: _Record[] = [];
  /** By key, as JSON. */
  readonly items = new Map<string, Readonly<Record<string, AttributeValue>>>();
  readonly taken: Map<string, string>;
  readonly ended: Set<string>;

  constructor(
    arn: string,
    client: () => DynamoDBStreamsClient,
    { taken, ended }: Checkpoint = { taken: new Map(), ended: new Set() },
  ) {
    this.arn = arn;
    this.#client = client;
    this.taken = new Map(taken);
    this.ended = new Set(ended);
  }

  /** Takes all that there is now. `pageRecordsMax`: records in an answer. */
  async catchUp(pageRecordsMax = 1000): Promise<void> {
    for (;;) {
      const shards = await this.#shards();
      const known = new Set(shards.map(({ ShardId }) => ShardId));
      const ready = shards.filter(
        ({ ShardId = '', ParentShardId: parent }) =>
          !this.ended.has(ShardId) &&
          (parent === undefined || !known.has(parent) || this.ended.has(parent)),
      );
      const before = this.ended.size;
      for (const { ShardId = '' } of ready) await this.#read(ShardId, pageRecordsMax);
      if (this.ended.size === before) return;
    }
  }

  async #shards(): Promise<readonly Shard[]> {
    const found: Shard[] = [];
    let after: string | undefined;
    do {
      const { StreamDescription: stream } = await this.#client().send(
        new DescribeStreamCommand({
          StreamArn: this.arn,
          ...(after !== undefined && { ExclusiveStartShardId: after }),
        }),
      );
      found.push(...(stream?.Shards ?? []));
      after = stream?.LastEvaluatedShardId;
    } while (after !== undefined);
    return found;
  }

  async #read(shard: string, pageRecordsMax: number): Promise<void> {
    const saved = this.taken.get(shard);
    const { ShardIterator } = await this.#client().send(
      new GetShardIteratorCommand({
        StreamArn: this.arn,
        ShardId: shard,
        ...(saved === undefined
          ? { ShardIteratorType: 'TRIM_HORIZON' }
          : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: saved }),
      }),
    );
    let iterator = ShardIterator;
    while (iterator !== undefined) {
      const page: GetRecordsCommandOutput = await this.#client().send(
        new GetRecordsCommand({ ShardIterator: iterator, Limit: pageRecordsMax }),
      );
      for (const record of page.Records ?? []) this.#take(shard, record);
      if (page.NextShardIterator === undefined) this.ended.add(shard);
      iterator = (page.Records ?? []).length === 0 ? undefined : page.NextShardIterator;
    }
  }

  #take(shard: string, record: _Record): void {
    const { dynamodb } = record;
    this.records.push(record);
    this.taken.set(shard, dynamodb?.SequenceNumber ?? '');
    const key = JSON.stringify(dynamodb?.Keys);
    if (dynamodb?.NewImage === undefined) this.items.delete(key);
    else this.items.set(key, dynamodb.NewImage);
  }
}

/** A client for the streams of a region that may be stopped and started. */
export const streamsClient = ({ running, name }: TestRegion): DynamoDBStreamsClient =>
  streamsClientAt(running.endpoint, name);

export const streamsClientAt = (endpoint: string, region: string): DynamoDBStreamsClient =>
  new DynamoDBStreamsClient({
    endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

export async function latestStreamArn(
  { client }: Pick<TestRegion, 'client'>,
  table: string,
): Promise<string> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  return Table?.LatestStreamArn ?? '';
}
