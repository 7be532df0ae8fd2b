import { expect, test } from 'vitest';
import { attributeValueBytes, itemSizeBytes } from '../../src/model/item-size.ts';

test.each([
  [{ S: 'héllo' }, 6],
  [{ N: '123' }, 3],
  [{ B: 'AQID' }, 3],
  [{ B: 'AQ==' }, 1],
  [{ BOOL: true }, 1],
  [{ NULL: true }, 1],
  [{ SS: ['ab', 'c'] }, 3],
  [{ NS: ['1', '12'] }, 4],
  [{ BS: ['AQ==', 'AQI='] }, 3],
  [{ L: [] }, 3],
  [{ M: {} }, 3],
  [{ L: [{ S: 'ab' }, { BOOL: true }] }, 3 + 1 + 2 + 1 + 1],
  [{ M: { key: { S: 'ab' } } }, 3 + 1 + 3 + 2],
] as const)('%j counts %i bytes', (value, bytes) => {
  expect(attributeValueBytes(value)).toBe(bytes);
});

test('an item counts names in UTF-8 and values', () => {
  expect(itemSizeBytes({ id: { S: 'abc' }, né: { BOOL: true } })).toBe(2 + 3 + 3 + 1);
  expect(itemSizeBytes({})).toBe(0);
});
