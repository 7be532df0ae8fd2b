import fc from 'fast-check';

import { unreachable } from '../../src/base/assert.ts';
import {
  binaries,
  isSame,
  type Item,
  lists,
  maps,
  numberSets,
  numbers,
  ordered,
  type Path,
  type Placeholders,
  scalars,
  strings,
  stringSets,
  typeOf,
  type Value,
  valueAt,
} from './naive-values.ts';

type Operand =
  | { readonly kind: 'path' | 'size'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: Value };

/** A condition, as simple as it can be thought of: to be written down as an expression, and to be decided here. */
export type Condition =
  | {
      readonly kind: 'compare';
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>=';
      readonly left: Operand;
      readonly right: Operand;
    }
  | { readonly kind: 'between'; readonly path: Path; readonly low: Value; readonly high: Value }
  | { readonly kind: 'in'; readonly path: Path; readonly values: readonly Value[] }
  | { readonly kind: 'exists' | 'absent'; readonly path: Path }
  | { readonly kind: 'begins' | 'contains'; readonly path: Path; readonly value: Value }
  | { readonly kind: 'type'; readonly path: Path; readonly type: string }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition };

/** Items of these attributes, some of them missing. None is a word that DynamoDB reserves, nor a key. */
export const itemAttributes: fc.Arbitrary<Item> = fc.record(
  {
    a: scalars,
    b: fc.oneof(scalars, stringSets, numberSets, lists),
    l: fc.oneof({ weight: 4, arbitrary: lists }, { weight: 1, arbitrary: scalars }),
    m: fc.oneof({ weight: 4, arbitrary: maps }, { weight: 1, arbitrary: scalars }),
  },
  { requiredKeys: [] },
);

const paths: fc.Arbitrary<Path> = fc.constantFrom(
  ['a'],
  ['b'],
  ['l'],
  ['m'],
  ['l', 0],
  ['l', 1],
  ['m', 'x'],
  ['m', 'y'],
  ['m', 'none'],
  ['none'],
);

const isOther = (one: Path, other: Path): boolean => one.join('/') !== other.join('/');

const equality = fc
  .record({
    operator: fc.constantFrom('=' as const, '<>' as const),
    path: paths,
    right: fc.oneof(
      fc
        .oneof(scalars, stringSets, numberSets, lists)
        .map((value) => ({ kind: 'value' as const, value })),
      paths.map((path) => ({ kind: 'path' as const, path })),
    ),
  })
  .filter(({ path, right }) => right.kind === 'value' || isOther(path, right.path))
  .map(({ operator, path, right }) => ({
    kind: 'compare' as const,
    operator,
    left: { kind: 'path' as const, path },
    right,
  }));

const inequality = fc.record({
  kind: fc.constant('compare' as const),
  operator: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
  left: fc.record({ kind: fc.constantFrom('path' as const, 'size' as const), path: paths }),
  right: fc.record({
    kind: fc.constant('value' as const),
    value: fc.oneof<fc.Arbitrary<Value>[]>(numbers, strings, binaries),
  }),
});

const between = fc
  .record({
    path: paths,
    ends: fc.oneof<fc.Arbitrary<[Value, Value]>[]>(
      fc.tuple(numbers, numbers),
      fc.tuple(strings, strings),
      fc.tuple(binaries, binaries),
    ),
  })
  .map(({ path, ends: [one, other] }) => {
    const [low, high] = (ordered(one, other) ?? 0) <= 0 ? [one, other] : [other, one];
    return { kind: 'between' as const, path, low, high };
  });

const simple: fc.Arbitrary<Condition> = fc.oneof(
  equality,
  inequality,
  between,
  fc.record({
    kind: fc.constant('in' as const),
    path: paths,
    values: fc.array(scalars, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constantFrom('exists' as const, 'absent' as const), path: paths }),
  fc.record({ kind: fc.constant('begins' as const), path: paths, value: strings }),
  fc.record({
    kind: fc.constant('contains' as const),
    path: paths,
    value: fc.oneof<fc.Arbitrary<Value>[]>(strings, numbers),
  }),
  fc.record({
    kind: fc.constant('type' as const),
    path: paths,
    type: fc.constantFrom('S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'L', 'M'),
  }),
);

export const conditions: fc.Arbitrary<Condition> = fc.letrec<{ any: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    simple,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('any'), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), part: tie('any') }),
  ),
})).any;

export function writeCondition(condition: Condition, to: Placeholders): string {
  switch (condition.kind) {
    case 'compare':
      return `${writeOperand(condition.left, to)} ${condition.operator} ${writeOperand(condition.right, to)}`;
    case 'between':
      return `${to.path(condition.path)} BETWEEN ${to.value(condition.low)} AND ${to.value(condition.high)}`;
    case 'in':
      return `${to.path(condition.path)} IN (${condition.values.map((each) => to.value(each)).join()})`;
    case 'exists':
      return `attribute_exists(${to.path(condition.path)})`;
    case 'absent':
      return `attribute_not_exists(${to.path(condition.path)})`;
    case 'begins':
      return `begins_with(${to.path(condition.path)}, ${to.value(condition.value)})`;
    case 'contains':
      return `contains(${to.path(condition.path)}, ${to.value(condition.value)})`;
    case 'type':
      return `attribute_type(${to.path(condition.path)}, ${to.value({ S: condition.type })})`;
    case 'and':
    case 'or':
      return condition.parts
        .map((part) => `(${writeCondition(part, to)})`)
        .join(` ${condition.kind} `);
    case 'not':
      return `NOT (${writeCondition(condition.part, to)})`;
    default:
      return unreachable(condition);
  }
}

function writeOperand(operand: Operand, to: Placeholders): string {
  if (operand.kind === 'value') return to.value(operand.value);
  const path = to.path(operand.path);
  return operand.kind === 'size' ? `size(${path})` : path;
}

export function holds(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case 'compare':
      return compares(
        condition.operator,
        valueOf(condition.left, item),
        valueOf(condition.right, item),
      );
    case 'between': {
      const value = valueAt(item, condition.path);
      return compares('>=', value, condition.low) && compares('<=', value, condition.high);
    }
    case 'in': {
      const value = valueAt(item, condition.path);
      return condition.values.some((each) => compares('=', value, each));
    }
    case 'exists':
      return valueAt(item, condition.path) !== undefined;
    case 'absent':
      return valueAt(item, condition.path) === undefined;
    case 'begins':
      return valueAt(item, condition.path)?.S?.startsWith(condition.value.S ?? '') ?? false;
    case 'contains':
      return contains(valueAt(item, condition.path), condition.value);
    case 'type': {
      const value = valueAt(item, condition.path);
      return value !== undefined && typeOf(value) === condition.type;
    }
    case 'and':
      return condition.parts.every((part) => holds(part, item));
    case 'or':
      return condition.parts.some((part) => holds(part, item));
    case 'not':
      return !holds(condition.part, item);
    default:
      return unreachable(condition);
  }
}

function valueOf(operand: Operand, item: Item): Value | undefined {
  if (operand.kind === 'value') return operand.value;
  const value = valueAt(item, operand.path);
  if (operand.kind === 'path' || value === undefined) return value;
  const size = sizeOf(value);
  return size === undefined ? undefined : { N: String(size) };
}

function sizeOf({ S, B, SS, NS, L, M }: Value): number | undefined {
  if (S !== undefined) return S.length;
  if (B !== undefined) return Buffer.from(B, 'base64').length;
  return (SS ?? NS ?? L ?? (M === undefined ? undefined : Object.keys(M)))?.length;
}

function compares(
  operator: '=' | '<>' | '<' | '<=' | '>' | '>=',
  left: Value | undefined,
  right: Value | undefined,
): boolean {
  const same = left !== undefined && right !== undefined && isSame(left, right);
  if (operator === '=') return same;
  if (operator === '<>') return !same;
  const order = left === undefined || right === undefined ? undefined : ordered(left, right);
  if (order === undefined) return false;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

function contains(value: Value | undefined, part: Value): boolean {
  if (value?.S !== undefined) return part.S !== undefined && value.S.includes(part.S);
  if (value?.SS !== undefined) return part.S !== undefined && value.SS.includes(part.S);
  if (value?.NS !== undefined) return part.N !== undefined && value.NS.includes(part.N);
  return value?.L?.some((each) => isSame(each, part)) ?? false;
}
