import { expect, test } from 'vitest';
import { tooDeep } from '../../src/partiql/messages.ts';
import { EXPRESSION_LEVELS_MAX } from '../../src/partiql/parse-expression.ts';
import { parseStatement } from '../../src/partiql/parse-statement.ts';
import { parseFault } from '../support/parse-faults.ts';
import { printed } from '../support/print-statement.ts';

const parse = (source: string): string => printed(parseStatement(source).root);

const nestsTooDeeply = tooDeep(EXPRESSION_LEVELS_MAX);

type Case = readonly [source: string, expected: string];

const parsedOf = (cases: readonly Case[]): unknown =>
  cases.map(([source]) => [source, parse(source)]);

test('operators bind as in SQL', () => {
  const expressions: readonly Case[] = [
    ['a = 1 AND b = 2 OR c = 3', '(("a" = 1) AND ("b" = 2)) OR ("c" = 3)'],
    ['a OR b AND c', '"a" OR ("b" AND "c")'],
    ['a AND (b OR c)', '"a" AND ("b" OR "c")'],
    ['a AND b AND c', '"a" AND "b" AND "c"'],
    ['NOT a = 1 AND b', '(not ("a" = 1)) AND "b"'],
    ['NOT NOT a', 'not (not "a")'],
    ['a + b * c - d', '("a" + ("b" * "c")) - "d"'],
    ['a = b < c', '"a" = ("b" < "c")'],
    ['a = b = c', '("a" = "b") = "c"'],
    ['a BETWEEN 1 AND 2 AND b', '("a" BETWEEN 1 AND 2) AND "b"'],
    ['a NOT BETWEEN 1 + 1 AND 2', '"a" NOT BETWEEN (1 + 1) AND 2'],
    ['a IN (1, 2)', '"a" IN [1, 2]'],
    ['a IN [1, 2]', '"a" IN [1, 2]'],
    ['a NOT IN (1)', '"a" NOT IN [1]'],
    ['a IN ? AND b', '("a" IN ?) AND "b"'],
    ['a LIKE b', '"a" LIKE "b"'],
    ['a NOT LIKE b', '"a" NOT LIKE "b"'],
    ['a || b', '"a" || "b"'],
  ];
  expect(parsedOf(expressions)).toEqual(expressions);
  expect(expressions.map(([, expected]) => parse(expected))).toEqual(
    expressions.map(([, expected]) => expected),
  );
});

test('IS', () => {
  const expressions: readonly Case[] = [
    ['a IS NULL', '"a" IS NULL'],
    ['a is not missing', '"a" IS NOT MISSING'],
    ['a IS INT', '"a" IS INTEGER'],
    ['a IS DOUBLE PRECISION', '"a" IS DOUBLE PRECISION'],
    ['a IS CHARACTER VARYING(3)', '"a" IS CHARACTER VARYING'],
    ['a IS VARCHAR', '"a" IS CHARACTER VARYING'],
    ['a.b IS MISSING AND c', '(("a"."b") IS MISSING) AND "c"'],
  ];
  expect(parsedOf(expressions)).toEqual(expressions);
  expect(parseFault('a IS b')).toBe('Expected type name');
  expect(parseFault('a IS SELECT')).toBe('Expected type name');
});

test('literals', () => {
  const expressions: readonly Case[] = [
    ["'it''s'", "'it''s'"],
    ['"a""b"', '"a""b"'],
    ['1.50', '1.50'],
    ['-1', '-1'],
    ['- -1', '1'],
    ['+1', '1'],
    ['-a', '- "a"'],
    ['+a', '+ "a"'],
    ['TRUE', 'TRUE'],
    ['false', 'FALSE'],
    ['null', 'NULL'],
    ['Missing', 'MISSING'],
    ['[]', '[]'],
    ['[1, [2]]', '[1, [2]]'],
    ['<<>>', '<<>>'],
    ["<<'a', 'b'>>", "<<'a', 'b'>>"],
    ['{}', '{}'],
    ["{'a': {'b': [1]}, 'c': ?}", "{'a': {'b': [1]}, 'c': ?}"],
    ['`2026T`', '`2026T`'],
    ['(1)', '1'],
    ['(1, 2)', '[1, 2]'],
    ['VALUES (1), (2, 3)', '<<[1], [2, 3]>>'],
  ];
  expect(parsedOf(expressions)).toEqual(expressions);
});

test('paths and calls', () => {
  const expressions: readonly Case[] = [
    ['a.b[0]."c d"', '"a"."b"[0]."c d"'],
    ["a['b'][?]", '"a"[\'b\'][?]'],
    ['a.*.b[*]', '"a".*."b"[*]'],
    ['(a.b).c', '("a"."b")."c"'],
    ['Begins_With(a, ?)', 'begins_with("a", ?)'],
    ['SIZE(a.b)', 'size("a"."b")'],
    ['"contains"(a, 1)', 'contains("a", 1)'],
    ['COUNT(*)', 'count(*)'],
    ['f()', 'f()'],
    ['f(a).b', 'f("a")."b"'],
  ];
  expect(parsedOf(expressions)).toEqual(expressions);
});

test('places are kept', () => {
  const { root } = parseStatement('a =\n  size(b.c)');
  expect(root).toMatchObject({
    kind: 'binary',
    at: { start: 0, end: 15 },
    left: { kind: 'name', at: { start: 0, end: 1 } },
    right: {
      kind: 'call',
      at: { start: 6, end: 10 },
      operands: [
        {
          kind: 'path',
          root: { at: { start: 11, end: 12 } },
          steps: [{ at: { start: 13, end: 14 } }],
        },
      ],
    },
  });
});

test('what cannot be an expression is refused', () => {
  const faults: readonly Case[] = [
    ['a = = 1', 'Unexpected operator'],
    ['AND', 'Unexpected operator'],
    ['a AND', 'Missing right-hand side expression of infix operator'],
    ['a b', 'Unexpected token after expression'],
    ['value', 'Unexpected keyword'],
    ['a.select', 'Invalid path dot component'],
    ['a.', 'Invalid path dot component'],
    ['()', 'Unexpected term'],
    ['(a', 'Expected RIGHT_PAREN'],
    ['[a', 'Expected RIGHT_BRACKET'],
    ['[a,]', 'Unexpected term'],
    ['{a}', 'Expected COLON'],
    ["{'a': 1", 'Expected RIGHT_CURLY'],
    ['<<1', 'Expected RIGHT_DOUBLE_ANGLE_BRACKET'],
    ['a[1', 'Expected RIGHT_BRACKET'],
    ['f(*)', 'f(*) is not allowed'],
    ['a BETWEEN 1 OR 2', 'Expected AND'],
  ];
  expect(faults.map(([source]) => [source, parseFault(source)])).toEqual(faults);
});

test('what nests is bounded, whatever it nests in', () => {
  const shallow = EXPRESSION_LEVELS_MAX - 1;
  expect(parse(`${'('.repeat(shallow)}a${')'.repeat(shallow)}`)).toBe('"a"');
  const nestings = ['(', '[', '<<', '{', "{'a': ", 'a[', 'NOT ', '- ', '+ ', 'f(', 'a IN ('];
  expect(nestings.map((each) => [each, parseFault(each.repeat(8000))])).toEqual(
    nestings.map((each) => [each, nestsTooDeeply]),
  );
  expect(parseFault('EXISTS(SELECT * FROM '.repeat(1000))).toBe(nestsTooDeeply);
  expect(parseFault(`a${' + a'.repeat(1000)}`)).toBe(nestsTooDeeply);
});

test('long rows of AND and OR are not deep', () => {
  const { root } = parseStatement(`a${' AND a'.repeat(1000)}`);
  expect(root.kind === 'and' ? root.terms.length : 0).toBe(1001);
  expect(parse(`a${' OR a'.repeat(1000)}`)).toContain('"a" OR "a"');
});
