import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import { project } from '../../src/expression/project.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';

const compiler = new ExpressionCompiler();

function projected(source: string, item: AttributeMap): AttributeMap {
  const { projection } = compiler.compile({ ProjectionExpression: source }, [
    'ProjectionExpression',
  ]);
  if (projection === undefined) throw new Error('no projection');
  return project(structuredClone(projection), item);
}

const item: AttributeMap = {
  p: { S: 'k' },
  a: {
    M: {
      b: { L: [{ N: '2' }, { N: '4' }, { M: { x: { S: 'hi' }, y: { S: 'yo' } } }] },
      c: { N: '5' },
    },
  },
  s: { S: 'hello' },
};

test.each<[string, AttributeMap]>([
  ['p, s', { p: { S: 'k' }, s: { S: 'hello' } }],
  ['a.b[0]', { a: { M: { b: { L: [{ N: '2' }] } } } }],
  ['a.b[2].y', { a: { M: { b: { L: [{ M: { y: { S: 'yo' } } }] } } } }],
  ['a.b[1],a.b[0], a.c', { a: { M: { b: { L: [{ N: '2' }, { N: '4' }] }, c: { N: '5' } } } }],
  [
    'a.b[2].y, a.b[0], a.b[2].x',
    { a: { M: { b: { L: [{ N: '2' }, { M: { y: { S: 'yo' }, x: { S: 'hi' } } }] } } } },
  ],
  ['a.x, a.b[0], x, a.b[3].x', { a: { M: { b: { L: [{ N: '2' }] } } } }],
])('%s keeps its part in its place', (source, expected) => {
  expect(projected(source, item)).toEqual(expected);
});

test.each(['x', 'a.b[3]', 'a.x.y', 'a.b.x', 'a[0]', 'a.b[0].x', 'a.b[0][0]', 's.x'])(
  '%s leads nowhere and leaves no trace',
  (source) => {
    expect(projected(source, item)).toEqual({});
  },
);

test('a projection on all attributes keeps the item', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^x[a-z0-9_]{1,8}$/), { minLength: 1 }),
      (names) => {
        const whole = Object.fromEntries(names.map((name) => [name, { S: name }]));
        expect(projected(names.join(','), whole)).toEqual(whole);
      },
    ),
  );
});
