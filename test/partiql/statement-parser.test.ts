import { expect, test } from 'vitest';
import { StatementParser } from '../../src/partiql/statement-parser.ts';

const statement = (table: number): string => `SELECT * FROM t${table}`;

test('a statement is parsed once', () => {
  const parser = new StatementParser();
  const first = parser.parse(statement(1));
  expect(parser.parse(statement(2))).not.toBe(first);
  expect(parser.parse(statement(1))).toBe(first);
});

test('what was not used for long is forgotten', () => {
  const parser = new StatementParser(2);
  const first = parser.parse(statement(1));
  const second = parser.parse(statement(2));
  parser.parse(statement(1));
  parser.parse(statement(3));
  expect(parser.parse(statement(1))).toBe(first);
  expect(parser.parse(statement(2))).not.toBe(second);
});

test('what is refused is refused again', () => {
  const parser = new StatementParser();
  for (let times = 0; times < 2; times++) {
    expect(() => parser.parse('SELECT')).toThrow('Unexpected term');
  }
});
