import { checkGlobalTableName, missingDescribedGlobalTable } from '../global-tables-2017.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeGlobalTableInput {
  readonly GlobalTableName: string;
}

export const describeGlobalTableOperation: Operation = {
  name: 'DescribeGlobalTable',
  async run(_context, input) {
    const request = checkedInput<DescribeGlobalTableInput>('DescribeGlobalTable', input);
    checkGlobalTableName(request.GlobalTableName);
    throw missingDescribedGlobalTable(request.GlobalTableName);
  },
};
