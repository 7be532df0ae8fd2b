import {
  attributeOf,
  type AttributeMap,
  attributeTypeOf,
  type AttributeValue,
} from './attribute-value.ts';
import { base64ByteLength } from './base64.ts';
import { type ClientError, validationError } from './errors.ts';
import { PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX } from './limits.ts';
import {
  KEY_MISMATCH,
  keyEmpty,
  keyMissing,
  keyTypeMismatch,
  PARTITION_KEY_TOO_LONG,
  SORT_KEY_TOO_LONG,
} from './messages.ts';
import type { KeyAttribute, KeySchema } from './table.ts';

/** Checks that an item has a key. Throws `ValidationException` as PutItem does. */
export function validateItemKey(keySchema: KeySchema, item: AttributeMap): void {
  validateItemKeyAttribute(item, keySchema.partition, 'partition');
  if (keySchema.sort !== undefined) validateItemKeyAttribute(item, keySchema.sort, 'sort');
}

export type KeyRole = 'partition' | 'sort';

function validateItemKeyAttribute(item: AttributeMap, key: KeyAttribute, role: KeyRole): void {
  const value = attributeOf(item, key.name);
  if (value === undefined) throw validationError(keyMissing(key.name));
  if (!(key.type in value)) {
    throw validationError(keyTypeMismatch(key.name, key.type, attributeTypeOf(value)));
  }
  validateKeyValue(value, key, role);
}

/**
 * Checks what a client gives as `Key`, `ExclusiveStartKey` or a key of a batch: the key attributes and nothing
 * else. Throws `ValidationException` as GetItem does.
 */
export function validateKey(keySchema: KeySchema, attributes: AttributeMap): void {
  const { partition, sort } = keySchema;
  const count = sort === undefined ? 1 : 2;
  if (Object.keys(attributes).length !== count) throw validationError(KEY_MISMATCH);
  validateKeyAttribute(attributes, partition, 'partition');
  if (sort !== undefined) validateKeyAttribute(attributes, sort, 'sort');
}

function validateKeyAttribute(attributes: AttributeMap, key: KeyAttribute, role: KeyRole): void {
  const value = attributeOf(attributes, key.name);
  if (value === undefined || !(key.type in value)) throw validationError(KEY_MISMATCH);
  validateKeyValue(value, key, role);
}

/** Checks a value of the key's type, as in a key condition: not empty, and within the length for its role. */
export function validateKeyValue(value: AttributeValue, key: KeyAttribute, role: KeyRole): void {
  const bytes = keyValueBytes(value);
  if (bytes === 0) throw emptyKey(key);
  if (role === 'partition' && bytes > PARTITION_KEY_BYTES_MAX) {
    throw validationError(PARTITION_KEY_TOO_LONG);
  }
  if (role === 'sort' && bytes > SORT_KEY_BYTES_MAX) throw validationError(SORT_KEY_TOO_LONG);
}

const emptyKey = ({ name, type }: KeyAttribute): ClientError =>
  validationError(keyEmpty(name, type === 'S' ? 'string' : 'binary'));

/** Checks, of the keys in an item or a `Key` that have their types, that none is empty. Throws `ValidationException`. */
export function checkKeysNotEmpty({ partition, sort }: KeySchema, attributes: AttributeMap): void {
  for (const key of sort === undefined ? [partition] : [partition, sort]) {
    const value = attributeOf(attributes, key.name);
    if (value !== undefined && key.type in value && keyValueBytes(value) === 0) throw emptyKey(key);
  }
}

/** The length of a key's value. Numbers, which are never empty and never too long, count 1. */
export function keyValueBytes(value: AttributeValue): number {
  if ('S' in value) return Buffer.byteLength(value.S);
  return 'B' in value ? base64ByteLength(value.B) : 1;
}
