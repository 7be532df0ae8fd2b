import { expect, test } from 'vitest';

import { giveWay, REST_MS_MAX } from '../../src/base/give-way.ts';
import { TurningClock } from '../support/turning-clock.ts';

async function restsAt(turnMs: number): Promise<readonly number[]> {
  const clock = new TurningClock(turnMs);
  await giveWay(clock, new AbortController().signal);
  return clock.rests;
}

test('where nothing else is to be done there is no rest', async () => {
  expect(await restsAt(0)).toEqual([]);
  expect(await restsAt(0.1)).toEqual([]);
});

test('the more there is to do, the longer is the rest', async () => {
  const [[some = 0], [more = 0]] = [await restsAt(0.5), await restsAt(2)];
  expect(some).toBeCloseTo(10);
  expect(more).toBeCloseTo(40);
});

test('a rest has an end, so that the work has one', async () => {
  expect(await restsAt(1000)).toEqual([REST_MS_MAX]);
});
