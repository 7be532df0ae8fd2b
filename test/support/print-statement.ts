import { unreachable } from '../../src/base/assert.ts';
import type {
  Column,
  Expression,
  Manipulation,
  PathStep,
  SelectStatement,
  Source,
  Statement,
  WriteStatement,
} from '../../src/partiql/syntax.ts';

const inParentheses: ReadonlySet<Expression['kind']> = new Set([
  'path',
  'and',
  'or',
  'unary',
  'binary',
  'between',
  'in',
  'like',
  'is',
  'list',
  'statement',
]);

/** The text of a statement, or of any expression, that parses to the same. */
export function printed(expression: Expression): string {
  switch (expression.kind) {
    case 'name':
      return quoted(expression.name);
    case 'path':
      return `${root(expression.root)}${expression.steps.map(step).join('')}`;
    case 'call':
      return `${expression.name}(${expression.star ? '*' : commas(expression.operands)})`;
    case 'number':
      return expression.text;
    case 'string':
      return `'${expression.text.replaceAll("'", "''")}'`;
    case 'ion':
      return `\`${expression.text}\``;
    case 'boolean':
      return String(expression.value).toUpperCase();
    case 'null':
    case 'missing':
      return expression.kind.toUpperCase();
    case 'parameter':
      return '?';
    case 'list':
      return `[${commas(expression.items)}]`;
    case 'bag':
      return `<<${commas(expression.items)}>>`;
    case 'struct':
      return `{${expression.members.map(({ key, value }) => `${member(key)}: ${member(value)}`).join(', ')}}`;
    case 'and':
    case 'or':
      return expression.terms.map(operand).join(` ${expression.kind.toUpperCase()} `);
    case 'unary':
      return `${expression.operator} ${operand(expression.operand)}`;
    case 'binary':
      return `${operand(expression.left)} ${expression.operator} ${operand(expression.right)}`;
    case 'between':
      return `${operand(expression.operand)}${not(expression)} BETWEEN ${operand(expression.lower)} AND ${operand(expression.upper)}`;
    case 'in':
    case 'like':
      return `${operand(expression.operand)}${not(expression)} ${expression.kind.toUpperCase()} ${printedRight(expression.right)}`;
    case 'is':
      return `${operand(expression.operand)} IS${not(expression)} ${typeName(expression.type)}`;
    case 'statement':
      return statement(expression.statement);
    default:
      return unreachable(expression);
  }
}

const not = ({ negated }: { readonly negated: boolean }): string => (negated ? ' NOT' : '');

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const commas = (expressions: readonly Expression[]): string => expressions.map(member).join(', ');

/** A minus after a minus would be a comment. */
function operand(expression: Expression): string {
  const isBare =
    !inParentheses.has(expression.kind) &&
    !(expression.kind === 'number' && expression.text.startsWith('-'));
  return isBare ? printed(expression) : `(${printed(expression)})`;
}

/** A statement would take commas for its own. */
const member = (expression: Expression): string =>
  expression.kind === 'statement' ? operand(expression) : printed(expression);

/** A dot after a number would be part of it. */
const root = (expression: Expression): string =>
  expression.kind === 'number' ? `(${expression.text})` : operand(expression);

/** What follows IN in parentheses is a list. */
const printedRight = (right: Expression): string =>
  right.kind === 'list' ? printed(right) : operand(right);

const typeName = (type: string): string => type.replace('_', ' ').toUpperCase();

function step(each: PathStep): string {
  switch (each.kind) {
    case 'member':
      return `.${quoted(each.name)}`;
    case 'element':
      return `[${member(each.index)}]`;
    case 'unpivot':
      return '.*';
    case 'wildcard':
      return '[*]';
    default:
      return unreachable(each);
  }
}

const statement = (each: Statement): string =>
  each.kind === 'select' ? select(each) : write(each);

/** As many aliases, and joined sources, as are told of. */
const source = ({ expression, aliased, joined }: Source): string =>
  `${target(expression)}${aliased ? ' AS x' : ''}${joined ? ' CROSS JOIN y' : ''}`;

const column = ({ expression, aliased }: Column): string =>
  `${operand(expression)}${aliased ? ' x' : ''}`;

/** A path that may not stand in parentheses. */
const target = (expression: Expression): string =>
  expression.kind === 'path' ? printed(expression) : operand(expression);

const clause = (word: string, expression: Expression | undefined): string =>
  expression === undefined ? '' : ` ${word} ${operand(expression)}`;

function select(each: SelectStatement): string {
  const order = each.orderBy?.map(
    ({ expression, descending }) => `${operand(expression)} ${descending ? 'DESC' : 'ASC'}`,
  );
  return [
    'SELECT',
    each.distinct ? ' DISTINCT' : ' ALL',
    each.value ? ' VALUE' : '',
    ` ${each.columns === undefined ? '*' : each.columns.map(column).join(', ')}`,
    ` FROM ${source(each.source)}`,
    clause('WHERE', each.where),
    each.grouped ? ' GROUP BY x' : '',
    clause('HAVING', each.having),
    order === undefined ? '' : ` ORDER BY ${order.join(', ')}`,
    clause('LIMIT', each.limit),
  ].join('');
}

function write(each: WriteStatement): string {
  const isDelete = each.manipulations.some(({ kind }) => kind === 'delete');
  const returning = each.returning?.map(({ returned, star }) => `${returned} ${star ? '*' : 'x'}`);
  return [
    each.source === undefined
      ? ''
      : `${isDelete ? 'DELETE FROM' : 'UPDATE'} ${source(each.source)}`,
    ...each.manipulations.map(manipulation),
    clause('WHERE', each.where),
    returning === undefined ? '' : `RETURNING ${returning.join(', ')}`,
  ].join(' ');
}

function manipulation(each: Manipulation): string {
  switch (each.kind) {
    case 'delete':
      return '';
    case 'remove':
      return `REMOVE ${target(each.target)}`;
    case 'set':
      return `SET ${each.assignments.map((one) => `${target(one.target)} = ${operand(one.value)}`).join(', ')}`;
    case 'insert':
      return `INSERT INTO ${target(each.target)} ${each.several ? '' : 'VALUE '}${operand(each.value)}${clause('AT', each.position)}`;
    default:
      return unreachable(each);
  }
}
