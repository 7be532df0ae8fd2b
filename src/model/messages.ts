/**
 * The one catalogue of wordings: what DynamoDB says to a client, and nothing else. Texts are DynamoDB's,
 * its slips of spelling and spacing included, because clients and their tests compare them.
 *
 * A constant is a whole message, a function a message with parts. Prefixes that wrap another message say so.
 */

const INVALID = 'One or more parameter values were invalid: ';
const NOT_VALID = 'One or more parameter values are not valid. ';

/** Prefixes a message about parameters. */
export const invalidParameter = (message: string): string => INVALID + message;

// Numbers

export const NUMBER_EMPTY = 'The parameter cannot be converted to a numeric value';
export const numberUnreadable = (text: string): string =>
  `The parameter cannot be converted to a numeric value: ${text}`;
export const NUMBER_TOO_LONG = 'Attempting to store more than 38 significant digits in a Number';
export const NUMBER_OVERFLOW =
  'Number overflow. Attempting to store a number with magnitude larger than supported range';
export const NUMBER_UNDERFLOW =
  'Number underflow. Attempting to store a number with magnitude smaller than supported range';

// Attribute values

export const VALUE_EMPTY =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
export const VALUE_AMBIGUOUS =
  'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes';
export const NULL_NOT_TRUE = `${INVALID}Null attribute value types must have the value of true`;
export const STRING_SET_EMPTY = `${INVALID}An string set  may not be empty`;
export const NUMBER_SET_EMPTY = `${INVALID}An number set  may not be empty`;
export const BINARY_SET_EMPTY = `${INVALID}Binary sets should not be empty`;
export const STRING_SET_NULL = `${INVALID}An string set may not have a null string as a member`;
export const NUMBER_SET_NULL = `${INVALID}An number set may not have a null string as a member`;
export const BINARY_SET_NULL = `${INVALID}Binary sets may not contain null values`;
export const stringSetDuplicates = (members: readonly string[]): string =>
  `${INVALID}Input collection [${members.join(', ')}] contains duplicates.`;
export const NUMBER_SET_DUPLICATES = 'Input collection contains duplicates';
export const binarySetDuplicates = (members: readonly string[]): string =>
  `${INVALID}Input collection [${members.join(', ')}]of type BS contains duplicates.`;
export const NESTING_EXCEEDED =
  'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';
export const ATTRIBUTE_NAME_EMPTY = 'Empty attribute name';
export const ATTRIBUTE_NAME_TOO_LONG = `${INVALID}Attribute name is too large, must be less than 65536 bytes`;
export const ITEM_TOO_LARGE = 'Item size has exceeded the maximum allowed size';
export const UPDATED_ITEM_TOO_LARGE = 'Item size to update has exceeded the maximum allowed size';

// Keys

export const KEY_MISMATCH = 'The provided key element does not match the schema';
export const keyMissing = (name: string): string => `${INVALID}Missing the key ${name} in the item`;
export const keyTypeMismatch = (name: string, expected: string, actual: string): string =>
  `${INVALID}Type mismatch for key ${name} expected: ${expected} actual: ${actual}`;
export const keyEmpty = (name: string, kind: 'string' | 'binary'): string =>
  `${NOT_VALID}The AttributeValue for a key attribute cannot contain an empty ${kind} value. Key: ${name}`;
export const PARTITION_KEY_TOO_LONG = `${INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes`;
export const SORT_KEY_TOO_LONG = `${INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes`;

// Tags of tables

export const tagKeyInvalid = (key: string | undefined): string =>
  `The Tag Key provided is invalid, Key: ${key ?? 'null'}`;
export const tagKeyReserved = (key: string): string =>
  `Tag Key cannot be prefixed with aws:, Key: ${key}`;
export const tagValueInvalid = (value: string | undefined): string =>
  `The Tag Value provided is invalid, Value: ${value ?? 'null'}`;
export const tagKeyDuplicate = (key: string): string =>
  `Duplicate Tag Keys provided as input: Duplicate Tag Key found ${key}`;
export const TAGS_TOO_MANY = 'Number of Tags exceed the current limit for the provided ResourceArn';
export const tagSetTooLarge = (bytes: number, bytesMax: number): string =>
  `Tag set size ${bytes} bytes is above max size limit of ${bytesMax} bytes`;

// Keys of indexes

interface IndexKeyName {
  readonly name: string;
  readonly type: string;
  readonly index: string;
}

export const indexKeyTypeMismatch = (key: IndexKeyName, actual: string): string =>
  `${INVALID}Type mismatch for Index Key ${key.name} Expected: ${key.type} Actual: ${actual} IndexName: ${key.index}`;
const keyAttributeEmpty = (kind: 'string' | 'binary'): string =>
  `The AttributeValue for a key attribute cannot contain an empty ${kind} value.`;
export const indexKeyEmpty = (key: IndexKeyName, kind: 'string' | 'binary'): string =>
  `${NOT_VALID}A value specified for a secondary index key is not supported. ${keyAttributeEmpty(kind)} ` +
  `IndexName: ${key.index}, IndexKey: ${key.name}`;
export const INDEX_KEY_UPDATED_TYPE =
  'The update expression attempted to update the secondary index key to unsupported type';
export const indexKeyUpdatedEmpty = (kind: 'string' | 'binary'): string =>
  `${NOT_VALID}The update expression attempted to update a secondary index key to a value that is not supported. ` +
  keyAttributeEmpty(kind);

// Tables

export const projectedTooMany = (max: number): string =>
  `${INVALID}Number of attributes projected into all indexes of the table exceeds the limit of ${max}`;

// Shapes: constraints of the service model

export const validationErrors = (violations: readonly string[]): string =>
  `${violations.length} validation error${violations.length === 1 ? '' : 's'} detected: ${violations.join('; ')}`;
/** `shown` is the value as `Value '...'` shows it, quotes included, or `null`. */
export const violation = (shown: string, path: string, constraint: string): string =>
  `Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`;
/** As newer parts of DynamoDB say it: without the value, and with the member's name as requests have it. */
export const violationAt = (path: string, constraint: string): string =>
  `Value at '${path}' failed to satisfy constraint: ${constraint}`;
export const MEMBER_NULL = 'Member must not be null';
export const memberLengthMin = (min: number): string =>
  `Member must have length greater than or equal to ${min}`;
export const memberLengthMax = (max: number): string =>
  `Member must have length less than or equal to ${max}`;
export const memberValueMin = (min: number): string =>
  `Member must have value greater than or equal to ${min}`;
export const memberValueMax = (max: number): string =>
  `Member must have value less than or equal to ${max}`;
export const memberPattern = (pattern: string): string =>
  `Member must satisfy regular expression pattern: ${pattern}`;
export const memberEnum = (values: readonly string[]): string =>
  `Member must satisfy enum value set: [${values.join(', ')}]`;
export const mapKeys = (constraints: readonly string[]): string =>
  `Map keys must satisfy constraint: [${constraints.join(', ')}]`;
export const mapValues = (constraints: readonly string[]): string =>
  `Map value must satisfy constraint: [${constraints.join(', ')}]`;

// Serialization: JSON of another type than the shape wants

export const notConvertible = (token: string, type: string): string =>
  `${token} cannot be converted to ${type}`;
export const UNEXPECTED_STRUCTURE = 'Start of structure or map found where not expected';
export const UNEXPECTED_FIELD = 'Unexpected field type';
export const UNEXPECTED_VALUE = 'Unexpected value type in payload';
export const UNEXPECTED_TOKEN = 'Unexpected token received from parser';
/** Said where the parser was to make a list of maps, or a map of lists, and met a scalar inside. */
export const GENERIC_NOT_CLASS =
  'class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class ' +
  '(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base ' +
  "of loader 'bootstrap')";
export const unrecognizedCollection = (type: string): string =>
  `Unrecognized collection type ${type}`;
export const NOT_BASE64 = 'only base-64-encoded strings are convertible to bytes';
export const base64Length = (length: number): string =>
  `Base64 encoded length is expected a multiple of 4 bytes but found: ${length}`;
export const BASE64_DAMAGED = 'Invalid last non-pad Base64 character dectected';

// Transactions

/** Documented as a reason's; that the exception of a single write has it too is from users' logs. */
export const TRANSACTION_CONFLICT = 'Transaction is ongoing for the item';
