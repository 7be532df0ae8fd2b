import type { UpdateAction, UpdateExpression, UpdateOperand } from '../expression/ast.ts';
import { checkUpdateKeysScalar } from '../expression/key-checks.ts';
import type { AttributeValue } from '../model/attribute-value.ts';
import { attributeTypeOf } from '../model/attribute-value.ts';
import type { IndexKeyRules } from '../model/index-key-validation.ts';
import {
  checkIndexKeyType,
  checkUpdatedIndexKey,
  indexKeyRules,
  rulesTouched,
} from '../model/index-key-validation.ts';
import type { Table } from '../model/table.ts';
import { scalarNames } from './scalar-names.ts';

/**
 * Checks an update against the keys of the table's indexes, as far as it can be known without the item. What only the
 * item can tell is returned, for the write to take with it. Throws `ValidationException`.
 */
export function checkUpdatedIndexes(
  update: UpdateExpression,
  table: Table,
): { readonly indexKeys?: IndexKeyRules } {
  const rules = indexKeyRules(table);
  const whole = wholeAttributes(update);
  for (const key of rules.attributes) {
    const action = whole.get(key.name);
    if (action === undefined) continue;
    const value = valueIn(action);
    const type = value === undefined ? typeIn(action) : attributeTypeOf(value);
    if (type !== undefined) checkIndexKeyType(key, type);
    if (value !== undefined) checkUpdatedIndexKey(value);
  }
  checkUpdateKeysScalar(update, scalarNames(table));
  const indexKeys = rulesTouched(rules, new Set(whole.keys()));
  return indexKeys === undefined ? {} : { indexKeys };
}

/** As `checkUpdatedIndexes`, only of values that have their keys' types, and only that none is empty. */
export function checkUpdatedIndexKeysNotEmpty(update: UpdateExpression, table: Table): void {
  const { attributes } = indexKeyRules(table);
  if (attributes.length === 0) return;
  const whole = wholeAttributes(update);
  for (const { name, type } of attributes) {
    const action = whole.get(name);
    const value = action === undefined ? undefined : valueIn(action);
    if (value !== undefined && type in value) checkUpdatedIndexKey(value);
  }
}

/** What an update does to attributes as wholes, by their names. */
function wholeAttributes({ actions }: UpdateExpression): ReadonlyMap<string, UpdateAction> {
  const whole = new Map<string, UpdateAction>();
  for (const action of actions) if (action.path.length === 1) whole.set(action.path[0], action);
  return whole;
}

/** The value that an action gives, or that it adds or deletes; undefined where it depends on the item. */
function valueIn(action: UpdateAction): AttributeValue | undefined {
  if (action.kind === 'add' || action.kind === 'delete') return action.value;
  return action.kind === 'set' && action.operand.kind === 'value'
    ? action.operand.value
    : undefined;
}

const typeIn = (action: UpdateAction): 'L' | 'N' | undefined =>
  action.kind === 'set' ? resultType(action.operand) : undefined;

function resultType({ kind }: UpdateOperand): 'L' | 'N' | undefined {
  if (kind === 'list_append') return 'L';
  return kind === 'add' || kind === 'subtract' ? 'N' : undefined;
}
