import type { ExpressionCompiler, Expressions } from '../expression/expression-compiler.ts';
import type { ExpressionField } from '../expression/messages.ts';
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
  return compiler.compile({ ...own, ExpressionAttributeNames, ExpressionAttributeValues }, fields);
}
