import { missingBackup } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DeleteBackupInput {
  readonly BackupArn: string;
}

export const deleteBackupOperation: Operation = {
  name: 'DeleteBackup',
  async run({ region }, input) {
    const { BackupArn } = checkedInput<DeleteBackupInput>('DeleteBackup', input);
    throw missingBackup(BackupArn, region);
  },
};
