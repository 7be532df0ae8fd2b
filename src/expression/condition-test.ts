import { AssertionError, present, unreachable } from '../base/assert.ts';
import {
  type AttributeType,
  attributeTypeOf,
  type AttributeValue,
} from '../model/attribute-value.ts';
import { compareAttributeValues } from '../model/compare-values.ts';
import type { Comparator, ConditionExpression, Operand } from './ast.ts';
import {
  ANY_TYPE,
  boundsDiffer,
  boundsReversed,
  type ExpressionField,
  invalidExpression,
  operandType,
  pathRequired,
  unknownAttributeType,
} from './messages.ts';

/**
 * One test, a comparison or a call, of its operands, of which there are as many as it takes. Throws
 * `ValidationException` for operands of types that it does not take.
 */
export function bindTest(
  field: ExpressionField,
  operator: string,
  operands: readonly Operand[],
): ConditionExpression {
  const fault = testFault(operator, operands);
  if (fault !== undefined) throw invalidExpression(field, fault);
  return madeTest(operator, operands);
}

/**
 * What is wrong with the operands of a test, if anything. Types that are known only from an item are no matter here:
 * such a test is false.
 */
export const testFault = (operator: string, operands: readonly Operand[]): string | undefined =>
  sizeFault(operands) ?? operandsFault(operator, operands);

/** The test of operands in which `testFault` finds nothing. */
export function madeTest(operator: string, operands: readonly Operand[]): ConditionExpression {
  const first = present(operands[0], 'first operand');
  return operands.length === 1 ? existence(operator, first) : binary(operator, first, operands);
}

function existence(operator: string, operand: Operand): ConditionExpression {
  if (operand.kind === 'path') {
    if (operator === 'attribute_exists') return { kind: operator, path: operand.path };
    if (operator === 'attribute_not_exists') return { kind: operator, path: operand.path };
  }
  throw new AssertionError(`no test: ${operator}`);
}

function binary(
  operator: string,
  first: Operand,
  operands: readonly Operand[],
): ConditionExpression {
  const second = present(operands[1], 'second operand');
  switch (operator) {
    case 'begins_with':
      return { kind: 'begins_with', operand: first, prefix: second };
    case 'contains':
      return { kind: 'contains', container: first, operand: second };
    case 'attribute_type':
      return { kind: 'attribute_type', operand: first, type: namedType(second) };
    case 'BETWEEN': {
      const upper = present(operands[2], 'upper bound');
      return { kind: 'between', operand: first, lower: second, upper };
    }
    case 'IN':
      return { kind: 'in', operand: first, candidates: operands.slice(1) };
    default:
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is left of the grammar's operators
      return { kind: 'compare', comparator: operator as Comparator, left: first, right: second };
  }
}

const TYPES: ReadonlySet<string> = new Set<AttributeType>([
  'S',
  'N',
  'B',
  'BOOL',
  'NULL',
  'SS',
  'NS',
  'BS',
  'L',
  'M',
]);

const isAttributeType = (name: string): name is AttributeType => TYPES.has(name);

function namedType(operand: Operand): AttributeType {
  const value = operand.kind === 'value' ? operand.value : undefined;
  if (value !== undefined && 'S' in value && isAttributeType(value.S)) return value.S;
  throw new AssertionError('the type was checked');
}

/** The type of an operand, where it does not depend on the item. */
function knownType(operand: Operand): AttributeType | undefined {
  switch (operand.kind) {
    case 'value':
      return attributeTypeOf(operand.value);
    case 'size':
      return 'N';
    case 'condition':
      return 'BOOL';
    case 'path':
      return undefined;
    default:
      return unreachable(operand);
  }
}

const isOrdered = (type: AttributeType): boolean => type === 'S' || type === 'N' || type === 'B';

function sizeFault(operands: readonly Operand[]): string | undefined {
  for (const operand of operands) {
    if (operand.kind !== 'size') continue;
    const type = knownType(operand.operand);
    const fault =
      sizeFault([operand.operand]) ??
      (type === 'N' || type === 'BOOL' || type === 'NULL' ? operandType('size', type) : undefined);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function operandsFault(operator: string, operands: readonly Operand[]): string | undefined {
  switch (operator) {
    case 'attribute_exists':
    case 'attribute_not_exists':
      return operands[0]?.kind === 'path' ? undefined : pathRequired(operator);
    case 'attribute_type':
      return typeNameFault(operands[1]);
    case 'begins_with':
      return typeFault(operator, operands, (type) => type === 'S' || type === 'B');
    case 'BETWEEN':
      return typeFault(operator, operands, isOrdered) ?? boundsFault(operands);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return typeFault(operator, operands, isOrdered);
    default:
      return undefined;
  }
}

function typeFault(
  operator: string,
  operands: readonly Operand[],
  takes: (type: AttributeType) => boolean,
): string | undefined {
  for (const operand of operands) {
    const type = knownType(operand);
    if (type !== undefined && !takes(type)) return operandType(operator, type);
  }
  return undefined;
}

function typeNameFault(operand: Operand | undefined): string | undefined {
  const value = operand?.kind === 'value' ? operand.value : undefined;
  if (value === undefined) return operandType('attribute_type', ANY_TYPE);
  if (!('S' in value)) return operandType('attribute_type', attributeTypeOf(value));
  return isAttributeType(value.S) ? undefined : unknownAttributeType(value.S);
}

function boundsFault([, lower, upper]: readonly Operand[]): string | undefined {
  if (lower?.kind !== 'value' || upper?.kind !== 'value') return undefined;
  const order = compareAttributeValues(lower.value, upper.value);
  if (order === undefined) return boundsDiffer(showBound(lower.value), showBound(upper.value));
  return order > 0 ? boundsReversed(showBound(lower.value), showBound(upper.value)) : undefined;
}

function showBound(value: AttributeValue): string {
  if ('S' in value) return `{S:${value.S}}`;
  if ('N' in value) return `{N:${value.N}}`;
  if ('B' in value) return `{B:${value.B}}`;
  throw new AssertionError('bounds are ordered types');
}
