import { ClientError, validationError } from '../model/errors.ts';
import { invalidParameter } from '../model/messages.ts';
import type { Table, TableClass, Throughput, ThroughputHistory } from '../model/table.ts';

/**
 * What DynamoDB answers to a change of a table that cannot be made as things stand. Source: measured, DDB-TABLE-442, 443
 * and what they refer to of api-quirks; see docs/sources.md for the few texts that are not.
 */

const inUse = (message: string): ClientError =>
  new ClientError(
    'ResourceInUseException',
    `Attempt to change a resource which is still in use: ${message}`,
  );
const limitExceeded = (message: string): ClientError =>
  new ClientError('LimitExceededException', `Subscriber limit exceeded: ${message}`);
const invalid = (message: string): ClientError => validationError(invalidParameter(message));

// The table itself

/** Of a table that is not yet there DynamoDB says that. */
export const tableExists = ({ name, status }: Table): ClientError =>
  status === 'CREATING'
    ? inUse(`Table is being created: ${name}`)
    : new ClientError('ResourceInUseException', `Table already exists: ${name}`);

export const tableMissing = (name: string): ClientError =>
  new ClientError(
    'ResourceNotFoundException',
    `Requested resource not found: Table: ${name} not found`,
  );

/** Of a change of the replicas, or of anything while they change. */
export const tableChanging = (): ClientError =>
  new ClientError(
    'ResourceInUseException',
    'The resource which you are attempting to change is in use.',
  );

const DOING: Partial<Record<Table['status'], string>> = {
  CREATING: 'created',
  UPDATING: 'updated',
  DELETING: 'deleted',
};

/** A table that is being created or deleted takes no other change of itself. */
export const tableInUse = ({ name, status }: Table): ClientError =>
  inUse(`Table is being ${DOING[status] ?? 'changed'}: ${name}`);

// DeleteTable

export const deletionProtected = (): ClientError =>
  validationError(
    'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
  );
export const deletedWithIndexes = (): ClientError =>
  inUse('Cannot delete table while indexes are being created, updated, or deleted.');
export const deletedWithStream = (): ClientError =>
  inUse('Cannot delete table while stream is being enabled/disabled.');
export const deletedWhileUpdated = (name: string): ClientError =>
  inUse(`Table: ${name} is in the process of being updated.`);

// Throughput and billing mode

export const throughputUpdating = (name: string): ClientError =>
  inUse(`Table IOPS are currently being updated. Table: ${name}`);
export const throughputWithIndex = (
  doing: 'created' | 'deleted',
  name: string,
  indexes: readonly string[],
): ClientError =>
  inUse(
    `Can't change table IOPS when an index is being ${doing}. Table: ${name} Indexes: [${indexes.join(', ')}]`,
  );
export const throughputOnDemand = (): ClientError =>
  invalid(
    'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
  );
export const throughputMissing = (): ClientError =>
  invalid('ProvisionedThroughput must be specified when BillingMode is PROVISIONED');
export const indexThroughputMissing = (index: string): ClientError =>
  invalid(`ProvisionedThroughput must be specified for index: ${index}`);

interface SameThroughput {
  readonly current: Throughput;
  readonly index: string | undefined;
}

export function throughputUnchanged({ current, index }: SameThroughput): ClientError {
  const { read, write } = current;
  const subject = index === undefined ? 'the table' : `index ${index}`;
  return validationError(
    `The provisioned throughput for ${index === undefined ? subject : `the ${subject}`} will not change. ` +
      'The requested value equals the current value. ' +
      `Current ReadCapacityUnits provisioned for ${subject}: ${read}. Requested ReadCapacityUnits: ${read}. ` +
      `Current WriteCapacityUnits provisioned for ${subject}: ${write}. Requested WriteCapacityUnits: ${write}. ` +
      'Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.',
  );
}

/** `nextMs`: when a decrease is possible again. */
export const decreasesExceeded = (
  { decreases, decreasedAtMs }: ThroughputHistory,
  nextMs: number,
): ClientError =>
  limitExceeded(
    'Provisioned throughput decreases are limited within a given UTC day. After the first 4 decreases, each ' +
      'subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. ' +
      `Number of decreases today: ${decreases}. Last decrease at ${longDate(decreasedAtMs ?? 0)}. ` +
      `Next decrease can be made at ${longDate(nextMs)}.`,
  );

/** Thursday, October 8, 2026 at 11:20:48 PM Coordinated Universal Time */
const longDate = (atMs: number): string =>
  new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeStyle: 'full', timeZone: 'UTC' })
    .format(atMs)
    .replaceAll('\u202F', ' ');

export const onDemandOfProvisioned = (member: string, index: string | undefined): ClientError =>
  invalid(
    `${member} for OnDemandThroughput ${index === undefined ? '' : `for index : ${index} `}cannot be specified ` +
      'when the table BillingMode is PROVISIONED',
  );
/** DDB-TABLE-442: without the usual beginning. */
export const overrideOnDemand = (): ClientError =>
  validationError(
    'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
  );
/** DDB-TABLE-442 knows that there is such a text. */
export const overrideProvisioned = (): ClientError =>
  validationError(
    'MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED',
  );
export const onDemandWhile = (what: string): ClientError =>
  inUse(`OnDemandThroughput cannot be updated while ${what}`);
export const warmDecreased = (member: string, index: string | undefined): ClientError =>
  invalid(
    `Requested ${member} for WarmThroughput for ${index === undefined ? 'table' : `index ${index}`} is lower than ` +
      'current WarmThroughput, decreasing WarmThroughput is not supported',
  );

// Streams, class, encryption

export const streamEnabled = (name: string): ClientError =>
  validationError(`Table already has an enabled stream: TableName: ${name}`);
export const streamMissing = (name: string): ClientError =>
  validationError(`Table has no stream to disable: TableName: ${name}`);
export const streamOfReplica = (): ClientError =>
  invalid('Disabling Stream is not allowed for a Global Table replica.');
export const streamUpdating = (name: string): ClientError =>
  inUse(`Can't change stream status when stream status is being updated. Table: ${name}`);
export const streamWithThroughput = (name: string): ClientError =>
  inUse(`Can't enable or disable stream while table IOPS are being updated. Table: ${name}`);
export const streamWithIndex = (): ClientError =>
  inUse("Can't change stream status when an index is being created");
const classUpdating = (name: string, tableClass: TableClass): string =>
  `when a table class update is in progress. Table: ${name} TableClassUpdateInProgress: ${tableClass}`;
export const streamWithClass = (name: string, tableClass: TableClass): ClientError =>
  inUse(`Can't change stream status ${classUpdating(name, tableClass)}`);
export const classWithClass = (name: string, tableClass: TableClass): ClientError =>
  inUse(`Can't update table class ${classUpdating(name, tableClass)}`);
export const classWithStream = (name: string): ClientError =>
  inUse(`Can't update table class when stream status is being updated. Table: ${name}`);
export const classWithThroughput = (name: string): ClientError =>
  inUse(`Can't update table class while table IOPS are being updated. Table: ${name}`);
export const encryptionUpdating = (): ClientError =>
  inUse('Server-Side Encryption is still being updated');
export const encryptedByDefault = (): ClientError =>
  invalid('Table is already encrypted by default');
export const encryptedWithKey = (): ClientError =>
  invalid(
    'Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key',
  );

// Indexes

export const onlyOneIndex = (): ClientError =>
  limitExceeded('Only 1 online index can be created or deleted simultaneously per table');
export const indexesExceeded = (max: number): ClientError =>
  limitExceeded(`Number of global secondary indexes exceeds per-table limit of ${max}`);
export const indexMissing = (index: string, name: string): ClientError =>
  new ClientError(
    'ResourceNotFoundException',
    `Requested resource not found: Index ${index} for table ${name}`,
  );
export const indexExists = (): ClientError =>
  validationError('Attempting to create an index which already exists');
export const indexNotGlobal = (doing: 'delete' | 'update', index: string): ClientError =>
  validationError(`Cannot ${doing} an index that is not a GlobalSecondaryIndex: ${index}`);
export const indexInUse = (doing: string, index: string, name: string): ClientError =>
  inUse(`Index is being ${doing}. Table: ${name} Index: ${index}`);
export const indexAllocating = (index: string, name: string): ClientError =>
  inUse(
    'Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the index is ' +
      `active. Table: ${name} Index: ${index}`,
  );
export const indexWithThroughput = (name: string): ClientError =>
  inUse(`Can't create or delete indexes while table IOPS are being updated. Table: ${name}`);
export const indexWithStream = (): ClientError =>
  inUse("Can't create or delete an index when stream status is being updated.");
export const indexWithClass = (): ClientError =>
  inUse("Can't create or delete an index when a table class update is in progress.");
export const indexThroughputNeeded = (index: string): ClientError =>
  invalid(`Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: ${index}`);
export const indexThroughputOnDemand = (index: string): ClientError =>
  invalid(
    `Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: ${index} when BillingMode is ` +
      'PAY_PER_REQUEST',
  );
export const indexUpdateOnDemand = (index: string): ClientError =>
  invalid(
    `The only Updates for index: ${index} when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, ` +
      'WarmThroughput',
  );
const schemaOf = (elements: readonly string[]): string =>
  `Schema:[SchemaElement: ${elements.map((element) => `key{${element}}`).join(', SchemaElement: ')}]`;
/** `existing`, `added`: key elements, as `name:type:HASH`. */
export const attributeRedefined = (
  existing: readonly string[],
  added: readonly string[],
): ClientError =>
  invalid(
    'Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. ' +
      `Existing schema: ${schemaOf(existing)} New schema: ${schemaOf(added)}`,
  );

// Time to live

export const timeToLiveEnabled = (): ClientError =>
  validationError('TimeToLive is already enabled');
export const timeToLiveDisabled = (): ClientError =>
  validationError('TimeToLive is already disabled');
export const timeToLiveElsewhere = (attribute: string): ClientError =>
  validationError(
    `TimeToLive is active on a different AttributeName: current AttributeName is ${attribute}`,
  );
export const timeToLiveTooSoon = (): ClientError =>
  validationError('Time to live has been modified multiple times within a fixed interval');
