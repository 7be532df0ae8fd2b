import { expect, test } from 'vitest';
import { randomSuite } from '../suites/random-suite.ts';
import { SeededRandom } from './seeded-random.ts';

randomSuite('seeded', () => new SeededRandom(1));

const sample = (seed: number): readonly (number | Uint8Array)[] => {
  const random = new SeededRandom(seed);
  return [random.next(), random.bytes(9), random.next()];
};

test('one seed gives the same again, another gives others', () => {
  expect(sample(7)).toEqual(sample(7));
  expect(sample(7)).not.toEqual(sample(8));
});
