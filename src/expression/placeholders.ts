import {
  type AttributeMap,
  checkAttributeName,
  parseComparedValue,
} from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { PLACEHOLDER_BYTES_MAX } from '../model/limits.ts';
import { NESTING_EXCEEDED } from '../model/messages.ts';
import {
  type ExpressionField,
  NAMES_WITHOUT_EXPRESSION,
  type PlaceholderField,
  placeholderInvalid,
  placeholderNameEmpty,
  placeholdersEmpty,
  placeholdersUnused,
  placeholderTooLong,
  placeholderValueInvalid,
  valuesWithoutExpression,
} from './messages.ts';
import type { Names } from './path-resolver.ts';

/** The names and values that a request gives for its expressions' placeholders. */
export interface Placeholders {
  readonly names: Names | undefined;
  readonly values: AttributeMap | undefined;
}

/** What a request says of its expressions, as parsed JSON of the right shapes. */
export interface PlaceholderFields {
  readonly ExpressionAttributeNames?: Names | undefined;
  /** Attribute values as the client wrote them; `parsePlaceholders` takes them over. */
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Checks the names and the values, and makes the values canonical. Throws `ValidationException` as DynamoDB
 * does before it looks at any expression, and `SerializationException` for values of wrong shapes.
 */
export function parsePlaceholders(fields: PlaceholderFields): Placeholders {
  const names = fields.ExpressionAttributeNames;
  const values = fields.ExpressionAttributeValues;
  if (names !== undefined) {
    checkKeys('ExpressionAttributeNames', names, NAME);
    for (const [key, name] of Object.entries(names)) {
      if (name === '') throw validationError(placeholderNameEmpty(key));
      checkAttributeName(name);
    }
  }
  if (values === undefined) return { names, values };
  checkKeys('ExpressionAttributeValues', values, VALUE);
  return { names, values: parseValues(values) };
}

const NAME = /^#[0-9a-zA-Z_]+$/;
const VALUE = /^:[0-9a-zA-Z_]+$/;

function checkKeys(
  field: PlaceholderField,
  map: Readonly<Record<string, unknown>>,
  key: RegExp,
): void {
  const keys = Object.keys(map);
  if (keys.length === 0) throw validationError(placeholdersEmpty(field));
  for (const each of keys) {
    const bytes = Buffer.byteLength(each);
    if (bytes > PLACEHOLDER_BYTES_MAX) throw validationError(placeholderTooLong(field, bytes));
    if (!key.test(each)) throw validationError(placeholderInvalid(field, each));
  }
}

function parseValues(values: Readonly<Record<string, unknown>>): AttributeMap {
  const parsed: [string, AttributeMap[string]][] = [];
  for (const [key, raw] of Object.entries(values)) {
    try {
      parsed.push([key, parseComparedValue(raw)]);
    } catch (error) {
      throw isValidation(error) ? invalidValue(key, error) : error;
    }
  }
  return Object.fromEntries(parsed);
}

const isValidation = (error: unknown): error is ClientError =>
  error instanceof ClientError && error.code === 'ValidationException';

/** Names the placeholder, except for too deep a value: of that DynamoDB does not say where it stands. */
export const invalidValue = (key: string, error: ClientError): ClientError =>
  error.message === NESTING_EXCEEDED
    ? error
    : validationError(placeholderValueInvalid(key, error.message));

/**
 * Names and values may only come with expressions to use them: `given` of the operation's own `fields`.
 * Throws `ValidationException`.
 */
export function checkPlaceholdersAllowed(
  placeholders: PlaceholderFields,
  fields: readonly ExpressionField[],
  given: (field: ExpressionField) => boolean,
): void {
  if (placeholders.ExpressionAttributeNames !== undefined && !fields.some(given)) {
    throw validationError(NAMES_WITHOUT_EXPRESSION);
  }
  if (placeholders.ExpressionAttributeValues === undefined) return;
  const withValues = fields.filter((field) => field !== 'ProjectionExpression');
  if (withValues.length > 0 && !withValues.some(given)) {
    throw validationError(valuesWithoutExpression(withValues));
  }
}

interface Used {
  readonly names: ReadonlySet<string>;
  readonly values?: ReadonlySet<string>;
}

/** Every name and value must be used by one of a request's expressions. Throws `ValidationException`. */
export function checkAllUsed({ names, values }: Placeholders, used: readonly Used[]): void {
  if (names !== undefined) {
    const unused = Object.keys(names).filter((key) => !used.some((each) => each.names.has(key)));
    if (unused.length > 0) {
      throw validationError(placeholdersUnused('ExpressionAttributeNames', unused));
    }
  }
  if (values !== undefined) {
    const unused = Object.keys(values).filter(
      (key) => !used.some((each) => each.values?.has(key) === true),
    );
    if (unused.length > 0) {
      throw validationError(placeholdersUnused('ExpressionAttributeValues', unused));
    }
  }
}
