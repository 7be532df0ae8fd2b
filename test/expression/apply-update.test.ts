import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyUpdate, updatedAttributes } from '../../src/expression/apply-update.ts';
import type { UpdateExpression } from '../../src/expression/ast.ts';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import { project } from '../../src/expression/project.ts';
import type { AttributeMap, AttributeValue } from '../../src/model/attribute-value.ts';

const compiler = new ExpressionCompiler();
const keyAttributes: AttributeMap = { pk: { S: 'k' } };

const values: AttributeMap = {
  ':n': { N: '5' },
  ':s': { S: 'new' },
  ':l': { L: [{ S: 'end' }] },
  ':ss': { SS: ['a', 'c'] },
  ':ns': { NS: ['1'] },
  ':all': { SS: ['a', 'b'] },
};

function compile(source: string): UpdateExpression {
  const used = Object.entries(values).filter(([key]) => new RegExp(`${key}\\b`).test(source));
  const { update } = compiler.compile(
    {
      UpdateExpression: source,
      ExpressionAttributeValues:
        used.length === 0 ? undefined : structuredClone(Object.fromEntries(used)),
    },
    ['UpdateExpression'],
  );
  if (update === undefined) throw new Error('no update');
  return update;
}

const update = (source: string, current: AttributeMap | undefined): AttributeMap | undefined =>
  applyUpdate(compile(source), { current, keyAttributes }).item;

const item: AttributeMap = {
  ...keyAttributes,
  n: { N: '2' },
  s: { S: 'old' },
  lst: { L: ['0', '1', '2', '3'].map((N) => ({ N })) },
  mp: { M: { x: { N: '1' }, deep: { M: { y: { S: 'y' } } } } },
  st: { SS: ['a', 'b'] },
};

test.each<[string, AttributeMap]>([
  ['SET n = n + :n', { n: { N: '7' } }],
  ['SET n = :n - n', { n: { N: '3' } }],
  ['SET fresh = if_not_exists(fresh, :n) + :n', { fresh: { N: '10' } }],
  ['SET s = if_not_exists(s, :s)', { s: { S: 'old' } }],
  ['SET n = s, s = n', { n: { S: 'old' }, s: { N: '2' } }],
  ['SET copied = mp.deep.y REMOVE s', { copied: { S: 'y' } }],
  [
    'SET lst = list_append(:l, lst)',
    { lst: { L: [{ S: 'end' }, { N: '0' }, { N: '1' }, { N: '2' }, { N: '3' }] } },
  ],
  [
    'SET lst[9] = :s, lst[7] = :n',
    { lst: { L: [{ N: '0' }, { N: '1' }, { N: '2' }, { N: '3' }, { N: '5' }, { S: 'new' }] } },
  ],
  ['REMOVE lst[1] SET lst[3] = :s', { lst: { L: [{ N: '0' }, { N: '2' }, { S: 'new' }] } }],
  ['REMOVE lst[0], lst[17], lst[2]', { lst: { L: [{ N: '1' }, { N: '3' }] } }],
  [
    'SET mp.x = :s, mp.z = :n REMOVE mp.deep.y',
    { mp: { M: { x: { S: 'new' }, z: { N: '5' }, deep: { M: {} } } } },
  ],
  [
    'ADD n :n, count2 :n, st :ss, more :ns',
    { n: { N: '7' }, count2: { N: '5' }, st: { SS: ['a', 'b', 'c'] }, more: { NS: ['1'] } },
  ],
  [
    'ADD mp.x :n, lst[3] :n',
    {
      mp: { M: { x: { N: '6' }, deep: { M: { y: { S: 'y' } } } } },
      lst: { L: [{ N: '0' }, { N: '1' }, { N: '2' }, { N: '8' }] },
    },
  ],
  ['DELETE st :ss, gone :ss', { st: { SS: ['b'] } }],
])('%s', (source, expected) => {
  const before = structuredClone(item);
  const after = update(source, item);
  expect(after).toMatchObject(expected);
  expect(item).toEqual(before);
});

test('a set that loses all its members is gone', () => {
  expect(update('DELETE st :all', item)).not.toHaveProperty('set');
});

test('without an item a new one begins with its key', () => {
  expect(update('SET n = :n', undefined)).toEqual({ pk: { S: 'k' }, n: { N: '5' } });
  expect(update('ADD n :n REMOVE s', undefined)).toEqual({ pk: { S: 'k' }, n: { N: '5' } });
  expect(applyUpdate({ actions: [] }, { current: undefined, keyAttributes }).item).toEqual(
    keyAttributes,
  );
});

test('to remove from no item creates none', () => {
  expect(update('REMOVE n, mp.x DELETE st :ss', undefined)).toBeUndefined();
});

const PATH = 'The document path provided in the update expression is invalid for update';
const TYPE = 'An operand in the update expression has an incorrect data type';
const MISSING = 'The provided expression refers to an attribute that does not exist in the item';

test.each([
  ['SET gone.x = :n', PATH],
  ['SET s.x = :n', PATH],
  ['SET lst.x = :n', PATH],
  ['SET mp[0] = :n', PATH],
  ['SET lst[9].x = :n', PATH],
  ['REMOVE gone.x', PATH],
  ['REMOVE gone[0]', PATH],
  ['SET n = gone', MISSING],
  ['SET n = n + gone', MISSING],
  ['SET fresh = :n, another = fresh', MISSING],
  ['SET n = s + :n', TYPE],
  ['SET n = list_append(s, :l)', TYPE],
  ['ADD s :n', TYPE],
  ['ADD st :ns', TYPE],
  ['ADD lst :ss', TYPE],
  ['DELETE s :ss', TYPE],
  ['DELETE st :ns', TYPE],
])('%s does not fit the item', (source, text) => {
  expect(() => update(source, item)).toThrow(text);
});

test('an update may not nest deeper than an item may', () => {
  let deep: AttributeValue = { S: 'x' };
  for (let i = 0; i < 31; i++) deep = { M: { m: deep } };
  expect(() => update('SET mp.deep = d', { ...item, d: deep })).toThrow(
    'Nesting Levels have exceeded',
  );
});

test('sums that need more than 38 digits are refused', () => {
  const huge = { ...item, n: { N: `1${'0'.repeat(60)}` } };
  expect(() => update('SET n = n + :n', huge)).toThrow('Number overflow');
});

test('a name like __proto__ is an attribute as any other', () => {
  const { update: compiled } = compiler.compile(
    {
      UpdateExpression: 'SET #p = :p, #q.#p = :p',
      ExpressionAttributeNames: { '#p': '__proto__', '#q': 'mp' },
      ExpressionAttributeValues: { ':p': { S: 'x' } },
    },
    ['UpdateExpression'],
  );
  const after = compiled && applyUpdate(compiled, { current: item, keyAttributes }).item;
  expect(JSON.stringify(after)).toContain('"__proto__":{"S":"x"}');
  expect(after && JSON.stringify(project(updatedAttributes(compiled), after))).toBe(
    '{"__proto__":{"S":"x"},"mp":{"M":{"__proto__":{"S":"x"}}}}',
  );
});

test.each<[string, AttributeMap, AttributeMap]>([
  ['SET n = :n, fresh = :s', { n: { N: '2' } }, { n: { N: '5' }, fresh: { S: 'new' } }],
  ['REMOVE n', { n: { N: '2' } }, {}],
  ['SET mp.x = :n', { mp: { M: { x: { N: '1' } } } }, { mp: { M: { x: { N: '5' } } } }],
  ['SET lst[1] = :n', { lst: { L: [{ N: '1' }] } }, { lst: { L: [{ N: '5' }] } }],
  ['REMOVE lst[1], lst[9]', { lst: { L: [{ N: '1' }] } }, { lst: { L: [{ N: '2' }] } }],
  ['SET lst[100] = :n', {}, {}],
])('%s shows what it updated', (source, old, fresh) => {
  const compiled = compile(source);
  const after = applyUpdate(compiled, { current: item, keyAttributes }).item ?? {};
  expect(project(updatedAttributes(compiled), item)).toEqual(old);
  expect(project(updatedAttributes(compiled), after)).toEqual(fresh);
});

/** One action in words, and what it does to a plain object, reading from `old`. */
interface Naive {
  readonly section: 'SET' | 'REMOVE' | 'ADD';
  readonly text: string;
  readonly run: (target: Target, old: Target) => void;
}
interface Target {
  n: Record<string, number>;
  l: (number | undefined)[];
}

const slot = fc.constantFrom('a', 'b', 'c', 'd');
const onMap = (name: string): fc.Arbitrary<Naive> =>
  fc.oneof(
    fc.constant<Naive>({ section: 'REMOVE', text: `m.${name}`, run: (to) => delete to.n[name] }),
    fc.constant<Naive>({
      section: 'ADD',
      text: `m.${name} :n`,
      run: (to, old) => {
        to.n[name] = (old.n[name] ?? 0) + 5;
      },
    }),
    slot.map<Naive>((from) => ({
      section: 'SET',
      text: `m.${name} = if_not_exists(m.${from}, :n) + :n`,
      run: (to, old) => {
        to.n[name] = (old.n[from] ?? 5) + 5;
      },
    })),
  );
const onList = (index: number): fc.Arbitrary<Naive> =>
  fc.oneof(
    fc.constant<Naive>({
      section: 'REMOVE',
      text: `l[${index}]`,
      run: (to) => {
        to.l[index] = undefined;
      },
    }),
    slot.map<Naive>((from) => ({
      section: 'SET',
      text: `l[${index}] = if_not_exists(m.${from}, l[0])`,
      run: (to, old) => {
        to.l[index] = old.n[from] ?? old.l[0];
      },
    })),
  );
const actions = fc
  .tuple(fc.uniqueArray(slot, { maxLength: 4 }), fc.uniqueArray(fc.nat(7), { maxLength: 5 }))
  .filter(([names, indexes]) => names.length + indexes.length > 0)
  .chain(([names, indexes]) => fc.tuple(...names.map(onMap), ...indexes.map(onList)));

const attributesOf = ({ n, l }: Target): AttributeMap => ({
  ...keyAttributes,
  m: {
    M: Object.fromEntries(Object.entries(n).map(([key, value]) => [key, { N: String(value) }])),
  },
  l: { L: l.filter((each) => each !== undefined).map((each) => ({ N: String(each) })) },
});

test('an update does what a naive reading of its words does', () => {
  const target = fc.record({
    n: fc.dictionary(slot, fc.integer({ min: -9, max: 9 }), { noNullPrototype: true }),
    l: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 4 }),
  });
  fc.assert(
    fc.property(actions, target, (list, old) => {
      const sections = (['SET', 'REMOVE', 'ADD'] as const)
        .map((section) => [section, list.filter((each) => each.section === section)] as const)
        .filter(([, each]) => each.length > 0)
        .map(([section, each]) => `${section} ${each.map(({ text }) => text).join(', ')}`);
      const expected = structuredClone<Target>(old);
      for (const each of list) each.run(expected, old);
      expect(update(sections.join(' '), attributesOf(old))).toEqual(attributesOf(expected));
    }),
    { numRuns: 500 },
  );
});
