import { AssertionError, unreachable } from '../base/assert.ts';
import { checkBase64 } from './base64.ts';
import { canonicalDecimal } from './decimal.ts';
import { type ClientError, serializationError, validationError } from './errors.ts';
import { booleanFrom, wrongBinary, wrongType } from './wrong-type.ts';
import { ATTRIBUTE_NAME_BYTES_MAX, COMPARED_LEVELS_MAX, NESTING_LEVELS_MAX } from './limits.ts';
import {
  ATTRIBUTE_NAME_EMPTY,
  ATTRIBUTE_NAME_TOO_LONG,
  BINARY_SET_EMPTY,
  BINARY_SET_NULL,
  binarySetDuplicates,
  NESTING_EXCEEDED,
  NULL_NOT_TRUE,
  NUMBER_SET_DUPLICATES,
  NUMBER_SET_EMPTY,
  NUMBER_SET_NULL,
  STRING_SET_EMPTY,
  STRING_SET_NULL,
  stringSetDuplicates,
  UNEXPECTED_FIELD,
  UNEXPECTED_STRUCTURE,
  UNEXPECTED_VALUE,
  unrecognizedCollection,
  VALUE_AMBIGUOUS,
  VALUE_EMPTY,
} from './messages.ts';

/**
 * Attribute values in the shape of the wire, which is also the shape in which they are kept: numbers as
 * canonical decimal text, binary as canonical base64. Parsing and canonical form are `parseAttributeValue`'s.
 */
export type AttributeValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly SS: readonly string[] }
  | { readonly NS: readonly string[] }
  | { readonly BS: readonly string[] }
  | { readonly L: readonly AttributeValue[] }
  | { readonly M: AttributeMap };

export type AttributeType = 'S' | 'N' | 'B' | 'BOOL' | 'NULL' | 'SS' | 'NS' | 'BS' | 'L' | 'M';

/** An item, or a map inside one. Objects of this type have no prototype keys that count: use `Object.hasOwn`. */
export type AttributeMap = Readonly<Record<string, AttributeValue>>;

/** The type of a value: its one member's name. */
export function attributeTypeOf(value: AttributeValue): AttributeType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the union's members are its types
  for (const type in value) return type as AttributeType;
  throw new AssertionError('an attribute value has a type');
}

/** The attribute of that name, or undefined: never something from a prototype. */
export const attributeOf = (map: AttributeMap, name: string): AttributeValue | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined;

/**
 * An item, or any map of attributes, from parsed JSON, in canonical form. It takes `raw` over: what needs
 * changing is changed in place, so that an item that is canonical already costs no copy.
 *
 * Throws `ValidationException` for values that DynamoDB does not take, and `SerializationException` for JSON
 * of other types than an attribute map has.
 */
export const parseItem = (raw: unknown): AttributeMap => parseMap(raw, 0);

/** One attribute value from parsed JSON, under the contract of `parseItem`. */
export const parseAttributeValue = (raw: unknown): AttributeValue => parseValue(raw, 1);

/**
 * The same for a value to compare with, which may be nested deeper than one that is stored: DynamoDB takes it, for one
 * level more as measured. The deepest that it takes is not known.
 */
export const parseComparedValue = (raw: unknown): AttributeValue =>
  parseValue(raw, 1 + NESTING_LEVELS_MAX - COMPARED_LEVELS_MAX);

function parseMap(raw: unknown, level: number): AttributeMap {
  const map = objectOf(
    raw,
    'java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>',
  );
  for (const name in map) {
    checkAttributeName(name);
    const value = map[name];
    const parsed = parseValue(value, level + 1);
    // The name is the object's own already, so that even `__proto__` stays a plain member.
    if (parsed !== value) map[name] = parsed;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every member was parsed
  return map as AttributeMap;
}

const NAME_LENGTH_SAFE = ATTRIBUTE_NAME_BYTES_MAX / 3;

/** Throws `ValidationException` for a name that no attribute can have. */
export function checkAttributeName(name: string): void {
  if (name.length <= NAME_LENGTH_SAFE && name !== '') return;
  if (name === '') throw validationError(ATTRIBUTE_NAME_EMPTY);
  if (Buffer.byteLength(name) > ATTRIBUTE_NAME_BYTES_MAX) {
    throw validationError(ATTRIBUTE_NAME_TOO_LONG);
  }
}

/** `level` counts lists and maps around the value, itself included. */
function parseValue(raw: unknown, level: number): AttributeValue {
  if (level > NESTING_LEVELS_MAX) throw validationError(NESTING_EXCEEDED);
  if (raw === null || raw === undefined) throw validationError(VALUE_EMPTY);
  const value = objectOf(raw, 'class com.amazonaws.dynamodb.v20120810.AttributeValue');
  let type: AttributeType | undefined;
  let strangers = false;
  for (const member in value) {
    if (!isAttributeType(member) || value[member] === null) strangers = true;
    else if (type === undefined) type = member;
    else throw ambiguity(value, level);
  }
  if (type === undefined) throw validationError(VALUE_EMPTY);
  const content = value[type];
  const parsed = parseContent(type, content, level);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its one member was parsed
  if (parsed === content && !strangers) return value as AttributeValue;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
  return { [type]: parsed } as AttributeValue;
}

/** DynamoDB looks into all members before it says that there are too many. */
function ambiguity(value: Record<string, unknown>, level: number): ClientError {
  for (const member in value) {
    if (isAttributeType(member) && value[member] !== null) {
      parseContent(member, value[member], level);
    }
  }
  return validationError(VALUE_AMBIGUOUS);
}

function isAttributeType(member: string): member is AttributeType {
  switch (member) {
    case 'S':
    case 'N':
    case 'B':
    case 'BOOL':
    case 'NULL':
    case 'SS':
    case 'NS':
    case 'BS':
    case 'L':
    case 'M':
      return true;
    default:
      return false;
  }
}

/** The canonical content of a value: `content` itself when that is canonical. */
function parseContent(type: AttributeType, content: unknown, level: number): unknown {
  switch (type) {
    case 'S':
      return stringOf(content);
    case 'N':
      return canonicalDecimal(stringOf(content));
    case 'B':
      return binaryOf(content);
    case 'BOOL':
      return booleanFrom(content);
    case 'NULL':
      if (!booleanFrom(content)) throw validationError(NULL_NOT_TRUE);
      return true;
    case 'L':
      return parseList(content, level);
    case 'M':
      return parseMap(content, level);
    case 'SS':
    case 'NS':
    case 'BS':
      return parseSet(type, content);
    default:
      return unreachable(type);
  }
}

function parseList(content: unknown, level: number): unknown[] {
  const list = arrayOf(content);
  for (let i = 0; i < list.length; i++) {
    const parsed = parseValue(list[i], level + 1);
    if (parsed !== list[i]) list[i] = parsed;
  }
  return list;
}

const SET_NULL = { SS: STRING_SET_NULL, NS: NUMBER_SET_NULL, BS: BINARY_SET_NULL } as const;
const SET_EMPTY = { SS: STRING_SET_EMPTY, NS: NUMBER_SET_EMPTY, BS: BINARY_SET_EMPTY } as const;

function parseSet(type: 'SS' | 'NS' | 'BS', content: unknown): string[] {
  const members = arrayOf(content);
  if (members.length === 0) throw validationError(SET_EMPTY[type]);
  if (members.includes(null)) throw validationError(SET_NULL[type]);
  const parsed = members.map((member) => parseMember(type, member));
  if (new Set(parsed).size !== parsed.length) throw setDuplicates(type, parsed);
  return parsed;
}

function parseMember(type: 'SS' | 'NS' | 'BS', member: unknown): string {
  if (type === 'SS') return stringOf(member);
  return type === 'NS' ? canonicalDecimal(stringOf(member)) : binaryOf(member);
}

function setDuplicates(type: 'SS' | 'NS' | 'BS', members: readonly string[]): ClientError {
  if (type === 'NS') return validationError(NUMBER_SET_DUPLICATES);
  return validationError((type === 'SS' ? stringSetDuplicates : binarySetDuplicates)(members));
}

function stringOf(content: unknown): string {
  if (typeof content === 'string') return content;
  throw wrongType(content, 'String');
}

function binaryOf(content: unknown): string {
  if (typeof content !== 'string') throw wrongBinary(content);
  checkBase64(content);
  return content;
}

function arrayOf(content: unknown): unknown[] {
  if (Array.isArray(content)) return content as unknown[];
  throw serializationError(typeof content === 'object' ? UNEXPECTED_STRUCTURE : UNEXPECTED_FIELD);
}

function objectOf(raw: unknown, javaType: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null) throw serializationError(UNEXPECTED_VALUE);
  if (Array.isArray(raw)) throw serializationError(unrecognizedCollection(javaType));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object that is no array
  return raw as Record<string, unknown>;
}
