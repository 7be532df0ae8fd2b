import { invalidParameter } from '../model/messages.ts';

/**
 * What DynamoDB says to requests that make or change tables and could not be carried out on any; what depends on a table
 * is in `region/table-errors.ts`. Source: measured, DDB-TABLE-442 of api-quirks; see docs/sources.md for others.
 */

export const TABLE_CLASS_INVALID =
  'Invalid table-class parameter provided. Please try again with a valid table-class value: ' +
  '[STANDARD, STANDARD_INFREQUENT_ACCESS].';

// Throughput

export const THROUGHPUT_WITH_PAY_PER_REQUEST = invalidParameter(
  'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
);
export const THROUGHPUT_MISSING = invalidParameter(
  'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED',
);
export const UPDATED_THROUGHPUT_WITH_PAY_PER_REQUEST = invalidParameter(
  'ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST',
);
/** `index`: undefined for the table's own. */
export const throughputOutOfBounds = (
  value: number,
  member: string,
  index: string | undefined,
): string =>
  `Given value ${value} for ${member} is out of bounds${index === undefined ? '' : ` for index ${index}`}`;
export const indexThroughputMissing = (index: string): string =>
  invalidParameter(`ProvisionedThroughput is not specified for index: ${index}`);
export const indexThroughputWithPayPerRequest = (index: string): string =>
  invalidParameter(
    `ProvisionedThroughput should not be specified for index: ${index} when BillingMode is PAY_PER_REQUEST`,
  );
const onDemandOf = (index: string | undefined): string =>
  index === undefined ? '' : ` for index: ${index}`;
export const onDemandWithProvisioned = (member: string, index: string | undefined): string =>
  invalidParameter(
    `${member} for OnDemandThroughput${onDemandOf(index)} cannot be specified when table BillingMode is PROVISIONED.`,
  );
export const onDemandOutOfRange = (member: string, index: string | undefined): string =>
  invalidParameter(
    `Requested ${member} for OnDemandThroughput for ${index === undefined ? 'table' : `index : ${index}`} is outside of valid range`,
  );
const warmOf = (member: string, index: string | undefined): string =>
  `Requested ${member} for WarmThroughput for ${index === undefined ? 'table' : `index ${index}`} is lower than`;
export const warmBelowOnDemand = (member: string, index: string | undefined): string =>
  invalidParameter(
    `${warmOf(member, index)} initial throughput for OnDemand. See: ` +
      'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial',
  );
export const warmBelowProvisioned = (
  member: string,
  units: string,
  index: string | undefined,
): string => invalidParameter(`${warmOf(member, index)} ${units} of ProvisionedThroughput`);

// Keys and attribute definitions

export const KEY_ATTRIBUTE_UNDEFINED =
  'Invalid KeySchema: Some index key attribute have no definition';
export const keyAttributesUndefined = (
  keys: readonly string[],
  definitions: readonly string[],
): string =>
  invalidParameter(
    'Some index key attributes are not defined in AttributeDefinitions. ' +
      `Keys: [${keys.join(', ')}], AttributeDefinitions: [${definitions.join(', ')}]`,
  );
export const KEY_NAMES_EQUAL =
  'Both the Hash Key and the Range Key element in the KeySchema have the same name';
export const FIRST_KEY_NOT_HASH =
  'Invalid KeySchema: The first KeySchemaElement is not a HASH key type';
export const SECOND_KEY_NOT_RANGE =
  'Invalid KeySchema: The second KeySchemaElement is not a RANGE key type';
export const ATTRIBUTE_DEFINITIONS_UNMATCHED = invalidParameter(
  'Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions',
);
export const attributeDefinitionsUnused = (
  definitions: readonly string[],
  keys: readonly string[],
): string =>
  invalidParameter(
    `Some AttributeDefinitions are not used. AttributeDefinitions: [${definitions.join(', ')}], keys used: [${keys.join(', ')}]`,
  );
export const attributeDefinedTwice = (name: string): string =>
  `Attribute Name is duplicated: ${name}`;
export const KEY_ATTRIBUTE_TWICE =
  'The KeySchema contains multiple key attributes with the same name';
export const HASH_AFTER_RANGE = invalidParameter(
  'All HASH key attributes must precede RANGE key attributes in the KeySchema',
);
export const keyAttributesTooMany = (type: 'HASH' | 'RANGE'): string =>
  invalidParameter(`The KeySchema exceeds the maximum allowed number of ${type} key attributes`);

// Indexes

export const indexesEmpty = (member: string): string =>
  invalidParameter(`List of ${member} is empty`);
export const TABLE_WITHOUT_RANGE_KEY = invalidParameter(
  'Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex',
);
export const indexWithoutRangeKey = (index: string): string =>
  invalidParameter(`Index KeySchema does not have a range key for index: ${index}`);
export const indexHashKeyOther = (
  index: string,
  keys: { readonly index: string; readonly table: string },
): string =>
  invalidParameter(
    `Index KeySchema does not have the same leading hash key as table KeySchema for index: ${index}. ` +
      `index hash key: ${keys.index}, table hash key: ${keys.table}`,
  );
export const PROJECTION_TYPE_MISSING = invalidParameter('Unknown ProjectionType: null');
export const projectionWithAttributes = (type: string): string =>
  invalidParameter(`ProjectionType is ${type}, but NonKeyAttributes is specified`);
export const PROJECTION_WITHOUT_ATTRIBUTES = invalidParameter(
  'ProjectionType is INCLUDE, but NonKeyAttributes is not specified',
);
export const projectedTwice = (name: string): string =>
  invalidParameter(`Duplicate element in NonKeyAttributes: ${name}`);
export const indexNameTwice = (name: string): string =>
  invalidParameter(`Duplicate index name: ${name}`);
export const localIndexesTooMany = (max: number): string =>
  invalidParameter(`Number of LocalSecondaryIndexes exceeds per-table limit of ${max}`);
export const globalIndexesTooMany = (max: number): string =>
  invalidParameter(`GlobalSecondaryIndex count exceeds the per-table limit of ${max}`);
export const INDEX_UPDATE_EMPTY = invalidParameter(
  'One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, ' +
    'GlobalSecondaryIndexUpdate.Delete must not be null',
);
export const INDEX_ACTIONS_MORE_THAN_ONE = invalidParameter(
  'Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object',
);
export const indexUpdatedTwice = (index: string): string =>
  invalidParameter(
    `Only one global secondary index update per index is allowed simultaneously. Index: ${index}`,
  );
export const attributeDefinitionsMissing = (index: string): string =>
  invalidParameter(`AttributeDefinitions is not specified for index: ${index}`);

// Streams and encryption

export const CREATED_STREAM_WITHOUT_VIEW = invalidParameter(
  'Table is being created with a stream enabled, UpdateViewType is required',
);
export const CREATED_WITHOUT_STREAM_WITH_VIEW = invalidParameter(
  'Table is being created with a stream disabled, UpdateViewType should not be specified',
);
export const ENABLED_STREAM_WITHOUT_VIEW = invalidParameter(
  'If stream is being enabled then UpdateViewType is required',
);
export const DISABLED_STREAM_WITH_VIEW = invalidParameter(
  'If stream is being disabled, then UpdateViewType must not be specified',
);
export const notIfEncryptionOff = (member: string): string =>
  invalidParameter(`${member} can not be specified if Enabled is false`);
export const KEY_WITHOUT_ENCRYPTION_TYPE = invalidParameter(
  'SSEType KMS is required if KMSMasterKeyId is specified',
);
export const ENCRYPTION_TYPE_NOT_SUPPORTED = invalidParameter('SSEType AES256 is not supported');

// Policies

export const POLICY_NOT_JSON = invalidParameter(
  'Invalid policy document: This policy contains invalid Json',
);
export const policyTooLarge = (bytesMax: number): string =>
  invalidParameter(`Maximum policy size of ${bytesMax} bytes exceeded`);

// UpdateTable

/** What an UpdateTable has to have one of, in DynamoDB's order; some are its own. */
const CHANGES = [
  'ProvisionedThroughput',
  'BillingMode',
  'UpdateStreamEnabled',
  'GlobalSecondaryIndexUpdates',
  'SSESpecification',
  'ReplicaUpdates',
  'MultiAccountReplicaReady',
  'ReplicaTransitRoleArn',
  'MultiRegionConsistency',
  'DeletionProtectionEnabled',
  'OnDemandThroughput',
  'WarmThroughput',
];
/** `present`: those that the request has, though they change nothing by themselves. */
export const nothingToUpdate = (present: readonly string[]): string => {
  const missing = CHANGES.filter((member) => !present.includes(member));
  return `At least one of ${missing.join(', ')} or TableClass is required`;
};
export const onlyOperation = (what: string): string =>
  invalidParameter(`${what} must be the only operation in the request`);
export const REPLICAS_AND_MORE = onlyOperation('Replica modification');
export const REPLICAS_OR_WITNESSES_AND_MORE = invalidParameter(
  'Requests that modify replicas or witnesses must not also modify other fields',
);
export const ON_DEMAND_COMBINED = invalidParameter(
  'OnDemandThroughput can only be combined with BillingMode in an UpdateTable request',
);
export const WARM_WITH_NEW_INDEX = invalidParameter(
  'Create global secondary index cannot be specified when updating WarmThroughput',
);
export const STREAM_WITH_THROUGHPUT = invalidParameter(
  'You cannot modify stream status while updating table IOPS',
);
export const INDEX_WITH_THROUGHPUT = invalidParameter(
  'You cannot create or delete index while updating table IOPS',
);
export const INDEX_WITH_STREAM = invalidParameter(
  'You cannot create or delete index while changing stream status',
);
export const SETTINGS_REPLICATION_OF_REGIONAL =
  "Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettingsReplicationMode' failed to satisfy constraint: " +
  'Only ENABLED and DISABLED settings replication are supported for a Regional Table.';
export const WITNESS_WITHOUT_STRONG =
  'MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.';
export const REPLICA_ACTIONS_MORE_THAN_ONE =
  'Update table operation with more than one create or delete replica actions not allowed';
export const REPLICA_ACTION_KINDS_MORE_THAN_ONE =
  'Update table operation with more than one type of replica actions not allowed.';
export const REPLICA_ACTION_MISSING =
  'There are no actions specified in the Replica Update Action of the request.';
export const REPLICA_LOCAL_REGION =
  'Cannot add or delete the local region through ReplicaUpdates. ' +
  'Use CreateTable, DeleteTable, or UpdateTable as required.';
