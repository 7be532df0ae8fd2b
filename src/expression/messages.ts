import { type ClientError, validationError } from '../model/errors.ts';

/**
 * The catalogue of what DynamoDB says about expressions. Texts are DynamoDB's, its semicolons included.
 * Those that describe one expression are wrapped by `invalidExpression`.
 */
export type ExpressionField =
  | 'ConditionExpression'
  | 'FilterExpression'
  | 'KeyConditionExpression'
  | 'ProjectionExpression'
  | 'UpdateExpression';

/** The error for a fault inside the expression that came in `field`. */
export const invalidExpression = (field: ExpressionField, fault: string): ClientError =>
  validationError(`Invalid ${field}: ${fault}`);

// Syntax and limits

export const EXPRESSION_EMPTY = 'The expression can not be empty;';
export const REDUNDANT_PARENTHESES = 'The expression has redundant parentheses;';
export const syntaxError = (token: string, near: string): string =>
  `Syntax error; token: "${token}", near: "${near}"`;
/** Only of conditions and filters does DynamoDB say how long. */
export const expressionTooLong = (field: ExpressionField, bytes: number): string =>
  'Expression size has exceeded the maximum allowed size;' +
  (field === 'ConditionExpression' || field === 'FilterExpression'
    ? ` expression size: ${bytes}`
    : '');
export const tooManyOperators = (count: number): string =>
  `The expression contains too many operators; operator count: ${count}`;
export const tooManyCandidates = (count: number): string =>
  `The IN operator is provided with too many operands; number of operands: ${count}`;

// Paths and placeholders

export const reservedKeyword = (name: string): string =>
  `Attribute name is a reserved keyword; reserved keyword: ${name}`;
export const nameNotDefined = (placeholder: string): string =>
  `An expression attribute name used in the document path is not defined; attribute name: ${placeholder}`;
export const valueNotDefined = (placeholder: string): string =>
  `An expression attribute value used in expression is not defined; attribute value: ${placeholder}`;
export const pathTooDeep = (levels: number): string =>
  `The document path has too many nesting levels; nesting levels: ${levels}`;
export const listIndexOutOfRange = (digits: string): string =>
  `List index is not within the allowable range; index: [${digits}]`;

type PathText = readonly (string | number)[];

const showPath = (path: PathText): string =>
  `[${path.map((part) => (typeof part === 'number' ? `[${part}]` : part)).join(', ')}]`;

const pathPair = (one: PathText, two: PathText): string =>
  `must remove or rewrite one of these paths; path one: ${showPath(one)}, path two: ${showPath(two)}`;
export const pathsOverlap = (one: PathText, two: PathText): string =>
  `Two document paths overlap with each other; ${pathPair(one, two)}`;
export const pathsConflict = (one: PathText, two: PathText): string =>
  `Two document paths conflict with each other; ${pathPair(one, two)}`;

// Operators and functions

export const unknownFunction = (name: string): string => `Invalid function name; function: ${name}`;
export const functionNotInCondition = (name: string): string =>
  `The function is not allowed in a condition expression; function: ${name}`;
export const functionNotInUpdate = (name: string): string =>
  `The function is not allowed in an update expression; function: ${name}`;
export const functionMisused = (name: string): string =>
  `The function is not allowed to be used this way in an expression; function: ${name}`;
export const operandCount = (operator: string, count: number): string =>
  `Incorrect number of operands for operator or function; operator or function: ${operator}, number of operands: ${count}`;
export const operandType = (operator: string, type: string): string =>
  `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`;
/** ADD and DELETE name themselves and types in another way than everything else. */
export const sectionOperandType = (section: string, type: string): string =>
  `Incorrect operand type for operator or function; operator: ${section}, operand type: ${type}`;
/** What DynamoDB names where `attribute_type` is asked for a type that is not a value of the request. */
export const ANY_TYPE = '{NS,SS,L,BS,N,M,B,BOOL,NULL,S}';
export const pathRequired = (operator: string): string =>
  `Operator or function requires a document path; operator or function: ${operator}`;
export const operandsNotDistinct = (operator: string, path: PathText): string =>
  `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: ${showPath(path)}`;
export const unknownAttributeType = (type: string): string =>
  `Invalid attribute type name found; type: ${type}, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}`;

const bounds = (lower: string, upper: string): string =>
  `lower bound operand: AttributeValue: ${lower}, upper bound operand: AttributeValue: ${upper}`;
export const boundsDiffer = (lower: string, upper: string): string =>
  `The BETWEEN operator requires same data type for lower and upper bounds; ${bounds(lower, upper)}`;
export const boundsReversed = (lower: string, upper: string): string =>
  `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; ${bounds(lower, upper)}`;

// Updates: of the expression

export const sectionTwice = (section: string): string =>
  `The "${section}" section can only be used once in an update expression;`;

// Updates: against an item, and whole messages

export const UPDATE_PATH_INVALID =
  'The document path provided in the update expression is invalid for update';
export const UPDATE_OPERAND_TYPE = 'An operand in the update expression has an incorrect data type';
/** The same of AttributeUpdates. */
export const ATTRIBUTE_TYPE_MISMATCH = 'Type mismatch for attribute to update';
export const UPDATE_ATTRIBUTE_MISSING =
  'The provided expression refers to an attribute that does not exist in the item';
export const keyUpdated = (name: string): string =>
  `One or more parameter values were invalid: Cannot update attribute ${name}. This attribute is part of the key`;
export const keyNotScalar = (name: string): string =>
  `Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: ${name}`;
export const indexKeyNotScalar = (name: string): string =>
  `Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: ${name}`;
/** `member`: what DynamoDB calls the filter. */
export const filterOnKey = (member: string, name: string): string =>
  `${member} can only contain non-primary key attributes: Primary key attribute: ${name}`;

// Key conditions: whole messages

export const keyConditionOperator = (operator: string): string =>
  `Invalid operator used in KeyConditionExpression: ${operator}`;
export const keyConditionFirstOperand = (operator: string): string =>
  `Invalid condition in KeyConditionExpression: ${operator} operator must have the key attribute as its first operand`;
export const KEY_CONDITION_NESTED_OPERATIONS =
  'KeyConditionExpressions cannot contain nested operations';
export const KEY_CONDITION_NESTED_ATTRIBUTES =
  'KeyConditionExpressions cannot have conditions on nested attributes';
export const KEY_CONDITION_TWO_ATTRIBUTES =
  'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition';
export const KEY_CONDITION_NO_ATTRIBUTE =
  'Invalid condition in KeyConditionExpression: No key attribute specified';
export const KEY_CONDITION_TWICE =
  'KeyConditionExpressions must only contain one condition per key';
export const KEY_CONDITION_COUNT = 'Conditions can be of length 1 or 2 only';
export const KEY_CONDITION_NOT_INDEXABLE =
  'Attempted conditional constraint is not an indexable operation';
export const KEY_CONDITION_UNSUPPORTED = 'Query key condition not supported';
export const keyConditionMissing = (name: string): string =>
  `Query condition missed key schema element: ${name}`;
/** Of keys that have several attributes of a kind. */
export const hashKeysNotEqual = (names: readonly string[]): string =>
  `HASH key attributes ${names.join(', ')} must have equality conditions specified in the query`;
/** `present`: the attribute after them that has a condition. */
export const rangeKeysNotEqual = (names: readonly string[], present: string): string =>
  `RANGE key attributes ${names.join(', ')} must have equality conditions specified in the query because a condition is present on key attribute ${present}`;
export const KEY_CONDITION_TYPE =
  'One or more parameter values were invalid: Condition parameter type does not match schema type';

// ExpressionAttributeNames and ExpressionAttributeValues: whole messages

export type PlaceholderField = 'ExpressionAttributeNames' | 'ExpressionAttributeValues';

export const placeholdersEmpty = (field: PlaceholderField): string => `${field} must not be empty`;
export const placeholderInvalid = (field: PlaceholderField, key: string): string =>
  `${field} contains invalid key: Syntax error; key: "${key}"`;
/** Only of names does DynamoDB say how long. */
export const placeholderTooLong = (field: PlaceholderField, bytes: number): string =>
  `${field} contains invalid key: The expression attribute map contains a key that is too long;` +
  (field === 'ExpressionAttributeNames' ? ` size of key: ${bytes}` : '');
export const placeholderNameEmpty = (key: string): string =>
  `ExpressionAttributeNames contains invalid value: Empty attribute name for key ${key}`;
export const placeholderValueInvalid = (key: string, fault: string): string =>
  `ExpressionAttributeValues contains invalid value: ${fault} for key ${key}`;
export const placeholdersUnused = (field: PlaceholderField, keys: readonly string[]): string =>
  `Value provided in ${field} unused in expressions: keys: {${keys.join(', ')}}`;
export const NAMES_WITHOUT_EXPRESSION =
  'ExpressionAttributeNames can only be specified when using expressions';
export const valuesWithoutExpression = (fields: readonly ExpressionField[]): string =>
  `ExpressionAttributeValues can only be specified when using expressions: ${fields.join(' and ')} ${fields.length > 1 ? 'are' : 'is'} null`;
