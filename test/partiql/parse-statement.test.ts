import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RETURNING_EXPECTED, STAR_NOT_ALONE } from '../../src/partiql/messages.ts';
import { parseStatement } from '../../src/partiql/parse-statement.ts';
import type { Statement } from '../../src/partiql/syntax.ts';
import { parseFault } from '../support/parse-faults.ts';
import { printed } from '../support/print-statement.ts';
import { statementOrExpression, withoutPlaces } from '../support/statement-arbitrary.ts';

function statementOf(source: string): Statement {
  const { root } = parseStatement(source);
  if (root.kind !== 'statement') throw new Error(root.kind);
  return root.statement;
}

/** A statement with its names and values as short texts. */
const shapeOf = (source: string): unknown => withoutPlaces(statementOf(source));

const name = (text: string): unknown => ({ kind: 'name', name: text });
const number = (text: string): unknown => ({ kind: 'number', text });

const simpleSelect = {
  kind: 'select',
  distinct: false,
  value: false,
  columns: undefined,
  source: { expression: name('t'), aliased: false, joined: false },
  where: undefined,
  grouped: false,
  having: undefined,
  orderBy: undefined,
  limit: undefined,
};

test('a printed statement parses to what was printed', () => {
  fc.assert(
    fc.property(statementOrExpression, (made) => {
      const { root } = parseStatement(printed(made));
      expect(withoutPlaces(root)).toEqual(withoutPlaces(made));
    }),
    { numRuns: 1000 },
  );
});

test('SELECT of everything', () => {
  expect(shapeOf('SELECT * FROM t')).toEqual(simpleSelect);
  expect(shapeOf('select * from t;')).toEqual(simpleSelect);
  expect(shapeOf('SELECT ALL * FROM t -- nothing more')).toEqual(simpleSelect);
  expect(shapeOf('/* before */ SELECT\n*\tFROM/**/t')).toEqual(simpleSelect);
});

test('SELECT of columns', () => {
  expect(shapeOf('SELECT a, b AS c, d e FROM t')).toEqual({
    ...simpleSelect,
    columns: [
      { expression: name('a'), aliased: false },
      { expression: name('b'), aliased: true },
      { expression: name('d'), aliased: true },
    ],
  });
  expect(shapeOf('SELECT VALUE a FROM t')).toEqual({
    ...simpleSelect,
    value: true,
    columns: [{ expression: name('a'), aliased: false }],
  });
  expect(shapeOf('SELECT DISTINCT * FROM t')).toEqual({ ...simpleSelect, distinct: true });
});

test('clauses of SELECT, in their order', () => {
  const source = 'SELECT * FROM t WHERE a GROUP BY b, c HAVING d ORDER BY e, f DESC, g ASC LIMIT 3';
  expect(shapeOf(source)).toEqual({
    ...simpleSelect,
    where: name('a'),
    grouped: true,
    having: name('d'),
    orderBy: [
      { expression: name('e'), descending: false },
      { expression: name('f'), descending: true },
      { expression: name('g'), descending: false },
    ],
    limit: number('3'),
  });
});

test('sources of SELECT', () => {
  const plain = { aliased: false, joined: false };
  const sources: readonly (readonly [string, unknown])[] = [
    ['t', { ...plain, expression: name('t') }],
    ['t x', { ...plain, expression: name('t'), aliased: true }],
    ['t AS x AT y BY z', { ...plain, expression: name('t'), aliased: true }],
    ['t, u', { ...plain, expression: name('t'), joined: true }],
    ['t LEFT OUTER JOIN u ON v', { ...plain, expression: name('t'), joined: true }],
    [
      '"t"."i"',
      {
        ...plain,
        expression: { kind: 'path', root: name('t'), steps: [{ kind: 'member', name: 'i' }] },
      },
    ],
  ];
  const found = sources.map(([source]) => [source, statementOf(`SELECT * FROM ${source}`)]);
  expect(withoutPlaces(found)).toEqual(
    sources.map(([source, expected]) => [source, { ...simpleSelect, source: expected }]),
  );
});

const simpleWrite = {
  kind: 'write',
  source: { expression: name('t'), aliased: false, joined: false },
  where: undefined,
  returning: undefined,
};

test('UPDATE', () => {
  const set = { kind: 'set', assignments: [{ target: name('a'), value: number('1') }] };
  const remove = { kind: 'remove', target: name('b') };
  expect(shapeOf('UPDATE t SET a = 1')).toEqual({ ...simpleWrite, manipulations: [set] });
  expect(shapeOf('UPDATE t SET a = 1 REMOVE b SET a = 1 WHERE c')).toEqual({
    ...simpleWrite,
    manipulations: [set, remove, set],
    where: name('c'),
  });
  expect(shapeOf('UPDATE t SET a = 1, b[0].c = ?')).toEqual({
    ...simpleWrite,
    manipulations: [
      {
        kind: 'set',
        assignments: [
          { target: name('a'), value: number('1') },
          {
            target: {
              kind: 'path',
              root: name('b'),
              steps: [
                { kind: 'element', index: number('0') },
                { kind: 'member', name: 'c' },
              ],
            },
            value: { kind: 'parameter' },
          },
        ],
      },
    ],
  });
  expect(shapeOf('FROM t WHERE c REMOVE b')).toEqual({
    ...simpleWrite,
    manipulations: [remove],
    where: name('c'),
  });
  expect(shapeOf('SET a = 1')).toEqual({
    ...simpleWrite,
    source: undefined,
    manipulations: [set],
  });
});

test('INSERT', () => {
  const insert = { kind: 'insert', target: name('t'), several: false, position: undefined };
  const bare = { ...simpleWrite, source: undefined };
  expect(shapeOf("INSERT INTO t VALUE {'a': 1, 'b': ?}")).toEqual({
    ...bare,
    manipulations: [
      {
        ...insert,
        value: {
          kind: 'struct',
          members: [
            { key: { kind: 'string', text: 'a' }, value: number('1') },
            { key: { kind: 'string', text: 'b' }, value: { kind: 'parameter' } },
          ],
        },
      },
    ],
  });
  expect(shapeOf('INSERT INTO t VALUE ? AT 2')).toEqual({
    ...bare,
    manipulations: [{ ...insert, value: { kind: 'parameter' }, position: number('2') }],
  });
  expect(shapeOf('INSERT INTO t VALUES (1, 2), (3)')).toEqual({
    ...bare,
    manipulations: [
      {
        ...insert,
        several: true,
        value: {
          kind: 'bag',
          items: [
            { kind: 'list', items: [number('1'), number('2')] },
            { kind: 'list', items: [number('3')] },
          ],
        },
      },
    ],
  });
});

test('DELETE and RETURNING', () => {
  const manipulations = [{ kind: 'delete' }];
  expect(shapeOf('DELETE FROM t WHERE a')).toEqual({
    ...simpleWrite,
    manipulations,
    where: name('a'),
  });
  expect(shapeOf('DELETE FROM t WHERE a RETURNING ALL OLD *')).toEqual({
    ...simpleWrite,
    manipulations,
    where: name('a'),
    returning: [{ returned: 'ALL OLD', star: true }],
  });
  expect(shapeOf('delete from t where a returning modified new *, all old b')).toEqual({
    ...simpleWrite,
    manipulations,
    where: name('a'),
    returning: [
      { returned: 'MODIFIED NEW', star: true },
      { returned: 'ALL OLD', star: false },
    ],
  });
});

test('what is no statement is parsed as well', () => {
  expect(parseStatement('1 + 2').root.kind).toBe('binary');
  expect(parseStatement('EXISTS(SELECT * FROM t WHERE a = 1)').root).toMatchObject({
    kind: 'call',
    name: 'exists',
    operands: [{ kind: 'statement', statement: { kind: 'select' } }],
  });
});

test('parameters are numbered as they stand', () => {
  const source = 'UPDATE t SET a = ?, b = [?, ?] WHERE c = ?';
  const parsed = parseStatement(source);
  expect(parsed.parameters).toBe(4);
  const found = Array.from(JSON.stringify(parsed.root).matchAll(/"parameter","index":(\d)/g));
  expect(found.map(([, index]) => index)).toEqual(['0', '1', '2', '3']);
});

test('statements that break off or go on are refused', () => {
  const faults: readonly (readonly [string, string])[] = [
    ['', 'Unexpected term'],
    [';', 'Unexpected term'],
    ['SELECT', 'Unexpected term'],
    ['SELECT *', 'Expected FROM after SELECT list'],
    ['SELECT a b c FROM t', 'Expected FROM after SELECT list'],
    ['SELECT *, a FROM t', STAR_NOT_ALONE],
    ['SELECT * FROM', 'Unexpected term'],
    ['SELECT * FROM t AS', 'Expected identifier for AS-alias'],
    ['SELECT * FROM t WHERE', 'Unexpected term'],
    ['SELECT * FROM t WHERE a =', 'Missing right-hand side expression of infix operator'],
    ['SELECT * FROM t ORDER a', 'Expected BY'],
    ['SELECT * FROM t GROUP a', 'Expected BY'],
    ['SELECT * FROM t; SELECT', 'Unexpected token after semicolon. (Only one query is allowed.)'],
    ['SELECT * FROM t )', 'Unexpected token after expression'],
    ['CREATE TABLE t', 'Unexpected keyword'],
    ['UPDATE', 'Expected identifier for simple path'],
    ['UPDATE t', 'Expected data manipulation'],
    ['UPDATE t WHERE a = 1', 'Expected data manipulation'],
    ['UPDATE t SET', 'Expected identifier for simple path'],
    ["UPDATE t SET 'a' = 1", 'Expected identifier for simple path'],
    ['UPDATE t SET a', "Expected '='"],
    ['UPDATE t SET a.* = 1', 'Invalid path dot component for simple path'],
    ['UPDATE t SET a[?] = 1', 'Invalid path component for simple path'],
    ['UPDATE t SET a.select = 1', 'Invalid path dot component'],
    ['DELETE t WHERE a = 1', 'Expected FROM after DELETE'],
    ['DELETE FROM t RETURNING', RETURNING_EXPECTED],
    ['DELETE FROM t RETURNING ALL *', RETURNING_EXPECTED],
    ['INSERT INTO', 'Expected identifier for simple path'],
    ['INSERT t', 'Unexpected keyword'],
    ['INSERT INTO t VALUES 1', 'Expected LEFT_PAREN'],
  ];
  expect(faults.map(([source]) => [source, parseFault(source)])).toEqual(faults);
});
