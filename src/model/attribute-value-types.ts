import { checkBase64 } from './base64.ts';
import { serializationError } from './errors.ts';
import { NESTING_LEVELS_MAX } from './limits.ts';
import {
  UNEXPECTED_FIELD,
  UNEXPECTED_STRUCTURE,
  UNEXPECTED_VALUE,
  unrecognizedCollection,
} from './messages.ts';
import { booleanFrom, wrongBinary, wrongType } from './wrong-type.ts';

/**
 * Checks only the types of JSON in an attribute value, for that comes before every other check of a request.
 * Throws `SerializationException`. Below the deepest level that DynamoDB takes nothing is read: `parseItem`
 * refuses it, and no depth of nesting may exhaust the stack.
 */
export function checkAttributeValueTypes(raw: unknown, level: number): void {
  if (level > NESTING_LEVELS_MAX || raw === null) return;
  const value = structureFrom(raw, VALUE_TYPE);
  for (const type in value) {
    const content = value[type];
    if (content !== null) checkContentTypes(type, content, level);
  }
}

const VALUE_TYPE = 'class com.amazonaws.dynamodb.v20120810.AttributeValue';
const MAP_TYPE = 'java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>';

/** The same for an item, or any map of attribute values, at nesting level `level`. */
export function checkAttributeMapTypes(raw: unknown, level: number): void {
  if (typeof raw !== 'object' || raw === null) throw serializationError(UNEXPECTED_FIELD);
  const map = structureFrom(raw, MAP_TYPE);
  for (const name in map) checkAttributeValueTypes(map[name], level + 1);
}

/** Members that name no type are not read. */
function checkContentTypes(type: string, content: unknown, level: number): void {
  switch (type) {
    case 'S':
    case 'N':
      checkString(content);
      return;
    case 'B':
      checkBinary(content);
      return;
    case 'BOOL':
    case 'NULL':
      booleanFrom(content);
      return;
    case 'M':
      checkAttributeMapTypes(content, level);
      return;
    case 'L':
      for (const element of listFrom(content)) checkAttributeValueTypes(element, level + 1);
      return;
    case 'SS':
    case 'NS':
      for (const member of listFrom(content)) if (member !== null) checkString(member);
      return;
    case 'BS':
      for (const member of listFrom(content)) if (member !== null) checkBinary(member);
      return;
    default:
  }
}

function checkString(content: unknown): void {
  if (typeof content !== 'string') throw wrongType(content, 'String');
}

function checkBinary(content: unknown): void {
  if (typeof content !== 'string') throw wrongBinary(content);
  checkBase64(content);
}

function listFrom(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  throw serializationError(typeof content === 'object' ? UNEXPECTED_STRUCTURE : UNEXPECTED_FIELD);
}

function structureFrom(raw: unknown, javaType: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null) throw serializationError(UNEXPECTED_VALUE);
  if (Array.isArray(raw)) throw serializationError(unrecognizedCollection(javaType));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object that is no array
  return raw as Record<string, unknown>;
}
