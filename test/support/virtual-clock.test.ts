import { expect, test } from 'vitest';
import { clockSuite } from '../suites/clock-suite.ts';
import { VirtualClock } from './virtual-clock.ts';

clockSuite('virtual', () => {
  const clock = new VirtualClock();
  return { clock, pass: async (ms) => clock.advance(ms) };
});

test('time stands still until it is moved', async () => {
  const clock = new VirtualClock(5000);
  let awake = false;
  const sleeper = async (): Promise<void> => {
    await clock.sleep(10);
    awake = true;
  };
  void sleeper();
  await clock.settle();
  expect([clock.monotonicMs(), clock.wallMs(), awake]).toEqual([0, 5000, false]);
  await clock.advance(9.5);
  expect([clock.monotonicMs(), clock.wallMs(), awake]).toEqual([9.5, 5009, false]);
  await clock.advance(0.5);
  expect([clock.monotonicMs(), clock.wallMs(), awake]).toEqual([10, 5010, true]);
});

test('sleepers wake at their own moments, those of one moment in the order of their going to sleep', async () => {
  const clock = new VirtualClock();
  const woken: [string, number][] = [];
  const sleeper = async (name: string, ...waitsMs: number[]): Promise<void> => {
    for (const ms of waitsMs) {
      await clock.sleep(ms);
      woken.push([name, clock.monotonicMs()]);
    }
  };
  void sleeper('a', 20, 10);
  void sleeper('b', 20);
  void sleeper('c', 5, 5, 25);
  await clock.advance(30);
  expect(woken).toEqual([
    ['c', 5],
    ['c', 10],
    ['a', 20],
    ['b', 20],
    ['a', 30],
  ]);
});

test('the wall clock jumps either way, and the monotonic clock takes no notice', async () => {
  const clock = new VirtualClock(1_000_000);
  clock.jumpWall(-4000);
  expect([clock.wallMs(), clock.monotonicMs()]).toEqual([996_000, 0]);
  await clock.advance(1000);
  clock.jumpWall(9000);
  expect([clock.wallMs(), clock.monotonicMs()]).toEqual([1_006_000, 1000]);
});

test('clocks of one world share its time, each with its own wall clock', async () => {
  const clock = new VirtualClock(1_000_000);
  const other = clock.beside({ wallAheadMs: 250 });
  let awake = false;
  const sleeper = async (): Promise<void> => {
    await other.sleep(10);
    awake = true;
  };
  void sleeper();
  await clock.advance(10);
  clock.jumpWall(-10);
  expect([clock.wallMs(), other.wallMs(), other.monotonicMs(), awake]).toEqual([
    1_000_000,
    1_000_260,
    10,
    true,
  ]);
});

test('running until idle ends with the last sleeper, or at its limit', async () => {
  const clock = new VirtualClock();
  void clock.sleep(10).then(async () => clock.sleep(15));
  await clock.runUntilIdle();
  expect(clock.monotonicMs()).toBe(25);

  const endless = async (): Promise<never> => {
    for (;;) await clock.sleep(100);
  };
  void endless();
  await clock.runUntilIdle(1000);
  expect(clock.monotonicMs()).toBe(1025);
});

test('running until a promise is settled moves time as far as that takes', async () => {
  const clock = new VirtualClock();
  const answer = clock.sleep(70).then(() => 'answer');
  expect(await clock.runUntilSettled(answer)).toBe('answer');
  expect(clock.monotonicMs()).toBe(70);
  await expect(clock.runUntilSettled(new Promise(() => {}))).rejects.toThrow('nobody sleeps');
  await expect(clock.runUntilSettled(clock.sleep(200), 100)).rejects.toThrow('after 100 ms');
});
