import type { AttributeConditions, KeyCondition } from '../expression/key-condition.ts';
import { keyCondition } from '../expression/key-condition.ts';
import type { AttributeMap, AttributeValue } from '../model/attribute-value.ts';
import { attributeOf, parseItem } from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import type { ItemKeyRange } from '../model/item-key.ts';
import type { KeyRole } from '../model/key-validation.ts';
import { validateKey, validateKeyValue } from '../model/key-validation.ts';
import {
  BINARY_SET_EMPTY,
  KEY_MISMATCH,
  NULL_NOT_TRUE,
  STRING_SET_EMPTY,
  VALUE_AMBIGUOUS,
  VALUE_EMPTY,
} from '../model/messages.ts';
import type { KeyAttribute } from '../model/table.ts';
import {
  START_KEY_INVALID,
  START_KEY_NOT_IN_RANGE,
  START_KEY_OTHER_PARTITION,
  START_KEY_OUTSIDE_QUERY,
  startKeyInvalid,
} from './api-messages.ts';
import type { PageSource } from './page-source.ts';
import { sourceKey, sourceRange } from './page-source.ts';

/*
 * `ExclusiveStartKey`: what the page before has ended at, or what a client makes up. The order of the checks and the
 * two ways of wording them are DynamoDB's, as dynalite has recorded them.
 */

/** Faults of values that DynamoDB words as the starting key's; it words the others as any value's. */
const WORDED_AS_START_KEY: ReadonlySet<string> = new Set([
  VALUE_EMPTY,
  VALUE_AMBIGUOUS,
  NULL_NOT_TRUE,
  STRING_SET_EMPTY,
  BINARY_SET_EMPTY,
]);

/** A starting key whose values are checked but not yet their place in a key. Throws `ValidationException`. */
export function parseStartKey(raw: unknown): AttributeMap | undefined {
  if (raw === undefined) return undefined;
  try {
    return parseItem(raw);
  } catch (error) {
    if (error instanceof ClientError && WORDED_AS_START_KEY.has(error.message)) {
      throw validationError(startKeyInvalid(error.message));
    }
    throw error;
  }
}

/** What a Query reads: the bytes between which it does, and after which. */
export interface QueryBounds extends ItemKeyRange {
  readonly startAfter: Uint8Array | undefined;
}

/** The bounds of a Query. Throws `ValidationException` for conditions, or a start, that do not fit the source's keys. */
export function queryBounds(
  source: PageSource,
  conditions: AttributeConditions,
  start: AttributeMap | undefined,
): QueryBounds {
  if (start === undefined) {
    return { ...sourceRange(source, keyCondition(conditions, source.key)), startAfter: undefined };
  }
  if (!hasStartNames(start, source)) throw validationError(START_KEY_INVALID);
  const condition = keyCondition(conditions, source.key, (attribute, role) => {
    checkStartAttribute(start, attribute, role);
  });
  checkTablePart(start, source);
  const range = sourceRange(source, condition);
  return { ...range, startAfter: startInRange(source, start, { condition, range }) };
}

const hasStartNames = (start: AttributeMap, { startNames }: PageSource): boolean =>
  Object.keys(start).length === startNames.length;

function checkStartAttribute(start: AttributeMap, key: KeyAttribute, role: KeyRole): void {
  const value = attributeOf(start, key.name);
  if (value === undefined) throw validationError(START_KEY_INVALID);
  if (!(key.type in value)) throw validationError(KEY_MISMATCH);
  validateKeyValue(value, key, role);
}

/** The table's own key in a starting key. */
function checkTablePart(start: AttributeMap, { table }: PageSource): void {
  const { partition, sort } = table.definition.keySchema;
  const own: [string, AttributeValue][] = [];
  for (const { name } of sort === undefined ? [partition] : [partition, sort]) {
    const value = attributeOf(start, name);
    if (value !== undefined) own.push([name, value]);
  }
  checkWholeKey(Object.fromEntries(own), table);
}

function checkWholeKey(key: AttributeMap, { definition }: PageSource['table']): void {
  try {
    validateKey(definition.keySchema, key);
  } catch (error) {
    if (error instanceof ClientError) throw validationError(startKeyInvalid(error.message));
    throw error;
  }
}

/** Throws `ValidationException` for a start that the query could not have ended at. */
function startInRange(
  source: PageSource,
  start: AttributeMap,
  { condition, range }: { readonly condition: KeyCondition; readonly range: ItemKeyRange },
): Uint8Array {
  const key = sourceKey(source, start);
  if (condition.sort.length === 0) {
    if (!isIn(key, range)) throw validationError(START_KEY_OUTSIDE_QUERY);
    return key;
  }
  const wanted = source.key.partition.flatMap(({ name }, place) => {
    const value = condition.partition[place];
    return value === undefined ? [] : [[name, value] as const];
  });
  const sameSort = Object.fromEntries([...Object.entries(start), ...wanted]);
  if (!isIn(sourceKey(source, sameSort), range)) throw validationError(START_KEY_NOT_IN_RANGE);
  if (!isIn(key, range)) throw validationError(START_KEY_OTHER_PARTITION);
  return key;
}

const isIn = (key: Uint8Array, { from, to }: ItemKeyRange): boolean =>
  Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;

/** Checks a start of a Scan against the keys of an index; `checkScanStart` checks the rest. Throws as that does. */
export function checkScanIndexStart(start: AttributeMap, source: PageSource): void {
  if (source.index === undefined) return;
  if (!hasStartNames(start, source)) throw validationError(START_KEY_INVALID);
  for (const attribute of source.key.partition) checkStartAttribute(start, attribute, 'partition');
  for (const attribute of source.key.sort) checkStartAttribute(start, attribute, 'sort');
}

/** The key that a Scan starts after. Throws `ValidationException` for one that is no key of the source. */
export function scanStart(start: AttributeMap, source: PageSource): Uint8Array {
  if (source.index === undefined) checkWholeKey(start, source.table);
  else checkTablePart(start, source);
  return sourceKey(source, start);
}
