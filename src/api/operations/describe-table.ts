import type { Operation } from '../operation.ts';
import { checkedTableInput } from '../request-shape.ts';
import { namedTable } from '../table-access.ts';
import { describeTable } from '../table-description.ts';

interface DescribeTableInput {
  readonly TableName: string;
}

export const describeTableOperation: Operation = {
  name: 'DescribeTable',
  async run(context, input) {
    const { TableName } = checkedTableInput<DescribeTableInput>('DescribeTable', input);
    return JSON.stringify({ Table: describeTable(context, namedTable(context.region, TableName)) });
  },
};
