import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  compareSequence,
  INDEX_MAX,
  ORDINAL_MAX,
  parseSequence,
  sequenceText,
} from '../../src/streams/sequence-number.ts';

const numbers = fc.record({
  time: fc.oneof(fc.nat(), fc.maxSafeNat()),
  index: fc.nat({ max: INDEX_MAX }),
  ordinal: fc.nat({ max: ORDINAL_MAX }),
});

test('texts are numbers of one length that order as what they say', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const [one, other] = [sequenceText(a), sequenceText(b)];
      expect(one).toMatch(/^[1-9]\d{20,39}$/u);
      expect(parseSequence(one)).toEqual(a);
      const order = Math.sign(compareSequence(a, b));
      expect(Math.sign(Number(BigInt(one) - BigInt(other)))).toBe(order);
      expect(one < other ? -1 : one > other ? 1 : 0).toBe(order);
    }),
  );
});

test('another text is none', () => {
  for (const text of ['', '0'.repeat(36), '1'.repeat(35), '1'.repeat(37), `1${'x'.repeat(35)}`])
    expect(parseSequence(text)).toBeUndefined();
});
