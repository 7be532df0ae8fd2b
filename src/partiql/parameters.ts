import { parseAttributeValue, type AttributeValue } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import { NESTING_LEVELS_MAX } from '../model/limits.ts';
import { NESTING_EXCEEDED, NUMBER_UNDERFLOW, numberUnreadable } from '../model/messages.ts';

/**
 * The parameters of a statement, in canonical form; `raw` is taken over. Throws `ValidationException`, or
 * `SerializationException` for other JSON than attribute values. Source: conformance (`partiqlParameterNumbers`).
 */
export function parseParameters(raw: readonly unknown[] | undefined): readonly AttributeValue[] {
  if (raw === undefined) return [];
  return raw.map((parameter) => {
    checkNumbers(parameter, 1);
    return parseAttributeValue(parameter);
  });
}

/** What is wrong with the numbers is told as it is met, before what nests too deeply further on. */
function checkNumbers(value: unknown, level: number): void {
  if (level > NESTING_LEVELS_MAX) throw validationError(NESTING_EXCEEDED);
  if (!isObject(value)) return;
  const { N: number, NS: numbers, L: list, M: map } = value;
  if (typeof number === 'string') checkNumber(number);
  if (Array.isArray(numbers)) {
    for (const each of numbers) if (typeof each === 'string') checkNumber(each);
  }
  if (Array.isArray(list)) for (const each of list) checkNumbers(each, level + 1);
  if (isObject(map)) for (const each of Object.values(map)) checkNumbers(each, level + 1);
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
