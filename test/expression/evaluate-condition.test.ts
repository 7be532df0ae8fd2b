import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateCondition } from '../../src/expression/evaluate-condition.ts';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import type { AttributeMap, AttributeValue } from '../../src/model/attribute-value.ts';

const compiler = new ExpressionCompiler();

const values: AttributeMap = {
  ':one': { N: '1' },
  ':ten': { N: '10' },
  ':s': { S: 'b' },
  ':bin': { B: 'aGU=' },
  ':l': { L: [{ N: '2' }] },
  ':set': { NS: ['3', '2'] },
  ':type': { S: 'L' },
  ':none': { NULL: true },
};

const item: AttributeMap = {
  n: { N: '2' },
  s: { S: 'abc' },
  bin: { B: 'aGVsbG8=' },
  lst: { L: [{ N: '2' }, { L: [{ N: '2' }] }, { M: { x: { S: 'b' } } }] },
  mp: { M: { x: { N: '-1.5' }, 'a.b': { S: 'dot' } } },
  st: { NS: ['2', '3'] },
  texts: { SS: ['a', 'b'] },
  blobs: { BS: ['aGU='] },
  yes: { BOOL: true },
  nil: { NULL: true },
};

const holds = (source: string): boolean => holdsFor(item, source);

function holdsFor(of: AttributeMap | undefined, source: string): boolean {
  const used = Object.entries(values).filter(([key]) => new RegExp(`${key}\\b`).test(source));
  const { condition } = compiler.compile(
    {
      ConditionExpression: source,
      ExpressionAttributeValues: used.length === 0 ? undefined : Object.fromEntries(used),
    },
    ['ConditionExpression'],
  );
  if (condition === undefined) throw new Error('no condition');
  return evaluateCondition(structuredClone(condition), of);
}

test.each([
  'n = n2 OR n > :one AND n < :ten',
  'NOT n = :one AND NOT (n < :one OR n > :ten)',
  'n BETWEEN :one AND :ten',
  'n IN (:one, :s, n2, lst[0])',
  'n <> :s',
  'absent <> :s',
  'absent <> gone',
  'st = :set',
  'lst[1] = :l',
  'mp.x < :one',
  'lst[2].x = :s',
  'attribute_exists(lst[1][0])',
  'attribute_not_exists(lst[1][1])',
  'attribute_not_exists(n.x)',
  'attribute_type(lst, :type)',
  'begins_with(bin, :bin)',
  'contains(bin, :bin)',
  'contains(s, :s)',
  'contains(texts, :s)',
  'contains(blobs, :bin)',
  'contains(lst, :l)',
  'contains(lst, n)',
  'contains(st, n)',
  'size(lst) > :one AND size(mp) = n AND size(bin) < :ten',
  'size(texts) = size(st)',
  'nil = :none',
])('%s holds', (source) => {
  expect(holds(source)).toBe(true);
});

test.each([
  'absent = gone',
  'absent = :s',
  'absent < :one',
  'n < :s',
  'lst < n',
  's BETWEEN :one AND :ten',
  'n IN (:one, :s)',
  'size(n) = :one',
  'size(s) = :s',
  'begins_with(n, :s)',
  'begins_with(s, :bin)',
  'contains(s, n)',
  'contains(mp, :s)',
  'attribute_exists(mp.a)',
  'attribute_exists(lst[9])',
  'attribute_type(n, :type)',
  'yes = :one',
])('%s does not hold', (source) => {
  expect(holds(source)).toBe(false);
});

test('AND binds tighter than OR, NOT tighter than both', () => {
  expect(holds('n = n OR n = n AND absent = n'.replaceAll('n = n', 'n >= lst[0]'))).toBe(true);
  expect(holds('(n >= lst[0] OR n >= lst[0]) AND absent = n')).toBe(false);
  expect(holds('NOT absent = n AND absent = n')).toBe(false);
  expect(holds('NOT (absent = n AND absent = n)')).toBe(true);
});

test('no item is an item without attributes', () => {
  expect(holdsFor(undefined, 'attribute_not_exists(n)')).toBe(true);
  expect(holdsFor(undefined, 'attribute_exists(n)')).toBe(false);
  expect(holdsFor(undefined, 'n = n2')).toBe(false);
});

test('names that objects inherit are no attributes', () => {
  expect(holds('attribute_exists(valueOf)')).toBe(false);
  expect(holds('attribute_exists(mp.toString)')).toBe(false);
});

/** A condition in words, and its truth for numbers and strings as JavaScript has it. */
interface Naive {
  readonly text: string;
  readonly truth: (item: PlainItem) => boolean;
}

type PlainItem = Readonly<Record<string, number | string>>;
type Plain = number | string | undefined;
const scalar = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('', 'a', 'ab', 'b'));
const constants: readonly (readonly [string, number | string])[] = [
  [':zero', 0],
  [':two', 2],
  [':minus', -1],
  [':a', 'a'],
  [':ab', 'ab'],
];
const operand = fc.oneof(
  fc
    .constantFrom('x', 'y', 'z')
    .map((name) => ({ text: name, of: (i: Record<string, Plain>): Plain => i[name] })),
  fc.constantFrom(...constants).map(([text, value]) => ({ text, of: (): Plain => value })),
);
const order = (a: Plain, b: Plain, suits: (sign: number) => boolean): boolean => {
  if (a === undefined || b === undefined || typeof a !== typeof b) return false;
  return suits(a < b ? -1 : Number(a > b));
};
const COMPARATORS = ['=', '<>', '<', '<=', '>', '>='] as const;
const comparators = {
  '=': (a: Plain, b: Plain) => order(a, b, (sign) => sign === 0),
  '<>': (a: Plain, b: Plain) => !order(a, b, (sign) => sign === 0),
  '<': (a: Plain, b: Plain) => order(a, b, (sign) => sign < 0),
  '<=': (a: Plain, b: Plain) => order(a, b, (sign) => sign <= 0),
  '>': (a: Plain, b: Plain) => order(a, b, (sign) => sign > 0),
  '>=': (a: Plain, b: Plain) => order(a, b, (sign) => sign >= 0),
};
const comparison: fc.Arbitrary<Naive> = fc
  .tuple(operand, fc.constantFrom(...COMPARATORS), operand)
  .filter(([a, , b]) => a.text !== b.text)
  .map(([a, comparator, b]) => ({
    text: `${a.text} ${comparator} ${b.text}`,
    truth: (i) => comparators[comparator](a.of(i), b.of(i)),
  }));
const candidates: fc.Arbitrary<Naive> = fc
  .tuple(operand, fc.array(operand, { minLength: 1, maxLength: 3 }))
  .map(([a, list]) => ({
    text: `${a.text} IN (${list.map((each) => each.text).join(', ')})`,
    truth: (i) => list.some((each) => comparators['='](a.of(i), each.of(i))),
  }));
const { tree } = fc.letrec<{ tree: Naive }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    comparison,
    candidates,
    tie('tree').map((one) => ({
      text: `NOT (${one.text})`,
      truth: (i: PlainItem) => !one.truth(i),
    })),
    fc.tuple(tie('tree'), tie('tree')).map(([one, two]) => ({
      text: `(${one.text}) AND (${two.text})`,
      truth: (i: PlainItem) => one.truth(i) && two.truth(i),
    })),
    fc.tuple(comparison, comparison, comparison).map(([one, two, three]) => ({
      text: `${one.text} OR NOT ${two.text} AND ${three.text}`,
      truth: (i: PlainItem) => one.truth(i) || (!two.truth(i) && three.truth(i)),
    })),
  ),
}));

const attribute = (plain: number | string): AttributeValue =>
  typeof plain === 'number' ? { N: String(plain) } : { S: plain };

test('a condition evaluates as a naive reading of its words', () => {
  const plainItem = fc.dictionary(fc.constantFrom('x', 'y', 'z'), scalar, {
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(tree, plainItem, ({ text, truth }, plain) => {
      const used = constants.filter(([key]) => new RegExp(`${key}\\b`).test(text));
      const { condition } = compiler.compile(
        {
          ConditionExpression: text,
          ExpressionAttributeValues:
            used.length === 0
              ? undefined
              : Object.fromEntries(used.map(([key, value]) => [key, attribute(value)])),
        },
        ['ConditionExpression'],
      );
      const attributes = Object.fromEntries(
        Object.entries(plain).map(([key, value]) => [key, attribute(value)]),
      );
      expect(condition && evaluateCondition(condition, attributes)).toBe(truth(plain));
    }),
    { numRuns: 500 },
  );
});
