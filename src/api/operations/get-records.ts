import { ClientError } from '../../model/errors.ts';
import { STREAM_RECORDS_BYTES_MAX, STREAM_RECORDS_MAX } from '../../model/limits.ts';
import type { Call, Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { encodeShardIterator, parseShardIterator } from '../shard-iterator.ts';
import { readRateExceeded } from '../stream-messages.ts';

/**
 * How often a shard is read per second, by all callers together. AWS promises five and says less of how it refuses more;
 * this only keeps a caller who polls without a pause from the others.
 */
export const SHARD_READS_PER_SECOND = 1000;

/** Asks for what AWS does not tell: where each record's state comes from. */
const METADATA_HEADER = 'x-tidemark-stream-metadata';

interface GetRecordsInput {
  readonly ShardIterator: string;
  readonly Limit?: number;
}

export const getRecordsOperation: Operation = {
  name: 'GetRecords',
  service: 'DynamoDBStreams',
  async run({ region, clock, shardReads }, input, call) {
    const { ShardIterator: sent, Limit: recordsMax = STREAM_RECORDS_MAX } =
      checkedInput<GetRecordsInput>('GetRecords', input);
    const nowMs = clock.wallMs();
    const { stream, iterator } = parseShardIterator(region, sent, nowMs);
    const { place, position } = iterator;
    const shard = `${place.partition}/${place.era}/${place.span}`;
    if (!shardReads.admit(`${stream.arn}/${shard}`))
      throw new ClientError('LimitExceededException', readRateExceeded(shard));
    const bytesMax = STREAM_RECORDS_BYTES_MAX;
    const bounds = { recordsMax, bytesMax, metadata: wantsMetadata(call) };
    const { records, next } = await region.streams.read(stream, place, position, bounds);
    const list = records.map(({ json }) => json).join(',');
    if (next === undefined) return `{"Records":[${list}]}`;
    const following = encodeShardIterator(stream, { place, position: next, madeAtMs: nowMs });
    return `{"Records":[${list}],"NextShardIterator":${JSON.stringify(following)}}`;
  },
};

const wantsMetadata = ({ headers }: Call): boolean => headers[METADATA_HEADER] === '1';
