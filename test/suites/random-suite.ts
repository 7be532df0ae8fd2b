import { describe, expect, test } from 'vitest';
import { type Random, randomBelow, randomUuid } from '../../src/base/random.ts';

/** What every `Random` promises. */
export function randomSuite(name: string, open: () => Random): void {
  describe(`the random contract: ${name}`, () => {
    test('numbers lie in [0, 1) and fill it', () => {
      const random = open();
      const tenths = new Set<number>();
      for (let round = 0; round < 10_000; round++) {
        const number = random.next();
        expect(number >= 0 && number < 1).toBe(true);
        tenths.add(Math.floor(number * 10));
      }
      expect(tenths.size).toBe(10);
    });

    test('bytes have the length asked for, and every value comes up', () => {
      const random = open();
      for (const length of [0, 1, 16, 1000]) expect(random.bytes(length)).toHaveLength(length);
      expect(new Set(random.bytes(65_536)).size).toBe(256);
    });

    test('a number below a bound reaches every number there', () => {
      const random = open();
      const seen = new Set(Array.from({ length: 1000 }, () => randomBelow(random, 3)));
      expect(seen).toEqual(new Set([0, 1, 2]));
    });

    test('ids are version 4 UUIDs, each another', () => {
      const random = open();
      const ids = Array.from({ length: 1000 }, () => randomUuid(random));
      for (const id of ids) {
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
      expect(new Set(ids).size).toBe(1000);
    });
  });
}
