import { assert } from '../base/assert.ts';
import { validationError } from './errors.ts';
import { NUMBER_DIGITS_MAX, NUMBER_EXPONENT_MAX, NUMBER_EXPONENT_MIN } from './limits.ts';
import {
  NUMBER_EMPTY,
  NUMBER_OVERFLOW,
  NUMBER_TOO_LONG,
  NUMBER_UNDERFLOW,
  numberUnreadable,
} from './messages.ts';

/**
 * A DynamoDB number: `d.ddd * 10^exponent`, where `digits` are all its significant digits, so without zeros
 * at either end. Zero has no digits, exponent 0 and no sign.
 */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

const ZERO: Decimal = { negative: false, digits: '', exponent: 0 };

const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

const isDigit = (code: number): boolean => code >= DIGIT_0 && code <= DIGIT_9;

/** Up to this many digits a sum of two whole numbers is exact in a JavaScript number. */
const SAFE_DIGITS = 15;

/**
 * The canonical text of a number that a client wrote: plain notation, no zeros that say nothing, no sign on
 * zero. Throws `ValidationException` in DynamoDB's words for what is no number, or one out of range.
 */
export function canonicalDecimal(text: string): string {
  return isCanonicalInteger(text, NUMBER_DIGITS_MAX) ? text : formatDecimal(parseDecimal(text));
}

/** Whole numbers of up to `digitsMax` digits, without a sign for plus or leading zeros: canonical as they are. */
function isCanonicalInteger(text: string, digitsMax: number): boolean {
  const first = text.charCodeAt(0);
  const start = first === MINUS ? 1 : 0;
  const length = text.length - start;
  if (length < 1 || length > digitsMax) return false;
  if (text.charCodeAt(start) === DIGIT_0) return length === 1 && start === 0;
  for (let i = start; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return false;
  return true;
}

const NUMBER_PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Reads any text that DynamoDB takes for a number. Throws `ValidationException` as `canonicalDecimal` does. */
function parseDecimal(text: string): Decimal {
  if (isCanonicalInteger(text, NUMBER_DIGITS_MAX)) return integerOf(text);
  if (text === '') throw validationError(NUMBER_EMPTY);
  const match = NUMBER_PATTERN.exec(text);
  if (match === null) throw validationError(numberUnreadable(text));
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') throw validationError(numberUnreadable(text));
  const scale = Number(exponentText);
  if (Math.abs(scale) >= 2 ** 63) throw validationError(numberUnreadable(text));
  return decimalOf(sign === '-', whole, fraction, scale);
}

/** Of a canonical whole number, which needs no pattern to be read and is in range. */
function integerOf(text: string): Decimal {
  if (text === '0') return ZERO;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const digits = text.slice(start, lastSignificant(text) + 1);
  return { negative: start === 1, digits, exponent: text.length - start - 1 };
}

/** A zero is held to the range by the exponent that it was written with, as DynamoDB does. */
function decimalOf(negative: boolean, whole: string, fraction: string, scale: number): Decimal {
  const all = whole + fraction;
  const first = firstSignificant(all);
  const exponent = scale + whole.length - 1 - first;
  if (first === all.length) {
    checkRange(scale - fraction.length);
    return ZERO;
  }
  checkRange(exponent);
  const digits = all.slice(first, lastSignificant(all) + 1);
  if (digits.length > NUMBER_DIGITS_MAX) throw validationError(NUMBER_TOO_LONG);
  return { negative, digits, exponent };
}

function firstSignificant(digits: string): number {
  let first = 0;
  while (first < digits.length && digits.charCodeAt(first) === DIGIT_0) first++;
  return first;
}

function lastSignificant(digits: string): number {
  let last = digits.length - 1;
  while (last >= 0 && digits.charCodeAt(last) === DIGIT_0) last--;
  return last;
}

function checkRange(exponent: number): void {
  if (exponent > NUMBER_EXPONENT_MAX) throw validationError(NUMBER_OVERFLOW);
  if (exponent < NUMBER_EXPONENT_MIN) throw validationError(NUMBER_UNDERFLOW);
}

/** Plain notation, as DynamoDB answers: 1E2 is `100`, 1E-3 is `0.001`, whatever the length. */
function formatDecimal({ negative, digits, exponent }: Decimal): string {
  if (digits === '') return '0';
  const sign = negative ? '-' : '';
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = exponent + 1;
  if (digits.length <= whole) return sign + digits + '0'.repeat(whole - digits.length);
  return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
}

/** `left + right`, both canonical text, as canonical text. Throws `ValidationException` as `sum` says. */
export function addDecimals(left: string, right: string): string {
  if (isCanonicalInteger(left, SAFE_DIGITS) && isCanonicalInteger(right, SAFE_DIGITS)) {
    return String(Number(left) + Number(right));
  }
  return formatDecimal(sum(parseDecimal(left), parseDecimal(right)));
}

/** `left - right`, both canonical text, as canonical text. Throws `ValidationException` as `sum` says. */
export function subtractDecimals(left: string, right: string): string {
  if (isCanonicalInteger(left, SAFE_DIGITS) && isCanonicalInteger(right, SAFE_DIGITS)) {
    return String(Number(left) - Number(right));
  }
  const subtrahend = parseDecimal(right);
  return formatDecimal(sum(parseDecimal(left), { ...subtrahend, negative: !subtrahend.negative }));
}

/** Exact, or an error: DynamoDB rounds no result, and says of one with too many digits that it is too large. */
function sum(left: Decimal, right: Decimal): Decimal {
  if (left.digits === '') return right.digits === '' ? ZERO : right;
  if (right.digits === '') return left;
  const unit = Math.min(unitOf(left), unitOf(right));
  const total = inUnits(left, unit) + inUnits(right, unit);
  if (total === 0n) return ZERO;
  const digits = String(total < 0n ? -total : total);
  if (lastSignificant(digits) >= NUMBER_DIGITS_MAX) throw validationError(NUMBER_OVERFLOW);
  return decimalOf(total < 0n, digits, '', unit);
}

/** The exponent of the last significant digit. */
const unitOf = (value: Decimal): number => value.exponent - value.digits.length + 1;

function inUnits(value: Decimal, unit: number): bigint {
  const magnitude = BigInt(value.digits) * 10n ** BigInt(unitOf(value) - unit);
  return value.negative ? -magnitude : magnitude;
}

/** Numeric order of two canonical texts: negative, 0 or positive. */
export function compareDecimals(left: string, right: string): number {
  if (left === right) return 0;
  if (isCanonicalInteger(left, SAFE_DIGITS) && isCanonicalInteger(right, SAFE_DIGITS)) {
    return Number(left) - Number(right);
  }
  const a = parseDecimal(left);
  const b = parseDecimal(right);
  const sign = signOf(a) - signOf(b);
  if (sign !== 0) return sign;
  return a.negative ? compareMagnitudes(b, a) : compareMagnitudes(a, b);
}

function signOf(value: Decimal): number {
  if (value.digits === '') return 0;
  return value.negative ? -1 : 1;
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -1 : 1;
}

/**
 * Bytes that a canonical number counts for in an item's size: one, one more for a minus, and one for each digit of base 100
 * between the ends, aligned to the point. DynamoDB documents it as approximate; dynalite measured it.
 */
export function decimalBytes(text: string): number {
  if (text.length === 1) return text === '0' ? 1 : 2;
  const { negative, digits, exponent } = parseDecimal(text);
  if (digits === '') return 1;
  const aligned = exponent % 2 === 0 ? digits.length + 1 : digits.length;
  return 1 + Math.ceil(aligned / 2) + (negative ? 1 : 0);
}

/*
 * Key bytes: a sign byte; for other than zero the exponent in one byte, then the digits in pairs, 1 to 100 a
 * pair. A negative number has exponent and pairs complemented, and an end mark above every pair, so that the
 * longer of two that begin alike comes first.
 */
const SIGN_NEGATIVE = 0x40;
const SIGN_ZERO = 0x80;
const SIGN_POSITIVE = 0xc0;
const NEGATIVE_END = 0xff;
const PAIR_COMPLEMENT = 101;

/** Bytes whose unsigned order, shorter first, is numeric order. The same for all texts of one number. */
export function encodeDecimal(text: string): Uint8Array {
  const { negative, digits, exponent } = parseDecimal(text);
  if (digits === '') return Uint8Array.of(SIGN_ZERO);
  const pairs = (digits.length + 1) >> 1;
  const bytes = new Uint8Array(2 + pairs + (negative ? 1 : 0));
  const biased = exponent - NUMBER_EXPONENT_MIN;
  bytes[0] = negative ? SIGN_NEGATIVE : SIGN_POSITIVE;
  bytes[1] = negative ? 0xff - biased : biased;
  for (let i = 0; i < pairs; i++) {
    const tens = digits.charCodeAt(2 * i) - DIGIT_0;
    const ones = 2 * i + 1 < digits.length ? digits.charCodeAt(2 * i + 1) - DIGIT_0 : 0;
    const pair = tens * 10 + ones + 1;
    bytes[2 + i] = negative ? PAIR_COMPLEMENT - pair : pair;
  }
  if (negative) bytes[2 + pairs] = NEGATIVE_END;
  return bytes;
}

/** The canonical text of `encodeDecimal`'s bytes. Throws `AssertionError` for bytes that it never makes. */
export function decodeDecimal(bytes: Uint8Array): string {
  const sign = bytes[0];
  if (sign === SIGN_ZERO && bytes.length === 1) return '0';
  const negative = sign === SIGN_NEGATIVE;
  assert(negative || sign === SIGN_POSITIVE, 'number bytes begin with a sign');
  const end = negative ? bytes.length - 1 : bytes.length;
  assert(end > 2, 'number bytes hold digits');
  assert(!negative || bytes[end] === NEGATIVE_END, 'negative number bytes end with a mark');
  const biased = negative ? 0xff - (bytes[1] ?? 0) : (bytes[1] ?? 0);
  let all = '';
  for (let i = 2; i < end; i++) {
    const byte = bytes[i] ?? 0;
    const pair = (negative ? PAIR_COMPLEMENT - byte : byte) - 1;
    assert(pair >= 0 && pair <= 99, 'number bytes hold pairs of digits');
    all += pair < 10 ? `0${pair}` : String(pair);
  }
  const digits = all.slice(0, lastSignificant(all) + 1);
  assert(digits !== '' && !digits.startsWith('0'), 'number bytes begin with a digit that counts');
  return formatDecimal({ negative, digits, exponent: biased + NUMBER_EXPONENT_MIN });
}
