import { ClientError, validationError } from '../model/errors.ts';
import { ARN_PARTITION, ARN_SERVICE, isArn, parseArn } from '../model/table-arn.ts';
import type { Region } from '../region/region.ts';
import {
  ACCESS_DENIED,
  ARN_FORMAT_INVALID,
  arnPartition,
  arnRegion,
  arnResourceType,
} from './api-messages.ts';

/**
 * The table's name in what a client sends as `TableName`, which the service model has checked: a name, or the ARN
 * of a table of this region. Throws `ValidationException` for what is neither, `AccessDeniedException` for a table of
 * another account. Source: measured, DDB-TABLE-011 of api-quirks.
 */
export function parseTableName(nameOrArn: string, region: Region): string {
  if (isArn(nameOrArn)) return nameInArn(nameOrArn, region);
  return nameOrArn;
}

const RESOURCE = /^([^/]*)\/([a-zA-Z0-9_.-]{3,255})$/;

function nameInArn(text: string, region: Region): string {
  const arn = parseArn(text);
  const [, type, tableName] = RESOURCE.exec(arn?.resource ?? '') ?? [];
  if (arn?.service !== ARN_SERVICE || tableName === undefined) {
    throw validationError(ARN_FORMAT_INVALID);
  }
  if (type !== 'table') throw validationError(arnResourceType(text));
  if (arn.accountId !== region.accountId) throw accessDenied();
  if (arn.partition !== ARN_PARTITION) throw validationError(arnPartition(text));
  if (arn.region !== region.name) throw validationError(arnRegion(text));
  return tableName;
}

/** What DynamoDB answers about anything of another account. */
export const accessDenied = (): ClientError =>
  new ClientError('AccessDeniedException', ACCESS_DENIED);
