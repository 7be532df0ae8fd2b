import { validationError } from '../model/errors.ts';
import { TABLE_NAME_LENGTH_MIN } from '../model/limits.ts';
import { isArn, parseTableArn } from '../model/table-arn.ts';
import type { Region } from '../region/region.ts';
import { TABLE_NAME_LENGTH, arnElsewhere, arnInvalid } from './api-messages.ts';

/**
 * The table's name in what a client sends as `TableName`, which the service model has checked: a name, or the ARN
 * of a table of this region. Throws `ValidationException` for what is neither.
 */
export function parseTableName(nameOrArn: string, region: Region): string {
  if (!isArn(nameOrArn)) {
    if (nameOrArn.length < TABLE_NAME_LENGTH_MIN) throw validationError(TABLE_NAME_LENGTH);
    return nameOrArn;
  }
  const arn = parseTableArn(nameOrArn);
  if (arn === undefined) throw validationError(arnInvalid(nameOrArn));
  if (arn.region !== region.name || arn.accountId !== region.accountId) {
    throw validationError(arnElsewhere(nameOrArn, region));
  }
  return arn.tableName;
}
