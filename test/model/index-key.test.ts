import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { AttributeMap, AttributeValue } from '../../src/model/attribute-value.ts';
import { compareAttributeValues } from '../../src/model/compare-values.ts';
import { canonicalDecimal } from '../../src/model/decimal.ts';
import {
  encodeIndexKey,
  encodeIndexKeyOf,
  indexImage,
  indexKeyRange,
} from '../../src/model/index-key.ts';
import { encodeItemKey, itemKeyHash, type SortKeyCondition } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import type { IndexDefinition, KeySchema, KeyType } from '../../src/model/table.ts';

const KEY_SCHEMA: KeySchema = {
  partition: { name: 'pk', type: 'S' },
  sort: { name: 'sk', type: 'S' },
};

const indexOf = (
  kind: IndexDefinition['kind'],
  partition: readonly KeyType[],
  sort: readonly KeyType[],
): IndexDefinition => ({
  name: 'index',
  kind,
  partition:
    kind === 'local'
      ? [KEY_SCHEMA.partition]
      : partition.map((type, place) => ({ name: `p${place}`, type })),
  sort: sort.map((type, place) => ({ name: `s${place}`, type })),
  projection: { kind: 'all' },
});

const VALUES = {
  // Few characters, zero among them, so that values are prefixes of each other.
  S: fc
    .array(fc.constantFrom('\u0000', '\u0001', 'a', 'é', '😀'), { minLength: 1, maxLength: 4 })
    .map((characters): AttributeValue => ({ S: characters.join('') })),
  N: fc
    .tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -3, max: 3 }))
    .map(([digits, exponent]): AttributeValue => ({
      N: canonicalDecimal(`${digits}e${exponent}`),
    })),
  B: fc
    .array(fc.constantFrom(0, 1, 2, 254, 255), { minLength: 1, maxLength: 4 })
    .map((bytes): AttributeValue => ({ B: Buffer.from(bytes).toString('base64') })),
} as const;

const types = fc.constantFrom<KeyType>('S', 'N', 'B');

interface Case {
  readonly index: IndexDefinition;
  readonly items: readonly AttributeMap[];
}

/** An index of any shape, and items that all have its partition key. */
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    kind: fc.constantFrom<IndexDefinition['kind']>('local', 'global'),
    partition: fc.array(types, { minLength: 1, maxLength: 4 }),
    sort: fc.array(types, { minLength: 1, maxLength: 4 }),
  })
  .chain(({ kind, partition, sort }) => {
    const index = indexOf(kind, partition, kind === 'local' ? sort.slice(0, 1) : sort);
    const shared = Object.fromEntries(
      index.partition.map(({ name, type }) => [name, VALUES[type]] as const),
    );
    const own = Object.fromEntries(
      index.sort.map(({ name, type }) => [name, VALUES[type]] as const),
    );
    return fc
      .tuple(
        fc.record<AttributeMap>({ pk: VALUES.S, ...shared }),
        fc.array(fc.record<AttributeMap>({ sk: VALUES.S, ...own }), { minLength: 1, maxLength: 6 }),
      )
      .map(([first, rest]) => ({ index, items: rest.map((item) => ({ ...first, ...item })) }));
  });

const keyOf = (index: IndexDefinition, item: AttributeMap): Uint8Array => {
  const key = encodeIndexKey(index, KEY_SCHEMA, item);
  if (key === undefined) throw new Error('the item has an entry');
  return key;
};

const attribute = (item: AttributeMap, name: string): AttributeValue => {
  const value = item[name];
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
};

/** As DynamoDB orders: attribute by attribute, then the item's own key. */
function naiveOrder(index: IndexDefinition, a: AttributeMap, b: AttributeMap): number {
  for (const { name } of index.sort) {
    const order = compareAttributeValues(attribute(a, name), attribute(b, name)) ?? 0;
    if (order !== 0) return Math.sign(order);
  }
  const [one, other] = [encodeItemKey(KEY_SCHEMA, a), encodeItemKey(KEY_SCHEMA, b)];
  return Buffer.compare(one, other);
}

test('entries of one partition key order by their sort attributes, then by the key of the item', () => {
  fc.assert(
    fc.property(anyCase, ({ index, items }) => {
      for (const a of items)
        for (const b of items)
          expect(Buffer.compare(keyOf(index, a), keyOf(index, b))).toBe(naiveOrder(index, a, b));
    }),
  );
});

test('two items never have the same entry, and one item has one', () => {
  fc.assert(
    fc.property(anyCase, ({ index, items: [first, second] }) => {
      if (first === undefined || second === undefined) return;
      const same = attribute(first, 'sk') === attribute(second, 'sk');
      const other = { ...second, sk: { S: 'another' } };
      expect(same || !Buffer.from(keyOf(index, first)).equals(keyOf(index, other))).toBe(true);
      const key = encodeItemKey(KEY_SCHEMA, first);
      expect(encodeIndexKeyOf(index, key, first)).toEqual(keyOf(index, first));
    }),
  );
});

const conditionKinds = ['=', '<', '<=', '>', '>=', 'between', 'begins-with'] as const;

function conditionOf(
  kind: (typeof conditionKinds)[number],
  [value, other]: readonly [AttributeValue, AttributeValue],
): SortKeyCondition {
  return kind === 'between' ? { kind, low: value, high: other } : { kind, value };
}

/** What the condition says of a value, without any bytes of keys. */
function naiveMeets(value: AttributeValue, condition: SortKeyCondition): boolean {
  const order = (other: AttributeValue): number => compareAttributeValues(value, other) ?? 0;
  switch (condition.kind) {
    case 'between':
      return order(condition.low) >= 0 && order(condition.high) <= 0;
    case 'begins-with':
      return textOf(value).startsWith(textOf(condition.value));
    case '=':
      return order(condition.value) === 0;
    case '<':
      return order(condition.value) < 0;
    case '<=':
      return order(condition.value) <= 0;
    case '>':
      return order(condition.value) > 0;
    case '>=':
      return order(condition.value) >= 0;
    default:
      throw new Error('a condition');
  }
}

const textOf = (value: AttributeValue): string => {
  if ('S' in value) return Buffer.from(value.S).toString('hex');
  return 'B' in value ? Buffer.from(value.B, 'base64').toString('hex') : '';
};

test('a range holds exactly the entries that meet equality of a prefix and then one condition', () => {
  fc.assert(
    fc.property(
      anyCase,
      fc.nat(3),
      fc.constantFrom(...conditionKinds),
      fc.tuple(fc.nat(5), fc.nat(5)),
      ({ index, items }, equalities, kind, [one, other]) => {
        const [model, second] = [items[one % items.length], items[other % items.length]];
        if (model === undefined || second === undefined) return;
        const place = Math.min(equalities, index.sort.length - 1);
        const last = index.sort[place];
        if (last === undefined || (kind === 'begins-with' && last.type === 'N')) return;
        const conditions: SortKeyCondition[] = index.sort
          .slice(0, place)
          .map(({ name }) => ({ kind: '=', value: attribute(model, name) }));
        conditions.push(
          conditionOf(kind, [attribute(model, last.name), attribute(second, last.name)]),
        );
        const values = index.partition.map(({ name }) => attribute(model, name));
        const range = indexKeyRange(index, values, conditions);
        for (const item of items) {
          const key = keyOf(index, item);
          const isIn = Buffer.compare(key, range.from) >= 0 && Buffer.compare(key, range.to) < 0;
          const meets = conditions.every((condition, at) =>
            naiveMeets(attribute(item, index.sort[at]?.name ?? ''), condition),
          );
          expect(isIn).toBe(meets);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a range without conditions holds all of one partition key and nothing of another', () => {
  const index = indexOf('global', ['S', 'N'], ['S']);
  const item = { pk: { S: 'a' }, sk: { S: 'b' }, p0: { S: 'x' }, p1: { N: '1' }, s0: { S: 'y' } };
  const range = indexKeyRange(index, [{ S: 'x' }, { N: '1' }], []);
  const isIn = (entry: AttributeMap): boolean =>
    Buffer.compare(keyOf(index, entry), range.from) >= 0 &&
    Buffer.compare(keyOf(index, entry), range.to) < 0;
  expect(isIn(item)).toBe(true);
  expect(isIn({ ...item, p1: { N: '2' } })).toBe(false);
  expect(isIn({ ...item, p0: { S: 'xx' } })).toBe(false);
});

test('the entry of a local index has the hash of its item', () => {
  const index = indexOf('local', [], ['N']);
  const item = { pk: { S: 'a' }, sk: { S: 'b' }, s0: { N: '7' } };
  expect(itemKeyHash(keyOf(index, item))).toBe(itemKeyHash(encodeItemKey(KEY_SCHEMA, item)));
});

test.each<[string, AttributeMap]>([
  ['lacks the attribute', {}],
  ['has it in another type', { s0: { N: '1' } }],
  ['has it empty', { s0: { S: '' } }],
  ['has it too long', { s0: { S: 'x'.repeat(1025) } }],
])('an item that %s has no entry', (_, attributes) => {
  const item = { pk: { S: 'a' }, sk: { S: 'b' }, p0: { S: 'p' }, ...attributes };
  expect(encodeIndexKey(indexOf('global', ['S'], ['S']), KEY_SCHEMA, item)).toBeUndefined();
});

test('a projection holds the keys of index and table, and what it includes', () => {
  const item: AttributeMap = {
    pk: { S: 'a' },
    sk: { S: 'b' },
    p0: { S: 'p' },
    s0: { S: 's' },
    more: { N: '1' },
    other: { L: [] },
  };
  const stored = { image: Buffer.from(JSON.stringify(item)), itemBytes: itemSizeBytes(item) };
  const index = indexOf('global', ['S'], ['S']);
  const project = (projection: IndexDefinition['projection']): AttributeMap => {
    const { image, itemBytes } = indexImage({ ...index, projection }, KEY_SCHEMA, { item, stored });
    const projected: AttributeMap = JSON.parse(Buffer.from(image).toString());
    expect(itemBytes).toBe(itemSizeBytes(projected));
    return projected;
  };
  const { more: _more, other: _other, ...keys } = item;
  expect(project({ kind: 'keys' })).toEqual(keys);
  expect(project({ kind: 'include', attributes: ['other', 'absent'] })).toEqual({
    ...keys,
    other: { L: [] },
  });
  expect(indexImage(index, KEY_SCHEMA, { item, stored }).image).toBe(stored.image);
});
