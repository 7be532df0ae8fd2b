import { checkJobTable, checkJobToken } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface ListImportsInput {
  readonly TableArn?: string;
  readonly NextToken?: string;
}

export const listImportsOperation: Operation = {
  name: 'ListImports',
  async run({ region }, input) {
    const { TableArn, NextToken } = checkedInput<ListImportsInput>('ListImports', input);
    checkJobTable(TableArn, region);
    checkJobToken(NextToken);
    return JSON.stringify({ ImportSummaryList: [] });
  },
};
