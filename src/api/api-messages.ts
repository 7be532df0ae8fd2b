import { BATCH_GET_KEYS_MAX } from '../model/limits.ts';
import {
  invalidParameter,
  memberLengthMax,
  memberLengthMin,
  memberValueMin,
  validationErrors,
  violationAt,
} from '../model/messages.ts';

/** What DynamoDB says about whole requests and tables; about values, keys and shapes: `model/messages.ts`. */

// Tables

export const TABLE_UNAVAILABLE = 'Requested resource not found';
export const tableNotFound = (name: string): string =>
  `Requested resource not found: Table: ${name} not found`;
/** Of the operations on tables themselves; those on items count complaints. */
export const TABLE_NAME_MISSING =
  "The parameter 'TableName' is required but was not present in the request";
export const TABLE_NAME_LENGTH =
  'TableName must be at least 3 characters long and at most 255 characters long';
export const ACCESS_DENIED = 'Access is denied';
const arnRefused = (reason: string): string => `1 validation error detected: ${reason}`;
export const ARN_FORMAT_INVALID = arnRefused(
  "Valid ARN format is 'arn:<awsPartition>:<vendor>:<region>:<subscriber>:resourceType/resourceName', where " +
    'Resource name must have length less than or equal to 255, Resource name must have length greater than or ' +
    'equal to 3, Resource name must satisfy regular expression pattern: [a-zA-Z0-9_.-]+',
);
export const arnResourceType = (arn: string): string =>
  arnRefused(`Invalid resource type in '${arn}'`);
export const arnPartition = (arn: string): string =>
  arnRefused(`Invalid AWS partition in '${arn}'`);
export const arnRegion = (arn: string): string => arnRefused(`Invalid AWS region in '${arn}'`);
/** This implementation's own, about what DynamoDB would carry out. */
export const notSupported = (what: string): string =>
  `${what} is not supported by this service yet`;

// Items

export const CONDITION_FAILED = 'The conditional request failed';
export const RETURN_VALUES_OLD_ONLY = 'ReturnValues can only be ALL_OLD or NONE';
export const DUPLICATE_KEYS = 'Provided list of item keys contains duplicates';
export const BATCH_WRITE_EMPTY = 'The requestItems parameter is required for BatchWriteItem';
export const BATCH_GET_EMPTY = validationErrors([violationAt('RequestItems', memberLengthMin(1))]);
export const BATCH_GET_TOO_MANY = 'Too many items requested for the BatchGetItem call';
export const batchGetKeysTooMany = (table: string): string =>
  validationErrors([
    violationAt(`RequestItems.${table}.member.Keys`, memberLengthMax(BATCH_GET_KEYS_MAX)),
  ]);
export const batchGetKeysMissing = (table: string): string =>
  validationErrors([violationAt(`RequestItems.${table}.member.Keys`, memberLengthMin(1))]);
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

/** Of a Query; a Scan's is a bound of its shape. */
export const QUERY_LIMIT_TOO_SMALL = validationErrors([violationAt('Limit', memberValueMin(1))]);

export const KEY_CONDITION_MISSING =
  'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.';
export const indexNotFound = (name: string): string =>
  `The table does not have the specified index: ${name}`;
export const indexBackfilling = (name: string): string =>
  `Cannot read from backfilling global secondary index: ${name}`;
export const GSI_CONSISTENT_READ = 'Consistent reads are not supported on global secondary indexes';
export const selectAllNotProjected = (index: string): string =>
  invalidParameter(
    `Select type ALL_ATTRIBUTES is not supported for global secondary index ${index} ` +
      'because its projection type is not ALL',
  );
export const attributesNotInIndex = (index: string, names: readonly string[]): string =>
  invalidParameter(`Global secondary index ${index} does not project [${names.join(', ')}]`);
export const filterNotInIndex = (index: string, names: readonly string[]): string =>
  invalidParameter(
    `Secondary index ${index} does not project one or more filter attributes: [${names.join(', ')}]`,
  );
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
export const SELECT_PROJECTED_WITHOUT_INDEX =
  'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName';
export const SELECT_SPECIFIC_WITHOUT_NAMES =
  'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES';
export const selectWithNames = (select: string, member: string): string =>
  `Cannot specify the ${member} when choosing to get ${select === 'COUNT' ? 'only the Count' : select}`;
/** Wraps what is said of `Select`: a Query counts its complaints where a Scan does not. */
export const selectInQuery = (message: string): string => validationErrors([message]);

// Legacy parameters

export const LEGACY_LIST_TYPES_DIFFER = invalidParameter(
  'AttributeValues inside AttributeValueList must be of same type',
);
export const BETWEEN_REVERSED =
  'The BETWEEN condition was provided a range where the lower bound is greater than the upper bound';
export const CONDITIONAL_OPERATOR_ALONE =
  'ConditionalOperator cannot be used without Filter or Expected';
export const CONDITIONAL_OPERATOR_OF_ONE =
  'ConditionalOperator can only be used when Filter or Expected has two or more elements';
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
