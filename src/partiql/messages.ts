import { type ClientError, validationError } from '../model/errors.ts';

/**
 * The catalogue of what DynamoDB says about statements. `docs/sources.md` tells which of the texts are measured, and which
 * follow DynamoDB Local or nothing. `where` is `line:column:length` of the place in the statement.
 */

/** The error for a statement that the grammar does not take. */
export const notWellFormed = (fault: string): ClientError =>
  validationError(`Statement wasn't well formed, can't be processed: ${fault}`);

// The grammar: faults for `notWellFormed`

/** What cannot be read at all: DynamoDB says nothing more of it. */
export const UNREADABLE = '';
export const UNEXPECTED_TERM = 'Unexpected term';
export const UNEXPECTED_KEYWORD = 'Unexpected keyword';
export const UNEXPECTED_OPERATOR = 'Unexpected operator';
export const UNEXPECTED_TOKEN = 'Unexpected token after expression';
export const UNEXPECTED_AFTER_SEMICOLON =
  'Unexpected token after semicolon. (Only one query is allowed.)';
export const RIGHT_SIDE_MISSING = 'Missing right-hand side expression of infix operator';
export const DATA_MANIPULATION_EXPECTED = 'Expected data manipulation';
export const TYPE_NAME_EXPECTED = 'Expected type name';
export const SIMPLE_PATH_EXPECTED = 'Expected identifier for simple path';
export const PATH_DOT_INVALID = 'Invalid path dot component';
export const SIMPLE_PATH_DOT_INVALID = 'Invalid path dot component for simple path';
export const SIMPLE_PATH_INVALID = 'Invalid path component for simple path';
export const GROUP_EMPTY = 'Expression group cannot be empty';
export const ALIAS_NAME_EXPECTED = 'Expected identifier for AS-alias';
export const FROM_EXPECTED = 'Expected FROM after SELECT list';
export const DELETE_FROM_EXPECTED = 'Expected FROM after DELETE';
export const ASSIGNMENT_EXPECTED = "Expected '='";
export const STAR_NOT_ALONE =
  "Other expressions may not be present in the select list when '*' is used without dot notation.";
export const RETURNING_EXPECTED = 'Expected ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause';
export const callOfStar = (name: string): string => `${name}(*) is not allowed`;
export const expectedToken = (name: string): string => `Expected ${name}`;
/** This implementation's own: where DynamoDB draws the line is not known. */
export const tooDeep = (levels: number): string => `Expression nests deeper than ${levels} levels`;

// Whole messages: statements

export const ALIAS_UNSUPPORTED = 'Aliasing is not supported';
export const unsupportedOperation = (name: string): string => `Unsupported operation: ${name}`;
export const unsupportedClause = (name: string): string => `Unsupported clause: ${name}`;
export const unsupportedClauseAt = (name: string, where: string): string =>
  `Unsupported clause: ${name} at ${where}`;
export const DISTINCT_UNSUPPORTED = 'Unsupported token in expression: DISTINCT';
export const SELECT_VALUE_UNSUPPORTED = "Select projection doesn't support value or pivot keywords";
export const EXISTS_OUTSIDE_TRANSACTION =
  'EXISTS can only be used in ExecuteTransaction write requests.';
export const INSERT_SEVERAL =
  'Unsupported operation: Inserting multiple items in a single statement is not supported, ' +
  'use "INSERT INTO tableName VALUE item" instead';
export const INSERT_AT_UNSUPPORTED = 'AT is not supported in insert statements.';
export const INSERT_FROM_UNSUPPORTED = 'Unsupported FROM ... WHERE ... clause in INSERT statement.';
export const INSERT_ITEM_UNSUPPORTED =
  'Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.';
export const SEVERAL_OPERATIONS = 'Only one operation is allowed in a statement.';
export const RETURNING_SEVERAL =
  'Invalid syntax with multiple returning elements in RETURNING clause';
export const RETURNING_NO_STAR =
  "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause";
export const RETURNING_IN_INSERT = 'RETURNING is not supported in INSERT';
export const returningInDelete = (clause: string): string =>
  `Invalid returning clause: RETURNING ${clause}. Only RETURNING ALL OLD * is allowed in DELETE statements.`;
export const PARAMETER_COUNT = "Number of parameters in request and statement don't match.";

// Whole messages: tables and indexes

export const FROM_UNEXPECTED = 'Unexpected from source';
export const FROM_SEVERAL = 'Only select from a single table or index is supported.';
export const FROM_COMPONENTS_MAX = 2;
export const FROM_TOO_LONG = `A path may contain at most ${FROM_COMPONENTS_MAX} components in the FROM clause`;
export const FROM_COMPONENT_EMPTY = 'Path component cannot be an empty string';
export const insertIntoPath = (where: string): string =>
  `FROM clause may only contain a single table name in data manipulation statements at ${where}`;
export const WRITE_TO_INDEX = 'This operation is not supported on an index';
export const TABLE_NAME_INVALID =
  "Table name should be within the length [3, 255] and only contain 'a-z', 'A-Z', '0-9', '-', '_', '.'.";
export const INDEX_MISSING = 'The table does not have the specified index';
export const INDEX_OF_SEVERAL_ATTRIBUTES =
  'PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.';
export const CONSISTENT_READ_OF_INDEX =
  'Strongly consistent read is not supported on Global Secondary Indexes';

// Whole messages: paths and values

export const unexpectedPathAt = (where: string): string => `Unexpected path component at ${where}`;
export const UNPIVOT_UNSUPPORTED = 'Unpivot path component like a.*.b are not supported';
export const WILDCARD_UNSUPPORTED = 'Wildcard path component like a[*].b are not supported';
export const listIndexAt = (digits: string, where: string): string =>
  `List index is not within the allowable range; index: [${digits}] at ${where}`;
export const duplicateColumns = (name: string): string =>
  `Duplicate identifiers in select clause: ${name}`;
export const numberUnder = (fault: string, key: string): string => `${fault} under ${key}`;
export const nestingUnder = (key: string): string =>
  `Nesting Levels have exceeded supported limits under ${key}`;
export const NESTING_OF_UPDATE = 'Nesting Levels have exceeded supported limits';
export const unsupportedTypeAt = (type: string, key: string, where: string): string =>
  `Unsupported data type: ${type} under key ${key} at ${where}`;
export const ionUnder = (text: string, key: string): string =>
  `Ion Literals are not supported: ${text} under key ${key}`;
export const duplicateKeys = (name: string, key: string): string =>
  `Duplicate keys in tuple. Key: ${name} under ${key}`;
export const tupleKeyType = (type: string, key: string): string =>
  `Tuple keys must be of type String. Actual type: ${type} under ${key}`;
export const BAG_EMPTY = 'Empty bags are not supported';
export const BAG_MIXED =
  'Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags';
export const numberDuplicates = (members: readonly string[], key: string): string =>
  `One or more parameter values were invalid: Input collection [${members.join(', ')}] contains duplicates! under ${key}`;
export const MISSING_COMPARED = 'MISSING must be compared using IS operator';

// Whole messages: conditions

export const WHERE_NOT_BOOLEAN =
  'WHERE clause must contain an expression that resolves to a boolean';
export const AND_OR_OPERANDS = 'The arguments to AND/OR must be Expressions';
export const NOT_OPERAND = 'The argument to NOT must be a Type or Expression';
export const IN_OPERANDS =
  'IN operator must have a left hand argument of type Variable Reference and right hand argument of type Seq ' +
  'with at least one member';
export const IS_OPERAND =
  'The left hand side argument to IS must be a Variable Reference, Literal, or Path';
export const isType = (type: string): string =>
  `Unsupported data type for IS operator: ${type}. Supported data types are ` +
  '[MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]';
export const unrecognizedFunctionAt = (name: string, where: string): string =>
  `Unrecognized function: ${name} at ${where}`;
export const conditionOperator = (operator: string): string =>
  `Unsupported operator in Condition Expression. Operator: ${operator}`;
/** As conditions of requests have it, but with the types in another order. */
export const unknownTypeName = (type: string): string =>
  `Invalid attribute type name found; type: ${type}, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}`;

// Whole messages: updates

export const updateOperator = (operator: string): string =>
  `Unsupported operator in Update Expression. Operator: ${operator}`;
export const IS_IN_UPDATE = 'IS operator is not supported in update expressions';
export const setArgumentsAt = (name: string, where: string): string =>
  `${name} must have exactly two arguments at ${where}`;
export const setFirstArgumentAt = (name: string, where: string): string =>
  `The first argument to ${name} must equal the assignment value at ${where}`;
export const setSecondArgumentAt = (name: string, where: string): string =>
  `The second argument to ${name} must be a value with type SET at ${where}`;

// Whole messages: keys

export const KEY_EQUALITY_MISSING =
  'Where clause does not contain a mandatory equality on all key attributes';
export const keyConditionTwice = (name: string): string =>
  `Multiple conditions on same key ${name}. Only single item Update/Insert/Delete are supported`;
export const keyTypeOfCondition = (name: string): string =>
  `Key attribute's data type should match its data type in table's schema: Key ${name}`;
export const RANGES_OVERLAP =
  'Overlapping conditions with range keys are not supported in where clause';
export const TOO_MANY_READS = 'Too many decomposed read operations for a given query.';
export const ORDER_WITHOUT_WHERE =
  'Must have WHERE clause in the statement when using ORDER BY clause.';
export const orderByAttribute = (name: string): string =>
  `Attribute ${name} in ORDER BY clause must be part of the primary key`;
export const orderByType = (type: string): string =>
  `Argument to ORDER BY must be of type VariableReference. Type: ${type}`;
export const ORDER_WITHOUT_KEY =
  'Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.';
export const ORDER_WITHOUT_HASH_KEY =
  'Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.';

// Whole messages: pages

export const TOKEN_INVALID = 'Invalid NextToken';
export const TOKEN_OF_ANOTHER = 'NextToken does not match request';

// Whole messages: batches and transactions

export const BATCH_NEEDS_KEY =
  'Select statements within BatchExecuteStatement must specify the primary key in the where clause.';
export const BATCH_MIXED = 'Read and write requests together in the same batch is not supported.';
export const TRANSACTION_NEEDS_KEY =
  'Select statements within ExecuteTransaction must specify the primary key in the where clause.';
export const TRANSACTION_MIXED =
  'ExecuteTransaction API does not support both read and write operations in the same request.';
export const TRANSACTION_INDEX = 'Reads on indices are not supported within transactions.';
export const TRANSACTION_RETURNING = 'RETURNING clause is not supported in ExecuteTransaction.';
export const EXISTS_NEEDS_CONDITION =
  'EXISTS() must contain a single item read with additional condition';
export const EXISTS_OF_INDEX = 'Operations on indices are not supported in transactions';
export const DUPLICATE_ITEM = 'Duplicate primary key exists in table';
export const inTransactStatement = (index: number, message: string): string =>
  `Validation failed in TransactStatements[${index}]: ${message}`;
