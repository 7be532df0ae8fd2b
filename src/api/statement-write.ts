import { updatedAttributes } from '../expression/apply-update.ts';
import type { ConditionExpression, UpdateExpression } from '../expression/ast.ts';
import { checkKeysScalar, checkUpdateSparesKey } from '../expression/key-checks.ts';
import { project } from '../expression/project.ts';
import type { AttributeMap, AttributeValue } from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { indexKeyRules, validateIndexKeys } from '../model/index-key-validation.ts';
import { encodeItemKey } from '../model/item-key.ts';
import { itemSizeBytes } from '../model/item-size.ts';
import { validateItemKey, validateKey } from '../model/key-validation.ts';
import { ITEM_BYTES_MAX, NESTING_LEVELS_MAX } from '../model/limits.ts';
import { ITEM_TOO_LARGE } from '../model/messages.ts';
import type { Table } from '../model/table.ts';
import type { WritePlan } from '../partiql/compiled-statement.ts';
import { itemCondition } from '../partiql/item-key-condition.ts';
import { allOf } from '../partiql/key-terms.ts';
import { DUPLICATE_ITEM, KEY_EQUALITY_MISSING, NESTING_OF_UPDATE } from '../partiql/messages.ts';
import type { Returned } from '../partiql/syntax.ts';
import type { ItemChange, Region } from '../region/region.ts';
import { checkUpdatedIndexes } from './index-key-updates.ts';
import { parseImage } from './item-json.ts';
import type { AppliedWrite } from './item-write-answer.ts';
import { appliedWrite } from './item-write-answer.ts';
import { scalarNames } from './scalar-names.ts';

/** A write of one item, as the region takes it. */
export interface PlacedWrite {
  readonly table: Table;
  readonly key: Uint8Array;
  readonly change: ItemChange;
  readonly condition: ConditionExpression | undefined;
}

/** An item that is too large is complained about before its table is looked for. Throws `ValidationException`. */
export function checkInsertedSize(plan: WritePlan): void {
  if (plan.kind === 'insert' && itemSizeBytes(plan.item) > ITEM_BYTES_MAX) {
    throw validationError(ITEM_TOO_LARGE);
  }
}

/**
 * What a statement writes. `keyMissing`: what to say of one that does not name one item by its key. Throws
 * `ValidationException` for what the table's keys do not take.
 */
export function placedWrite(
  plan: WritePlan,
  table: Table,
  keyMissing: string = KEY_EQUALITY_MISSING,
): PlacedWrite {
  const { keySchema } = table.definition;
  const exists = { kind: 'attribute_exists', path: [keySchema.partition.name] } as const;
  const absent = { kind: 'attribute_not_exists', path: [keySchema.partition.name] } as const;
  if (plan.kind === 'insert') return placedInsert(plan.item, { table, condition: absent });
  const { key, isWhole, rest } = itemCondition(plan.where, keySchema);
  if (!isWhole) throw validationError(keyMissing);
  validateKey(keySchema, key);
  if (rest !== undefined) checkKeysScalar(rest, scalarNames(table));
  const placed = { table, key: encodeItemKey(keySchema, key) };
  if (plan.kind === 'delete') {
    // A condition is of no matter where there is no item.
    const condition: ConditionExpression | undefined =
      rest === undefined ? undefined : { kind: 'or', conditions: [absent, rest] };
    return { ...placed, change: { kind: 'delete' }, condition };
  }
  const condition = allOf(rest === undefined ? [exists] : [exists, rest]);
  return { ...placed, change: updateChange(plan.update, key, table), condition };
}

function placedInsert(
  item: AttributeMap,
  { table, condition }: { readonly table: Table; readonly condition: ConditionExpression },
): PlacedWrite {
  const { keySchema } = table.definition;
  validateItemKey(keySchema, item);
  validateIndexKeys(indexKeyRules(table), item);
  const image = Buffer.from(JSON.stringify(item));
  const change = { kind: 'put', image, itemBytes: itemSizeBytes(item) } as const;
  return { table, key: encodeItemKey(keySchema, item), change, condition };
}

function updateChange(
  update: UpdateExpression,
  keyAttributes: AttributeMap,
  table: Table,
): ItemChange {
  checkUpdateSparesKey(update, table.definition.keySchema);
  checkNesting(update);
  const indexKeys = checkUpdatedIndexes(update, table);
  return { kind: 'update', update, keyAttributes, ...indexKeys, sizedAs: 'item' };
}

/** Statements have shorter words than requests for a value that would lie too deep. Source: floci. */
function checkNesting({ actions }: UpdateExpression): void {
  for (const action of actions) {
    if (action.kind !== 'set' || action.operand.kind !== 'value') continue;
    const levels = action.path.length - 1 + levelsOf(action.operand.value);
    if (levels > NESTING_LEVELS_MAX) throw validationError(NESTING_OF_UPDATE);
  }
}

function levelsOf(value: AttributeValue): number {
  let inner: readonly AttributeValue[] = [];
  if ('L' in value) inner = value.L;
  if ('M' in value) inner = Object.values(value.M);
  return 1 + inner.reduce((levels, each) => Math.max(levels, levelsOf(each)), 0);
}

/**
 * Carries a statement's write out. Throws `DuplicateItemException` for an INSERT that finds an item,
 * `ConditionalCheckFailedException` for another write whose condition does not hold.
 */
export async function writeStatement(
  region: Region,
  plan: WritePlan,
  options: {
    readonly placed: PlacedWrite;
    readonly returnedOnFailure: 'NONE' | 'ALL_OLD' | undefined;
  },
): Promise<AppliedWrite> {
  const { table, key, change, condition } = options.placed;
  const outcome = await region.write({
    table: table.number,
    key,
    change,
    condition,
    cause: 'user',
  });
  if (outcome.kind === 'refused' && plan.kind === 'insert') {
    throw new ClientError('DuplicateItemException', DUPLICATE_ITEM);
  }
  const { returnedOnFailure: shown } = options;
  const request = shown === undefined ? {} : { ReturnValuesOnConditionCheckFailure: shown };
  return appliedWrite(outcome, { TableName: plan.table, ...request });
}

/** The item, or the part of it, that a RETURNING clause asks for; undefined when there is nothing of it. */
export function returnedItem(plan: WritePlan, written: AppliedWrite): Uint8Array | undefined {
  if (plan.kind === 'insert' || plan.returned === undefined) return undefined;
  const image = isOld(plan.returned) ? written.before : written.after;
  if (image === undefined) return undefined;
  if (plan.kind === 'delete' || !isPart(plan.returned)) return image.image;
  const part = project(updatedAttributes(plan.update), parseImage(image.image));
  return Object.keys(part).length === 0 ? undefined : Buffer.from(JSON.stringify(part));
}

const isOld = (returned: Returned): boolean =>
  returned === 'ALL OLD' || returned === 'MODIFIED OLD';
const isPart = (returned: Returned): boolean =>
  returned === 'MODIFIED OLD' || returned === 'MODIFIED NEW';
