import { expect, test } from 'vitest';

import { poll } from '../../src/cli/poll.ts';

test('it asks until the answer is yes', async () => {
  let asked = 0;
  await poll('three', { limitMs: 10_000, everyMs: 1 }, async () => (asked += 1) === 3);
  expect(asked).toBe(3);
});

test('it says what it waited for in vain', async () => {
  const waiting = poll('the impossible', { limitMs: 0, everyMs: 1 }, async () => false);
  await expect(waiting).rejects.toThrow('the impossible');
});

test('a failure is not waited out', async () => {
  const waiting = poll('luck', { limitMs: 10_000, everyMs: 1 }, async () => {
    throw new RangeError('broken');
  });
  await expect(waiting).rejects.toThrow(RangeError);
});
