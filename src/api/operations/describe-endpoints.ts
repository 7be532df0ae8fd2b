import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

/** How long a client may remember the endpoint. */
const CACHE_PERIOD_MINUTES = 1440;

/** The one endpoint is the one that was asked. */
export const describeEndpointsOperation: Operation = {
  name: 'DescribeEndpoints',
  async run({ region }, input, { host }) {
    checkedInput('DescribeEndpoints', input);
    const address = host ?? `dynamodb.${region.name}.amazonaws.com`;
    return JSON.stringify({
      Endpoints: [{ Address: address, CachePeriodInMinutes: CACHE_PERIOD_MINUTES }],
    });
  },
};
