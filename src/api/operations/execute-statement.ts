import { compileStatement, type WritePlan } from '../../partiql/compiled-statement.ts';
import { EXISTS_OUTSIDE_TRANSACTION } from '../../partiql/messages.ts';
import { parseParameters } from '../../partiql/parameters.ts';
import { validationError } from '../../model/errors.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { consumedCapacity } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson } from '../item-json.ts';
import { unitsOfWrite } from '../item-write-answer.ts';
import type { TokenOwner } from '../next-token.ts';
import { decodeNextToken, encodeNextToken } from '../next-token.ts';
import type { Operation, OperationContext } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { readPage, statementReading } from '../statement-read.ts';
import {
  checkInsertedSize,
  placedWrite,
  returnedItem,
  writeStatement,
} from '../statement-write.ts';
import { itemTable } from '../table-access.ts';
import type { SelectPlan } from '../../partiql/compiled-statement.ts';

interface ExecuteStatementInput {
  readonly Statement: string;
  readonly Parameters?: readonly unknown[];
  readonly ConsistentRead?: boolean;
  readonly NextToken?: string;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
  readonly Limit?: number;
  readonly ReturnValuesOnConditionCheckFailure?: 'NONE' | 'ALL_OLD';
}

export const executeStatementOperation: Operation = {
  name: 'ExecuteStatement',
  async run(context, input) {
    const request = checkedInput<ExecuteStatementInput>('ExecuteStatement', input);
    const parameters = parseParameters(request.Parameters);
    const plan = compileStatement(context.statements.parse(request.Statement), parameters);
    if (plan.kind === 'exists') throw validationError(EXISTS_OUTSIDE_TRANSACTION);
    if (plan.kind !== 'select') return executeWrite(context, request, plan);
    return executeSelect(context, request, { plan, parameters });
  },
};

async function executeSelect(
  context: OperationContext,
  request: ExecuteStatementInput,
  { plan, parameters }: { readonly plan: SelectPlan; readonly parameters: readonly unknown[] },
): Promise<Uint8Array> {
  const reading = statementReading(context, plan, { consistent: request.ConsistentRead ?? false });
  const { tableId } = reading.source.table;
  const owner: TokenOwner = { statement: request.Statement, parameters, tableId };
  const token = request.NextToken;
  const start = token === undefined ? undefined : decodeNextToken(owner, token);
  const page = await readPage(context, reading, { limit: request.Limit, start });
  return answer(page.items, {
    NextToken: page.next === undefined ? undefined : encodeNextToken(owner, page.next),
    LastEvaluatedKey: page.next?.after,
    ConsumedCapacity: consumedCapacity(request.ReturnConsumedCapacity, plan.table, page.units),
  });
}

async function executeWrite(
  { region }: OperationContext,
  request: ExecuteStatementInput,
  plan: WritePlan,
): Promise<Uint8Array> {
  checkInsertedSize(plan);
  const table = itemTable(region, plan.table);
  const placed = placedWrite(plan, table);
  const returnedOnFailure = request.ReturnValuesOnConditionCheckFailure;
  const written = await writeStatement(region, plan, { placed, returnedOnFailure });
  const item = returnedItem(plan, written);
  const wanted = request.ReturnConsumedCapacity;
  const isWanted = wanted !== undefined && wanted !== 'NONE';
  return answer(item === undefined ? [] : [item], {
    ConsumedCapacity: isWanted
      ? consumedCapacity(wanted, plan.table, unitsOfWrite(table, written))
      : undefined,
  });
}

/** `Items` is there whatever a statement does. */
function answer(items: readonly JsonPart[], others: Readonly<Record<string, unknown>>): Uint8Array {
  const rest = JSON.stringify(others);
  const parts: JsonPart[] = ['{"Items":['];
  items.forEach((item, place) => {
    if (place > 0) parts.push(',');
    parts.push(item);
  });
  parts.push(rest === '{}' ? ']}' : `],${rest.slice(1)}`);
  return joinJson(parts);
}
