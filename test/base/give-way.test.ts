import { expect, test } from 'vitest';

import type { Clock } from '../../src/base/clock.ts';
import { giveWay, REST_MS_MAX } from '../../src/base/give-way.ts';

/** Time in which each turn of the event loop takes as long as is said. */
class TurningClock implements Clock {
  readonly rests: number[] = [];
  readonly #turnMs: number;
  #nowMs = 0;

  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.rests.push(ms);
    this.#nowMs += ms;
  }

  defer(task: () => void): void {
    this.#nowMs += this.#turnMs;
    queueMicrotask(task);
  }
}

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
