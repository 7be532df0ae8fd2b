import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  attributeOf,
  attributeTypeOf,
  parseAttributeValue,
  parseItem,
} from '../../src/model/attribute-value.ts';
import { ClientError } from '../../src/model/errors.ts';

const failure = (run: () => unknown): ClientError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return error;
  }
  throw new Error('a ClientError was expected');
};

test('a canonical item is answered as it came, uncopied', () => {
  const item = {
    id: { S: 'a' },
    n: { N: '12.5' },
    b: { B: 'AQID' },
    t: { BOOL: false },
    z: { NULL: true },
    l: { L: [{ S: '' }, { M: { x: { N: '1' } } }] },
    ss: { SS: ['a', ''] },
  };
  const before = structuredClone(item);
  const n = item.n;
  expect(parseItem(item)).toBe(item);
  expect(item).toEqual(before);
  expect(item.n).toBe(n);
});

test('numbers become canonical, in sets and at any depth', () => {
  const raw = JSON.parse(
    '{"a":{"N":"1E2"},"b":{"L":[{"NS":["01","2.0"]},{"M":{"c":{"N":"-0"}}}]}}',
  );
  expect(parseItem(raw)).toEqual({
    a: { N: '100' },
    b: { L: [{ NS: ['1', '2'] }, { M: { c: { N: '0' } } }] },
  });
});

test('members that are null or unknown do not count', () => {
  expect(parseAttributeValue({ S: 'a', N: null, other: 1 })).toEqual({ S: 'a' });
});

test('an attribute named __proto__ is a plain attribute', () => {
  const item = parseItem(JSON.parse('{"__proto__":{"N":"1.0"},"m":{"M":{"__proto__":{"S":"x"}}}}'));
  expect(JSON.stringify(item)).toBe('{"__proto__":{"N":"1"},"m":{"M":{"__proto__":{"S":"x"}}}}');
  expect(attributeOf(item, '__proto__')).toEqual({ N: '1' });
  expect(attributeOf(item, 'constructor')).toBeUndefined();
  expect(Object.getPrototypeOf(item)).toBe(Object.prototype);
});

const INVALID = 'One or more parameter values were invalid: ';

test.each([
  [{}, 'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes'],
  [null, 'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes'],
  [
    { S: null },
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
  [
    { S: 'a', N: '1' },
    'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes',
  ],
  [{ NULL: false }, `${INVALID}Null attribute value types must have the value of true`],
  [{ SS: [] }, `${INVALID}An string set  may not be empty`],
  [{ NS: [] }, `${INVALID}An number set  may not be empty`],
  [{ BS: [] }, `${INVALID}Binary sets should not be empty`],
  [{ SS: ['a', 'b', 'a'] }, `${INVALID}Input collection [a, b, a] contains duplicates.`],
  [{ NS: ['1', '1.0'] }, 'Input collection contains duplicates'],
  [
    { BS: ['AQ==', 'AQ=='] },
    `${INVALID}Input collection [AQ==, AQ==]of type BS contains duplicates.`,
  ],
  [{ S: 'a', N: 'b' }, 'The parameter cannot be converted to a numeric value: b'],
  [{ N: 'x' }, 'The parameter cannot be converted to a numeric value: x'],
  [
    { L: [{ M: { a: {} } }] },
    'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
  ],
])('%j is refused', (raw, message) => {
  const error = failure(() => parseAttributeValue(raw));
  expect(error.code).toBe('ValidationException');
  expect(error.message).toBe(message);
});

test.each([
  [{ S: 1 }, 'NUMBER_VALUE cannot be converted to String'],
  [{ S: 1.5 }, 'DECIMAL_VALUE cannot be converted to String'],
  [{ N: true }, 'TRUE_VALUE cannot be converted to String'],
  [{ S: {} }, 'Start of structure or map found where not expected'],
  [{ S: [] }, 'Unrecognized collection type class java.lang.String'],
  [{ B: 1 }, 'only base-64-encoded strings are convertible to bytes'],
  [{ B: 'abc' }, 'Base64 encoded length is expected a multiple of 4 bytes but found: 3'],
  [{ B: 'ab!=' }, 'Invalid last non-pad Base64 character dectected'],
  [{ B: 'AR==' }, 'Invalid last non-pad Base64 character dectected'],
  [{ B: '====' }, 'Invalid last non-pad Base64 character dectected'],
  [{ BOOL: 1 }, 'NUMBER_VALUE cannot be converted to Boolean'],
  [{ BOOL: 'maybe' }, 'Unexpected token received from parser'],
  [{ SS: 'a' }, 'Unexpected field type'],
  [{ L: {} }, 'Start of structure or map found where not expected'],
  ['text', 'Unexpected value type in payload'],
])('%j has the wrong type of JSON', (raw, message) => {
  const error = failure(() => parseAttributeValue(raw));
  expect(error.code).toBe('SerializationException');
  expect(error.message).toBe(message);
});

test('base64 is taken exactly when it is what the bytes encode to', () => {
  const text = fc
    .tuple(fc.base64String({ maxLength: 40 }), fc.nat(39), fc.string({ maxLength: 1 }))
    .map(([valid, at, other]) => valid.slice(0, at) + other + valid.slice(at + other.length));
  fc.assert(
    fc.property(text, (B) => {
      expect(isTaken({ B })).toBe(Buffer.from(B, 'base64').toString('base64') === B);
    }),
    { numRuns: 2000 },
  );
});

function isTaken(raw: unknown): boolean {
  try {
    parseAttributeValue(raw);
    return true;
  } catch {
    return false;
  }
}

/** A leaf with `levels` maps and lists around it. */
function nested(levels: number): unknown {
  let value: unknown = { S: 'leaf' };
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { M: { n: value } } : { L: [value] };
  return value;
}

test('an attribute may nest to level 32 and no deeper, however deep it is', () => {
  expect(() => parseItem({ data: nested(31) })).not.toThrow();
  for (const levels of [32, 1000, 100_000]) {
    expect(() => parseItem({ data: nested(levels) })).toThrow(
      'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit',
    );
  }
});

test('attribute names may be 65535 bytes long and no longer', () => {
  expect(() => parseItem({ ['x'.repeat(65_535)]: { S: '' } })).not.toThrow();
  expect(() => parseItem({ ['é'.repeat(32_768)]: { S: '' } })).toThrow(
    'Attribute name is too large',
  );
  expect(() => parseItem({ '': { S: '' } })).toThrow('Empty attribute name');
});

test('the type of a value is its one member', () => {
  expect(attributeTypeOf({ NS: ['1'] })).toBe('NS');
});
