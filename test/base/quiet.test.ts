import { expect, test } from 'vitest';

import { QUIET_STEPS, untilQuiet } from '../../src/base/quiet.ts';

test('all that comes within a few steps of each other is waited for', async () => {
  let come = 0;
  const coming = (async () => {
    while (come < 5) {
      for (let step = 0; step < QUIET_STEPS - 2; step += 1) await Promise.resolve();
      come += 1;
    }
  })();
  await untilQuiet(() => come);
  expect(come).toBe(5);
  await coming;
});

test('it waits for no turn of the event loop', async () => {
  let turns = 0;
  const turn = setImmediate(() => {
    turns += 1;
  });
  await untilQuiet(() => 0);
  expect(turns).toBe(0);
  clearImmediate(turn);
});
