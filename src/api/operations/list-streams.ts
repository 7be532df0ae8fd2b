import { STREAMS_PAGE_MAX } from '../../model/limits.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { assertStreamArn } from '../stream-arn.ts';

interface ListStreamsInput {
  readonly TableName?: string;
  readonly Limit?: number;
  readonly ExclusiveStartStreamArn?: string;
}

export const listStreamsOperation: Operation = {
  name: 'ListStreams',
  service: 'DynamoDBStreams',
  async run({ region }, input) {
    const {
      TableName: tableName,
      Limit: limit = STREAMS_PAGE_MAX,
      ExclusiveStartStreamArn: after,
    } = checkedInput<ListStreamsInput>('ListStreams', input);
    if (after !== undefined) assertStreamArn(after);
    const all = region.streams.list();
    const ofTable =
      tableName === undefined ? all : all.filter((stream) => stream.tableName === tableName);
    const following = after === undefined ? ofTable : ofTable.filter(({ arn }) => arn > after);
    const page = following.slice(0, limit);
    return JSON.stringify({
      Streams: page.map((stream) => ({
        StreamArn: stream.arn,
        TableName: stream.tableName,
        StreamLabel: stream.stream.label,
      })),
      LastEvaluatedStreamArn: page.length < following.length ? page.at(-1)?.arn : undefined,
    });
  },
};
