import { expect, test } from 'vitest';

import { Reach } from '../../src/region/reach.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('a peer is lost when it has been asked for three seconds without any answer', async () => {
  const clock = new VirtualClock();
  const reach = new Reach(clock);
  const ask = async (takesMs: number): Promise<void> => {
    const askedMs = clock.monotonicMs();
    await clock.advance(takesMs);
    reach.silent('b', askedMs);
  };
  expect(reach.isLost('b')).toBe(false);
  await ask(2000);
  expect(reach.isLost('b')).toBe(false);
  await ask(900);
  expect(reach.isLost('b')).toBe(false);
  await ask(200);
  expect(reach.isLost('b')).toBe(true);
  reach.answered('b');
  expect(reach.isLost('b')).toBe(false);
  await ask(2000);
  expect(reach.isLost('b')).toBe(false);
});

test('silences far apart do not make a peer lost', async () => {
  const clock = new VirtualClock();
  const reach = new Reach(clock);
  for (let round = 0; round < 5; round += 1) {
    reach.silent('b', clock.monotonicMs());
    expect(reach.isLost('b')).toBe(false);
    await clock.advance(60_000);
  }
});
