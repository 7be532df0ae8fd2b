import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import {
  addDecimals,
  canonicalDecimal,
  compareDecimals,
  decimalBytes,
  decodeDecimal,
  encodeDecimal,
  subtractDecimals,
} from '../../src/model/decimal.ts';
import { ClientError } from '../../src/model/errors.ts';

/** A number as a sign, up to 38 digits and an exponent of ten, within DynamoDB's range. */
const parts = fc
  .tuple(
    fc.boolean(),
    fc.stringMatching(/^[0-9]{1,38}$/),
    fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -130, max: 88 })),
  )
  .map(([negative, digits, exponent]) => ({ text: `${negative ? '-' : ''}${digits}e${exponent}` }));

const canonical = parts.map(({ text }) => canonicalDecimal(text));

/** The value times 10^200, exactly. */
function scaled(text: string): bigint {
  const negative = text.startsWith('-');
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const value = BigInt(whole + fraction.padEnd(200, '0'));
  return negative ? -value : value;
}

const order = (a: bigint, b: bigint): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

test.each([
  ['0', '0'],
  ['-0', '0'],
  ['00.00', '0'],
  ['0e125', '0'],
  ['+1.50e3', '1500'],
  ['1E2', '100'],
  ['007', '7'],
  ['-007.700', '-7.7'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['1e-3', '0.001'],
  ['123456e-3', '123.456'],
  ['1E-130', `0.${'0'.repeat(129)}1`],
  ['9.9999999999999999999999999999999999999E+125', '9'.repeat(38) + '0'.repeat(88)],
  ['100000000000000000000000000000000000000000', `1${'0'.repeat(41)}`],
])('%s is written %s', (text, expected) => {
  expect(canonicalDecimal(text)).toBe(expected);
});

test.each([
  'abc',
  ' 1',
  '1 ',
  '1e',
  '--1',
  '.',
  '+',
  'e5',
  'NaN',
  'Infinity',
  '0x10',
  '1_0',
  '1e9223372036854775808',
])('%j cannot be converted', (text) => {
  expect(() => canonicalDecimal(text)).toThrow(
    `The parameter cannot be converted to a numeric value: ${text}`,
  );
});

test('an empty text cannot be converted either, and is not repeated', () => {
  expect(() => canonicalDecimal('')).toThrow(
    /^The parameter cannot be converted to a numeric value$/,
  );
});

test.each(['1e126', '-1e126', '1e99999999999', '0e126', `1${'0'.repeat(126)}`])(
  '%s overflows',
  (text) => {
    expect(() => canonicalDecimal(text)).toThrow(
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
    );
  },
);

test.each(['1e-131', '-1e-131', '1e-99999999999', '0e-131'])('%s underflows', (text) => {
  expect(() => canonicalDecimal(text)).toThrow(
    'Number underflow. Attempting to store a number with magnitude smaller than supported range',
  );
});

test('more than 38 significant digits are refused, zeros at the ends not counted', () => {
  expect(canonicalDecimal(`00${'1'.repeat(38)}.000`)).toBe('1'.repeat(38));
  expect(() => canonicalDecimal('1'.repeat(39))).toThrow(
    'Attempting to store more than 38 significant digits in a Number',
  );
});

test('canonical text is its own canonical text and keeps the value', () => {
  fc.assert(
    fc.property(parts, ({ text }) => {
      const once = canonicalDecimal(text);
      expect(canonicalDecimal(once)).toBe(once);
      const [mantissa = '', exponent = ''] = text.split('e');
      expect(scaled(once) * 10n ** 130n).toBe(BigInt(mantissa) * 10n ** (330n + BigInt(exponent)));
    }),
  );
});

test('key bytes order as numbers do, and name one number', () => {
  fc.assert(
    fc.property(canonical, canonical, (a, b) => {
      const sign = order(scaled(a), scaled(b));
      expect(Math.sign(Buffer.compare(encodeDecimal(a), encodeDecimal(b)))).toBe(sign);
      expect(Math.sign(compareDecimals(a, b))).toBe(sign);
    }),
    { numRuns: 1000 },
  );
});

test('key bytes of numbers that begin alike order as they do', () => {
  const ascending = [
    '-1.211',
    '-1.21',
    '-1.2',
    '-1',
    '-0.1',
    '0',
    '0.1',
    '1',
    '1.2',
    '1.21',
    '1.211',
    '12',
    '100',
  ];
  const shuffled = ascending
    .toReversed()
    .toSorted((a, b) => Buffer.compare(encodeDecimal(a), encodeDecimal(b)));
  expect(shuffled).toEqual(ascending);
});

test('a number comes back from its key bytes', () => {
  fc.assert(
    fc.property(canonical, (text) => {
      expect(decodeDecimal(encodeDecimal(text))).toBe(text);
    }),
  );
});

test.each([
  [[]],
  [[0x80, 0]],
  [[0xc0]],
  [[0xc0, 130]],
  [[0x40, 130, 50]],
  [[0xc0, 130, 0]],
  [[7, 1, 2]],
])('bytes that no number has are refused: %j', (bytes) => {
  expect(() => decodeDecimal(Uint8Array.from(bytes))).toThrow(AssertionError);
});

test('sums and differences are exact, or refused', () => {
  fc.assert(
    fc.property(canonical, canonical, (a, b) => {
      expect(outcome(() => addDecimals(a, b))).toBe(answerFor(scaled(a) + scaled(b)));
      expect(outcome(() => subtractDecimals(a, b))).toBe(answerFor(scaled(a) - scaled(b)));
    }),
    { numRuns: 1000 },
  );
});

/** The result, scaled, when it is canonical; else what was thrown. */
function outcome(compute: () => string): bigint | string {
  try {
    const result = compute();
    return canonicalDecimal(result) === result ? scaled(result) : 'not canonical';
  } catch (error) {
    return error instanceof ClientError ? 'refused' : 'broken';
  }
}

function answerFor(exact: bigint): bigint | string {
  if (exact === 0n) return exact;
  const digits = String(exact < 0n ? -exact : exact);
  const exponent = digits.length - 1 - 200;
  const inRange = exponent <= 125 && exponent >= -130;
  return inRange && digits.replace(/0+$/, '').length <= 38 ? exact : 'refused';
}

test('sums stay exact where floating point is not', () => {
  expect(addDecimals('0.1', '0.2')).toBe('0.3');
  expect(addDecimals('999999999999999', '999999999999999')).toBe('1999999999999998');
  expect(subtractDecimals('5', '5')).toBe('0');
  expect(subtractDecimals('0', '5')).toBe('-5');
  expect(() => addDecimals('9'.repeat(38) + '0'.repeat(88), `1${'0'.repeat(125)}`)).toThrow(
    'Number overflow',
  );
  expect(() => addDecimals(`1${'0'.repeat(38)}`, '1')).toThrow('Number overflow');
});

test.each([
  ['0', 1],
  ['1', 2],
  ['12', 2],
  ['123', 3],
  ['-1', 3],
  ['100', 2],
])('%s counts %i bytes', (text, bytes) => {
  expect(decimalBytes(text)).toBe(bytes);
});
