import type { Path } from '../expression/ast.ts';
import { pathTooDeep } from '../expression/messages.ts';
import { validationError } from '../model/errors.ts';
import { NESTING_LEVELS_MAX } from '../model/limits.ts';
import { placeOf } from './lexer.ts';
import {
  listIndexAt,
  unexpectedPathAt,
  UNPIVOT_UNSUPPORTED,
  WILDCARD_UNSUPPORTED,
} from './messages.ts';
import type { Expression, PathStep } from './syntax.ts';

const LIST_INDEX_MAX = 2 ** 31 - 1;
const INDEX = /^-?[0-9]+$/;

/** Whether an expression is meant for a place in an item. */
export const isPath = ({ kind }: Expression): boolean => kind === 'name' || kind === 'path';

/** The place in an item that an expression names. Throws `ValidationException` for whatever else it is. */
export function attributePath(expression: Expression, source: string): Path {
  if (expression.kind === 'name') return [expression.name];
  if (expression.kind !== 'path' || expression.root.kind !== 'name') {
    const at = expression.kind === 'path' ? expression.root.at : expression.at;
    throw validationError(unexpectedPathAt(placeOf(source, at)));
  }
  const { root, steps } = expression;
  if (steps.length >= NESTING_LEVELS_MAX) throw validationError(pathTooDeep(steps.length + 1));
  return [root.name, ...steps.map((step) => pathStep(step, source))];
}

function pathStep(step: PathStep, source: string): string | number {
  switch (step.kind) {
    case 'member':
      return step.name;
    case 'unpivot':
      throw validationError(UNPIVOT_UNSUPPORTED);
    case 'wildcard':
      throw validationError(WILDCARD_UNSUPPORTED);
    case 'element':
    default:
      return elementStep(step.index, source);
  }
}

function elementStep(index: Expression, source: string): string | number {
  if (index.kind === 'string') return index.text;
  const where = placeOf(source, index.at);
  if (index.kind !== 'number' || !INDEX.test(index.text)) {
    throw validationError(unexpectedPathAt(where));
  }
  const value = Number(index.text);
  if (value < 0 || value > LIST_INDEX_MAX) throw validationError(listIndexAt(index.text, where));
  return Math.abs(value);
}
