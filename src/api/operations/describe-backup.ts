import { missingBackup } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeBackupInput {
  readonly BackupArn: string;
}

export const describeBackupOperation: Operation = {
  name: 'DescribeBackup',
  async run({ region }, input) {
    const { BackupArn } = checkedInput<DescribeBackupInput>('DescribeBackup', input);
    throw missingBackup(BackupArn, region);
  },
};
