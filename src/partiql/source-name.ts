import { validationError } from '../model/errors.ts';
import { TABLE_NAME_LENGTH_MAX, TABLE_NAME_LENGTH_MIN } from '../model/limits.ts';
import { placeOf } from './lexer.ts';
import {
  ALIAS_UNSUPPORTED,
  FROM_COMPONENT_EMPTY,
  FROM_COMPONENTS_MAX,
  FROM_SEVERAL,
  FROM_TOO_LONG,
  FROM_UNEXPECTED,
  insertIntoPath,
  TABLE_NAME_INVALID,
} from './messages.ts';
import type { Expression, Source } from './syntax.ts';

/** What a statement is about. */
export interface SourceName {
  readonly table: string;
  readonly index: string | undefined;
}

/** The table, and perhaps the index, that a FROM clause names. Throws `ValidationException`. */
export function sourceName({ expression, aliased, joined }: Source): SourceName {
  if (joined) throw validationError(FROM_SEVERAL);
  if (aliased) throw validationError(ALIAS_UNSUPPORTED);
  const [table = '', index, more] = components(expression);
  if (more !== undefined) throw validationError(FROM_TOO_LONG);
  if (table === '' || index === '') throw validationError(FROM_COMPONENT_EMPTY);
  return { table: checkedName(table), index };
}

/** The table that an INSERT names, which may be no path. Throws `ValidationException`. */
export function insertTable(target: Expression, source: string): string {
  if (target.kind === 'path') {
    throw validationError(insertIntoPath(placeOf(source, target.root.at)));
  }
  const [table = ''] = components(target);
  if (table === '') throw validationError(FROM_COMPONENT_EMPTY);
  return checkedName(table);
}

const NAME = /^[a-zA-Z0-9_.-]+$/;

function checkedName(table: string): string {
  const { length } = table;
  const fits = length >= TABLE_NAME_LENGTH_MIN && length <= TABLE_NAME_LENGTH_MAX;
  if (!fits || !NAME.test(table)) throw validationError(TABLE_NAME_INVALID);
  return table;
}

function components(expression: Expression): readonly string[] {
  if (expression.kind === 'name') return [expression.name];
  if (expression.kind !== 'path') throw validationError(FROM_UNEXPECTED);
  const names = [...components(expression.root)];
  for (const step of expression.steps) {
    if (step.kind !== 'member') throw validationError(FROM_UNEXPECTED);
    names.push(step.name);
  }
  return names.slice(0, FROM_COMPONENTS_MAX + 1);
}
