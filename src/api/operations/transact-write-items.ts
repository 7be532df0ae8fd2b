import type { TransactedItem } from '../../region/region.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import type { ReturnItemCollectionMetrics } from '../item-collection-metrics.ts';
import { collectionMetricsByTable } from '../item-collection-metrics.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { itemTable } from '../table-access.ts';
import type { PlacedAction, TransactWriteItem } from '../transaction-actions.ts';
import { checkNoKeyEmpty, parseAction, placedAction } from '../transaction-actions.ts';
import { cancelOnRefusal } from '../transaction-cancellation.ts';
import type { ActionUnits } from '../transaction-capacity.ts';
import {
  transactedCapacities,
  transactedReadUnits,
  transactedWriteUnits,
} from '../transaction-capacity.ts';
import { checkItemsDistinct, checkTransactionSize } from '../transaction-items.ts';
import type { SettledTransaction } from '../transaction-outcome.ts';
import { settledTransaction, transactionRequest } from '../transaction-outcome.ts';

interface TransactWriteItemsInput {
  readonly TransactItems: readonly TransactWriteItem[];
  readonly ClientRequestToken?: string;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
  readonly ReturnItemCollectionMetrics?: ReturnItemCollectionMetrics;
}

export const transactWriteItemsOperation: Operation = {
  name: 'TransactWriteItems',
  async run({ region, expressions }, input) {
    const request = checkedInput<TransactWriteItemsInput>('TransactWriteItems', input);
    const parsed = request.TransactItems.map((item) => parseAction(expressions, item));
    checkTransactionSize(parsed.map(({ payloadBytes }) => payloadBytes));
    const placed = parsed.map((action) => ({ ...action, table: itemTable(region, action.called) }));
    placed.forEach(checkNoKeyEmpty);
    const actions = cancelOnRefusal(placed, placedAction);
    checkItemsDistinct(actions);
    const token = transactionRequest(request.ClientRequestToken, parsed);
    const outcome = await region.transactWrite({
      actions,
      ...(token !== undefined && { request: token }),
    });
    const settled = settledTransaction(
      outcome,
      placed.map(({ returned }) => returned),
    );
    return JSON.stringify(answer(request, placed, settled));
  },
};

function answer(
  request: TransactWriteItemsInput,
  placed: readonly PlacedAction[],
  settled: SettledTransaction,
): Readonly<Record<string, unknown>> {
  const written = placed.filter(({ change }) => change.kind !== 'check');
  return {
    ConsumedCapacity: transactedCapacities(
      request.ReturnConsumedCapacity,
      settled.kind === 'committed' ? 'write' : 'read',
      () => placed.map((action, index) => unitsOf(action, settled, index)),
    ),
    ItemCollectionMetrics: collectionMetricsByTable(request.ReturnItemCollectionMetrics, written),
  };
}

/** A transaction that was made before under the same token is only read. */
function unitsOf(
  { table, called, change }: PlacedAction,
  settled: SettledTransaction,
  index: number,
): ActionUnits {
  if (settled.kind === 'repeated') {
    return { table, called, units: transactedReadUnits(settled.itemBytes[index] ?? 0) };
  }
  const item = settled.items[index] ?? NO_ITEM;
  return { table, called, units: transactedWriteUnits(table, item, change.kind === 'check') };
}

const NO_ITEM: TransactedItem = { before: undefined, after: undefined };
