import { expect, test } from 'vitest';

import { CallRates } from '../../src/api/call-rates.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('a target is called so often at once, and so often per second, whatever others do', async () => {
  const clock = new VirtualClock();
  const rates = new CallRates(clock, 10);
  const admitted = (target: string, calls: number): number =>
    Array.from({ length: calls }, () => rates.admit(target)).filter(Boolean).length;
  expect(admitted('a', 30)).toBe(10);
  expect(admitted('b', 5)).toBe(5);
  expect(admitted('a', 1)).toBe(0);
  await clock.advance(500);
  expect(admitted('a', 30)).toBe(5);
  await clock.advance(60_000);
  expect(admitted('a', 30)).toBe(10);
});

test('targets are forgotten, the one used longest ago first', () => {
  const rates = new CallRates(new VirtualClock(), 1);
  expect(rates.admit('first')).toBe(true);
  expect(rates.admit('first')).toBe(false);
  for (let at = 0; at < 10_000; at += 1) rates.admit(`other ${at}`);
  expect(rates.admit('first')).toBe(true);
});
