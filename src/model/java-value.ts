import { checkAttributeName, parseItem, type AttributeMap } from './attribute-value.ts';
import { ClientError, validationError } from './errors.ts';
import { NESTING_LEVELS_MAX } from './limits.ts';
import {
  ATTRIBUTE_NAME_EMPTY,
  NESTING_EXCEEDED,
  NUMBER_OVERFLOW,
  NUMBER_UNDERFLOW,
  numberUnreadable,
} from './messages.ts';

/**
 * `parseItem`, as batches of writes and transactions do it, which hold numbers as decimals of Java: an attribute without a name is
 * told before whatever is wrong with values, what nests too deeply before a nested one, and a number out of range as
 * `checkJavaValue` does. Source: conformance.
 */
export function parseJavaItem(raw: unknown): AttributeMap {
  if (isObject(raw) && Object.hasOwn(raw, '')) checkAttributeName('');
  try {
    return parseItem(raw);
  } catch (error) {
    if (isRangeError(error) || isValidation(error, ATTRIBUTE_NAME_EMPTY))
      checkJavaValue({ M: raw }, 0);
    throw error;
  }
}

/** Whether a number was refused for its magnitude, of which a decimal of Java may have another view. */
export const isRangeError = (error: unknown): boolean =>
  isValidation(error, NUMBER_OVERFLOW) || isValidation(error, NUMBER_UNDERFLOW);

const isValidation = (error: unknown, text: string): boolean =>
  error instanceof ClientError && error.message.includes(text);

/**
 * An attribute value from parsed JSON as operations look at it that hold numbers as decimals of Java: statements, batches of
 * writes and transactions. What is wrong with the numbers is told as it is met, before what nests too deeply further
 * on. `level` counts lists and maps around the value, itself included. Throws `ValidationException`. Source:
 * conformance (`partiqlParameterNumbers`, `valueLayers`).
 */
export function checkJavaValue(value: unknown, level: number): void {
  if (level > NESTING_LEVELS_MAX) throw validationError(NESTING_EXCEEDED);
  if (!isObject(value)) return;
  const { N: number, NS: numbers, L: list, M: map } = value;
  if (typeof number === 'string') checkNumber(number);
  if (Array.isArray(numbers)) {
    for (const each of numbers) if (typeof each === 'string') checkNumber(each);
  }
  if (Array.isArray(list)) for (const each of list) checkJavaValue(each, level + 1);
  if (isObject(map)) for (const each of Object.values(map)) checkJavaValue(each, level + 1);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const NUMBER = /^[+-]?([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;
const INT_MAX = 2 ** 31 - 1;
const INT_MIN = -(2 ** 31);

/**
 * A number as a decimal of Java holds it: its exponent and its scale have 32 bits, and its magnitude is computed in as
 * many, so that very large numbers count as very small. Throws `ValidationException`.
 */
function checkNumber(text: string): void {
  const match = NUMBER.exec(text);
  const whole = match?.[1] ?? '';
  const fraction = match?.[2] ?? '';
  if (match === null || whole + fraction === '') {
    // The empty text has words of its own.
    if (text !== '') throw validationError(numberUnreadable(text));
    return;
  }
  const exponent = Number(match[3] ?? '0');
  const scale = fraction.length - exponent;
  if (!isInt(exponent) || !isInt(scale)) throw validationError(numberUnreadable(text));
  const digits = (whole + fraction).replace(/^0+/, '');
  const magnitude = digits.length - scale;
  // It wraps as Java's integers do.
  if ((magnitude | 0) !== magnitude) throw validationError(NUMBER_UNDERFLOW);
}

const isInt = (value: number): boolean => value >= INT_MIN && value <= INT_MAX;
