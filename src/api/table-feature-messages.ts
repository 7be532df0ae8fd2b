import { invalidParameter } from '../model/messages.ts';

/** What DynamoDB says about tags, and about what a table may have and does not: the third part of the catalogue. */

// Resources by ARN

export const TABLE_ARN_INVALID = 'Invalid TableArn';
export const resourceArnInvalid = (arn: string): string =>
  `Invalid TableArn: Invalid ResourceArn provided as input ${arn}`;
export const arnStart = (text: string): string =>
  invalidParameter(`ARNs must start with 'arn:': ${text}`);
export const arnOfOtherResource = (arn: string): string =>
  invalidParameter(`Provided Arn is not a DynamoDB resource arn: ${arn}`);
export const arnOfIndex = (arn: string): string =>
  invalidParameter(
    `Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ${arn}`,
  );
export const resourceNotFound = (arn: string): string =>
  `Requested resource not found: ResourceArn: ${arn} not found`;

// Tags

export const TAGS_MISSING = 'Atleast one Tag needs to be provided as Input.';
export const TAG_KEYS_MISSING = 'Atleast one Tag Key needs to be provided as Input.';

// Resource policies

export const POLICY_OF_OTHER_ACCOUNT =
  'This action is only supported by accounts that match the resource owner’s account.';
export const policyArnElsewhere = (arn: string): string =>
  invalidParameter(`Invalid resource Arn: ${arn}`);
export const policyStreamNotFound = (label: string, tableName: string): string =>
  `Requested resource not found: Stream: ${label} not found for Table: ${tableName}`;
export const policyNotFound = (arn: string): string =>
  `Resource-based policy not found for the provided ResourceArn: ${arn}`;

// Expiry

export const timeToLiveUnknown = (status: string): string =>
  `Cannot describe time to live while table is in ${status} state: Current table state is ${status}`;

// Backups, exports and imports

export const backedUpTableNotFound = (name: string): string => `Table not found: ${name}`;
const invalidRequest = (reason: string): string => `Invalid Request: ${reason}`;
export const jobArnInvalid = (kind: 'Backup' | 'Export' | 'Import'): string =>
  `Invalid ${kind} ARN`;
export const BACKUP_ARN_ELSEWHERE = invalidRequest('BackupArn is not valid');
export const backupNotFound = (arn: string): string => `Backup not found: ${arn}`;
export const BACKUP_TIMES_REVERSED = invalidParameter(
  'Time range lower bound must be less than or equal to upper bound',
);
export const BACKUP_START_ELSEWHERE = invalidRequest(
  'The supplied ExclusiveStartBackupArn does not match the region',
);
export const exportNotFound = (arn: string): string => `Export not found: Export not found: ${arn}`;
export const EXPORT_ELSEWHERE = 'Export not found: Invalid export arn';
export const importNotFound = (arn: string): string => `Import not found: Import not found: ${arn}`;
export const IMPORT_ELSEWHERE = 'Import not found: Invalid import arn';
export const JOB_TABLE_ARN_EMPTY = 'Invalid TableArn: Invalid Table ARN';
export const JOB_TABLE_ARN_INVALID = invalidParameter('tableArn is not a valid ARN');
export const JOB_TABLE_ARN_OTHER = invalidRequest('Table ARN is invalid.');
export const jobTokenInvalid = (token: string): string =>
  invalidRequest(`Provided nextToken is invalid: ${token}`);

// Contributor Insights

export const INDEX_NAME_LENGTH =
  'IndexName must be at least 3 characters long and at most 255 characters long';
export const insightsIndexNotFound = (name: string, tableName: string): string =>
  `Requested resource not found: Index: ${name} not found for table: ${tableName}`;

// Global tables of 2017, and auto scaling of those of today

export const GLOBAL_TABLES_2017_UNSUPPORTED = invalidParameter(
  'DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version ' +
    '2019.11.21, instead of version 2017.11.29 (Legacy).',
);
export const GLOBAL_TABLE_UPDATE_INVALID = 'One or more parameter values were invalid';
export const globalTableNotFound = (name: string): string =>
  `Global table with name: '${name}' does not exist.`;
export const describedGlobalTableNotFound = (name: string): string =>
  `Global table not found: ${globalTableNotFound(name)}`;
