import type { ConditionExpression } from '../expression/ast.ts';
import { putAttribute, type MutableAttributeMap } from '../expression/attribute-map-builder.ts';
import { type AttributeMap, attributeOf } from '../model/attribute-value.ts';
import { attributeValuesEqual } from '../model/compare-values.ts';
import { validationError } from '../model/errors.ts';
import type { KeySchema } from '../model/table.ts';
import { allOf, attributeTerm, type Term, termsOf } from './key-terms.ts';
import { keyConditionTwice } from './messages.ts';

/** The item that a condition names by equalities of its key, and what else it asks. */
export interface ItemCondition {
  /** Key attributes, as far as they are there. */
  readonly key: AttributeMap;
  readonly isWhole: boolean;
  readonly rest: ConditionExpression | undefined;
}

/**
 * Takes the key out of the condition of a write. Throws `ValidationException` where it is to have two values at once;
 * `repeated` 'rest' leaves what comes after the first of them in the condition, as EXISTS does.
 */
export function itemCondition(
  where: ConditionExpression | undefined,
  { partition, sort }: KeySchema,
  repeated: 'refused' | 'rest' = 'refused',
): ItemCondition {
  const names = sort === undefined ? [partition.name] : [partition.name, sort.name];
  const key: MutableAttributeMap = {};
  const rest: Term[] = [];
  for (const term of termsOf(where)) {
    const found = attributeTerm(term);
    if (found?.condition.kind !== '=' || !names.includes(found.name)) {
      rest.push(term);
      continue;
    }
    const { value } = found.condition;
    const known = attributeOf(key, found.name);
    if (known === undefined) putAttribute(key, found.name, value);
    else if (repeated === 'rest') rest.push(term);
    else if (!attributeValuesEqual(known, value)) {
      throw validationError(keyConditionTwice(found.name));
    }
  }
  const isWhole = names.every((name) => attributeOf(key, name) !== undefined);
  return { key, isWhole, rest: allOf(rest) };
}
