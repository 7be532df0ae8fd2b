import {
  attributeOf,
  type AttributeMap,
  attributeTypeOf,
  type AttributeValue,
} from '../model/attribute-value.ts';
import { addDecimals, subtractDecimals } from '../model/decimal.ts';
import { type ClientError, validationError } from '../model/errors.ts';
import { NESTING_LEVELS_MAX } from '../model/limits.ts';
import { NESTING_EXCEEDED } from '../model/messages.ts';
import { unreachable } from '../base/assert.ts';
import type { Path, ProjectionExpression, UpdateExpression, UpdateOperand } from './ast.ts';
import { copyAttributes, putAttribute, removeAttribute } from './attribute-map-builder.ts';
import { valueAt } from './evaluate-condition.ts';
import {
  ATTRIBUTE_TYPE_MISMATCH,
  UPDATE_ATTRIBUTE_MISSING,
  UPDATE_OPERAND_TYPE,
  UPDATE_PATH_INVALID,
} from './messages.ts';
import { projectionOf } from './projection-template.ts';

/**
 * The item after an update; `current` is left as it is. All operands are read from the item as it was before.
 * Without an item, a new one begins with `keyAttributes`, unless all that the update does is to remove and
 * delete: that creates none, and `item` is undefined.
 *
 * Throws `ValidationException` when the item does not fit the update. The caller checks the item's size.
 */
export function applyUpdate(
  update: UpdateExpression,
  base: { current: AttributeMap | undefined; keyAttributes: AttributeMap },
): { readonly item: AttributeMap | undefined } {
  const { current } = base;
  if (current === undefined && onlyRemoves(update)) return { item: undefined };
  const edits = editsOf(update, current ?? NO_ATTRIBUTES);
  return { item: editMap(current ?? base.keyAttributes, edits) };
}

/**
 * What `ReturnValues` UPDATED_OLD and UPDATED_NEW show: `project` the item before or after by it. An empty
 * projection means no `Attributes` at all. As in DynamoDB, an index names the place in the list that is
 * shown, so that after a removal it may show a neighbour.
 */
export const updatedAttributes = (update: UpdateExpression): ProjectionExpression =>
  projectionOf(update.actions.map((action) => action.path));

const NO_ATTRIBUTES: AttributeMap = {};

const onlyRemoves = ({ actions }: UpdateExpression): boolean =>
  actions.length > 0 &&
  actions.every((action) => action.kind === 'remove' || action.kind === 'delete');

/** What happens at one place. An inner one has only names under it or only indexes, as paths never conflict. */
type Edit =
  | { readonly kind: 'put'; readonly value: AttributeValue }
  | { readonly kind: 'remove' }
  | Combination
  | { readonly kind: 'inside'; readonly edits: Edits };

/** What joins a value with the one that is there, or takes it away from that. */
interface Combination {
  readonly kind: 'add' | 'delete';
  readonly value: AttributeValue;
  readonly legacy?: true;
}

type Edits = Map<string | number, Edit>;

function editsOf(update: UpdateExpression, item: AttributeMap): Edits {
  const edits: Edits = new Map();
  for (const action of update.actions) {
    if (action.kind !== 'set') place(edits, action.path, action);
    else {
      const value = operandValue(action.operand, item);
      checkDepth(value, action.path.length);
      place(edits, action.path, { kind: 'put', value });
    }
  }
  return edits;
}

function place(edits: Edits, path: Path, edit: Edit): void {
  let there = edits;
  for (let i = 0; i < path.length - 1; i++) {
    const step = path[i] ?? '';
    let inner = there.get(step);
    if (inner?.kind !== 'inside') {
      inner = { kind: 'inside', edits: new Map() };
      there.set(step, inner);
    }
    there = inner.edits;
  }
  there.set(path[path.length - 1] ?? '', edit);
}

function checkDepth(value: AttributeValue, level: number): void {
  if (level > NESTING_LEVELS_MAX) throw validationError(NESTING_EXCEEDED);
  if ('L' in value) for (const each of value.L) checkDepth(each, level + 1);
  if ('M' in value) for (const each of Object.values(value.M)) checkDepth(each, level + 1);
}

function operandValue(operand: UpdateOperand, item: AttributeMap): AttributeValue {
  switch (operand.kind) {
    case 'value':
      return operand.value;
    case 'path': {
      const value = valueAt(operand.path, item);
      if (value === undefined) throw validationError(UPDATE_ATTRIBUTE_MISSING);
      return value;
    }
    case 'if_not_exists':
      return valueAt(operand.path, item) ?? operandValue(operand.otherwise, item);
    case 'list_append': {
      const left = operandValue(operand.left, item);
      const right = operandValue(operand.right, item);
      if (!('L' in left && 'L' in right)) throw validationError(UPDATE_OPERAND_TYPE);
      return { L: [...left.L, ...right.L] };
    }
    case 'add':
    case 'subtract': {
      const left = operandValue(operand.left, item);
      const right = operandValue(operand.right, item);
      if (!('N' in left && 'N' in right)) throw validationError(UPDATE_OPERAND_TYPE);
      const compute = operand.kind === 'add' ? addDecimals : subtractDecimals;
      return { N: compute(left.N, right.N) };
    }
    default:
      return unreachable(operand);
  }
}

function editMap(map: AttributeMap, edits: Edits): AttributeMap {
  const edited = copyAttributes(map);
  for (const [step, edit] of edits) {
    const name = String(step);
    const before = attributeOf(map, name);
    const after = editValue(before, edit);
    if (after !== undefined) putAttribute(edited, name, after);
    else if (before !== undefined) removeAttribute(edited, name);
  }
  return edited;
}

/** Indexes are those of the list before; what lies beyond its end is appended, in the order of the indexes. */
function editList(list: readonly AttributeValue[], edits: Edits): readonly AttributeValue[] {
  const edited: (AttributeValue | undefined)[] = [...list];
  const indexes = [...edits.keys()].map(Number).toSorted((a, b) => a - b);
  for (const index of indexes) {
    const edit = edits.get(index);
    if (edit === undefined) continue;
    const after = editValue(list[index], edit);
    if (index < list.length) edited[index] = after;
    else if (after !== undefined) edited.push(after);
  }
  return edited.filter((each) => each !== undefined);
}

/** The value after an edit; undefined where there is none then. */
function editValue(before: AttributeValue | undefined, edit: Edit): AttributeValue | undefined {
  switch (edit.kind) {
    case 'put':
      return edit.value;
    case 'remove':
      return undefined;
    case 'add':
      return before === undefined ? edit.value : added(before, edit);
    case 'delete':
      return before === undefined ? undefined : deleted(before, edit);
    case 'inside':
      return editInside(before, edit.edits);
    default:
      return unreachable(edit);
  }
}

function editInside(before: AttributeValue | undefined, edits: Edits): AttributeValue {
  const [first] = edits.keys();
  if (before !== undefined) {
    if (typeof first === 'number' && 'L' in before) return { L: editList(before.L, edits) };
    if (typeof first === 'string' && 'M' in before) return { M: editMap(before.M, edits) };
  }
  throw validationError(UPDATE_PATH_INVALID);
}

function added(before: AttributeValue, edit: Combination): AttributeValue {
  const { value } = edit;
  if ('N' in before && 'N' in value) return { N: addDecimals(before.N, value.N) };
  if ('SS' in before && 'SS' in value) return { SS: union(before.SS, value.SS) };
  if ('NS' in before && 'NS' in value) return { NS: union(before.NS, value.NS) };
  if ('BS' in before && 'BS' in value) return { BS: union(before.BS, value.BS) };
  if ('L' in before && 'L' in value) return { L: [...before.L, ...value.L] };
  throw mismatch(edit);
}

const mismatch = ({ legacy }: Combination): ClientError =>
  validationError(legacy === true ? ATTRIBUTE_TYPE_MISMATCH : UPDATE_OPERAND_TYPE);

const union = (one: readonly string[], two: readonly string[]): readonly string[] => [
  ...new Set([...one, ...two]),
];

/** A set that loses its last member is gone: there are no empty sets. */
function deleted(before: AttributeValue, edit: Combination): AttributeValue | undefined {
  const gone = membersOf(edit.value);
  const members = membersOf(before);
  const type = attributeTypeOf(before);
  if (gone === undefined || members === undefined || type !== attributeTypeOf(edit.value)) {
    throw mismatch(edit);
  }
  const leaving = new Set(gone);
  const left = members.filter((member) => !leaving.has(member));
  if (left.length === 0) return undefined;
  if (type === 'SS') return { SS: left };
  return type === 'NS' ? { NS: left } : { BS: left };
}

/** Undefined for what is no set. */
function membersOf(value: AttributeValue): readonly string[] | undefined {
  if ('SS' in value) return value.SS;
  if ('NS' in value) return value.NS;
  return 'BS' in value ? value.BS : undefined;
}
