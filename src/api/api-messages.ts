import { invalidParameter } from '../model/messages.ts';

/** What DynamoDB says about whole requests and tables; about values, keys and shapes: `model/messages.ts`. */

// Tables

export const TABLE_UNAVAILABLE = 'Requested resource not found';
export const tableNotFound = (name: string): string =>
  `Requested resource not found: Table: ${name} not found`;
export const TABLE_NAME_LENGTH =
  'TableName must be at least 3 characters long and at most 255 characters long';
export const arnInvalid = (arn: string): string => `Invalid table ARN: ${arn}`;
export const arnElsewhere = (
  arn: string,
  here: { readonly name: string; readonly accountId: string },
): string =>
  `The table ARN ${arn} is not of this endpoint's region ${here.name} and account ${here.accountId}`;
/** This implementation's own, about what DynamoDB would carry out. */
export const notSupported = (what: string): string =>
  `${what} is not supported by this service yet`;

// CreateTable

export const THROUGHPUT_WITH_PAY_PER_REQUEST = invalidParameter(
  'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
);
export const THROUGHPUT_MISSING = invalidParameter(
  'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED',
);
export const throughputOutOfBounds = (value: number, member: string): string =>
  `Given value ${value} for ${member} is out of bounds`;
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
export const ATTRIBUTE_DEFINITIONS_UNUSED = invalidParameter(
  'Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions',
);
export const attributeDefinedTwice = (name: string): string =>
  `Cannot have two attributes with the same name: ${name}`;

// UpdateTable

export const NOTHING_TO_UPDATE =
  'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates ' +
  'or SSESpecification or ReplicaUpdates is required';
export const REPLICAS_AND_MORE = invalidParameter(
  'Replica modification must be the only operation in the request',
);
export const REPLICA_ACTIONS_MORE_THAN_ONE =
  'Update table operation with more than one create or delete replica actions not allowed';
export const REPLICA_ACTION_KINDS_MORE_THAN_ONE =
  'Update table operation with more than one type of replica actions not allowed.';
export const REPLICA_ACTION_MISSING =
  'There are no actions specified in the Replica Update Action of the request.';
export const REPLICA_LOCAL_REGION =
  'Cannot add or delete the local region through ReplicaUpdates. ' +
  'Use CreateTable, DeleteTable, or UpdateTable as required.';

// Items

export const CONDITION_FAILED = 'The conditional request failed';
export const RETURN_VALUES_OLD_ONLY = 'ReturnValues can only be ALL_OLD or NONE';
export const DUPLICATE_KEYS = 'Provided list of item keys contains duplicates';
export const BATCH_GET_TOO_MANY = 'Too many items requested for the BatchGetItem call';
export const BATCH_WRITE_TOO_MANY = 'Too many items requested for the BatchWriteItem call';
export const duplicateAttribute = (name: string): string =>
  invalidParameter(`Duplicate value in attribute name: ${name}`);

// Expressions and their absence

export const expressionsMixed = (
  others: readonly string[],
  expressions: readonly string[],
): string =>
  'Can not use both expression and non-expression parameters in the same request: ' +
  `Non-expression parameters: {${others.join(', ')}} Expression parameters: {${expressions.join(', ')}}`;

// Query and Scan

export const KEY_CONDITION_MISSING =
  'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.';
export const indexNotFound = (name: string): string =>
  `The table does not have the specified index: ${name}`;
export const START_KEY_INVALID = 'The provided starting key is invalid';
export const startKeyInvalid = (reason: string): string =>
  `The provided starting key is invalid: ${reason}`;
export const START_KEY_OUTSIDE_QUERY =
  'The provided starting key is outside query boundaries based on provided conditions';
export const START_KEY_NOT_IN_RANGE =
  'The provided starting key does not match the range key predicate';
export const START_KEY_OTHER_PARTITION =
  'The query can return at most one row and cannot be restarted';
export const startKeyOtherSegment = (segment: number, totalSegments: number): string =>
  startKeyInvalid(
    'Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. ' +
      `TotalSegments: ${totalSegments} Segment: ${segment}`,
  );
export const TOTAL_SEGMENTS_MISSING =
  'The TotalSegments parameter is required but was not present in the request when Segment parameter is present';
export const SEGMENT_MISSING =
  'The Segment parameter is required but was not present in the request when parameter TotalSegments is present';
export const segmentTooLarge = (segment: number, totalSegments: number): string =>
  'The Segment parameter is zero-based and must be less than parameter TotalSegments: ' +
  `Segment: ${segment} is not less than TotalSegments: ${totalSegments}`;
export const SELECT_PROJECTED_WITHOUT_INDEX = invalidParameter(
  'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName',
);
export const SELECT_SPECIFIC_WITHOUT_NAMES = invalidParameter(
  'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
);
export const selectWithNames = (select: string, member: string): string =>
  member === 'AttributesToGet'
    ? `Cannot specify the AttributesToGet when choosing to get ${
        select === 'COUNT' ? 'only the Count' : select
      }`
    : `Cannot specify the ${member} when choosing to get ${
        select === 'COUNT' ? 'only the Count' : select
      }`;

// Legacy parameters

export const LEGACY_LIST_TYPES_DIFFER = invalidParameter(
  'AttributeValues inside AttributeValueList must be of same type',
);
export const BETWEEN_REVERSED =
  'The BETWEEN condition was provided a range where the lower bound is greater than the upper bound';
export const legacyArgumentCount = (operator: string): string =>
  invalidParameter(`Invalid number of argument(s) for the ${operator} ComparisonOperator`);
export const legacyOperandType = (operator: string, type: string): string =>
  invalidParameter(`ComparisonOperator ${operator} is not valid for ${type} AttributeValue type`);
export const expectedValueAndList = (name: string): string =>
  invalidParameter(`Value and AttributeValueList cannot be used together for Attribute: ${name}`);
export const expectedOperatorAndExists = (name: string): string =>
  invalidParameter(`Exists and ComparisonOperator cannot be used together for Attribute: ${name}`);
export const expectedOperatorWithoutValue = (operator: string, name: string): string =>
  invalidParameter(
    `Value or AttributeValueList must be used with ComparisonOperator: ${operator} for Attribute: ${name}`,
  );
export const expectedListWithoutOperator = (name: string): string =>
  invalidParameter(
    `AttributeValueList can only be used with a ComparisonOperator for Attribute: ${name}`,
  );
export const expectedValueWithoutExists = (name: string): string =>
  invalidParameter(`Value cannot be used when Exists is false for Attribute: ${name}`);
export const expectedValueMissing = (exists: boolean | undefined, name: string): string =>
  invalidParameter(
    `Value must be provided when Exists is ${exists ?? 'null'} for Attribute: ${name}`,
  );
export const ONLY_DELETE_WITHOUT_VALUE = invalidParameter(
  'Only DELETE action is allowed when no attribute value is specified',
);
export const deleteNotSupported = (type: string): string =>
  invalidParameter(`DELETE action with value is not supported for the type ${type}`);
export const addNotSupported = (type: string): string =>
  invalidParameter(`ADD action is not supported for the type ${type}`);
export const KEY_CONDITION_NOT_INDEXABLE =
  'Attempted conditional constraint is not an indexable operation';
