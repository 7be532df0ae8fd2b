import { missingExport } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeExportInput {
  readonly ExportArn: string;
}

export const describeExportOperation: Operation = {
  name: 'DescribeExport',
  async run({ region }, input) {
    const { ExportArn } = checkedInput<DescribeExportInput>('DescribeExport', input);
    throw missingExport(ExportArn, region);
  },
};
