import { expect, test } from 'vitest';

import { Link, LINK_MESSAGES_MAX } from '../../src/bus/link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('a link takes no more messages than its limit, and takes more when some have arrived', async () => {
  const clock = new VirtualClock();
  const link = new Link(clock, new AbortController().signal);
  link.set({ delayMs: 10 });
  let arrived = 0;
  const send = (): boolean => link.send(1, () => arrived++);
  for (let at = 0; at < LINK_MESSAGES_MAX; at++) expect(send()).toBe(true);
  expect(send()).toBe(false);
  await clock.advance(10);
  expect(arrived).toBe(LINK_MESSAGES_MAX);
  expect(send()).toBe(true);
  await clock.advance(10);
  expect(arrived).toBe(LINK_MESSAGES_MAX + 1);
});

test('nothing is delivered before send returns, nor after the network has closed', async () => {
  const clock = new VirtualClock();
  const closing = new AbortController();
  const link = new Link(clock, closing.signal);
  let arrived = 0;
  expect(link.send(1, () => arrived++)).toBe(true);
  expect(arrived).toBe(0);
  await clock.settle();
  expect(arrived).toBe(1);
  expect(link.send(1, () => arrived++)).toBe(true);
  closing.abort();
  await clock.settle();
  expect(arrived).toBe(1);
  expect(link.send(1, () => arrived++)).toBe(false);
});
