import { latin1Of } from '../../base/latin1.ts';
import { ClientError, internalError, validationError } from '../../model/errors.ts';
import type { Table } from '../../model/table.ts';
import {
  compileStatement,
  type SelectPlan,
  type WritePlan,
} from '../../partiql/compiled-statement.ts';
import { itemSizeBytes } from '../../model/item-size.ts';
import {
  BATCH_MIXED,
  BATCH_NEEDS_KEY,
  EXISTS_OUTSIDE_TRANSACTION,
} from '../../partiql/messages.ts';
import { parseParameters } from '../../partiql/parameters.ts';
import { DUPLICATE_KEYS } from '../api-messages.ts';
import type { ConsumedCapacity, ReturnConsumedCapacity, Units } from '../consumed-capacity.ts';
import { consumedCapacity, sumOfUnits, writeUnits } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson } from '../item-json.ts';
import { unitsOfWrite } from '../item-write-answer.ts';
import type { Operation, OperationContext } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import type { ItemReading } from '../statement-item.ts';
import { itemReading, readItem } from '../statement-item.ts';
import type { PlacedWrite } from '../statement-write.ts';
import {
  checkInsertedSize,
  placedWrite,
  returnedItem,
  writeStatement,
} from '../statement-write.ts';
import { itemTable } from '../table-access.ts';

interface BatchExecuteStatementInput {
  readonly Statements: readonly BatchStatement[];
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

interface BatchStatement {
  readonly Statement: string;
  readonly Parameters?: readonly unknown[];
  readonly ConsistentRead?: boolean;
  readonly ReturnValuesOnConditionCheckFailure?: 'NONE' | 'ALL_OLD';
}

/** What has become of one statement so far; `failed` before it was run. */
type Prepared =
  | { readonly kind: 'failed'; readonly error: ClientError }
  | { readonly kind: 'read'; readonly plan: SelectPlan; readonly reading: ItemReading }
  | { readonly kind: 'write'; readonly plan: WritePlan; readonly placed: PlacedWrite };

interface Executed {
  readonly part: readonly JsonPart[];
  /** Undefined for a statement that never came to its table. */
  readonly cost: Cost | undefined;
}

/** `lost`: a write that failed costs what it would have, in the total of its table alone. Source: dynoxide. */
interface Cost {
  readonly called: string;
  readonly table: Table;
  readonly units: Units;
  readonly lost: number;
}

export const batchExecuteStatementOperation: Operation = {
  name: 'BatchExecuteStatement',
  async run(context, input) {
    const request = checkedInput<BatchExecuteStatementInput>('BatchExecuteStatement', input);
    const compiled = request.Statements.map((each) => compiledOrFault(context, each));
    checkOneKind(compiled);
    const statements = request.Statements.map((statement, place) => ({
      statement,
      prepared: preparedOrFault(context, statement, compiled[place]),
    }));
    checkDistinct(statements.map(({ prepared }) => prepared));
    const executed = await Promise.all(
      statements.map(async ({ statement, prepared }) => execute(context, statement, prepared)),
    );
    return joinJson(answerParts(executed, request.ReturnConsumedCapacity));
  },
};

type Compiled = SelectPlan | WritePlan | ClientError;

function compiledOrFault(
  { statements }: OperationContext,
  { Statement, Parameters }: BatchStatement,
): Compiled {
  return orFault(() => {
    const parameters = parseParameters(Parameters);
    const plan = compileStatement(statements.parse(Statement), parameters);
    if (plan.kind === 'exists') throw validationError(EXISTS_OUTSIDE_TRANSACTION);
    return plan;
  });
}

function orFault<Made>(make: () => Made): Made | ClientError {
  try {
    return make();
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
}

/** A batch reads or writes. Throws `ValidationException`. */
function checkOneKind(compiled: readonly Compiled[]): void {
  const plans = compiled.filter(
    (each): each is SelectPlan | WritePlan => !(each instanceof ClientError),
  );
  const reads = plans.filter(({ kind }) => kind === 'select');
  if (reads.length > 0 && reads.length < plans.length) throw validationError(BATCH_MIXED);
}

function preparedOrFault(
  context: OperationContext,
  statement: BatchStatement,
  compiled: Compiled | undefined,
): Prepared {
  if (compiled === undefined) return { kind: 'failed', error: internalError() };
  if (compiled instanceof ClientError) return { kind: 'failed', error: compiled };
  const prepared = orFault(() => prepare(context, statement, compiled));
  return prepared instanceof ClientError ? { kind: 'failed', error: prepared } : prepared;
}

function prepare(
  { region }: OperationContext,
  { ConsistentRead = false }: BatchStatement,
  plan: SelectPlan | WritePlan,
): Prepared {
  if (plan.kind === 'select') {
    const reading = itemReading({ region }, plan, {
      consistent: ConsistentRead,
      keyMissing: BATCH_NEEDS_KEY,
    });
    return { kind: 'read', plan, reading };
  }
  checkInsertedSize(plan);
  return { kind: 'write', plan, placed: placedWrite(plan, itemTable(region, plan.table)) };
}

/** Of statements that name an item. Throws `ValidationException` for two of one item. */
function checkDistinct(prepared: readonly Prepared[]): void {
  const seen = new Set<string>();
  for (const each of prepared) {
    if (each.kind === 'failed') continue;
    const { table, key } = each.kind === 'read' ? each.reading : each.placed;
    const name = `${table.number}/${latin1Of(key)}`;
    if (seen.has(name)) throw validationError(DUPLICATE_KEYS);
    seen.add(name);
  }
}

async function execute(
  context: OperationContext,
  statement: BatchStatement,
  prepared: Prepared,
): Promise<Executed> {
  const { region } = context;
  if (prepared.kind === 'failed') {
    // Another node may have made the table, which this one has not heard of yet.
    const isMissing = prepared.error.code === 'ResourceNotFoundException';
    if (!isMissing || !(await region.catchUp())) return failed(prepared.error, undefined);
    const compiled = compiledOrFault(context, statement);
    const again = preparedOrFault(context, statement, compiled);
    if (again.kind === 'failed') return failed(again.error, undefined);
    return execute(context, statement, again);
  }
  try {
    return prepared.kind === 'read'
      ? await executeRead(context, prepared)
      : await executeWrite(context, statement, prepared);
  } catch (error) {
    const fault = error instanceof ClientError ? error : undefined;
    if (fault === undefined) throw error;
    return failed(fault, prepared);
  }
}

async function executeRead(
  context: OperationContext,
  { plan, reading }: Prepared & { kind: 'read' },
): Promise<Executed> {
  const { item, units } = await readItem(context, reading);
  const cost = { called: plan.table, table: reading.table, units, lost: 0 };
  return { part: memberParts(plan.table, item), cost };
}

async function executeWrite(
  { region }: OperationContext,
  statement: BatchStatement,
  { plan, placed }: Prepared & { kind: 'write' },
): Promise<Executed> {
  const returnedOnFailure = statement.ReturnValuesOnConditionCheckFailure;
  const written = await writeStatement(region, plan, { placed, returnedOnFailure });
  const units = unitsOfWrite(placed.table, written);
  const cost = { called: plan.table, table: placed.table, units, lost: 0 };
  return { part: memberParts(plan.table, returnedItem(plan, written)), cost };
}

function memberParts(table: string, item: JsonPart | undefined): readonly JsonPart[] {
  const name = `{"TableName":${JSON.stringify(table)}`;
  return item === undefined ? [`${name}}`] : [`${name},"Item":`, item, '}'];
}

/** Codes of errors that are not those of a request without its last word. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['ValidationException', 'ValidationError'],
  ['ThrottlingException', 'ThrottlingError'],
]);

/** `run`: the statement, once it has come to its table. */
function failed(
  { code, message, members }: ClientError,
  run: Exclude<Prepared, { kind: 'failed' }> | undefined,
): Executed {
  const Code = CODES.get(code) ?? code.replace(/Exception$/, '');
  const item = members['Item'];
  const fault = { Code, Message: message, ...(item === undefined ? {} : { Item: item }) };
  const called = run?.plan.table;
  const part = JSON.stringify({ Error: fault, TableName: called });
  if (run?.kind !== 'write') return { part: [part], cost: undefined };
  const { plan, placed } = run;
  const bytes = plan.kind === 'insert' ? itemSizeBytes(plan.item) : 0;
  const cost = {
    called: plan.table,
    table: placed.table,
    units: { table: 0, indexes: [] },
    lost: writeUnits(0, bytes),
  };
  return { part: [part], cost };
}

function answerParts(
  executed: readonly Executed[],
  wanted: ReturnConsumedCapacity | undefined,
): readonly JsonPart[] {
  const parts: JsonPart[] = ['{"Responses":['];
  executed.forEach(({ part }, place) => {
    if (place > 0) parts.push(',');
    parts.push(...part);
  });
  const rest = JSON.stringify({ ConsumedCapacity: capacities(executed, wanted) });
  parts.push(rest === '{}' ? ']}' : `],${rest.slice(1)}`);
  return parts;
}

/** By table, in the order of the statements; nothing when all of them have failed. */
function capacities(
  executed: readonly Executed[],
  wanted: ReturnConsumedCapacity | undefined,
): readonly (ConsumedCapacity | undefined)[] | undefined {
  if (wanted === undefined || wanted === 'NONE') return undefined;
  const tables = new Map<number, Cost[]>();
  for (const { cost } of executed) {
    if (cost === undefined) continue;
    tables.set(cost.table.number, [...(tables.get(cost.table.number) ?? []), cost]);
  }
  const costs = [...tables.values()];
  if (costs.every((own) => own.every(({ lost }) => lost > 0))) return undefined;
  return costs.map((own) => {
    const called = own[0]?.called ?? '';
    const capacity = consumedCapacity(wanted, called, sumOfUnits(own.map(({ units }) => units)));
    const lost = own.reduce((sum, each) => sum + each.lost, 0);
    return capacity === undefined
      ? undefined
      : { ...capacity, CapacityUnits: capacity.CapacityUnits + lost };
  });
}
