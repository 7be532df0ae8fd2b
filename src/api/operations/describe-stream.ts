import { validationError } from '../../model/errors.ts';
import { STREAMS_PAGE_MAX } from '../../model/limits.ts';
import { streamCreatedMs, type Shard, type StreamOfTable } from '../../region/region.ts';
import { describeKeySchema } from '../key-schema-description.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { streamOf } from '../stream-arn.ts';
import { SHARD_FILTER_INCOMPLETE } from '../stream-messages.ts';

interface DescribeStreamInput {
  readonly StreamArn: string;
  readonly Limit?: number;
  readonly ExclusiveStartShardId?: string;
  readonly ShardFilter?: ShardFilterMember;
}

interface ShardFilterMember {
  readonly Type?: 'CHILD_SHARDS';
  readonly ShardId?: string;
}

export const describeStreamOperation: Operation = {
  name: 'DescribeStream',
  service: 'DynamoDBStreams',
  async run({ region }, input) {
    const request = checkedInput<DescribeStreamInput>('DescribeStream', input);
    const { Limit: limit = STREAMS_PAGE_MAX, ExclusiveStartShardId: after } = request;
    const stream = streamOf(region, request.StreamArn);
    const all = filtered(await region.streams.shards(stream), request.ShardFilter);
    const following = after === undefined ? all : all.filter(({ id }) => id > after);
    const page = following.slice(0, limit);
    return JSON.stringify({
      StreamDescription: {
        ...describe(stream),
        Shards: page.map(describeShard),
        LastEvaluatedShardId: page.length < following.length ? page.at(-1)?.id : undefined,
      },
    });
  },
};

/** The children of one shard are those that go on with its items. */
function filtered(
  shards: readonly Shard[],
  filter: ShardFilterMember | undefined,
): readonly Shard[] {
  if (filter === undefined) return shards;
  const { Type: type, ShardId: parent } = filter;
  if (type === undefined || parent === undefined) throw validationError(SHARD_FILTER_INCOMPLETE);
  return shards.filter(({ parentId }) => parentId === parent);
}

const describe = ({ arn, stream, status, tableName, keySchema }: StreamOfTable): object => ({
  StreamArn: arn,
  StreamLabel: stream.label,
  StreamStatus: status,
  StreamViewType: stream.view,
  CreationRequestDateTime: streamCreatedMs(stream) / 1000,
  TableName: tableName,
  KeySchema: describeKeySchema({
    partition: [keySchema.partition],
    sort: keySchema.sort === undefined ? [] : [keySchema.sort],
  }),
});

const describeShard = ({ id, parentId, first, last }: Shard): object => ({
  ShardId: id,
  SequenceNumberRange: { StartingSequenceNumber: first, EndingSequenceNumber: last },
  ParentShardId: parentId,
});
