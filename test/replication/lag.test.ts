import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Commitment, Lag, LogLag } from '../../src/replication/lag.ts';

const commitment = (index: number, options: Partial<Commitment> = {}): Commitment => ({
  index,
  table: 1,
  records: 1,
  bytes: 100,
  committedMs: index * 10,
  ...options,
});

test('nothing is said before the target was heard of for every log', () => {
  const lag = new Lag();
  expect(lag.of(1, 0)).toBeUndefined();
  lag.log(0).countedTo(0);
  lag.log(1);
  expect(lag.of(1, 0)).toBeUndefined();
  lag.log(1).countedTo(0);
  expect(lag.of(1, 0)).toEqual({ records: 0, bytes: 0, ageMs: 0 });
});

test('nothing is said while what a log already held is being counted', () => {
  const lag = new Lag();
  const log = lag.log(0);
  log.countFrom(3, 5);
  expect(lag.of(1, 0)).toBeUndefined();
  log.add(commitment(4));
  log.countedTo(4);
  expect(lag.of(1, 100)).toBeUndefined();
  log.add(commitment(5));
  log.countedTo(5);
  expect(lag.of(1, 100)).toEqual({ records: 2, bytes: 200, ageMs: 60 });
});

test('a target that is back with less than it acknowledged has all of that pending again', () => {
  const lag = new Lag();
  const log = lag.log(0);
  log.countFrom(0, 0);
  for (const index of [1, 2, 3]) log.add(commitment(index));
  log.countedTo(3);
  log.acknowledge(2);
  expect(log.acknowledged).toBe(2);
  log.countFrom(1, 3);
  expect(lag.of(1, 100)).toBeUndefined();
  for (const index of [2, 3]) log.add(commitment(index));
  log.countedTo(3);
  expect(lag.of(1, 100)).toEqual({ records: 2, bytes: 200, ageMs: 80 });
});

test('the age is that of the oldest over all logs, rises while nothing comes, and is 0 once all is known', () => {
  const lag = new Lag();
  for (const log of [0, 1]) lag.log(log).countedTo(0);
  lag.log(0).add(commitment(1, { committedMs: 50 }));
  lag.log(1).add(commitment(1, { committedMs: 20, records: 2 }));
  expect(lag.of(1, 60)).toEqual({ records: 3, bytes: 200, ageMs: 40 });
  expect(lag.of(1, 1060)).toEqual({ records: 3, bytes: 200, ageMs: 1040 });
  lag.log(1).acknowledge(1);
  expect(lag.of(1, 60)).toEqual({ records: 1, bytes: 100, ageMs: 10 });
  lag.log(0).acknowledge(1);
  expect(lag.of(1, 60)).toEqual({ records: 0, bytes: 0, ageMs: 0 });
});

test('an entry that was acknowledged before it was counted does not count', () => {
  const log = new LogLag();
  log.acknowledge(5);
  log.add(commitment(5));
  expect(log.queue(1)).toBeUndefined();
  log.add(commitment(6));
  expect(log.queue(1)?.records).toBe(1);
});

interface Said {
  readonly records: number;
  readonly bytes: number;
  readonly oldestMs: number | undefined;
}

/** Never less, never younger, and nothing only when it is nothing. */
const saysAtLeast = (said: Said, truth: Said): boolean =>
  said.records >= truth.records &&
  said.bytes >= truth.bytes &&
  (truth.oldestMs === undefined
    ? said.oldestMs === undefined && said.records === 0
    : (said.oldestMs ?? Number.POSITIVE_INFINITY) <= truth.oldestMs);

const steps = fc.array(
  fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ acknowledge: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  { maxLength: 12 },
);

test('against a naive model: exact while short, bounded, never too little, and zero when it is zero', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const log = new LogLag();
      let naive: Commitment[] = [];
      let index = 0;
      let merged = false;
      for (const step of script) {
        if ('add' in step) {
          for (let count = 0; count < step.add; count += 1) {
            index += 1;
            const added = commitment(index, { records: 1 + (index % 3), bytes: index % 97 });
            naive.push(added);
            log.add(added);
            merged ||= naive.length > 1024;
          }
        } else {
          const through = Math.floor(index * step.acknowledge);
          naive = naive.filter((one) => one.index > through);
          log.acknowledge(through);
        }
        const queue = log.queue(1);
        const said = {
          records: queue?.records ?? 0,
          bytes: queue?.bytes ?? 0,
          oldestMs: queue?.oldestMs,
        };
        const truth = {
          records: naive.reduce((sum, one) => sum + one.records, 0),
          bytes: naive.reduce((sum, one) => sum + one.bytes, 0),
          oldestMs: naive[0]?.committedMs,
        };
        expect(queue?.length ?? 0).toBeLessThanOrEqual(1024);
        expect(merged ? saysAtLeast(said, truth) : isDeepStrictEqual(said, truth)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});
