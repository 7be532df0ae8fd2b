import { expect, test } from 'vitest';
import { lex, placeOf } from '../../src/partiql/lexer.ts';

const tokens = (source: string): readonly string[] =>
  lex(source).map(({ kind, text }) => (kind === 'end' ? kind : `${kind} ${text}`));

const unreadable = "Statement wasn't well formed, can't be processed: ";

test('words are keywords, operators or names', () => {
  expect(tokens('Select FROM wHere')).toEqual([
    'keyword select',
    'keyword from',
    'keyword where',
    'end',
  ]);
  expect(tokens('AND oR not IN is BETWEEN like')).toEqual([
    'operator and',
    'operator or',
    'operator not',
    'operator in',
    'operator is',
    'operator between',
    'operator like',
    'end',
  ]);
  expect(tokens('pk Selected _a $b a1')).toEqual([
    'name pk',
    'name Selected',
    'name _a',
    'name $b',
    'name a1',
    'end',
  ]);
});

test('quotes', () => {
  expect(tokens('"select"')).toEqual(['name select', 'end']);
  expect(tokens('"a ""b"" -- c"')).toEqual(['name a "b" -- c', 'end']);
  expect(tokens("'it''s' ''")).toEqual(["string it's", 'string ', 'end']);
  expect(tokens("''''")).toEqual(["string '", 'end']);
  expect(tokens("'a\nb /* c */'")).toEqual(['string a\nb /* c */', 'end']);
  expect(tokens('`2026-01-01T`')).toEqual(['ion 2026-01-01T', 'end']);
});

test('numbers', () => {
  for (const number of ['0', '12', '1.5', '1.', '.5', '1e3', '1E-3', '1.5e+10']) {
    expect(tokens(number)).toEqual([`number ${number}`, 'end']);
  }
  expect(tokens('-1')).toEqual(['operator -', 'number 1', 'end']);
  expect(tokens('1.2.3')).toEqual(['number 1.2', 'number .3', 'end']);
});

test('signs', () => {
  expect(tokens('( ) [ ] { } , . : ; *')).toEqual([
    ...Array.from('()[]{},.:;*', (each) => `symbol ${each}`),
    'end',
  ]);
  expect(tokens('<<>>')).toEqual(['symbol <<', 'symbol >>', 'end']);
  expect(tokens('< <= <> != = >= > || + - / % @')).toEqual([
    'operator <',
    'operator <=',
    'operator <>',
    'operator <>',
    'operator =',
    'operator >=',
    'operator >',
    'operator ||',
    'operator +',
    'operator -',
    'operator /',
    'operator %',
    'operator @',
    'end',
  ]);
  expect(tokens('a=?')).toEqual(['name a', 'operator =', 'parameter ?', 'end']);
});

test('spaces and comments are passed over', () => {
  expect(tokens(' \t\r\n\f')).toEqual(['end']);
  expect(tokens('a -- b\nc')).toEqual(['name a', 'name c', 'end']);
  expect(tokens('a--b')).toEqual(['name a', 'end']);
  expect(tokens('a/* b\n** */c')).toEqual(['name a', 'name c', 'end']);
});

test('what cannot be read is refused', () => {
  const broken = ["'a", '"a', '`a', "'a''", '#', 'a ! b', 'a | b', '/* a', '😀', '\u0000', '~'];
  for (const source of broken) expect(() => lex(source)).toThrow(unreadable);
  for (const number of ['1a', '1e', '1e+', '0x1', '1e2147483648', '0.5e-2147483648']) {
    expect(() => lex(number)).toThrow(unreadable);
  }
});

test('tokens know where they stand', () => {
  const [first, second, third, end] = lex(`ab  "c"\n'd'`);
  expect(first).toMatchObject({ start: 0, end: 2 });
  expect(second).toMatchObject({ start: 4, end: 7 });
  expect(third).toMatchObject({ start: 8, end: 11 });
  expect(end).toMatchObject({ start: 11, end: 11 });
});

test('a place is line, column and length, in characters', () => {
  const source = "a\n '😀' b\r\nc";
  const places = lex(source).map((token) => placeOf(source, token));
  expect(places).toEqual(['1:1:1', '2:2:3', '2:6:1', '3:1:1', '3:2:0']);
});

test('a text as long as a statement may be takes no time', () => {
  const started = performance.now();
  for (const piece of ["'", '"', '/*', '--', '(', '1e', '.', '``', "''"]) {
    try {
      lex(piece.repeat(8192 / piece.length));
    } catch {
      // Only how long it takes is of interest.
    }
  }
  expect(performance.now() - started).toBeLessThan(1000);
});
