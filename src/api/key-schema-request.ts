import { validationError } from '../model/errors.ts';
import type { AttributeDefinition, KeyAttribute, KeyAttributes, KeyType } from '../model/table.ts';
import { BUCKETS_DEFAULT, bucketsFor, javaHashOrder } from './java-hash-order.ts';
import {
  attributeDefinedTwice,
  FIRST_KEY_NOT_HASH,
  HASH_AFTER_RANGE,
  KEY_ATTRIBUTE_TWICE,
  KEY_ATTRIBUTE_UNDEFINED,
  KEY_NAMES_EQUAL,
  keyAttributesTooMany,
  keyAttributesUndefined,
  SECOND_KEY_NOT_RANGE,
} from './table-messages.ts';

/** Keys of tables and indexes as requests name them. Every function throws `ValidationException`. */

export interface KeySchemaElement {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

export interface AttributeDefinitionMember {
  readonly AttributeName: string;
  readonly AttributeType: KeyType;
}

/** A global index has as many of each at the most. */
const KEY_ATTRIBUTES_OF_A_KIND_MAX = 4;

export function attributeDefinitionsOf(
  members: readonly AttributeDefinitionMember[],
): readonly AttributeDefinition[] {
  return members.map(({ AttributeName: name, AttributeType: type }) => ({ name, type }));
}

export function checkDefinedOnce(definitions: readonly AttributeDefinition[]): void {
  const names = definitions.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw validationError(attributeDefinedTwice(twice));
}

/** The table's own key first counts its attributes. */
export function checkTableKeyDefined(
  elements: readonly KeySchemaElement[],
  definitions: readonly AttributeDefinition[],
): void {
  if (elements.length > definitions.length) throw validationError(KEY_ATTRIBUTE_UNDEFINED);
  checkKeyDefined(elements, definitions);
}

export function checkKeyDefined(
  elements: readonly KeySchemaElement[],
  definitions: readonly AttributeDefinition[],
): void {
  const keys = [...new Set(elements.map((element) => element.AttributeName))];
  const names = definitions.map(({ name }) => name);
  if (keys.every((key) => names.includes(key))) return;
  throw validationError(
    keyAttributesUndefined(
      javaHashOrder(keys, BUCKETS_DEFAULT),
      javaHashOrder([...new Set(names)], bucketsFor(names.length)),
    ),
  );
}

/** HASH, or HASH and RANGE: of a table or a local index. */
export function checkKeyPair(elements: readonly KeySchemaElement[]): void {
  const [hash, range] = elements;
  if (hash?.AttributeName === range?.AttributeName) throw validationError(KEY_NAMES_EQUAL);
  if (hash?.KeyType !== 'HASH') throw validationError(FIRST_KEY_NOT_HASH);
  if (range !== undefined && range.KeyType !== 'RANGE') throw validationError(SECOND_KEY_NOT_RANGE);
}

/** One to four HASH, then none to four RANGE: of a global index. Source: measured, DDB-TABLE-123 of api-quirks. */
export function checkGlobalKey(elements: readonly KeySchemaElement[]): void {
  const names = elements.map((element) => element.AttributeName);
  if (new Set(names).size < names.length) throw validationError(KEY_ATTRIBUTE_TWICE);
  if (elements[0]?.KeyType !== 'HASH') throw validationError(FIRST_KEY_NOT_HASH);
  for (const type of ['HASH', 'RANGE'] as const) {
    const count = elements.filter((element) => element.KeyType === type).length;
    if (count > KEY_ATTRIBUTES_OF_A_KIND_MAX) throw validationError(keyAttributesTooMany(type));
  }
  const firstRange = elements.findIndex((element) => element.KeyType === 'RANGE');
  const isMixed = elements.some(
    (element, at) => firstRange !== -1 && at > firstRange && element.KeyType === 'HASH',
  );
  if (isMixed) throw validationError(HASH_AFTER_RANGE);
}

/** The key attributes with their types, all of them defined. */
export function keyAttributesOf(
  elements: readonly KeySchemaElement[],
  definitions: readonly AttributeDefinition[],
): KeyAttributes {
  const attributes = (type: 'HASH' | 'RANGE'): readonly KeyAttribute[] =>
    elements
      .filter((element) => element.KeyType === type)
      .flatMap((element) => definitions.find(({ name }) => name === element.AttributeName) ?? []);
  return { partition: attributes('HASH'), sort: attributes('RANGE') };
}
