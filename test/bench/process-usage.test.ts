import { expect, test } from 'vitest';

import { processUsage } from './process-usage.ts';

test.skipIf(process.platform !== 'linux')(
  'a process has memory of its own, and has used time',
  () => {
    const usage = processUsage(process.pid);
    expect(usage?.cpuSeconds).toBeGreaterThan(0);
    expect(usage?.anonymousBytes).toBeGreaterThan(1e6);
    expect(usage?.residentBytes).toBeGreaterThanOrEqual(usage?.anonymousBytes ?? Infinity);
  },
);

test('a process that is gone uses nothing', () => {
  expect(processUsage(2 ** 30)).toBeUndefined();
});
