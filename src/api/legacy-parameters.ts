import type {
  Comparator,
  ConditionExpression,
  Operand,
  ProjectionExpression,
  UpdateAction,
  UpdateExpression,
} from '../expression/ast.ts';
import {
  attributeTypeOf,
  checkAttributeName,
  parseAttributeValue,
  parseComparedValue,
} from '../model/attribute-value.ts';
import type { AttributeType, AttributeValue } from '../model/attribute-value.ts';
import { compareAttributeValues } from '../model/compare-values.ts';
import { validationError } from '../model/errors.ts';
import {
  BETWEEN_REVERSED,
  LEGACY_LIST_TYPES_DIFFER,
  ONLY_DELETE_WITHOUT_VALUE,
  addNotSupported,
  deleteNotSupported,
  duplicateAttribute,
  expectedListWithoutOperator,
  expectedOperatorAndExists,
  expectedOperatorWithoutValue,
  expectedValueAndList,
  expectedValueMissing,
  expectedValueWithoutExists,
  legacyArgumentCount,
  legacyOperandType,
} from './api-messages.ts';

/*
 * The parameters that came before expressions, translated into what expressions become. Paths in them are
 * names of whole attributes. Source of the rules: the developer guide, "Legacy conditional parameters".
 */

export type LegacyOperator =
  | 'EQ'
  | 'NE'
  | 'LE'
  | 'LT'
  | 'GE'
  | 'GT'
  | 'NOT_NULL'
  | 'NULL'
  | 'CONTAINS'
  | 'NOT_CONTAINS'
  | 'BEGINS_WITH'
  | 'IN'
  | 'BETWEEN';

export interface LegacyCondition {
  readonly ComparisonOperator: LegacyOperator;
  readonly AttributeValueList?: readonly unknown[];
}

export interface LegacyExpectation {
  readonly Value?: unknown;
  readonly Exists?: boolean;
  readonly ComparisonOperator?: LegacyOperator;
  readonly AttributeValueList?: readonly unknown[];
}

export interface LegacyUpdate {
  readonly Action?: 'ADD' | 'PUT' | 'DELETE';
  readonly Value?: unknown;
}

export type ConditionalOperator = 'AND' | 'OR';

/** A condition with its values parsed. */
export interface ParsedCondition {
  readonly operator: LegacyOperator;
  readonly values: readonly AttributeValue[];
}

const SCALARS: readonly AttributeType[] = ['S', 'N', 'B'];

interface OperatorRule {
  readonly countMin: number;
  readonly countMax: number;
  /** Undefined: values of any type. */
  readonly types: readonly AttributeType[] | undefined;
}

const one = (types: readonly AttributeType[] | undefined): OperatorRule => ({
  countMin: 1,
  countMax: 1,
  types,
});
const NONE: OperatorRule = { countMin: 0, countMax: 0, types: undefined };

const RULES: Readonly<Record<LegacyOperator, OperatorRule>> = {
  NULL: NONE,
  NOT_NULL: NONE,
  EQ: one(undefined),
  NE: one(undefined),
  LE: one(SCALARS),
  LT: one(SCALARS),
  GE: one(SCALARS),
  GT: one(SCALARS),
  CONTAINS: one(SCALARS),
  NOT_CONTAINS: one(SCALARS),
  BEGINS_WITH: one(['S', 'B']),
  IN: { countMin: 1, countMax: Infinity, types: SCALARS },
  BETWEEN: { countMin: 2, countMax: 2, types: SCALARS },
};

const COMPARATORS: Readonly<Partial<Record<LegacyOperator, Comparator>>> = {
  EQ: '=',
  NE: '<>',
  LE: '<=',
  LT: '<',
  GE: '>=',
  GT: '>',
};

/** `KeyConditions`, `QueryFilter` or `ScanFilter`, checked. Throws `ValidationException`. */
export function parseConditions(
  conditions: Readonly<Record<string, LegacyCondition>>,
): readonly (readonly [string, ParsedCondition])[] {
  return entriesOf(conditions).map(([name, condition]) => {
    const values = (condition.AttributeValueList ?? []).map(parseComparedValue);
    return [name, checkedCondition(condition.ComparisonOperator, values)];
  });
}

/** `QueryFilter` or `ScanFilter` as a filter. Undefined for an empty one. */
export const filterOf = (
  conditions: Readonly<Record<string, LegacyCondition>>,
  operator: ConditionalOperator | undefined,
): ConditionExpression | undefined =>
  combine(
    parseConditions(conditions).map(([name, condition]) => conditionOn(name, condition)),
    operator,
  );

/** `Expected` as a condition. Undefined for an empty one. Throws `ValidationException`. */
export const expectedCondition = (
  expected: Readonly<Record<string, LegacyExpectation>>,
  operator: ConditionalOperator | undefined,
): ConditionExpression | undefined =>
  combine(
    entriesOf(expected).map(([name, expectation]) => expectationOn(name, expectation)),
    operator,
  );

/** `AttributeUpdates` as an update. Throws `ValidationException`. */
export function attributeUpdates(
  updates: Readonly<Record<string, LegacyUpdate>>,
): UpdateExpression {
  return { actions: entriesOf(updates).map(([name, update]) => actionOn(name, update)) };
}

/** `AttributesToGet` as a projection. Throws `ValidationException` for a name that stands there twice. */
export function attributesToGet(names: readonly string[]): ProjectionExpression {
  names.forEach(checkAttributeName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw validationError(duplicateAttribute(twice));
  return { members: names.map((name) => ({ name, node: { kind: 'whole' } })) };
}

/** The parameter by attribute. Throws `ValidationException` for a name that no attribute can have. */
function entriesOf<Value>(
  parameter: Readonly<Record<string, Value>>,
): readonly (readonly [string, Value])[] {
  const entries = Object.entries(parameter);
  for (const [name] of entries) checkAttributeName(name);
  return entries;
}

function combine(
  conditions: readonly ConditionExpression[],
  operator: ConditionalOperator | undefined,
): ConditionExpression | undefined {
  if (conditions.length < 2) return conditions[0];
  return { kind: operator === 'OR' ? 'or' : 'and', conditions };
}

function checkedCondition(
  operator: LegacyOperator,
  values: readonly AttributeValue[],
): ParsedCondition {
  const rule = RULES[operator];
  if (values.length < rule.countMin || values.length > rule.countMax) {
    throw validationError(legacyArgumentCount(operator));
  }
  const types = values.map(attributeTypeOf);
  if (types.some((type) => type !== types[0])) throw validationError(LEGACY_LIST_TYPES_DIFFER);
  const wrong = types.find((type) => rule.types !== undefined && !rule.types.includes(type));
  if (wrong !== undefined) throw validationError(legacyOperandType(operator, wrong));
  const [lower, upper] = values;
  if (operator === 'BETWEEN' && lower !== undefined && upper !== undefined) {
    if ((compareAttributeValues(lower, upper) ?? 0) > 0) throw validationError(BETWEEN_REVERSED);
  }
  return { operator, values };
}

function conditionOn(name: string, { operator, values }: ParsedCondition): ConditionExpression {
  const attribute: Operand = { kind: 'path', path: [name] };
  const operands = values.map((value): Operand => ({ kind: 'value', value }));
  const [first, second] = operands;
  const comparator = COMPARATORS[operator];
  if (operator === 'NULL' || first === undefined) {
    const kind = operator === 'NULL' ? 'attribute_not_exists' : 'attribute_exists';
    return { kind, path: [name] };
  }
  if (comparator !== undefined) {
    return { kind: 'compare', comparator, left: attribute, right: first };
  }
  if (operator === 'BETWEEN' && second !== undefined) {
    return { kind: 'between', operand: attribute, lower: first, upper: second };
  }
  if (operator === 'IN') return { kind: 'in', operand: attribute, candidates: operands };
  if (operator === 'BEGINS_WITH') return { kind: 'begins_with', operand: attribute, prefix: first };
  const contains = { kind: 'contains', container: attribute, operand: first } as const;
  if (operator === 'CONTAINS') return contains;
  const exists = { kind: 'attribute_exists', path: [name] } as const;
  return { kind: 'and', conditions: [exists, { kind: 'not', condition: contains }] };
}

function expectationOn(name: string, expectation: LegacyExpectation): ConditionExpression {
  const { Value: value, AttributeValueList: list, ComparisonOperator: operator } = expectation;
  if (value !== undefined && list !== undefined) throw validationError(expectedValueAndList(name));
  if (operator === undefined) return simpleExpectationOn(name, expectation);
  if (expectation.Exists !== undefined) throw validationError(expectedOperatorAndExists(name));
  const given = list ?? (value === undefined ? undefined : [value]);
  if (given === undefined && operator !== 'NULL' && operator !== 'NOT_NULL') {
    throw validationError(expectedOperatorWithoutValue(operator, name));
  }
  const values = (given ?? []).map(parseComparedValue);
  return conditionOn(name, checkedCondition(operator, values));
}

/** Without an operator: the attribute has this value, or is not there. */
function simpleExpectationOn(name: string, expectation: LegacyExpectation): ConditionExpression {
  const { Value: value, Exists: exists, AttributeValueList: list } = expectation;
  if (list !== undefined) throw validationError(expectedListWithoutOperator(name));
  if (exists === false) {
    if (value !== undefined) throw validationError(expectedValueWithoutExists(name));
    return { kind: 'attribute_not_exists', path: [name] };
  }
  if (value === undefined) throw validationError(expectedValueMissing(exists, name));
  return conditionOn(name, { operator: 'EQ', values: [parseComparedValue(value)] });
}

function actionOn(name: string, update: LegacyUpdate): UpdateAction {
  const { Action: action = 'PUT' } = update;
  const path = [name] as const;
  if (update.Value === undefined) {
    if (action !== 'DELETE') throw validationError(ONLY_DELETE_WITHOUT_VALUE);
    return { kind: 'remove', path };
  }
  const value = parseAttributeValue(update.Value);
  const type = attributeTypeOf(value);
  const isSet = type === 'SS' || type === 'NS' || type === 'BS';
  if (action === 'PUT') return { kind: 'set', path, operand: { kind: 'value', value } };
  if (action === 'DELETE') {
    if (!isSet) throw validationError(deleteNotSupported(type));
    return { kind: 'delete', path, value, legacy: true };
  }
  if (!isSet && type !== 'N' && type !== 'L') throw validationError(addNotSupported(type));
  return { kind: 'add', path, value, legacy: true };
}
