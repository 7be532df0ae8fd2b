import { missingImport } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeImportInput {
  readonly ImportArn: string;
}

export const describeImportOperation: Operation = {
  name: 'DescribeImport',
  async run({ region }, input) {
    const { ImportArn } = checkedInput<DescribeImportInput>('DescribeImport', input);
    throw missingImport(ImportArn, region);
  },
};
