import { unreachable } from '../base/assert.ts';
import {
  attributeOf,
  attributeTypeOf,
  type AttributeMap,
  type AttributeValue,
} from '../model/attribute-value.ts';
import { base64ByteLength } from '../model/base64.ts';
import { attributeValuesEqual, compareAttributeValues } from '../model/compare-values.ts';
import type { Comparator, ConditionExpression, Operand, Path } from './ast.ts';

/**
 * Whether a condition holds for an item; undefined stands for none, as for an item without attributes. Never
 * fails: what is missing, or of a type that a test does not take, makes the test false, but `<>` true.
 */
export function evaluateCondition(
  condition: ConditionExpression,
  item: AttributeMap | undefined,
): boolean {
  return holds(condition, item ?? NO_ATTRIBUTES);
}

const NO_ATTRIBUTES: AttributeMap = {};

function holds(condition: ConditionExpression, item: AttributeMap): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.conditions.every((each) => holds(each, item));
    case 'or':
      return condition.conditions.some((each) => holds(each, item));
    case 'not':
      return !holds(condition.condition, item);
    case 'compare':
      return compare(
        condition.comparator,
        valueOf(condition.left, item),
        valueOf(condition.right, item),
      );
    case 'between':
      return between(condition, item);
    case 'in': {
      const value = valueOf(condition.operand, item);
      return condition.candidates.some((each) => equal(value, valueOf(each, item)));
    }
    case 'attribute_exists':
      return valueAt(condition.path, item) !== undefined;
    case 'attribute_not_exists':
      return valueAt(condition.path, item) === undefined;
    case 'attribute_type': {
      const value = valueOf(condition.operand, item);
      return value !== undefined && attributeTypeOf(value) === condition.type;
    }
    case 'begins_with':
      return beginsWith(valueOf(condition.operand, item), valueOf(condition.prefix, item));
    case 'contains':
      return contains(valueOf(condition.container, item), valueOf(condition.operand, item));
    default:
      return unreachable(condition);
  }
}

type Value = AttributeValue | undefined;

/** The value at a path of an item, or undefined where the path leads nowhere. */
export function valueAt(path: Path, item: AttributeMap): AttributeValue | undefined {
  let value = attributeOf(item, path[0]);
  for (let i = 1; i < path.length && value !== undefined; i++) {
    const step = path[i];
    if (typeof step === 'number') value = 'L' in value ? value.L[step] : undefined;
    else if (step !== undefined) value = 'M' in value ? attributeOf(value.M, step) : undefined;
  }
  return value;
}

function valueOf(operand: Operand, item: AttributeMap): Value {
  switch (operand.kind) {
    case 'path':
      return valueAt(operand.path, item);
    case 'value':
      return operand.value;
    case 'size': {
      const size = sizeOf(valueOf(operand.operand, item));
      return size === undefined ? undefined : { N: String(size) };
    }
    case 'condition':
      return { BOOL: holds(operand.condition, item) };
    default:
      return unreachable(operand);
  }
}

/** Strings count in UTF-16 units, binaries in bytes, everything else in members. */
function sizeOf(value: Value): number | undefined {
  if (value === undefined) return undefined;
  if ('S' in value) return value.S.length;
  if ('B' in value) return base64ByteLength(value.B);
  if ('L' in value) return value.L.length;
  if ('M' in value) return Object.keys(value.M).length;
  if ('SS' in value) return value.SS.length;
  if ('NS' in value) return value.NS.length;
  return 'BS' in value ? value.BS.length : undefined;
}

const equal = (a: Value, b: Value): boolean =>
  a !== undefined && b !== undefined && attributeValuesEqual(a, b);

function compare(comparator: Comparator, left: Value, right: Value): boolean {
  if (comparator === '=') return equal(left, right);
  if (comparator === '<>') return !equal(left, right);
  if (left === undefined || right === undefined) return false;
  const order = compareAttributeValues(left, right);
  if (order === undefined) return false;
  switch (comparator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return unreachable(comparator);
  }
}

function between(
  condition: ConditionExpression & { kind: 'between' },
  item: AttributeMap,
): boolean {
  const value = valueOf(condition.operand, item);
  return (
    compare('>=', value, valueOf(condition.lower, item)) &&
    compare('<=', value, valueOf(condition.upper, item))
  );
}

const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64');

function beginsWith(value: Value, prefix: Value): boolean {
  if (value === undefined || prefix === undefined) return false;
  if ('S' in value) return 'S' in prefix && value.S.startsWith(prefix.S);
  if (!('B' in value && 'B' in prefix)) return false;
  const start = bytesOf(prefix.B);
  return bytesOf(value.B).subarray(0, start.length).equals(start);
}

/** Part of a string or a binary, member of a set, or element of a list. */
function contains(container: Value, operand: Value): boolean {
  if (container === undefined || operand === undefined) return false;
  if ('S' in container) return 'S' in operand && container.S.includes(operand.S);
  if ('SS' in container) return 'S' in operand && container.SS.includes(operand.S);
  if ('NS' in container) return 'N' in operand && container.NS.includes(operand.N);
  if ('L' in container) return container.L.some((each) => attributeValuesEqual(each, operand));
  if ('B' in container) return 'B' in operand && bytesOf(container.B).includes(bytesOf(operand.B));
  return 'BS' in container && 'B' in operand && container.BS.includes(operand.B);
}
