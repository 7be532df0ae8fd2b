import type { AttributeValue } from '../model/attribute-value.ts';
import { type ClientError, validationError } from '../model/errors.ts';
import type { SortKeyCondition } from '../model/item-key.ts';
import { type KeyRole, validateKeyValue } from '../model/key-validation.ts';
import { KEY_ATTRIBUTES_MAX } from '../model/limits.ts';
import type { KeyAttribute, KeyAttributes } from '../model/table.ts';
import type { Comparator, ConditionExpression, Operand } from './ast.ts';
import {
  invalidExpression,
  KEY_CONDITION_COUNT,
  KEY_CONDITION_NESTED_ATTRIBUTES,
  KEY_CONDITION_NESTED_OPERATIONS,
  KEY_CONDITION_NO_ATTRIBUTE,
  KEY_CONDITION_NOT_INDEXABLE,
  KEY_CONDITION_TWICE,
  KEY_CONDITION_TWO_ATTRIBUTES,
  KEY_CONDITION_TYPE,
  KEY_CONDITION_UNSUPPORTED,
  hashKeysNotEqual,
  keyConditionFirstOperand,
  keyConditionMissing,
  keyConditionOperator,
  operandType,
  rangeKeysNotEqual,
} from './messages.ts';

/** Which items a Query reads, of a table or an index. */
export interface KeyCondition {
  /** The value of each partition attribute, in their order. */
  readonly partition: readonly AttributeValue[];
  /** Of the sort attributes in their order, as far as they are given: equality of all but the last one. */
  readonly sort: readonly SortKeyCondition[];
}

/** `not-indexable`: an operator of the legacy KeyConditions that no key condition has. */
export type AttributeCondition = SortKeyCondition | { readonly kind: 'not-indexable' };

/** Key conditions by attribute, before they have met a schema. */
export type AttributeConditions = ReadonlyMap<string, AttributeCondition>;

/**
 * Takes a condition apart that came as KeyConditionExpression: comparisons of attributes with values, with
 * AND between them. Throws `ValidationException` for whatever else it is.
 */
export function attributeConditions(condition: ConditionExpression): AttributeConditions {
  const found = new Map<string, SortKeyCondition>();
  collect(condition, found);
  if (found.size > KEY_ATTRIBUTES_MAX) throw validationError(KEY_CONDITION_COUNT);
  return found;
}

/** Conditions that every key can have: one on the partition key, and perhaps one on the sort key. */
const SIMPLE_CONDITIONS_MAX = 2;

/**
 * The key condition of a Query against the keys of a table or an index. Throws `ValidationException` where it does
 * not fit them, or a value is none that a key may have. `visit` is called for each key attribute before its condition
 * is looked at, because DynamoDB checks a starting key on the way.
 */
export function keyCondition(
  conditions: AttributeConditions,
  key: KeyAttributes,
  visit: (keyAttribute: KeyAttribute, role: KeyRole) => void = () => undefined,
): KeyCondition {
  const keyCount = key.partition.length + key.sort.length;
  if (conditions.size > Math.max(keyCount, SIMPLE_CONDITIONS_MAX)) {
    throw validationError(KEY_CONDITION_COUNT);
  }
  const partition: AttributeValue[] = [];
  for (const keyAttribute of key.partition) {
    visit(keyAttribute, 'partition');
    if (conditions.size > keyCount) throw validationError(KEY_CONDITION_UNSUPPORTED);
    partition.push(partitionValue(conditions, keyAttribute, key));
  }
  const sort: SortKeyCondition[] = [];
  for (const keyAttribute of key.sort) {
    visit(keyAttribute, 'sort');
    const condition = conditions.get(keyAttribute.name);
    if (condition === undefined) continue;
    const checked = checkedCondition(condition, keyAttribute);
    checkEqualBefore(conditions, keyAttribute, key);
    for (const value of valuesOf(checked)) validateKeyValue(value, keyAttribute, 'sort');
    sort.push(checked);
  }
  const [missed] = key.sort.slice(sort.length);
  if (missed !== undefined && conditions.size > partition.length + sort.length) {
    throw validationError(keyConditionMissing(missed.name));
  }
  return { partition, sort };
}

function partitionValue(
  conditions: AttributeConditions,
  keyAttribute: KeyAttribute,
  key: KeyAttributes,
): AttributeValue {
  const condition = conditions.get(keyAttribute.name);
  if (condition === undefined) {
    throw partitionNotEqual(conditions, key, keyConditionMissing(keyAttribute.name));
  }
  const checked = checkedCondition(condition, keyAttribute);
  if (checked.kind !== '=') throw partitionNotEqual(conditions, key, KEY_CONDITION_UNSUPPORTED);
  validateKeyValue(checked.value, keyAttribute, 'partition');
  return checked.value;
}

/** `simple`: the message for a key of one partition attribute and at most one sort attribute. */
function partitionNotEqual(
  conditions: AttributeConditions,
  { partition, sort }: KeyAttributes,
  simple: string,
): ClientError {
  const isSimple = partition.length === 1 && sort.length <= 1;
  return validationError(
    isSimple ? simple : hashKeysNotEqual(namesNotEqual(conditions, partition)),
  );
}

/** Throws unless each sort attribute before this one, which has a condition, has to equal something. */
function checkEqualBefore(
  conditions: AttributeConditions,
  keyAttribute: KeyAttribute,
  { sort }: KeyAttributes,
): void {
  const names = namesNotEqual(conditions, sort.slice(0, sort.indexOf(keyAttribute)));
  if (names.length > 0) throw validationError(rangeKeysNotEqual(names, keyAttribute.name));
}

const namesNotEqual = (
  conditions: AttributeConditions,
  keyAttributes: readonly KeyAttribute[],
): readonly string[] =>
  keyAttributes.map(({ name }) => name).filter((name) => conditions.get(name)?.kind !== '=');

const valuesOf = (condition: SortKeyCondition): readonly AttributeValue[] =>
  condition.kind === 'between' ? [condition.low, condition.high] : [condition.value];

/** A condition whose operator and types fit the attribute. */
function checkedCondition(condition: AttributeCondition, key: KeyAttribute): SortKeyCondition {
  if (condition.kind === 'not-indexable') throw validationError(KEY_CONDITION_NOT_INDEXABLE);
  if (condition.kind === 'begins-with' && key.type === 'N') {
    throw invalidExpression('KeyConditionExpression', operandType('begins_with', 'N'));
  }
  for (const value of valuesOf(condition)) {
    if (!(key.type in value)) throw validationError(KEY_CONDITION_TYPE);
  }
  return condition;
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
    if (operand.kind === 'value') continue;
    if (operand.kind !== 'path') throw validationError(KEY_CONDITION_NESTED_OPERATIONS);
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
