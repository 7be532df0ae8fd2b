import type {
  ConditionExpression,
  ProjectionExpression,
  UpdateExpression,
} from '../expression/ast.ts';
import type { ExpressionCompiler, Expressions } from '../expression/expression-compiler.ts';
import type { AttributeConditions } from '../expression/key-condition.ts';
import type { ExpressionField } from '../expression/messages.ts';
import { validationError } from '../model/errors.ts';
import type { SortKeyCondition } from '../model/item-key.ts';
import {
  KEY_CONDITION_MISSING,
  KEY_CONDITION_NOT_INDEXABLE,
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
  return projectionIn(request, compile(compiler, request, READ));
}

export interface PageExpressions {
  readonly filter: ConditionExpression | undefined;
  readonly projection: ProjectionExpression | undefined;
}

export interface QueryExpressions extends PageExpressions {
  readonly keyConditions: AttributeConditions;
}

export function queryExpressions(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
): QueryExpressions {
  const byKeyConditions =
    request.KeyConditions !== undefined && request.KeyConditionExpression === undefined;
  const compiled = compile(compiler, request, byKeyConditions ? QUERY_BY_KEY_CONDITIONS : QUERY);
  const filter =
    request.QueryFilter === undefined
      ? compiled.filter
      : filterOf(request.QueryFilter, request.ConditionalOperator);
  const projection = projectionIn(request, compiled);
  const keyConditions =
    request.KeyConditions === undefined
      ? compiled.keyConditions
      : legacyKeyConditions(request.KeyConditions);
  if (keyConditions === undefined) throw validationError(KEY_CONDITION_MISSING);
  return { filter, projection, keyConditions };
}

export function scanExpressions(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
): PageExpressions {
  const compiled = compile(compiler, request, SCAN);
  const filter =
    request.ScanFilter === undefined
      ? compiled.filter
      : filterOf(request.ScanFilter, request.ConditionalOperator);
  return { filter, projection: projectionIn(request, compiled) };
}

const projectionIn = (
  { AttributesToGet: names }: ExpressionInput,
  { projection }: Expressions,
): ProjectionExpression | undefined => (names === undefined ? projection : attributesToGet(names));

const NOTHING: Expressions = {
  condition: undefined,
  filter: undefined,
  keyConditions: undefined,
  projection: undefined,
  update: undefined,
};

/** The request's expressions, of those that its operation has. */
function compile(
  compiler: ExpressionCompiler,
  request: ExpressionInput,
  fields: Fields,
): Expressions {
  const expressions = fields.expressions.filter((field) => request[field] !== undefined);
  const { ExpressionAttributeNames, ExpressionAttributeValues } = request;
  if (expressions.length > 0) {
    const legacy = fields.legacy.filter((field) => request[field] !== undefined);
    if (legacy.length > 0) throw validationError(expressionsMixed(legacy, expressions));
  } else if (ExpressionAttributeNames === undefined && ExpressionAttributeValues === undefined) {
    return NOTHING;
  }
  const own = Object.fromEntries(expressions.map((field) => [field, request[field]]));
  return compiler.compile(
    { ...own, ExpressionAttributeNames, ExpressionAttributeValues },
    fields.expressions,
  );
}

function legacyKeyConditions(
  conditions: Readonly<Record<string, LegacyCondition>>,
): AttributeConditions {
  return new Map(
    parseConditions(conditions).map(([name, condition]) => [name, sortCondition(condition)]),
  );
}

const KINDS = {
  EQ: '=',
  LT: '<',
  LE: '<=',
  GT: '>',
  GE: '>=',
  BEGINS_WITH: 'begins-with',
} as const;

function sortCondition({ operator, values }: ParsedCondition): SortKeyCondition {
  const [first, second] = values;
  if (first === undefined) throw validationError(KEY_CONDITION_NOT_INDEXABLE);
  if (operator === 'BETWEEN' && second !== undefined) {
    return { kind: 'between', low: first, high: second };
  }
  if (!isIndexable(operator)) throw validationError(KEY_CONDITION_NOT_INDEXABLE);
  return { kind: KINDS[operator], value: first };
}

const isIndexable = (operator: string): operator is keyof typeof KINDS => operator in KINDS;
