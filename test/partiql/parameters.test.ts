import { expect, test } from 'vitest';
import { parseParameters } from '../../src/partiql/parameters.ts';

const number = (N: string) => (): unknown => parseParameters([{ N }]);

test('parameters are values in canonical form', () => {
  expect(parseParameters(undefined)).toEqual([]);
  expect(parseParameters([{ S: 'a' }, { N: '01.50' }, { L: [{ NULL: true }] }])).toEqual([
    { S: 'a' },
    { N: '1.5' },
    { L: [{ NULL: true }] },
  ]);
});

test('numbers that no decimal of Java holds are refused in its words', () => {
  expect(number('abc')).toThrow('The parameter cannot be converted to a numeric value: abc');
  expect(number('1e2147483648')).toThrow('cannot be converted to a numeric value');
  expect(number('1e126')).toThrow('Number overflow');
  expect(number('1e-131')).toThrow('Number underflow');
  // The magnitude has 32 bits, and turns around.
  expect(number('1e2147483647')).toThrow('Number underflow');
});

test('what nests too deeply is told after the numbers on the way', () => {
  const nested = (levels: number, leaf: unknown): unknown =>
    levels === 0 ? leaf : { L: [nested(levels - 1, leaf)] };
  expect(() => parseParameters([nested(40, { S: 'a' })])).toThrow('Nesting Levels have exceeded');
  expect(() => parseParameters([nested(40, { N: 'x' })])).toThrow('Nesting Levels have exceeded');
  expect(() => parseParameters([{ L: [{ N: 'x' }, nested(40, { S: 'a' })] }])).toThrow(
    'cannot be converted to a numeric value: x',
  );
});
