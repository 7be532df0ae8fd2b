import { checkGlobalTableName, missingGlobalTable } from '../global-tables-2017.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeGlobalTableSettingsInput {
  readonly GlobalTableName: string;
}

export const describeGlobalTableSettingsOperation: Operation = {
  name: 'DescribeGlobalTableSettings',
  async run(_context, input) {
    const request = checkedInput<DescribeGlobalTableSettingsInput>(
      'DescribeGlobalTableSettings',
      input,
    );
    checkGlobalTableName(request.GlobalTableName);
    throw missingGlobalTable(request.GlobalTableName);
  },
};
