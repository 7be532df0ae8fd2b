import { ClientError, validationError } from '../model/errors.ts';
import { encodeItemKey } from '../model/item-key.ts';
import { validateKey } from '../model/key-validation.ts';
import { KEY_MISMATCH } from '../model/messages.ts';
import type { Table } from '../model/table.ts';
import type {
  CompiledStatement,
  ExistsPlan,
  SelectPlan,
  WritePlan,
} from '../partiql/compiled-statement.ts';
import { itemCondition } from '../partiql/item-key-condition.ts';
import {
  EXISTS_NEEDS_CONDITION,
  EXISTS_OF_INDEX,
  inTransactStatement,
  TRANSACTION_INDEX,
  TRANSACTION_NEEDS_KEY,
  TRANSACTION_RETURNING,
} from '../partiql/messages.ts';
import type { Region, TransactionAction } from '../region/region.ts';
import { checkKeysScalar } from '../expression/key-checks.ts';
import { scalarNames } from './scalar-names.ts';
import type { ItemReading } from './statement-item.ts';
import { itemReading } from './statement-item.ts';
import { placedWrite } from './statement-write.ts';
import { itemTable } from './table-access.ts';

/** One statement of a transaction whose table has been found. */
export type PlacedStatement =
  | { readonly kind: 'read'; readonly plan: SelectPlan; readonly reading: ItemReading }
  | {
      readonly kind: 'write';
      readonly plan: WritePlan | ExistsPlan;
      readonly table: Table;
      readonly action: TransactionAction;
    };

/** What cancels a transaction before it has begun: it is a reason of one of its statements. */
class Cancelling extends Error {
  readonly reason: ClientError;

  constructor(reason: ClientError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** The table that a statement names. */
const tableOf = (plan: CompiledStatement): string =>
  plan.kind === 'exists' ? plan.select.table : plan.table;

/**
 * Places each statement of a transaction. Resolves each to the statement, or to the error that cancels the transaction: its
 * table is not there, or does not have such keys. Throws `ValidationException`, which names the first statement that
 * cannot stand in a transaction. Source: floci.
 */
export const placedStatements = (
  region: Region,
  plans: readonly CompiledStatement[],
): readonly (PlacedStatement | ClientError)[] =>
  plans.map((plan, index) => {
    try {
      return placed(region, plan);
    } catch (error) {
      if (error instanceof Cancelling) return error.reason;
      throw error instanceof ClientError ? inStatement(index, error) : error;
    }
  });

/** What is wrong with one of a transaction's statements, as the transaction tells it. */
export const inStatement = (index: number, error: ClientError): ClientError =>
  error.code === 'ValidationException'
    ? validationError(inTransactStatement(index, error.message))
    : error;

function placed(region: Region, plan: CompiledStatement): PlacedStatement {
  const table = cancelling(() => itemTable(region, tableOf(plan)));
  if (plan.kind === 'select') return { kind: 'read', plan, reading: reading(region, plan) };
  if (plan.kind === 'exists') {
    return { kind: 'write', plan, table, action: check(plan.select, table) };
  }
  if (plan.kind !== 'insert' && plan.returned !== undefined) {
    throw validationError(TRANSACTION_RETURNING);
  }
  const { key, change, condition } = cancelling(() => placedWrite(plan, table, KEY_MISMATCH));
  return { kind: 'write', plan, table, action: { table: table.number, key, change, condition } };
}

/** What `make` throws cancels the transaction. */
function cancelling<Made>(make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw error instanceof ClientError ? new Cancelling(error) : error;
  }
}

function reading(region: Region, plan: SelectPlan): ItemReading {
  if (plan.index !== undefined) throw validationError(TRANSACTION_INDEX);
  return itemReading({ region }, plan, {
    consistent: true,
    keyMissing: TRANSACTION_NEEDS_KEY,
    keyMistyped: () => {
      throw new Cancelling(validationError(KEY_MISMATCH));
    },
  });
}

function check({ index, where }: SelectPlan, table: Table): TransactionAction {
  if (index !== undefined) throw validationError(EXISTS_OF_INDEX);
  const { keySchema } = table.definition;
  const { key, isWhole, rest } = itemCondition(where, keySchema, 'rest');
  if (!isWhole || rest === undefined) throw validationError(EXISTS_NEEDS_CONDITION);
  checkKeysScalar(rest, scalarNames(table));
  cancelling(() => {
    validateKey(keySchema, key);
  });
  const itemKey = encodeItemKey(keySchema, key);
  return { table: table.number, key: itemKey, change: { kind: 'check' }, condition: rest };
}
