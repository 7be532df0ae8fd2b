import { validationError } from '../../model/errors.ts';
import type { ShardStart } from '../../region/region.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { encodeShardIterator } from '../shard-iterator.ts';
import { streamOf } from '../stream-arn.ts';
import { SEQUENCE_NUMBER_MISSING, sequenceNumberUnexpected } from '../stream-messages.ts';

interface GetShardIteratorInput {
  readonly StreamArn: string;
  readonly ShardId: string;
  readonly ShardIteratorType:
    | 'TRIM_HORIZON'
    | 'LATEST'
    | 'AT_SEQUENCE_NUMBER'
    | 'AFTER_SEQUENCE_NUMBER';
  readonly SequenceNumber?: string;
}

export const getShardIteratorOperation: Operation = {
  name: 'GetShardIterator',
  service: 'DynamoDBStreams',
  async run({ region, clock }, input) {
    const request = checkedInput<GetShardIteratorInput>('GetShardIterator', input);
    const start = startOf(request);
    const stream = streamOf(region, request.StreamArn);
    const { place, position } = await region.streams.position(stream, request.ShardId, start);
    const iterator = { place, position, madeAtMs: clock.wallMs() };
    return JSON.stringify({ ShardIterator: encodeShardIterator(stream, iterator) });
  },
};

function startOf({
  ShardIteratorType: type,
  SequenceNumber: sent,
}: GetShardIteratorInput): ShardStart {
  if (type === 'TRIM_HORIZON' || type === 'LATEST') {
    if (sent !== undefined) throw validationError(sequenceNumberUnexpected(type));
    return { kind: type === 'LATEST' ? 'latest' : 'trim-horizon' };
  }
  if (sent === undefined) throw validationError(SEQUENCE_NUMBER_MISSING);
  return { kind: type === 'AT_SEQUENCE_NUMBER' ? 'at' : 'after', sequenceNumber: sent };
}
