import { expect, test } from 'vitest';

import {
  giveWay,
  letShortOnesPass,
  PAGE_REST_MS_MAX,
  REST_MS_MAX,
  ROUND_REST_MS_MAX,
} from '../../src/base/give-way.ts';
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

/** How long the round of a read waited while turns took so long, and how much of that it slept. */
async function roundAt(
  ...turnsMs: readonly number[]
): Promise<{ readonly waitedMs: number; readonly rests: readonly number[] }> {
  const clock = new TurningClock(...turnsMs);
  await letShortOnesPass(clock, PAGE_REST_MS_MAX);
  return { waitedMs: clock.monotonicMs(), rests: clock.rests };
}

test('a long read goes on after one turn where nothing else is ready', async () => {
  expect(await roundAt(0.01, 8)).toEqual({ waitedMs: 0.01, rests: [] });
});

test('it rests for what another one of its kind takes neither', async () => {
  expect((await roundAt(0.4, 0)).rests).toEqual([]);
});

test('it lets pass what is ready and what comes meanwhile, and rests in proportion', async () => {
  const { waitedMs, rests } = await roundAt(2, 1, 0.5, 0);
  expect(rests).toEqual([7]);
  expect(waitedMs).toBe(10.5);
});

test('a round waits for others no longer than that, however late they are', async () => {
  expect(await roundAt(30, 0)).toEqual({ waitedMs: ROUND_REST_MS_MAX, rests: [20] });
  expect((await roundAt(5)).waitedMs).toBe(ROUND_REST_MS_MAX);
  expect(await roundAt(400)).toEqual({ waitedMs: 400, rests: [] });
});

test('of a page that has waited for long a round waits for what is left, and then for one turn', async () => {
  const busy = new TurningClock(5);
  expect(await letShortOnesPass(busy, 20)).toBe(20);
  expect(busy.monotonicMs()).toBe(20);
  expect(await letShortOnesPass(busy, 0)).toBe(5);
  expect(await letShortOnesPass(busy, -5)).toBe(5);
  expect(busy.rests).toEqual([]);
});
