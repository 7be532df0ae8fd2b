import type { ConditionExpression } from '../expression/ast.ts';
import type { AttributeValue } from '../model/attribute-value.ts';
import type { SortKeyCondition } from '../model/item-key.ts';

/*
 * What the terms of a condition say of one attribute that is a key. A term is what stands between ANDs.
 */

export type Term = ConditionExpression;

/** A comparison read from right to left. */
const MIRRORED = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

/** A term that compares an attribute, whole, with a value. */
export interface AttributeTerm {
  readonly name: string;
  readonly condition: SortKeyCondition;
}

/** What a term asks of an attribute, as far as a key can be asked so; undefined for any other term. */
export function attributeTerm(term: Term): AttributeTerm | undefined {
  if (term.kind === 'compare') return comparisonTerm(term);
  if (term.kind === 'between') {
    const { operand, lower, upper } = term;
    if (lower.kind !== 'value' || upper.kind !== 'value') return undefined;
    return named(operand, { kind: 'between', low: lower.value, high: upper.value });
  }
  return term.kind === 'begins_with' && term.prefix.kind === 'value'
    ? named(term.operand, { kind: 'begins-with', value: term.prefix.value })
    : undefined;
}

function comparisonTerm({
  comparator,
  left,
  right,
}: Term & { kind: 'compare' }): AttributeTerm | undefined {
  if (comparator === '<>') return undefined;
  if (right.kind === 'value') return named(left, { kind: comparator, value: right.value });
  return left.kind === 'value'
    ? named(right, { kind: MIRRORED[comparator], value: left.value })
    : undefined;
}

function named(
  operand: (Term & { kind: 'in' })['operand'],
  condition: SortKeyCondition,
): AttributeTerm | undefined {
  if (operand.kind !== 'path' || operand.path.length !== 1) return undefined;
  return { name: operand.path[0], condition };
}

/** The values that a term has an attribute equal one of: `a = v`, `a IN [v, w]`. */
export function equalTo(
  term: Term,
): { readonly name: string; readonly values: readonly AttributeValue[] } | undefined {
  if (term.kind === 'in') {
    const { operand, candidates } = term;
    if (operand.kind !== 'path' || operand.path.length !== 1) return undefined;
    const values = candidates.flatMap((each) => (each.kind === 'value' ? [each.value] : []));
    return values.length < candidates.length ? undefined : { name: operand.path[0], values };
  }
  const found = attributeTerm(term);
  return found?.condition.kind === '='
    ? { name: found.name, values: [found.condition.value] }
    : undefined;
}

/** The terms of a condition; none of undefined. */
export function termsOf(condition: ConditionExpression | undefined): readonly Term[] {
  if (condition === undefined) return [];
  return condition.kind === 'and' ? condition.conditions.flatMap(termsOf) : [condition];
}

/** Undefined for no terms. */
export function allOf(terms: readonly Term[]): ConditionExpression | undefined {
  const [first] = terms;
  return terms.length > 1 ? { kind: 'and', conditions: terms } : first;
}
