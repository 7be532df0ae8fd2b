import type { ConditionExpression, UpdateExpression } from '../expression/ast.ts';
import type { AttributeMap, AttributeValue } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import { whereCondition } from './compile-condition.ts';
import { compileColumns, type ResultColumn } from './compile-columns.ts';
import { compileUpdate } from './compile-update.ts';
import { placeOf } from './lexer.ts';
import { type Bindings, structItem } from './literal-value.ts';
import {
  ALIAS_UNSUPPORTED,
  DISTINCT_UNSUPPORTED,
  EXISTS_NEEDS_CONDITION,
  FROM_UNEXPECTED,
  INSERT_AT_UNSUPPORTED,
  INSERT_FROM_UNSUPPORTED,
  INSERT_ITEM_UNSUPPORTED,
  INSERT_SEVERAL,
  orderByType,
  PARAMETER_COUNT,
  RETURNING_IN_INSERT,
  RETURNING_NO_STAR,
  RETURNING_SEVERAL,
  returningInDelete,
  SELECT_VALUE_UNSUPPORTED,
  SEVERAL_OPERATIONS,
  unsupportedClause,
  unsupportedClauseAt,
  unsupportedOperation,
  WRITE_TO_INDEX,
} from './messages.ts';
import { nodeName } from './node-name.ts';
import type { ParsedStatement } from './parse-statement.ts';
import { insertTable, type SourceName, sourceName } from './source-name.ts';
import type {
  Expression,
  Manipulation,
  OrderItem,
  Returned,
  ReturningItem,
  SelectStatement,
  WriteStatement,
} from './syntax.ts';

/** What a statement with its parameters comes to, before it has met a table. */
export type CompiledStatement = SelectPlan | ExistsPlan | WritePlan;

/** The check of a transaction: the condition must hold, and nothing is answered. */
export interface ExistsPlan {
  readonly kind: 'exists';
  readonly select: SelectPlan;
}

export interface SelectPlan extends SourceName {
  readonly kind: 'select';
  readonly where: ConditionExpression | undefined;
  readonly orderBy: readonly OrderKey[] | undefined;
  /** Undefined: whole items. Throws `ValidationException`; a table may have more to say before it is asked. */
  readonly columns: () => readonly ResultColumn[] | undefined;
}

export interface OrderKey {
  readonly name: string;
  readonly descending: boolean;
}

export type WritePlan =
  | { readonly kind: 'insert'; readonly table: string; readonly item: AttributeMap }
  | {
      readonly kind: 'update';
      readonly table: string;
      readonly update: UpdateExpression;
      readonly where: ConditionExpression | undefined;
      readonly returned: Returned | undefined;
    }
  | {
      readonly kind: 'delete';
      readonly table: string;
      readonly where: ConditionExpression | undefined;
      readonly returned: Returned | undefined;
    };

/**
 * Puts a statement's parameters in, and makes of it what the rest of DynamoDB works with. Throws `ValidationException` for
 * every fault that shows without the table.
 */
export function compileStatement(
  { source, root, parameters: count }: ParsedStatement,
  parameters: readonly AttributeValue[],
): CompiledStatement {
  if (parameters.length !== count) throw validationError(PARAMETER_COUNT);
  const bindings = { source, parameters };
  const checked = existsOf(root);
  if (checked !== undefined) return { kind: 'exists', select: selectPlan(checked, bindings) };
  if (root.kind !== 'statement') throw validationError(unsupportedOperation(nodeName(root)));
  return root.statement.kind === 'select'
    ? selectPlan(root.statement, bindings)
    : writePlan(root.statement, bindings);
}

/** The SELECT in EXISTS(SELECT ...), if that is what the expression is. */
function existsOf(root: Expression): SelectStatement | undefined {
  if (root.kind !== 'call' || root.name !== 'exists') return undefined;
  const [operand, more] = root.operands;
  const statement = operand?.kind === 'statement' ? operand.statement : undefined;
  if (statement?.kind !== 'select' || more !== undefined) {
    throw validationError(EXISTS_NEEDS_CONDITION);
  }
  return statement;
}

function selectPlan(statement: SelectStatement, bindings: Bindings): SelectPlan {
  const { columns } = statement;
  checkClauses(statement, bindings.source);
  return {
    kind: 'select',
    ...sourceName(statement.source),
    where: conditionOf(statement.where, bindings),
    orderBy: statement.orderBy?.map(orderKey),
    columns: () => (columns === undefined ? undefined : compileColumns(columns, bindings.source)),
  };
}

function checkClauses(
  { grouped, having, limit, distinct, value }: SelectStatement,
  source: string,
): void {
  if (grouped) throw validationError(unsupportedClause('GROUP BY'));
  if (having !== undefined) {
    throw validationError(unsupportedClauseAt('HAVING', placeOf(source, having.at)));
  }
  if (limit !== undefined) {
    throw validationError(unsupportedClauseAt('LIMIT', placeOf(source, limit.at)));
  }
  if (distinct) throw validationError(DISTINCT_UNSUPPORTED);
  if (value) throw validationError(SELECT_VALUE_UNSUPPORTED);
}

function orderKey({ expression, descending }: OrderItem): OrderKey {
  if (expression.kind !== 'name') throw validationError(orderByType(nodeName(expression)));
  return { name: expression.name, descending };
}

const conditionOf = (
  where: Expression | undefined,
  bindings: Bindings,
): ConditionExpression | undefined =>
  where === undefined ? undefined : whereCondition(where, bindings);

function writePlan(statement: WriteStatement, bindings: Bindings): WritePlan {
  const { manipulations, source } = statement;
  const [first] = manipulations;
  if (first?.kind === 'insert') return insertPlan(statement, { insert: first, bindings });
  if (source === undefined) throw validationError(FROM_UNEXPECTED);
  const { table, index } = sourceName(source);
  if (index !== undefined) throw validationError(WRITE_TO_INDEX);
  if (manipulations.some(({ kind }) => kind === 'insert'))
    throw validationError(SEVERAL_OPERATIONS);
  const returned = returnedBy(statement.returning);
  if (first?.kind === 'delete') {
    if (returned !== undefined && returned !== 'ALL OLD') {
      throw validationError(returningInDelete(`${returned} *`));
    }
    return { kind: 'delete', table, where: conditionOf(statement.where, bindings), returned };
  }
  const update = compileUpdate(manipulations, bindings);
  const where = conditionOf(statement.where, bindings);
  return { kind: 'update', table, update, where, returned };
}

function returnedBy(items: readonly ReturningItem[] | undefined): Returned | undefined {
  const [first, second] = items ?? [];
  if (second !== undefined) throw validationError(RETURNING_SEVERAL);
  if (first?.star === false) throw validationError(RETURNING_NO_STAR);
  return first?.returned;
}

function insertPlan(
  { source, manipulations, returning }: WriteStatement,
  {
    insert,
    bindings,
  }: { readonly insert: Manipulation & { kind: 'insert' }; readonly bindings: Bindings },
): WritePlan {
  if (source !== undefined) {
    throw validationError(source.aliased ? ALIAS_UNSUPPORTED : INSERT_FROM_UNSUPPORTED);
  }
  if (manipulations.length > 1) throw validationError(SEVERAL_OPERATIONS);
  if (insert.several) throw validationError(INSERT_SEVERAL);
  if (insert.position !== undefined) throw validationError(INSERT_AT_UNSUPPORTED);
  if (returnedBy(returning) !== undefined) throw validationError(RETURNING_IN_INSERT);
  const table = insertTable(insert.target, bindings.source);
  if (insert.value.kind !== 'struct') throw validationError(INSERT_ITEM_UNSUPPORTED);
  return { kind: 'insert', table, item: structItem(insert.value.members, bindings) };
}
