import { ClientError, validationError } from '../model/errors.ts';
import {
  ARN_PARTITION,
  ARN_SERVICE,
  isArn,
  parseArn,
  parseTableResource,
  type TableResource,
} from '../model/table-arn.ts';
import type { Table } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import { tableNotFound } from './api-messages.ts';
import {
  POLICY_OF_OTHER_ACCOUNT,
  TABLE_ARN_INVALID,
  arnOfIndex,
  arnOfOtherResource,
  arnStart,
  policyArnElsewhere,
  policyStreamNotFound,
  resourceArnInvalid,
  resourceNotFound,
} from './table-feature-messages.ts';
import { accessDenied } from './table-name.ts';

/**
 * The resource that a request on tags names, not looked up yet. Throws `ValidationException` for what cannot have
 * tags, `AccessDeniedException` for what is another's. Source: measured, DDB-TABLE-071 and 442 of api-quirks.
 */
export function parseTaggedArn(text: string | undefined, region: Region): TaggedResource {
  if (text === undefined) throw validationError(TABLE_ARN_INVALID);
  if (!isArn(text)) throw validationError(arnStart(text));
  const arn = parseArn(text);
  if (arn === undefined) throw validationError(resourceArnInvalid(text));
  if (arn.service !== ARN_SERVICE) throw accessDenied();
  if (isOtherResource(arn.resource)) throw validationError(arnOfOtherResource(text));
  if (arn.accountId !== region.accountId) throw accessDenied();
  const resource = parseTableResource(arn.resource);
  const isHere = arn.partition === ARN_PARTITION && arn.region === region.name;
  if (resource === undefined || !isHere) throw validationError(resourceArnInvalid(text));
  if (resource.of === 'index') throw validationError(arnOfIndex(text));
  return { ...resource, arn: text };
}

export interface TaggedResource extends TableResource {
  readonly arn: string;
}

/** The table that has the tags. Throws `ResourceNotFoundException`, also while it is being created. */
export function taggedTable(region: Region, { arn, of, tableName }: TaggedResource): Table {
  const table = region.findTable(tableName);
  if (table === undefined || of !== 'table' || table.status === 'CREATING') {
    throw new ClientError('ResourceNotFoundException', resourceNotFound(arn));
  }
  return table;
}

/**
 * The table that a request on policies names. Throws `ValidationException` for what cannot have one, and
 * `ResourceNotFoundException`. Source: measured, DDB-TABLE-212 of api-quirks.
 */
export function policyTable(region: Region, text: string): Table {
  if (!isArn(text)) throw validationError(arnStart(text));
  const arn = parseArn(text);
  const resource = arn === undefined ? undefined : parseTableResource(arn.resource);
  if (arn?.service !== ARN_SERVICE || resource === undefined) {
    throw validationError(arnOfOtherResource(text));
  }
  if (arn.accountId !== region.accountId) throw validationError(POLICY_OF_OTHER_ACCOUNT);
  if (arn.partition !== ARN_PARTITION || arn.region !== region.name) {
    throw validationError(policyArnElsewhere(text));
  }
  if (resource.of === 'index') throw validationError(arnOfIndex(text));
  const { tableName, label } = resource;
  const table = region.findTable(tableName);
  if (table === undefined) {
    throw new ClientError('ResourceNotFoundException', tableNotFound(tableName));
  }
  if (resource.of === 'stream') {
    throw new ClientError('ResourceNotFoundException', policyStreamNotFound(label, tableName));
  }
  return table;
}

/** Backups, exports and imports are no resources in this sense, nor is what is not of a table. */
const isOtherResource = (resource: string): boolean =>
  !resource.startsWith('table/') || /\/(?:backup|export|import)\//.test(resource);
