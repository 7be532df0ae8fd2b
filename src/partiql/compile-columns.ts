import type { Path } from '../expression/ast.ts';
import { putAttribute, type MutableAttributeMap } from '../expression/attribute-map-builder.ts';
import { valueAt } from '../expression/evaluate-condition.ts';
import { pathsFault } from '../expression/path-resolver.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import { attributePath } from './attribute-path.ts';
import { ALIAS_UNSUPPORTED, duplicateColumns } from './messages.ts';
import type { Column } from './syntax.ts';

/** A place in an item, and the name under which it is answered. */
export interface ResultColumn {
  readonly path: Path;
  readonly name: string;
}

/** The columns of a SELECT. Throws `ValidationException`. */
export function compileColumns(
  columns: readonly Column[],
  source: string,
): readonly ResultColumn[] {
  const compiled = columns.map(({ expression, aliased }) => {
    const path = attributePath(expression, source);
    if (aliased) throw validationError(ALIAS_UNSUPPORTED);
    return { path, name: columnName(path) };
  });
  const fault = pathsFault(compiled.map(({ path }) => path));
  if (fault !== undefined) throw validationError(fault);
  const seen = new Set<string>();
  for (const { name } of compiled) {
    if (seen.has(name)) throw validationError(duplicateColumns(name));
    seen.add(name);
  }
  return compiled;
}

/** The last name of a path, with the elements behind it: `a.b[0]` is answered as `b[0]`. */
function columnName(path: Path): string {
  let name = '';
  for (const step of path) name = typeof step === 'number' ? `${name}[${step}]` : step;
  return name;
}

/** What the columns show of an item; those that lead nowhere are left out. */
export function shownColumns(columns: readonly ResultColumn[], item: AttributeMap): AttributeMap {
  const shown: MutableAttributeMap = {};
  for (const { path, name } of columns) {
    const value = valueAt(path, item);
    if (value !== undefined) putAttribute(shown, name, value);
  }
  return shown;
}
