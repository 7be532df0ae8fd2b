import {
  attributesRead,
  checkFilterSparesKey,
  checkKeysScalar,
  checkProjectedKeysScalar,
} from '../expression/key-checks.ts';
import { validationError } from '../model/errors.ts';
import {
  SELECT_PROJECTED_WITHOUT_INDEX,
  SELECT_SPECIFIC_WITHOUT_NAMES,
  attributesNotInIndex,
  filterNotInIndex,
  selectAllNotProjected,
  selectWithNames,
} from './api-messages.ts';
import type { ReturnConsumedCapacity } from './consumed-capacity.ts';
import type { PageRequest } from './page-answer.ts';
import type { PageSource } from './page-source.ts';
import { attributesNotProjected } from './page-source.ts';
import type { ExpressionInput, PageExpressions } from './request-expressions.ts';
import { scalarNames } from './scalar-names.ts';

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

/**
 * Checks `Select` against what else is asked for. Throws `ValidationException`, whose message `worded` makes of what
 * is wrong.
 */
export function checkSelect(
  input: PageInput,
  worded: (message: string) => string = (message) => message,
): void {
  const message = selectFault(input);
  if (message !== undefined) throw validationError(worded(message));
}

function selectFault(input: PageInput): string | undefined {
  const { Select: select } = input;
  if (select === undefined) return undefined;
  const member = (['ProjectionExpression', 'AttributesToGet'] as const).find(
    (name) => input[name] !== undefined,
  );
  if (select === 'SPECIFIC_ATTRIBUTES') {
    return member === undefined ? SELECT_SPECIFIC_WITHOUT_NAMES : undefined;
  }
  if (member !== undefined) return selectWithNames(select, member);
  const isProjected = select === 'ALL_PROJECTED_ATTRIBUTES';
  return isProjected && input.IndexName === undefined ? SELECT_PROJECTED_WITHOUT_INDEX : undefined;
}

/** A projection and a filter, and how DynamoDB calls the filter of a Query, which may not ask for the key. */
interface PageChecks extends PageExpressions {
  readonly sparing?: 'Filter Expression' | 'QueryFilter';
}

/**
 * What to make of the page. Throws `ValidationException` where an expression looks inside a key, or asks for what
 * cannot be had from the source.
 */
export function pageRequest(
  input: PageInput,
  source: PageSource,
  { filter, projection, sparing }: PageChecks,
): PageRequest {
  const scalars = scalarNames(source.table);
  if (projection !== undefined) checkProjectedKeysScalar(projection, scalars);
  if (filter !== undefined && sparing !== undefined) {
    checkFilterSparesKey(filter, source.key, sparing);
  }
  checkSelectable(input, source);
  if (filter !== undefined) checkKeysScalar(filter, scalars);
  return {
    called: input.TableName,
    source,
    filter,
    projection,
    countOnly: input.Select === 'COUNT',
    fetches: fetchesItems(input, source, { filter, projection }),
    consistent: input.ConsistentRead ?? false,
    wantedCapacity: input.ReturnConsumedCapacity,
  };
}

/** A global index has nothing but what it projects. Throws `ValidationException`. */
export function checkSelectable({ Select: select }: PageInput, { index }: PageSource): void {
  if (index === undefined || index.kind === 'local' || index.projection.kind === 'all') return;
  if (select === 'ALL_ATTRIBUTES') throw validationError(selectAllNotProjected(index.name));
}

/**
 * Whether the items of the table are needed, beside the entries of an index: what a local index does not project can be
 * had from them. Throws `ValidationException` for what a global index does not project, and for a filter on what is not
 * at hand.
 */
function fetchesItems(
  { Select: select }: PageInput,
  source: PageSource,
  { filter, projection }: PageExpressions,
): boolean {
  const { index } = source;
  if (index === undefined || index.projection.kind === 'all') return false;
  const names = projection?.members.map(({ name }) => name) ?? [];
  const missing = attributesNotProjected(source, names);
  if (index.kind === 'global' && missing.length > 0) {
    throw validationError(attributesNotInIndex(index.name, missing));
  }
  if (select === 'ALL_ATTRIBUTES' || missing.length > 0) return true;
  const filtered =
    filter === undefined ? [] : attributesNotProjected(source, attributesRead(filter));
  if (filtered.length > 0) throw validationError(filterNotInIndex(index.name, filtered));
  return false;
}
