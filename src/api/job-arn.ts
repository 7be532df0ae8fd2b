import { ClientError, validationError } from '../model/errors.ts';
import { ARN_PARTITION, ARN_SERVICE, isArn, parseArn, type Arn } from '../model/table-arn.ts';
import type { Region } from '../region/region.ts';
import {
  BACKUP_ARN_ELSEWHERE,
  EXPORT_ELSEWHERE,
  IMPORT_ELSEWHERE,
  JOB_TABLE_ARN_EMPTY,
  JOB_TABLE_ARN_INVALID,
  JOB_TABLE_ARN_OTHER,
  backupNotFound,
  exportNotFound,
  importNotFound,
  jobArnInvalid,
  jobTokenInvalid,
} from './table-feature-messages.ts';
import { accessDenied } from './table-name.ts';

/** Backups, exports and imports are named by ARNs below a table's. There are none here, so each is looked for in vain. */

/** Throws for what is no backup's ARN, or not this account's. Its region is not looked at, as in DynamoDB. */
export function parseBackupArn(text: string, region: Region): Arn {
  const arn = jobArn(text, 'Backup');
  if (arn.partition !== ARN_PARTITION || arn.service !== ARN_SERVICE) {
    throw validationError(BACKUP_ARN_ELSEWHERE);
  }
  if (arn.region === '' || arn.accountId !== region.accountId) throw accessDenied();
  return arn;
}

/** Why there is no such backup. Throws as `parseBackupArn`. Source: measured, DDB-BACKUP-012 of api-quirks. */
export function missingBackup(text: string, region: Region): ClientError {
  parseBackupArn(text, region);
  return new ClientError('BackupNotFoundException', backupNotFound(text));
}

/** Why there is no such export. Throws `ValidationException` and such. Source: measured, DDB-EXPORT-006 of api-quirks. */
export function missingExport(text: string, region: Region): ClientError {
  const isHere = isOfRegion(jobArn(text, 'Export'), region);
  return new ClientError(
    'ExportNotFoundException',
    isHere ? exportNotFound(text) : EXPORT_ELSEWHERE,
  );
}

/** Why there is no such import. Throws `ValidationException` and such. Source: measured, DDB-IMPORT-010 of api-quirks. */
export function missingImport(text: string, region: Region): ClientError {
  const isHere = isOfRegion(jobArn(text, 'Import'), region);
  return new ClientError(
    'ImportNotFoundException',
    isHere ? importNotFound(text) : IMPORT_ELSEWHERE,
  );
}

const JOB_RESOURCE = /^table\/[a-zA-Z0-9_.-]{3,255}\/(backup|export|import)\/[^/]+$/;

function jobArn(text: string, kind: 'Backup' | 'Export' | 'Import'): Arn {
  const arn = parseArn(text);
  const found = JOB_RESOURCE.exec(arn?.resource ?? '')?.[1];
  if (arn === undefined || found !== kind.toLowerCase()) throw validationError(jobArnInvalid(kind));
  return arn;
}

/** Throws `AccessDeniedException` for what is another account's. */
function isOfRegion(arn: Arn, region: Region): boolean {
  if (arn.accountId !== region.accountId) throw accessDenied();
  return arn.partition === ARN_PARTITION && arn.region === region.name;
}

/** Throws for what is no ARN of a table of this account. Tables elsewhere just have no jobs here. */
export function checkJobTable(text: string | undefined, region: Region): void {
  if (text === undefined) return;
  if (text === '') throw validationError(JOB_TABLE_ARN_EMPTY);
  if (!isArn(text)) throw validationError(JOB_TABLE_ARN_INVALID);
  const arn = parseArn(text);
  if (arn === undefined || !/^table\/[^/]+$/.test(arn.resource)) {
    throw validationError(JOB_TABLE_ARN_OTHER);
  }
  if (arn.accountId !== region.accountId) throw accessDenied();
}

/** No list of jobs here has a second page. Throws `ValidationException` for any token. */
export function checkJobToken(token: string | undefined): void {
  if (token !== undefined) throw validationError(jobTokenInvalid(token));
}
