import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../src/base/backoff.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const BOUNDS = { firstMs: 50, maxMs: 5000 };

test('each wait lies between half its ceiling and the ceiling, which doubles up to the cap', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2000 }), (seed, failures) => {
      const ceilingMs = Math.min(5000, 50 * 2 ** (failures - 1));
      const waitMs = backoffMs(new SeededRandom(seed), failures, BOUNDS);
      expect(waitMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(waitMs).toBeLessThan(ceilingMs);
    }),
  );
});

test('those who failed together come back apart', () => {
  const random = new SeededRandom(3);
  const waits = Array.from({ length: 20 }, () => backoffMs(random, 3, BOUNDS));
  expect(new Set(waits).size).toBe(20);
});

test('there is no wait before a failure', () => {
  expect(() => backoffMs(new SeededRandom(1), 0, BOUNDS)).toThrow('without a failure');
});
