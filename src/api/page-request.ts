import { checkKeysScalar, checkProjectedKeysScalar } from '../expression/key-checks.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { parseItem } from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { validateKey } from '../model/key-validation.ts';
import type { KeySchema, Table } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import {
  SELECT_PROJECTED_WITHOUT_INDEX,
  SELECT_SPECIFIC_WITHOUT_NAMES,
  indexNotFound,
  selectWithNames,
  startKeyInvalid,
} from './api-messages.ts';
import type { ReturnConsumedCapacity } from './consumed-capacity.ts';
import type { PageRequest } from './page-answer.ts';
import type { ExpressionInput, PageExpressions } from './request-expressions.ts';
import { itemTable } from './table-access.ts';

export type Select =
  | 'ALL_ATTRIBUTES'
  | 'ALL_PROJECTED_ATTRIBUTES'
  | 'SPECIFIC_ATTRIBUTES'
  | 'COUNT';

/** Parameters that Query and Scan share. */
export interface PageInput extends ExpressionInput {
  readonly TableName: string;
  readonly IndexName?: string;
  readonly Select?: Select;
  readonly Limit?: number;
  readonly ConsistentRead?: boolean;
  readonly ExclusiveStartKey?: unknown;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

/** `ExclusiveStartKey`, whose values are checked but not yet their place in a key. */
export const startKeyOf = ({ ExclusiveStartKey }: PageInput): AttributeMap | undefined =>
  ExclusiveStartKey === undefined ? undefined : parseItem(ExclusiveStartKey);

/** As `validateKey`, in the words for a starting key. */
export function checkStartKey(start: AttributeMap, keySchema: KeySchema): void {
  try {
    validateKey(keySchema, start);
  } catch (error) {
    if (error instanceof ClientError) throw validationError(startKeyInvalid(error.message));
    throw error;
  }
}

/** Checks `Select` against what else is asked for. Throws `ValidationException`. */
export function checkSelect(input: PageInput): void {
  const { Select: select } = input;
  const member =
    input.ProjectionExpression === undefined
      ? input.AttributesToGet === undefined
        ? undefined
        : 'AttributesToGet'
      : 'ProjectionExpression';
  if (select === undefined) return;
  if (select === 'ALL_PROJECTED_ATTRIBUTES' && input.IndexName === undefined) {
    throw validationError(SELECT_PROJECTED_WITHOUT_INDEX);
  }
  if (select === 'SPECIFIC_ATTRIBUTES') {
    if (member === undefined) throw validationError(SELECT_SPECIFIC_WITHOUT_NAMES);
  } else if (member !== undefined) {
    throw validationError(selectWithNames(select, member));
  }
}

/** The table of a Query or a Scan. Throws for one that is not there, and for an index: no table has any. */
export function pageTable(region: Region, input: PageInput): Table {
  const table = itemTable(region, input.TableName);
  if (input.IndexName !== undefined) throw validationError(indexNotFound(input.IndexName));
  return table;
}

/** What to make of the page. Throws `ValidationException` where an expression looks inside a key. */
export function pageRequest(
  input: PageInput,
  table: Table,
  { filter, projection }: PageExpressions,
): PageRequest {
  const { keySchema } = table.definition;
  if (projection !== undefined) checkProjectedKeysScalar(projection, keySchema);
  if (filter !== undefined) checkKeysScalar(filter, keySchema);
  return {
    called: input.TableName,
    table,
    filter,
    projection,
    countOnly: input.Select === 'COUNT',
    consistent: input.ConsistentRead ?? false,
    wantedCapacity: input.ReturnConsumedCapacity,
  };
}
