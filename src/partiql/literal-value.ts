import { putAttribute, type MutableAttributeMap } from '../expression/attribute-map-builder.ts';
import {
  type AttributeMap,
  type AttributeValue,
  parseAttributeValue,
} from '../model/attribute-value.ts';
import { canonicalDecimal } from '../model/decimal.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { NESTING_LEVELS_MAX } from '../model/limits.ts';
import { placeOf } from './lexer.ts';
import {
  BAG_EMPTY,
  BAG_MIXED,
  duplicateKeys,
  ionUnder,
  nestingUnder,
  numberDuplicates,
  numberUnder,
  tupleKeyType,
  unsupportedTypeAt,
} from './messages.ts';
import { nodeName } from './node-name.ts';
import type { Expression, StructMember } from './syntax.ts';

/** A statement's text, for places in it, and its parameters, as many as it has. */
export interface Bindings {
  readonly source: string;
  readonly parameters: readonly AttributeValue[];
}

/** The name of a whole value in complaints. */
const ROOT = 'root';

const CONSTANTS: ReadonlySet<Expression['kind']> = new Set([
  'number',
  'string',
  'ion',
  'boolean',
  'null',
  'missing',
  'parameter',
  'list',
  'bag',
  'struct',
] as const);

/** Whether an expression says a value, and nothing of an item. */
export const isConstant = ({ kind }: Expression): boolean => CONSTANTS.has(kind);

/** The value that an expression says: a parameter, or a literal in which none stands. Throws `ValidationException`. */
export function constantValue(expression: Expression, bindings: Bindings): AttributeValue {
  const parameter =
    expression.kind === 'parameter' ? bindings.parameters[expression.index] : undefined;
  return parameter ?? literalValue(expression, { bindings, key: ROOT, level: 0 });
}

/** The item that a struct says: attributes are literals or parameters. Throws `ValidationException`. */
export function structItem(members: readonly StructMember[], bindings: Bindings): AttributeMap {
  const item: MutableAttributeMap = {};
  for (const { key, value } of members) {
    putMember(item, { key, under: ROOT, value: constantValue(value, bindings) });
  }
  return item;
}

interface Place {
  readonly bindings: Bindings;
  /** The path of the value, as complaints have it. */
  readonly key: string;
  /** Lists and maps around it. */
  readonly level: number;
}

function literalValue(expression: Expression, place: Place): AttributeValue {
  const { key, level, bindings } = place;
  if (level >= NESTING_LEVELS_MAX) throw validationError(nestingUnder(key));
  const { kind } = expression;
  if (kind === 'string') return { S: expression.text };
  if (kind === 'number') return { N: numberUnderKey(expression.text, key) };
  if (kind === 'boolean') return { BOOL: expression.value };
  if (kind === 'null') return { NULL: true };
  if (kind === 'list') return { L: listValues(expression.items, place) };
  if (kind === 'bag') return bagValue(expression.items, place);
  if (kind === 'struct') return { M: structValues(expression.members, place) };
  if (kind === 'ion') throw validationError(ionUnder(expression.text, key));
  const where = placeOf(bindings.source, expression.at);
  throw validationError(unsupportedTypeAt(nodeName(expression), key, where));
}

const listValues = (
  items: readonly Expression[],
  { bindings, key, level }: Place,
): readonly AttributeValue[] =>
  items.map((item, index) =>
    literalValue(item, { bindings, key: `${key}[${index}]`, level: level + 1 }),
  );

function structValues(
  members: readonly StructMember[],
  { bindings, key: under, level }: Place,
): AttributeMap {
  const map: MutableAttributeMap = {};
  for (const { key, value } of members) {
    const name = key.kind === 'string' ? key.text : '';
    const place = { bindings, key: `${under}.${name}`, level: level + 1 };
    putMember(map, { key, under, value: literalValue(value, place) });
  }
  return map;
}

function putMember(
  map: MutableAttributeMap,
  { key, under, value }: { key: Expression; under: string; value: AttributeValue },
): void {
  if (key.kind !== 'string') throw validationError(tupleKeyType(nodeName(key), under));
  if (Object.hasOwn(map, key.text)) throw validationError(duplicateKeys(key.text, under));
  putAttribute(map, key.text, value);
}

function numberUnderKey(text: string, key: string): string {
  try {
    return canonicalDecimal(text);
  } catch (error) {
    if (error instanceof ClientError) throw validationError(numberUnder(error.message, key));
    throw error;
  }
}

/** A set of strings or of numbers. Throws `ValidationException` for any other bag, and for members that stand twice. */
function bagValue(items: readonly Expression[], { key }: Place): AttributeValue {
  const [first] = items;
  if (first === undefined) throw validationError(BAG_EMPTY);
  const texts: string[] = [];
  for (const item of items) {
    if (item.kind !== first.kind) throw validationError(BAG_MIXED);
    if (item.kind !== 'string' && item.kind !== 'number') throw validationError(BAG_MIXED);
    texts.push(item.text);
  }
  if (first.kind === 'string') return parseAttributeValue({ SS: texts });
  const numbers = texts.map((text) => numberUnderKey(text, key));
  if (new Set(numbers).size < numbers.length) throw validationError(numberDuplicates(texts, key));
  return { NS: numbers };
}
