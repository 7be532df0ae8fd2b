import { validationError } from './errors.ts';
import { PROJECTED_ATTRIBUTES_MAX } from './limits.ts';
import { projectedTooMany } from './messages.ts';
import type { IndexDefinition } from './table.ts';

/** Throws `ValidationException` when the projections of a table's indexes name more attributes than they may in all. */
export function checkProjectedFit(indexes: readonly IndexDefinition[]): void {
  const named = indexes.reduce(
    (sum, { projection }) =>
      sum + (projection.kind === 'include' ? projection.attributes.length : 0),
    0,
  );
  if (named > PROJECTED_ATTRIBUTES_MAX)
    throw validationError(projectedTooMany(PROJECTED_ATTRIBUTES_MAX));
}
