import type { ConditionExpression, UpdateExpression } from '../expression/ast.ts';
import { checkUpdateSparesKey } from '../expression/key-checks.ts';
import type { ExpressionCompiler } from '../expression/expression-compiler.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import {
  checkIndexKeysNotEmpty,
  indexKeyRules,
  validateIndexKeys,
} from '../model/index-key-validation.ts';
import { encodeItemKey } from '../model/item-key.ts';
import { itemSizeBytes } from '../model/item-size.ts';
import { parseJavaItem } from '../model/java-value.ts';
import { checkKeysNotEmpty, validateItemKey, validateKey } from '../model/key-validation.ts';
import { ITEM_BYTES_MAX } from '../model/limits.ts';
import { ITEM_TOO_LARGE } from '../model/messages.ts';
import type { Table } from '../model/table.ts';
import type { TransactionAction } from '../region/region.ts';
import { checkUpdatedIndexes, checkUpdatedIndexKeysNotEmpty } from './index-key-updates.ts';
import type { ExpressionInput } from './request-expressions.ts';
import type { ReturnedOnFailure } from './transaction-cancellation.ts';
import { actionExpressions } from './transaction-expressions.ts';
import { ACTION_MISSING, ACTIONS_MIXED } from './transaction-messages.ts';

/** `TransactWriteItem` of the service model. */
export interface TransactWriteItem {
  readonly ConditionCheck?: KeyedInput;
  readonly Put?: PutInput;
  readonly Delete?: KeyedInput;
  readonly Update?: KeyedInput;
}

interface ActionInput extends ExpressionInput {
  readonly TableName: string;
  readonly ReturnValuesOnConditionCheckFailure?: 'NONE' | 'ALL_OLD';
}

interface KeyedInput extends ActionInput {
  readonly Key: unknown;
}

interface PutInput extends ActionInput {
  readonly Item: unknown;
}

/** One action, as far as it can be understood without its table. */
export interface ParsedAction {
  /** What the client called the table. */
  readonly called: string;
  readonly change:
    | { readonly kind: 'check' | 'delete' }
    | { readonly kind: 'put'; readonly itemBytes: number }
    | { readonly kind: 'update'; readonly update: UpdateExpression };
  /** The item to put, or the key of the item. */
  readonly attributes: AttributeMap;
  readonly condition: ConditionExpression | undefined;
  readonly returned: ReturnedOnFailure;
  /** What the action brings with it, counted as items are. */
  readonly payloadBytes: number;
}

export interface PlacedAction extends ParsedAction {
  readonly table: Table;
}

/**
 * Throws `ValidationException` for what needs no table to be wrong: of an action with a key, its expressions before the key.
 * Source: conformance.
 */
export function parseAction(compiler: ExpressionCompiler, item: TransactWriteItem): ParsedAction {
  const { ConditionCheck: check, Put: put, Delete: remove, Update: update } = item;
  const given = [check, put, remove, update].filter((each) => each !== undefined);
  if (given.length > 1) throw validationError(ACTIONS_MIXED);
  if (put !== undefined) return parsePut(compiler, put);
  if (update !== undefined) return parseUpdate(compiler, update);
  const keyed = check ?? remove;
  if (keyed === undefined) throw validationError(ACTION_MISSING);
  const { condition, values } = actionExpressions(compiler, keyed, ['ConditionExpression']);
  const attributes = parseJavaItem(keyed.Key);
  const change = { kind: check === undefined ? 'delete' : 'check' } as const;
  return { ...common(keyed, attributes, values), change, condition };
}

function parsePut(compiler: ExpressionCompiler, input: PutInput): ParsedAction {
  const attributes = parseJavaItem(input.Item);
  const itemBytes = itemSizeBytes(attributes);
  if (itemBytes > ITEM_BYTES_MAX) throw validationError(ITEM_TOO_LARGE);
  const { condition, values } = actionExpressions(compiler, input, ['ConditionExpression']);
  return { ...common(input, attributes, values), change: { kind: 'put', itemBytes }, condition };
}

function parseUpdate(compiler: ExpressionCompiler, input: KeyedInput): ParsedAction {
  const compiled = actionExpressions(compiler, input, ['UpdateExpression', 'ConditionExpression']);
  const attributes = parseJavaItem(input.Key);
  const { update = NO_UPDATE, condition, values } = compiled;
  return { ...common(input, attributes, values), change: { kind: 'update', update }, condition };
}

const NO_UPDATE: UpdateExpression = { actions: [] };

const common = (
  input: ActionInput,
  attributes: AttributeMap,
  values: AttributeMap | undefined,
): Pick<ParsedAction, 'called' | 'attributes' | 'returned' | 'payloadBytes'> => ({
  called: input.TableName,
  attributes,
  returned: input.ReturnValuesOnConditionCheckFailure,
  payloadBytes: itemSizeBytes(attributes) + (values === undefined ? 0 : itemSizeBytes(values)),
});

/**
 * Checks that no value of a key is empty, be it the table's or an index's. DynamoDB refuses that before the transaction
 * begins. Throws `ValidationException`. Source: conformance.
 */
export function checkNoKeyEmpty({ change, attributes, table }: PlacedAction): void {
  checkKeysNotEmpty(table.definition.keySchema, attributes);
  if (change.kind === 'put') checkIndexKeysNotEmpty(indexKeyRules(table), attributes);
  if (change.kind === 'update') checkUpdatedIndexKeysNotEmpty(change.update, table);
}

/**
 * The action as the region takes it. Throws `ValidationException` for what DynamoDB finds once the transaction has
 * begun, so that it is cancelled. Source: conformance.
 */
export function placedAction({
  change,
  attributes,
  condition,
  table,
}: PlacedAction): TransactionAction {
  const { keySchema } = table.definition;
  if (change.kind === 'put') {
    validateItemKey(keySchema, attributes);
    validateIndexKeys(indexKeyRules(table), attributes);
  } else {
    validateKey(keySchema, attributes);
  }
  return {
    table: table.number,
    key: encodeItemKey(keySchema, attributes),
    change: itemChange(change, attributes, table),
    condition,
  };
}

function itemChange(
  change: ParsedAction['change'],
  attributes: AttributeMap,
  table: Table,
): TransactionAction['change'] {
  if (change.kind === 'put') {
    const image = Buffer.from(JSON.stringify(attributes));
    return { kind: 'put', image, itemBytes: change.itemBytes };
  }
  if (change.kind !== 'update') return { kind: change.kind };
  const { update } = change;
  checkUpdateSparesKey(update, table.definition.keySchema);
  return {
    kind: 'update',
    update,
    keyAttributes: attributes,
    ...checkUpdatedIndexes(update, table),
    // Source: conformance (`itemSizeBySurface`).
    sizedAs: 'item',
  };
}
