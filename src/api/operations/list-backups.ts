import { validationError } from '../../model/errors.ts';
import { parseBackupArn } from '../job-arn.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { BACKUP_START_ELSEWHERE, BACKUP_TIMES_REVERSED } from '../table-feature-messages.ts';
import { parseTableName } from '../table-name.ts';

interface ListBackupsInput {
  readonly TableName?: string;
  readonly TimeRangeLowerBound?: number;
  readonly TimeRangeUpperBound?: number;
  readonly ExclusiveStartBackupArn?: string;
}

/** Backups outlive their tables, so the table need not be there. */
export const listBackupsOperation: Operation = {
  name: 'ListBackups',
  async run({ region }, input) {
    const {
      TableName: table,
      TimeRangeLowerBound: from,
      TimeRangeUpperBound: to,
      ExclusiveStartBackupArn: start,
    } = checkedInput<ListBackupsInput>('ListBackups', input);
    if (table !== undefined) parseTableName(table, region);
    if (from !== undefined && to !== undefined && from > to) {
      throw validationError(BACKUP_TIMES_REVERSED);
    }
    if (start !== undefined && parseBackupArn(start, region).region !== region.name) {
      throw validationError(BACKUP_START_ELSEWHERE);
    }
    return JSON.stringify({ BackupSummaries: [] });
  },
};
