import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from 'node:zlib';
import type { AttributeValue } from '../../src/model/attribute-value.ts';
import { compareAttributeValues } from '../../src/model/compare-values.ts';
import { canonicalDecimal } from '../../src/model/decimal.ts';
import {
  decodeItemKey,
  encodeItemKey,
  type ItemKeyRange,
  itemKeyHash,
  itemKeyParts,
  partitionKeyRange,
  type SortKeyCondition,
  sortKeyRange,
} from '../../src/model/item-key.ts';
import { mix32 } from '../../src/model/mix32.ts';
import type { KeySchema, KeyType } from '../../src/model/table.ts';

const schema = (sort: KeyType | undefined, partition: KeyType = 'S'): KeySchema => ({
  partition: { name: 'pk', type: partition },
  sort: sort === undefined ? undefined : { name: 'sk', type: sort },
});

const strings = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 6 })
  .map((S): AttributeValue => ({ S }));
const numbers = fc
  .tuple(fc.integer({ min: -2000, max: 2000 }), fc.integer({ min: -4, max: 4 }))
  .map(([digits, exponent]): AttributeValue => ({ N: canonicalDecimal(`${digits}e${exponent}`) }));
const binaries = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes): AttributeValue => ({ B: Buffer.from(bytes).toString('base64') }));
const VALUES = { S: strings, N: numbers, B: binaries } as const;
const TYPES: readonly KeyType[] = ['S', 'N', 'B'];

const pk: AttributeValue = { S: 'a' };

test.each(TYPES)('keys of one partition key order as sort keys of type %s do', (type) => {
  fc.assert(
    fc.property(VALUES[type], VALUES[type], (a, b) => {
      const keys = [a, b].map((sk) => encodeItemKey(schema(type), { pk, sk }));
      expect(Math.sign(Buffer.compare(keys[0] ?? pkBytes, keys[1] ?? pkBytes))).toBe(
        Math.sign(compareAttributeValues(a, b) ?? Number.NaN),
      );
    }),
    { numRuns: 500 },
  );
});

const pkBytes = new Uint8Array(0);

test('a key comes back as the attributes that made it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TYPES),
      fc.constantFrom(...TYPES),
      fc.gen(),
      (partition, sort, gen) => {
        const attributes = { pk: gen(() => VALUES[partition]), sk: gen(() => VALUES[sort]) };
        const keySchema = schema(sort, partition);
        expect(decodeItemKey(keySchema, encodeItemKey(keySchema, attributes))).toEqual(attributes);
      },
    ),
  );
});

test('a key without a sort key comes back too, whatever its attribute is called', () => {
  const keySchema: KeySchema = { partition: { name: '__proto__', type: 'N' }, sort: undefined };
  const attributes = JSON.parse('{"__proto__":{"N":"-7.5"}}');
  const decoded = decodeItemKey(keySchema, encodeItemKey(keySchema, attributes));
  expect(JSON.stringify(decoded)).toBe(JSON.stringify(attributes));
});

test('a key is hash, length, partition key, sort key', () => {
  const key = encodeItemKey(schema('S'), { pk: { S: 'ab' }, sk: { S: 'c' }, other: { S: 'x' } });
  const hash = mix32(crc32('ab'));
  expect(itemKeyHash(key)).toBe(hash);
  expect(Buffer.from(key).toString('hex')).toBe(
    `${hash.toString(16).padStart(8, '0')}0002${Buffer.from('abc').toString('hex')}`,
  );
  expect(itemKeyParts(key)).toEqual({
    hash,
    partitionKey: Buffer.from('ab'),
    sortKey: Buffer.from('c'),
  });
});

test('the hash covers the partition key only and spreads what is alike', () => {
  const hashes = Array.from({ length: 1000 }, (_, i) =>
    itemKeyHash(encodeItemKey(schema('S'), { pk: { S: `user-${i}` }, sk: { S: String(i) } })),
  );
  const quarters = [0, 0, 0, 0];
  for (const hash of hashes) quarters[hash >>> 30] = (quarters[hash >>> 30] ?? 0) + 1;
  expect(Math.min(...quarters)).toBeGreaterThan(180);
  expect(itemKeyHash(encodeItemKey(schema('S'), { pk, sk: { S: 'a' } }))).toBe(
    itemKeyHash(encodeItemKey(schema('S'), { pk, sk: { S: 'b' } })),
  );
});

const inside = (range: ItemKeyRange, key: Uint8Array): boolean =>
  Buffer.compare(range.from, key) <= 0 && Buffer.compare(key, range.to) < 0;

test('the range of a partition key holds its items and no others', () => {
  fc.assert(
    fc.property(binaries, binaries, binaries, (mine, other, sk) => {
      const keySchema = schema('B', 'B');
      const range = partitionKeyRange(keySchema, mine);
      expect(inside(range, encodeItemKey(keySchema, { pk: mine, sk }))).toBe(true);
      expect(inside(range, encodeItemKey(keySchema, { pk: other, sk }))).toBe(
        compareAttributeValues(mine, other) === 0,
      );
    }),
  );
  const alone = schema(undefined);
  expect(inside(partitionKeyRange(alone, pk), encodeItemKey(alone, { pk }))).toBe(true);
});

const bytesOf = (value: AttributeValue): Buffer =>
  'B' in value ? Buffer.from(value.B, 'base64') : Buffer.from('S' in value ? value.S : '');

function meets(value: AttributeValue, condition: SortKeyCondition): boolean {
  if (condition.kind === 'between') {
    return (
      (compareAttributeValues(condition.low, value) ?? 1) <= 0 &&
      (compareAttributeValues(value, condition.high) ?? 1) <= 0
    );
  }
  const order = compareAttributeValues(value, condition.value) ?? Number.NaN;
  const prefix = bytesOf(condition.value);
  const answers = {
    '=': order === 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
    'begins-with': bytesOf(value).subarray(0, prefix.length).equals(prefix),
  };
  return answers[condition.kind];
}

test.each(TYPES)(
  'the range of a condition on a sort key of type %s holds what meets it',
  (type) => {
    const kinds = (['=', '<', '<=', '>', '>=', 'begins-with'] as const).filter(
      (kind) => kind !== 'begins-with' || type !== 'N',
    );
    const condition = fc.oneof(
      fc.record({ kind: fc.constantFrom(...kinds), value: VALUES[type] }),
      fc.record({ kind: fc.constant('between' as const), low: VALUES[type], high: VALUES[type] }),
    );
    fc.assert(
      fc.property(condition, VALUES[type], VALUES[type], (asked, sk, other) => {
        const range = sortKeyRange(schema(type), pk, asked);
        expect(inside(range, encodeItemKey(schema(type), { pk, sk }))).toBe(meets(sk, asked));
        const elsewhere = { pk: { S: 'b' }, sk: other };
        expect(inside(range, encodeItemKey(schema(type), elsewhere))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  },
);

test('a prefix of the highest bytes ends with the partition key', () => {
  const value: AttributeValue = { B: Buffer.from([0xff, 0xff]).toString('base64') };
  const range = sortKeyRange(schema('B'), pk, { kind: 'begins-with', value });
  const last: AttributeValue = { B: Buffer.from([0xff, 0xff, 0xff]).toString('base64') };
  expect(inside(range, encodeItemKey(schema('B'), { pk, sk: last }))).toBe(true);
  expect(range.to).toEqual(partitionKeyRange(schema('B'), pk).to);
});

test('bytes that are no key are refused', () => {
  expect(() => itemKeyParts(Uint8Array.of(1, 2, 3))).toThrow('an item key has a header');
  expect(() => itemKeyParts(Uint8Array.of(1, 2, 3, 4, 0, 9, 1))).toThrow(
    'an item key holds its partition key',
  );
  const withSort = encodeItemKey(schema('S'), { pk, sk: { S: 'x' } });
  expect(() => decodeItemKey(schema(undefined), withSort)).toThrow('a key without a sort key ends');
});
