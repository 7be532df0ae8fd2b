import type { AttributeMap, AttributeValue } from './attribute-value.ts';
import { base64ByteLength } from './base64.ts';
import { decimalBytes } from './decimal.ts';

/** What a list or a map counts for itself, and for each of its elements beside the element's own size. */
const DOCUMENT_BYTES = 3;
const ELEMENT_BYTES = 1;

/**
 * The size of an item in bytes as DynamoDB counts it for limits and capacity: names and values. Source: the
 * developer guide, "DynamoDB item sizes and formats".
 */
export function itemSizeBytes(item: AttributeMap): number {
  let bytes = 0;
  for (const name in item) {
    const value = item[name];
    if (value !== undefined) bytes += Buffer.byteLength(name) + attributeValueBytes(value);
  }
  return bytes;
}

/** The size of a value alone, without its attribute's name. */
export function attributeValueBytes(value: AttributeValue): number {
  if ('S' in value) return Buffer.byteLength(value.S);
  if ('N' in value) return decimalBytes(value.N);
  if ('B' in value) return base64ByteLength(value.B);
  if ('M' in value) return mapBytes(value.M);
  if ('L' in value) return listBytes(value.L);
  if ('SS' in value) return sumOf(value.SS, utf8Bytes);
  if ('NS' in value) return sumOf(value.NS, decimalBytes);
  if ('BS' in value) return sumOf(value.BS, base64ByteLength);
  return 1;
}

function mapBytes(map: AttributeMap): number {
  return DOCUMENT_BYTES + ELEMENT_BYTES * Object.keys(map).length + itemSizeBytes(map);
}

function listBytes(list: readonly AttributeValue[]): number {
  let bytes = DOCUMENT_BYTES;
  for (const element of list) bytes += ELEMENT_BYTES + attributeValueBytes(element);
  return bytes;
}

function sumOf(members: readonly string[], sizeOf: (member: string) => number): number {
  let bytes = 0;
  for (const member of members) bytes += sizeOf(member);
  return bytes;
}

const utf8Bytes = (text: string): number => Buffer.byteLength(text);
