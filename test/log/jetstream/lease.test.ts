import { expect, test } from 'vitest';

import { Lease } from '../../../src/log/jetstream/lease.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

test('a lease runs from before the message was sent, and not without one', async () => {
  const clock = new VirtualClock();
  const lease = new Lease(clock, 1000);
  expect(lease.isHeld).toBe(false);
  const sent = lease.now();
  await clock.advance(400);
  lease.renew(sent);
  expect(lease.isHeld).toBe(true);
  await clock.advance(599);
  expect(lease.isHeld).toBe(true);
  await clock.advance(1);
  expect(lease.isHeld).toBe(false);
  lease.renew(lease.now());
  lease.drop();
  expect(lease.isHeld).toBe(false);
});

test('a wall clock that goes on while the monotonic one stands ends a lease, and one that goes back does not stretch it', async () => {
  const clock = new VirtualClock();
  let aheadMs = 0;
  const lease = new Lease(
    {
      wallMs: () => clock.wallMs() + aheadMs,
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (ms, signal) => clock.sleep(ms, signal),
      defer: (task) => clock.defer(task),
    },
    1000,
  );
  lease.renew(lease.now());
  aheadMs = -5000;
  await clock.advance(999);
  expect(lease.isHeld).toBe(true);
  await clock.advance(1);
  expect(lease.isHeld).toBe(false);
  lease.renew(lease.now());
  aheadMs = -4000;
  expect(lease.isHeld).toBe(false);
});

test('a challenger waits longer than any lease runs, from what it received last', async () => {
  const clock = new VirtualClock();
  const lease = new Lease(clock, 1000);
  expect(lease.isOverElsewhere).toBe(true);
  expect(lease.lastHeardMs).toBeUndefined();
  lease.heard();
  await clock.advance(1000);
  expect(lease.isOverElsewhere).toBe(false);
  expect(lease.overElsewhereInMs).toBeCloseTo(100);
  lease.heard();
  await clock.advance(1100);
  expect(lease.isOverElsewhere).toBe(true);
});
