import type { AttributeValue } from '../../model/attribute-value.ts';
import { ClientError, validationError } from '../../model/errors.ts';
import { attributeValueBytes } from '../../model/item-size.ts';
import { type CompiledStatement, compileStatement } from '../../partiql/compiled-statement.ts';
import { DUPLICATE_ITEM, TRANSACTION_MIXED } from '../../partiql/messages.ts';
import { parseParameters } from '../../partiql/parameters.ts';
import type { CancellationReason, TransactionOutcome } from '../../region/region.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson } from '../item-json.ts';
import type { Operation, OperationContext } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { shownImage } from '../statement-item.ts';
import { checkInsertedSize } from '../statement-write.ts';
import type { ReturnedOnFailure } from '../transaction-cancellation.ts';
import { cancelledBefore, transactionCancelled } from '../transaction-cancellation.ts';
import type { ActionUnits } from '../transaction-capacity.ts';
import {
  transactedCapacities,
  transactedReadUnits,
  transactedWriteUnits,
} from '../transaction-capacity.ts';
import { checkItemsDistinct, checkTransactionSize } from '../transaction-items.ts';
import type { SettledTransaction } from '../transaction-outcome.ts';
import { settledTransaction, transactionRequest } from '../transaction-outcome.ts';
import type { PlacedStatement } from '../transaction-statements.ts';
import { inStatement, placedStatements } from '../transaction-statements.ts';

interface ExecuteTransactionInput {
  readonly TransactStatements: readonly ParameterizedStatement[];
  readonly ClientRequestToken?: string;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

interface ParameterizedStatement {
  readonly Statement: string;
  readonly Parameters?: readonly unknown[];
  readonly ReturnValuesOnConditionCheckFailure?: 'NONE' | 'ALL_OLD';
}

type PlacedRead = Extract<PlacedStatement, { kind: 'read' }>;
type PlacedWrite = Extract<PlacedStatement, { kind: 'write' }>;

export const executeTransactionOperation: Operation = {
  name: 'ExecuteTransaction',
  async run(context, input) {
    const request = checkedInput<ExecuteTransactionInput>('ExecuteTransaction', input);
    const parameters = request.TransactStatements.map((each) => parseParameters(each.Parameters));
    const plans = request.TransactStatements.map(({ Statement }, index) =>
      compiled(context, { Statement, parameters: parameters[index] ?? [], index }),
    );
    checkOneKind(plans);
    const placed = await placedOrCancelled(context, plans);
    const reads = placed.filter((each) => each.kind === 'read');
    if (reads.length > 0) return executeReads(context, request, reads);
    const writes = placed.filter((each) => each.kind === 'write');
    return executeWrites(context, request, { writes, parameters });
  },
};

function compiled(
  { statements }: OperationContext,
  each: {
    readonly Statement: string;
    readonly parameters: readonly AttributeValue[];
    readonly index: number;
  },
): CompiledStatement {
  try {
    const plan = compileStatement(statements.parse(each.Statement), each.parameters);
    if (plan.kind !== 'select' && plan.kind !== 'exists') checkInsertedSize(plan);
    return plan;
  } catch (error) {
    throw error instanceof ClientError ? inStatement(each.index, error) : error;
  }
}

/** A transaction reads or writes; EXISTS goes with writes. Throws `ValidationException`. */
function checkOneKind(plans: readonly CompiledStatement[]): void {
  const reads = plans.filter(({ kind }) => kind === 'select');
  if (reads.length > 0 && reads.length < plans.length) throw validationError(TRANSACTION_MIXED);
}

/** Throws `TransactionCanceledException` with what is wrong with each statement, if anything is with one. */
async function placedOrCancelled(
  { region }: OperationContext,
  plans: readonly CompiledStatement[],
): Promise<readonly PlacedStatement[]> {
  let placed = placedStatements(region, plans);
  // Another node may have made a table, which this one has not heard of yet.
  if (placed.some(isMissing) && (await region.catchUp())) placed = placedStatements(region, plans);
  if (placed.some((each) => each instanceof ClientError)) {
    throw cancelledBefore(placed.map((each) => (each instanceof ClientError ? each : undefined)));
  }
  return placed.filter((each): each is PlacedStatement => !(each instanceof ClientError));
}

const isMissing = (placed: PlacedStatement | ClientError): boolean =>
  placed instanceof ClientError && placed.code === 'ResourceNotFoundException';

async function executeReads(
  { region }: OperationContext,
  request: ExecuteTransactionInput,
  reads: readonly PlacedRead[],
): Promise<Uint8Array> {
  const items = reads.map(({ reading }) => ({ table: reading.table.number, key: reading.key }));
  checkItemsDistinct(items);
  const outcome = await region.transactGet(items);
  if (outcome.kind === 'cancelled') throw transactionCancelled(outcome.reasons);
  const sizesBytes = outcome.items.map((item) => item?.itemBytes ?? 0);
  checkTransactionSize(sizesBytes);
  const parts: JsonPart[] = [];
  reads.forEach(({ reading }, index) => {
    const item = outcome.items[index];
    parts.push(index === 0 ? '' : ',');
    if (item === undefined) parts.push('{}');
    else parts.push('{"Item":', shownImage(item, reading.columns), '}');
  });
  const capacities = transactedCapacities(request.ReturnConsumedCapacity, 'read', () =>
    reads.map(({ reading, plan }, index) => ({
      table: reading.table,
      called: plan.table,
      units: transactedReadUnits(sizesBytes[index] ?? 0),
    })),
  );
  return answer(parts, capacities);
}

async function executeWrites(
  { region }: OperationContext,
  request: ExecuteTransactionInput,
  {
    writes,
    parameters,
  }: {
    readonly writes: readonly PlacedWrite[];
    readonly parameters: readonly (readonly AttributeValue[])[];
  },
): Promise<Uint8Array> {
  const actions = writes.map(({ action }) => action);
  checkItemsDistinct(actions);
  checkTransactionSize(writes.map((write, index) => payloadBytes(write, parameters[index])));
  const payload = request.TransactStatements.map(({ Statement }, index) => [
    Statement,
    parameters[index],
  ]);
  const token = transactionRequest(request.ClientRequestToken, payload);
  const outcome = await region.transactWrite({
    actions,
    ...(token !== undefined && { request: token }),
  });
  const returned = request.TransactStatements.map(
    (each): ReturnedOnFailure => each.ReturnValuesOnConditionCheckFailure,
  );
  const settled = settledTransaction(toldAsStatements(outcome, writes), returned);
  const capacities = transactedCapacities(
    request.ReturnConsumedCapacity,
    settled.kind === 'committed' ? 'write' : 'read',
    () => writes.map((write, index) => unitsOf(write, settled, index)),
  );
  return answer([], capacities);
}

/** What a statement brings with it, counted as items are; literals, which are short, aside. */
function payloadBytes(
  { action }: PlacedWrite,
  parameters: readonly AttributeValue[] | undefined = [],
): number {
  const { change } = action;
  if (change.kind === 'put') return change.itemBytes;
  return change.kind === 'update'
    ? parameters.reduce((bytes, value) => bytes + attributeValueBytes(value), 0)
    : 0;
}

/** An INSERT whose condition does not hold has found an item. */
function toldAsStatements(
  outcome: TransactionOutcome,
  writes: readonly PlacedWrite[],
): TransactionOutcome {
  if (outcome.kind !== 'cancelled') return outcome;
  const reasons = outcome.reasons.map((reason, index): CancellationReason => {
    const isDuplicate = reason.kind === 'condition' && writes[index]?.plan.kind === 'insert';
    return isDuplicate
      ? { kind: 'refused', error: new ClientError('DuplicateItemException', DUPLICATE_ITEM) }
      : reason;
  });
  return { kind: 'cancelled', reasons };
}

/** A transaction that was made before under the same token is only read. */
function unitsOf(
  { table, plan }: PlacedWrite,
  settled: SettledTransaction,
  index: number,
): ActionUnits {
  const isCheck = plan.kind === 'exists';
  const called = isCheck ? plan.select.table : plan.table;
  if (settled.kind === 'repeated') {
    return { table, called, units: transactedReadUnits(settled.itemBytes[index] ?? 0) };
  }
  const item = settled.items[index] ?? { before: undefined, after: undefined };
  return { table, called, units: transactedWriteUnits(table, item, isCheck) };
}

/** `Responses` is there, and empty, after writes. Source: conformance (`writeResponses`). */
const answer = (parts: readonly JsonPart[], capacities: unknown): Uint8Array =>
  joinJson([
    '{"Responses":[',
    ...parts,
    capacities === undefined ? ']}' : `],"ConsumedCapacity":${JSON.stringify(capacities)}}`,
  ]);
