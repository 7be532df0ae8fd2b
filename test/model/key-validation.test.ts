import { expect, test } from 'vitest';
import { validateItemKey, validateKey } from '../../src/model/key-validation.ts';
import type { KeySchema } from '../../src/model/table.ts';

const SCHEMA: KeySchema = { partition: { name: 'id', type: 'S' }, sort: { name: 'at', type: 'B' } };
const NUMERIC: KeySchema = { partition: { name: 'id', type: 'N' }, sort: undefined };

const long = (bytes: number): string => 'x'.repeat(bytes);
const binary = (bytes: number): string => Buffer.alloc(bytes).toString('base64');

const TOO_LONG = 'Size of hashkey has exceeded the maximum size limit of2048 bytes';
const SORT_TOO_LONG = 'Aggregated size of all range keys has exceeded the size limit of 1024 bytes';
const INVALID = 'One or more parameter values were invalid: ';
const EMPTY =
  'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty';

test('a good key passes as a key and in an item', () => {
  const key = { id: { S: long(2048) }, at: { B: binary(1024) } };
  expect(() => validateKey(SCHEMA, key)).not.toThrow();
  expect(() => validateItemKey(SCHEMA, { ...key, more: { N: '1' } })).not.toThrow();
  expect(() => validateKey(NUMERIC, { id: { N: '0' } })).not.toThrow();
});

test.each([
  [{ id: { S: 'a' } }, `${INVALID}Missing the key at in the item`],
  [{ at: { B: 'AQ==' } }, `${INVALID}Missing the key id in the item`],
  [
    { id: { N: '1' }, at: { B: 'AQ==' } },
    `${INVALID}Type mismatch for key id expected: S actual: N`,
  ],
  [{ id: { S: '' }, at: { B: 'AQ==' } }, `${EMPTY} string value. Key: id`],
  [{ id: { S: 'a' }, at: { B: '' } }, `${EMPTY} binary value. Key: at`],
  [{ id: { S: long(2049) }, at: { B: 'AQ==' } }, INVALID + TOO_LONG],
  [{ id: { S: 'é'.repeat(1025) }, at: { B: 'AQ==' } }, INVALID + TOO_LONG],
  [{ id: { S: 'a' }, at: { B: binary(1025) } }, INVALID + SORT_TOO_LONG],
])('an item is refused for its key, case %#', (item, message) => {
  expect(() => validateItemKey(SCHEMA, item)).toThrow(message);
});

const MISMATCH = 'The provided key element does not match the schema';

test.each([
  [{}, MISMATCH],
  [{ id: { S: 'a' } }, MISMATCH],
  [{ id: { S: 'a' }, other: { B: 'AQ==' } }, MISMATCH],
  [{ id: { S: 'a' }, at: { B: 'AQ==' }, other: { S: '' } }, MISMATCH],
  [{ id: { S: 'a' }, at: { S: 'b' } }, MISMATCH],
  [{ id: { S: '' }, at: { B: 'AQ==' } }, `${EMPTY} string value. Key: id`],
  [{ id: { S: long(2049) }, at: { B: 'AQ==' } }, INVALID + TOO_LONG],
])('a key is refused, case %#', (key, message) => {
  expect(() => validateKey(SCHEMA, key)).toThrow(message);
});

test('an attribute of a prototype is no key', () => {
  const schema: KeySchema = { partition: { name: 'constructor', type: 'S' }, sort: undefined };
  expect(() => validateItemKey(schema, {})).toThrow('Missing the key constructor in the item');
});
