import { expect, test } from 'vitest';

import { Shutdown } from '../../src/cli/shutdown.ts';

test('the first wish stops in order, and only a later one exits', async () => {
  let nowMs = 0;
  const exits: number[] = [];
  const shutdown = new Shutdown({ now: () => nowMs, exit: (code) => exits.push(code) });
  expect(shutdown.isRequested).toBe(false);
  shutdown.request();
  await shutdown.requested;
  expect(shutdown.isRequested).toBe(true);
  nowMs = 10;
  shutdown.request();
  expect(exits).toEqual([]);
  nowMs = 500;
  shutdown.request();
  expect(exits).toEqual([130]);
});
