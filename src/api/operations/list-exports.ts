import { checkJobTable, checkJobToken } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface ListExportsInput {
  readonly TableArn?: string;
  readonly NextToken?: string;
}

export const listExportsOperation: Operation = {
  name: 'ListExports',
  async run({ region }, input) {
    const { TableArn, NextToken } = checkedInput<ListExportsInput>('ListExports', input);
    checkJobTable(TableArn, region);
    checkJobToken(NextToken);
    return JSON.stringify({ ExportSummaries: [] });
  },
};
