import { assert } from '../base/assert.ts';
import type {
  ConditionExpression,
  ProjectionExpression,
  UpdateExpression,
} from '../expression/ast.ts';
import type {
  ExpressionCompiler,
  ExpressionFields,
  Expressions,
} from '../expression/expression-compiler.ts';
import type { AttributeCondition, AttributeConditions } from '../expression/key-condition.ts';
import type { ExpressionField } from '../expression/messages.ts';
import { KEY_CONDITION_COUNT } from '../expression/messages.ts';
import { checkPlaceholdersAllowed } from '../expression/placeholders.ts';
import { validationError } from '../model/errors.ts';
import {
  CONDITIONAL_OPERATOR_ALONE,
  CONDITIONAL_OPERATOR_OF_ONE,
  KEY_CONDITION_MISSING,
  expressionsMixed,
} from './api-messages.ts';
import type {
  ConditionalOperator,
  LegacyCondition,
  LegacyExpectation,
  LegacyUpdate,
  ParsedCondition,
} from './legacy-parameters.ts';
import {
  attributeUpdates,
  attributesToGet,
  expectedCondition,
  filterOf,
  parseConditions,
} from './legacy-parameters.ts';

/** Everything in a request that becomes an expression, from one or the other time of DynamoDB. */
export interface ExpressionInput extends Readonly<Partial<Record<ExpressionField, string>>> {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>>;
  readonly AttributesToGet?: readonly string[];
  readonly AttributeUpdates?: Readonly<Record<string, LegacyUpdate>>;
  readonly Expected?: Readonly<Record<string, LegacyExpectation>>;
  readonly KeyConditions?: Readonly<Record<string, LegacyCondition>>;
  readonly QueryFilter?: Readonly<Record<string, LegacyCondition>>;
  readonly ScanFilter?: Readonly<Record<string, LegacyCondition>>;
  readonly ConditionalOperator?: ConditionalOperator;
}

type LegacyField = Exclude<
  keyof ExpressionInput,
  ExpressionField | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

interface Fields {
  /** In the order in which DynamoDB names them. */
  readonly expressions: readonly ExpressionField[];
  readonly legacy: readonly LegacyField[];
}

const WRITE: Fields = {
  expressions: ['ConditionExpression'],
  legacy: ['Expected', 'ConditionalOperator'],
};
const UPDATE: Fields = {
  expressions: ['UpdateExpression', 'ConditionExpression'],
  legacy: ['AttributeUpdates', 'Expected', 'ConditionalOperator'],
};
const READ: Fields = { expressions: ['ProjectionExpression'], legacy: ['AttributesToGet'] };
const QUERY: Fields = {
  expressions: ['ProjectionExpression', 'FilterExpression', 'KeyConditionExpression'],
  legacy: ['AttributesToGet', 'QueryFilter', 'ConditionalOperator', 'KeyConditions'],
};
/** `KeyConditions` alone may stand beside expressions. */
const QUERY_BY_KEY_CONDITIONS: Fields = {
  expressions: QUERY.expressions,
  legacy: ['AttributesToGet', 'QueryFilter', 'ConditionalOperator'],
};
const SCAN: Fields = {
  expressions: ['ProjectionExpression', 'FilterExpression'],
  legacy: ['AttributesToGet', 'ScanFilter', 'ConditionalOperator'],
};

const FIELDS = { write: WRITE, update: UPDATE, read: READ, query: QUERY, scan: SCAN } as const;

/**
 * Checks that a request's expressions, older parameters, names and values go together. DynamoDB does so before it
 * looks at any value. Throws `ValidationException`. Source: dynalite.
 */
export function checkParameters(request: ExpressionInput, kind: keyof typeof FIELDS): void {
  const given = (field: keyof ExpressionInput): boolean => request[field] !== undefined;
  const byKeyConditions =
    kind === 'query' && given('KeyConditions') && !given('KeyConditionExpression');
  const fields = byKeyConditions ? QUERY_BY_KEY_CONDITIONS : FIELDS[kind];
  if (fields.expressions.some(given)) {
    const legacy = fields.legacy.filter(given);
    if (legacy.length > 0) {
      throw validationError(expressionsMixed(legacy, fields.expressions.filter(given)));
    }
  }
  checkPlaceholdersAllowed(request, fields.expressions, given);
  if (given('ConditionalOperator')) checkSeveralConditions(request);
}

/** The condition of a PutItem or a DeleteItem. Throws `ValidationException`, as all of these do. */
export function writeCondition(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
): ConditionExpression | undefined {
  const { Expected: expected } = request;
  const { condition } = compile(compiler, request, WRITE);
  return expected === undefined
    ? condition
    : expectedCondition(expected, request.ConditionalOperator);
}

/** What an UpdateItem does, nothing unless it says, and on what condition. */
export function updateExpressions(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
): { readonly update: UpdateExpression; readonly condition: ConditionExpression | undefined } {
  const { Expected: expected, AttributeUpdates: updates } = request;
  const { condition, update } = compile(compiler, request, UPDATE);
  const legacyUpdate = updates === undefined ? NO_UPDATE : attributeUpdates(updates);
  const legacyCondition =
    expected === undefined ? undefined : expectedCondition(expected, request.ConditionalOperator);
  return { update: update ?? legacyUpdate, condition: condition ?? legacyCondition };
}

const NO_UPDATE: UpdateExpression = { actions: [] };

/** What a read keeps of an item; undefined: all of it. */
export function readProjection(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
): ProjectionExpression | undefined {
  return olderProjection(request) ?? compile(compiler, request, READ).projection;
}

export interface PageExpressions {
  readonly filter: ConditionExpression | undefined;
  readonly projection: ProjectionExpression | undefined;
}

/** What a Query's older parameters make of its page. DynamoDB looks at them before the starting key. */
export const olderQueryParameters = (request: ExpressionInput): PageExpressions => ({
  filter: olderFilter(request.QueryFilter, request),
  projection: olderProjection(request),
});

/** As `olderQueryParameters`, of a Scan: in the other order. */
export const olderScanParameters = (request: ExpressionInput): PageExpressions => ({
  projection: olderProjection(request),
  filter: olderFilter(request.ScanFilter, request),
});

const olderFilter = (
  conditions: Readonly<Record<string, LegacyCondition>> | undefined,
  { ConditionalOperator }: ExpressionInput,
): ConditionExpression | undefined =>
  conditions === undefined ? undefined : filterOf(conditions, ConditionalOperator);

const olderProjection = ({
  AttributesToGet: names,
}: ExpressionInput): ProjectionExpression | undefined =>
  names === undefined ? undefined : attributesToGet(names);

export interface QueryExpressions extends PageExpressions {
  readonly keyConditions: AttributeConditions;
}

/** `older`: what the older parameters have been found to say. */
export function queryExpressions(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
  older: PageExpressions,
): QueryExpressions {
  const { KeyConditions: conditions } = request;
  if (conditions === undefined && request.KeyConditionExpression === undefined) {
    throw validationError(KEY_CONDITION_MISSING);
  }
  const compiled = compile(compiler, request, QUERY);
  const keyConditions =
    conditions === undefined ? compiled.keyConditions : legacyKeyConditions(conditions);
  assert(keyConditions !== undefined, 'a key condition has been compiled');
  return { ...pageExpressions(compiled, older), keyConditions };
}

export const scanExpressions = (
  compiler: ExpressionCompiler,
  request: ExpressionInput,
  older: PageExpressions,
): PageExpressions => pageExpressions(compile(compiler, request, SCAN), older);

const pageExpressions = (compiled: Expressions, older: PageExpressions): PageExpressions => ({
  filter: older.filter ?? compiled.filter,
  projection: older.projection ?? compiled.projection,
});

const NOTHING: Expressions = {
  condition: undefined,
  filter: undefined,
  keyConditions: undefined,
  projection: undefined,
  update: undefined,
  values: undefined,
};

/** The request's expressions, of those that its operation has. `checkParameters` has found nothing. */
function compile(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
  fields: Fields,
): Expressions {
  const own = (field: ExpressionField): string | undefined =>
    fields.expressions.includes(field) ? request[field] : undefined;
  // Of one form for all operations, which is what makes it cheap.
  const given = {
    ConditionExpression: own('ConditionExpression'),
    FilterExpression: own('FilterExpression'),
    KeyConditionExpression: own('KeyConditionExpression'),
    ProjectionExpression: own('ProjectionExpression'),
    UpdateExpression: own('UpdateExpression'),
    ExpressionAttributeNames: request.ExpressionAttributeNames,
    ExpressionAttributeValues: request.ExpressionAttributeValues,
  };
  return isEmpty(given) ? NOTHING : compiler.compile(given, fields.expressions);
}

const isEmpty = (given: ExpressionFields): boolean =>
  given.ConditionExpression === undefined &&
  given.FilterExpression === undefined &&
  given.KeyConditionExpression === undefined &&
  given.ProjectionExpression === undefined &&
  given.UpdateExpression === undefined &&
  given.ExpressionAttributeNames === undefined &&
  given.ExpressionAttributeValues === undefined;

/** `ConditionalOperator` is for several conditions. Throws `ValidationException`. */
function checkSeveralConditions({ Expected, QueryFilter, ScanFilter }: ExpressionInput): void {
  const { length } = Object.keys(Expected ?? QueryFilter ?? ScanFilter ?? {});
  if (length === 0) throw validationError(CONDITIONAL_OPERATOR_ALONE);
  if (length === 1) throw validationError(CONDITIONAL_OPERATOR_OF_ONE);
}

function legacyKeyConditions(
  conditions: Readonly<Record<string, LegacyCondition>>,
): AttributeConditions {
  const parsed = parseConditions(conditions);
  if (parsed.length === 0) throw validationError(KEY_CONDITION_COUNT);
  return new Map(parsed.map(([name, condition]) => [name, attributeCondition(condition)]));
}

const KINDS = {
  EQ: '=',
  LT: '<',
  LE: '<=',
  GT: '>',
  GE: '>=',
  BEGINS_WITH: 'begins-with',
} as const;

function attributeCondition({ operator, values }: ParsedCondition): AttributeCondition {
  const [first, second] = values;
  if (operator === 'BETWEEN' && first !== undefined && second !== undefined) {
    return { kind: 'between', low: first, high: second };
  }
  if (first === undefined || !isIndexable(operator)) return { kind: 'not-indexable' };
  return { kind: KINDS[operator], value: first };
}

const isIndexable = (operator: string): operator is keyof typeof KINDS => operator in KINDS;
