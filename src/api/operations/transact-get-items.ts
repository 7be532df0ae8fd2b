import type { ProjectionExpression } from '../../expression/ast.ts';
import type { ExpressionCompiler } from '../../expression/expression-compiler.ts';
import { checkProjectedKeysScalar } from '../../expression/key-checks.ts';
import { project } from '../../expression/project.ts';
import type { AttributeMap } from '../../model/attribute-value.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { parseJavaItem } from '../../model/java-value.ts';
import { checkKeysNotEmpty, validateKey } from '../../model/key-validation.ts';
import type { Table } from '../../model/table.ts';
import type { ItemImage, TransactionRead } from '../../region/region.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson, parseImage } from '../item-json.ts';
import type { Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { scalarNames } from '../scalar-names.ts';
import { itemTable } from '../table-access.ts';
import { cancelOnRefusal, transactionCancelled } from '../transaction-cancellation.ts';
import { transactedCapacities, transactedReadUnits } from '../transaction-capacity.ts';
import { actionExpressions } from '../transaction-expressions.ts';
import { checkItemsDistinct, checkTransactionSize } from '../transaction-items.ts';

interface TransactGetItemsInput {
  readonly TransactItems: readonly { readonly Get: GetInput }[];
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

interface GetInput extends ExpressionInput {
  readonly TableName: string;
  readonly Key: unknown;
}

interface ParsedGet {
  /** What the client called the table. */
  readonly called: string;
  readonly key: AttributeMap;
  readonly projection: ProjectionExpression | undefined;
}

interface PlacedGet extends ParsedGet {
  readonly table: Table;
}

export const transactGetItemsOperation: Operation = {
  name: 'TransactGetItems',
  async run({ region, expressions }, input) {
    const request = checkedInput<TransactGetItemsInput>('TransactGetItems', input);
    const parsed = request.TransactItems.map(({ Get }) => parseGet(expressions, Get));
    const placed = parsed.map((get) => ({ ...get, table: itemTable(region, get.called) }));
    placed.forEach(({ table, key }) => {
      checkKeysNotEmpty(table.definition.keySchema, key);
    });
    const reads = cancelOnRefusal(placed, readOf);
    checkItemsDistinct(reads);
    const outcome = await region.transactGet(reads);
    if (outcome.kind === 'cancelled') throw transactionCancelled(outcome.reasons);
    const sizesBytes = outcome.items.map((item) => item?.itemBytes ?? 0);
    checkTransactionSize(sizesBytes);
    const ConsumedCapacity = transactedCapacities(request.ReturnConsumedCapacity, 'read', () =>
      placed.map(({ table, called }, index) => ({
        table,
        called,
        units: transactedReadUnits(sizesBytes[index] ?? 0),
      })),
    );
    return joinJson([...responses(placed, outcome.items), capacityPart(ConsumedCapacity)]);
  },
};

function parseGet(compiler: ExpressionCompiler, get: GetInput): ParsedGet {
  const key = parseJavaItem(get.Key);
  const { projection } = actionExpressions(compiler, get, ['ProjectionExpression']);
  return { called: get.TableName, key, projection };
}

function readOf({ table, key, projection }: PlacedGet): TransactionRead {
  const { keySchema } = table.definition;
  validateKey(keySchema, key);
  if (projection !== undefined) checkProjectedKeysScalar(projection, scalarNames(table));
  return { table: table.number, key: encodeItemKey(keySchema, key) };
}

/** In the order of the gets: an empty object for what is not there, or has none of what is asked of it. */
function responses(
  gets: readonly PlacedGet[],
  items: readonly (ItemImage | undefined)[],
): readonly JsonPart[] {
  const parts: JsonPart[] = ['{"Responses":['];
  gets.forEach(({ projection }, index) => {
    const item = items[index];
    const comma = index === 0 ? '' : ',';
    const shown = item && shownPart(item, projection);
    if (shown === undefined) parts.push(`${comma}{}`);
    else parts.push(`${comma}{"Item":`, shown, '}');
  });
  return parts;
}

/** Undefined for a projection that nothing of the item is in. Source: service model (`ItemResponse`), extenddb. */
function shownPart(
  item: ItemImage,
  projection: ProjectionExpression | undefined,
): JsonPart | undefined {
  if (projection === undefined) return item.image;
  const projected = project(projection, parseImage(item.image));
  return Object.keys(projected).length === 0 ? undefined : JSON.stringify(projected);
}

const capacityPart = (capacities: unknown): string =>
  capacities === undefined ? ']}' : `],"ConsumedCapacity":${JSON.stringify(capacities)}}`;
