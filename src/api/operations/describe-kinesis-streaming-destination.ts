import { featureTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeKinesisStreamingDestinationInput {
  readonly TableName: string;
}

export const describeKinesisStreamingDestinationOperation: Operation = {
  name: 'DescribeKinesisStreamingDestination',
  async run({ region }, input) {
    const request = checkedInput<DescribeKinesisStreamingDestinationInput>(
      'DescribeKinesisStreamingDestination',
      input,
    );
    const { name } = featureTable(region, request.TableName);
    return JSON.stringify({ TableName: name, KinesisDataStreamDestinations: [] });
  },
};
