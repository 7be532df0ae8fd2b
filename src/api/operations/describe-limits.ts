import { ACCOUNT_CAPACITY_UNITS_MAX, TABLE_CAPACITY_UNITS_MAX } from '../../model/limits.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

export const describeLimitsOperation: Operation = {
  name: 'DescribeLimits',
  async run(_context, input) {
    checkedInput('DescribeLimits', input);
    return JSON.stringify({
      AccountMaxReadCapacityUnits: ACCOUNT_CAPACITY_UNITS_MAX,
      AccountMaxWriteCapacityUnits: ACCOUNT_CAPACITY_UNITS_MAX,
      TableMaxReadCapacityUnits: TABLE_CAPACITY_UNITS_MAX,
      TableMaxWriteCapacityUnits: TABLE_CAPACITY_UNITS_MAX,
    });
  },
};
