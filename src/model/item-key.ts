import { crc32 } from 'node:zlib';
import { assert, AssertionError, unreachable } from '../base/assert.ts';
import { type AttributeMap, attributeOf, type AttributeValue } from './attribute-value.ts';
import { decodeDecimal, encodeDecimal } from './decimal.ts';
import { mix32 } from './mix32.ts';
import type { KeyAttribute, KeySchema } from './table.ts';

/**
 * The key of an item as bytes: `hash (4, big endian) | partition key length (2) | partition key | sort key`.
 *
 * Byte order is the order of a table: by hash of the partition key, then all items of one partition key
 * together, in DynamoDB's order of their sort keys. The hash covers the partition key only, so that an item
 * has the same bytes in every region; a partition of a region is a range of it.
 */
export interface ItemKeyParts {
  readonly hash: number;
  readonly partitionKey: Uint8Array;
  readonly sortKey: Uint8Array;
}

const HASH_BYTES = 4;
const LENGTH_BYTES = 2;
const HEADER_BYTES = HASH_BYTES + LENGTH_BYTES;

/**
 * The key of the item that `attributes` (an item, or the attributes of a key) name. The attributes must have
 * passed `validateItemKey` or `validateKey`.
 */
export function encodeItemKey(keySchema: KeySchema, attributes: AttributeMap): Uint8Array {
  const partition = keyAttribute(attributes, keySchema.partition);
  if (keySchema.sort === undefined) return joinKey(partition, NO_BYTES);
  return joinKey(partition, keyAttribute(attributes, keySchema.sort));
}

const NO_BYTES = new Uint8Array(0);

function keyAttribute(attributes: AttributeMap, key: KeyAttribute): Uint8Array {
  const value = attributeOf(attributes, key.name);
  assert(value !== undefined, 'a key attribute is there');
  return encodeKeyValue(key, value);
}

/** The bytes of one key attribute, whose unsigned order, shorter first, is DynamoDB's order of sort keys. */
export function encodeKeyValue({ type }: KeyAttribute, value: AttributeValue): Uint8Array {
  if ('S' in value && type === 'S') return Buffer.from(value.S, 'utf8');
  if ('N' in value && type === 'N') return encodeDecimal(value.N);
  if ('B' in value && type === 'B') return Buffer.from(value.B, 'base64');
  throw new AssertionError('a key attribute has the type of the schema');
}

/** Item key bytes of their two parts. */
export const joinKey = (partitionKey: Uint8Array, sortKey: Uint8Array): Uint8Array =>
  joinHashed(partitionKeyHash(partitionKey), partitionKey, sortKey);

/** Item key bytes of what lies at a hash of its own choice. */
export function joinHashed(
  hash: number,
  partitionKey: Uint8Array,
  sortKey: Uint8Array = NO_BYTES,
): Uint8Array {
  const length = partitionKey.length;
  const sortStart = HEADER_BYTES + length;
  const key = Buffer.allocUnsafe(sortStart + sortKey.length);
  key.writeUInt32BE(hash, 0);
  key.writeUInt16BE(length, HASH_BYTES);
  key.set(partitionKey, HEADER_BYTES);
  key.set(sortKey, sortStart);
  return key;
}

/**
 * Where a partition key lies in a region's hash space, 0 to 2^32 - 1: its CRC-32, mixed by MurmurHash3's
 * finalizer so that keys that are alike lie apart.
 */
function partitionKeyHash(partitionKey: Uint8Array): number {
  return mix32(crc32(partitionKey));
}

/** The hash that an item key begins with. */
export function itemKeyHash(key: Uint8Array): number {
  assert(key.length >= HEADER_BYTES, 'an item key has a header');
  // A view of the bytes would be allocated, and for short ones their memory with it.
  return (readUint16(key, 0) * 0x10000 + readUint16(key, 2)) >>> 0;
}

const readUint16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** From `from` (inclusive) to `to` (exclusive). */
export interface ItemKeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** All items of one partition key. */
export function partitionKeyRange(
  keySchema: KeySchema,
  partitionValue: AttributeValue,
): ItemKeyRange {
  const from = joinKey(encodeKeyValue(keySchema.partition, partitionValue), NO_BYTES);
  return { from, to: afterPrefix(from) };
}

/** What a key condition asks of the sort key. `begins-with` takes S and B only. */
export type SortKeyCondition =
  | { readonly kind: '=' | '<' | '<=' | '>' | '>=' | 'begins-with'; readonly value: AttributeValue }
  | { readonly kind: 'between'; readonly low: AttributeValue; readonly high: AttributeValue };

/**
 * The items of one partition key whose sort key meets `condition`. Empty, with `from` above `to`, when the
 * bounds of a `between` are.
 */
export function sortKeyRange(
  keySchema: KeySchema,
  partitionValue: AttributeValue,
  condition: SortKeyCondition,
): ItemKeyRange {
  const sort = keySchema.sort;
  assert(sort !== undefined, 'the table has a sort key');
  const partitionKey = encodeKeyValue(keySchema.partition, partitionValue);
  const hash = partitionKeyHash(partitionKey);
  const at = (value: AttributeValue): Uint8Array =>
    joinHashed(hash, partitionKey, encodeKeyValue(sort, value));
  const first = (): Uint8Array => joinHashed(hash, partitionKey);
  switch (condition.kind) {
    case '=':
      return { from: at(condition.value), to: after(at(condition.value)) };
    case '<':
      return { from: first(), to: at(condition.value) };
    case '<=':
      return { from: first(), to: after(at(condition.value)) };
    case '>':
      return { from: after(at(condition.value)), to: afterPrefix(first()) };
    case '>=':
      return { from: at(condition.value), to: afterPrefix(first()) };
    case 'between':
      return { from: at(condition.low), to: after(at(condition.high)) };
    case 'begins-with':
      assert(sort.type !== 'N', 'numbers have no prefix');
      return { from: at(condition.value), to: afterPrefix(at(condition.value)) };
    default:
      return unreachable(condition);
  }
}

/** The next key. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The first of all byte strings above those that begin with `prefix`. The header keeps it from overflowing. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  let last = prefix.length - 1;
  while (prefix[last] === 0xff) last--;
  const next = new Uint8Array(prefix.subarray(0, last + 1));
  next[last] = (next[last] ?? 0) + 1;
  return next;
}

/** The parts of item key bytes, as views. Throws `AssertionError` for bytes that `encodeItemKey` never makes. */
export function itemKeyParts(key: Uint8Array): ItemKeyParts {
  const hash = itemKeyHash(key);
  const sortStart = HEADER_BYTES + readUint16(key, HASH_BYTES);
  assert(key.length >= sortStart, 'an item key holds its partition key');
  return {
    hash,
    partitionKey: key.subarray(HEADER_BYTES, sortStart),
    sortKey: key.subarray(sortStart),
  };
}

/** The key attributes that item key bytes were made of. Throws `AssertionError` as `itemKeyParts` does. */
export function decodeItemKey(keySchema: KeySchema, key: Uint8Array): AttributeMap {
  const { partitionKey, sortKey } = itemKeyParts(key);
  const { partition, sort } = keySchema;
  const attributes: [string, AttributeValue][] = [
    [partition.name, decodeKeyValue(partition, partitionKey)],
  ];
  if (sort === undefined) assert(sortKey.length === 0, 'a key without a sort key ends');
  else attributes.push([sort.name, decodeKeyValue(sort, sortKey)]);
  // A name like `__proto__` becomes a plain member.
  return Object.fromEntries(attributes);
}

function decodeKeyValue({ type }: KeyAttribute, bytes: Uint8Array): AttributeValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === 'S') return { S: buffer.toString('utf8') };
  return type === 'N' ? { N: decodeDecimal(bytes) } : { B: buffer.toString('base64') };
}
