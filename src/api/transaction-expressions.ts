import type { ExpressionCompiler, Expressions } from '../expression/expression-compiler.ts';
import type { ExpressionField } from '../expression/messages.ts';
import { invalidValue } from '../expression/placeholders.ts';
import { ClientError } from '../model/errors.ts';
import { checkJavaValue, isRangeError } from '../model/java-value.ts';
import type { ExpressionInput } from './request-expressions.ts';

/**
 * The expressions of one action of a transaction. Other than in a request of its own, names and values may come without
 * an expression, and are then not looked at. Throws `ValidationException`. Source: extenddb.
 */
export function actionExpressions(
  compiler: ExpressionCompiler,
  action: ExpressionInput,
  fields: readonly ExpressionField[],
): Partial<Expressions> {
  const given = fields.filter((field) => action[field] !== undefined);
  if (given.length === 0) return {};
  const { ExpressionAttributeNames, ExpressionAttributeValues } = action;
  const own = Object.fromEntries(given.map((field) => [field, action[field]]));
  try {
    return compiler.compile(
      { ...own, ExpressionAttributeNames, ExpressionAttributeValues },
      fields,
    );
  } catch (error) {
    if (isRangeError(error)) checkJavaValues(ExpressionAttributeValues ?? {});
    throw error;
  }
}

/** Throws `ValidationException` that names the placeholder. */
function checkJavaValues(values: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(values)) {
    try {
      checkJavaValue(value, 1);
    } catch (error) {
      throw error instanceof ClientError ? invalidValue(key, error) : error;
    }
  }
}
