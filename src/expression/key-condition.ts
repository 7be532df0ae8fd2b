import type { AttributeValue } from '../model/attribute-value.ts';
import { type ClientError, validationError } from '../model/errors.ts';
import type { SortKeyCondition } from '../model/item-key.ts';
import { validateKeyValue } from '../model/key-validation.ts';
import type { KeyAttribute, KeySchema } from '../model/table.ts';
import type { Comparator, ConditionExpression, Operand } from './ast.ts';
import {
  invalidExpression,
  KEY_CONDITION_COUNT,
  KEY_CONDITION_NESTED_ATTRIBUTES,
  KEY_CONDITION_NESTED_OPERATIONS,
  KEY_CONDITION_NO_ATTRIBUTE,
  KEY_CONDITION_TWICE,
  KEY_CONDITION_TWO_ATTRIBUTES,
  KEY_CONDITION_TYPE,
  KEY_CONDITION_UNSUPPORTED,
  keyConditionFirstOperand,
  keyConditionMissing,
  keyConditionOperator,
  operandType,
} from './messages.ts';

/** Which items a Query reads: all of one partition key, or those whose sort key meets a condition. */
export interface KeyCondition {
  readonly partition: AttributeValue;
  readonly sort: SortKeyCondition | undefined;
}

/** Key conditions by attribute, before they have met a schema: a condition that is known to ask nothing else. */
export type AttributeConditions = ReadonlyMap<string, SortKeyCondition>;

/**
 * Takes a condition apart that came as KeyConditionExpression: comparisons of attributes with values, with
 * AND between them. Throws `ValidationException` for whatever else it is.
 */
export function attributeConditions(condition: ConditionExpression): AttributeConditions {
  const found = new Map<string, SortKeyCondition>();
  collect(condition, found);
  if (found.size > 2) throw validationError(KEY_CONDITION_COUNT);
  return found;
}

/**
 * The key condition of a Query against a table's keys. Throws `ValidationException` where it does not fit
 * them, or a value is none that a key may have.
 */
export function keyCondition(
  conditions: AttributeConditions,
  { partition, sort }: KeySchema,
): KeyCondition {
  if (sort === undefined && conditions.size > 1) throw validationError(KEY_CONDITION_UNSUPPORTED);
  const onPartition = conditions.get(partition.name);
  if (onPartition === undefined) throw validationError(keyConditionMissing(partition.name));
  checkValues(onPartition, partition);
  if (onPartition.kind !== '=') throw validationError(KEY_CONDITION_UNSUPPORTED);
  validateKeyValue(onPartition.value, partition, 'partition');
  if (sort === undefined || conditions.size === 1) {
    return { partition: onPartition.value, sort: undefined };
  }
  const onSort = conditions.get(sort.name);
  if (onSort === undefined) throw validationError(keyConditionMissing(sort.name));
  checkValues(onSort, sort);
  for (const value of valuesOf(onSort)) validateKeyValue(value, sort, 'sort');
  return { partition: onPartition.value, sort: onSort };
}

const valuesOf = (condition: SortKeyCondition): readonly AttributeValue[] =>
  condition.kind === 'between' ? [condition.low, condition.high] : [condition.value];

function checkValues(condition: SortKeyCondition, key: KeyAttribute): void {
  for (const value of valuesOf(condition)) {
    if (!(key.type in value)) throw validationError(KEY_CONDITION_TYPE);
  }
  if (condition.kind === 'begins-with' && key.type === 'N') {
    throw invalidExpression('KeyConditionExpression', operandType('begins_with', 'N'));
  }
}

function collect(condition: ConditionExpression, found: Map<string, SortKeyCondition>): void {
  switch (condition.kind) {
    case 'and':
      for (const each of condition.conditions) collect(each, found);
      return;
    case 'or':
    case 'not':
    case 'in':
      throw refused(condition.kind.toUpperCase());
    case 'attribute_exists':
    case 'attribute_not_exists':
    case 'attribute_type':
    case 'contains':
      throw refused(condition.kind);
    case 'compare':
      collectComparison(condition, found);
      return;
    case 'between': {
      const { operand, lower, upper } = condition;
      const name = firstAttribute('BETWEEN', operand, [lower, upper]);
      note(found, name, { kind: 'between', low: valueOf(lower), high: valueOf(upper) });
      return;
    }
    case 'begins_with': {
      const { operand, prefix } = condition;
      const name = firstAttribute('begins_with', operand, [prefix]);
      note(found, name, { kind: 'begins-with', value: valueOf(prefix) });
    }
  }
}

const refused = (operator: string): ClientError => validationError(keyConditionOperator(operator));

/** A comparison read from right to left. */
const MIRRORED = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
} as const satisfies Partial<Record<Comparator, Comparator>>;

function collectComparison(
  { comparator, left, right }: ConditionExpression & { kind: 'compare' },
  found: Map<string, SortKeyCondition>,
): void {
  if (comparator === '<>') throw refused('<>');
  const name = attribute([left, right]);
  const mirrored = left.kind !== 'path';
  const kind = mirrored ? MIRRORED[comparator] : comparator;
  note(found, name, { kind, value: valueOf(mirrored ? left : right) });
}

/** The one attribute among operands. */
function attribute(operands: readonly Operand[]): string {
  let name: string | undefined;
  for (const operand of operands) {
    if (operand.kind === 'size') throw validationError(KEY_CONDITION_NESTED_OPERATIONS);
    if (operand.kind === 'value') continue;
    if (name !== undefined) throw validationError(KEY_CONDITION_TWO_ATTRIBUTES);
    if (operand.path.length > 1) throw validationError(KEY_CONDITION_NESTED_ATTRIBUTES);
    name = operand.path[0];
  }
  if (name === undefined) throw validationError(KEY_CONDITION_NO_ATTRIBUTE);
  return name;
}

function firstAttribute(operator: string, first: Operand, rest: readonly Operand[]): string {
  if (first.kind !== 'path') throw validationError(keyConditionFirstOperand(operator));
  return attribute([first, ...rest]);
}

function valueOf(operand: Operand): AttributeValue {
  if (operand.kind === 'value') return operand.value;
  throw validationError(KEY_CONDITION_TWO_ATTRIBUTES);
}

function note(
  found: Map<string, SortKeyCondition>,
  name: string,
  condition: SortKeyCondition,
): void {
  if (found.has(name)) throw validationError(KEY_CONDITION_TWICE);
  found.set(name, condition);
}
