import { expect, test } from 'vitest';

import { LabChanges } from '../../src/cli/lab-changes.ts';
import type { PairState } from '../../src/cli/lab-state.ts';
import { exampleLab } from '../support/example-lab.ts';

const withFirst = (change: Partial<PairState>): typeof exampleLab => ({
  ...exampleLab,
  pairs: exampleLab.pairs.map((pair, at) => (at === 0 ? { ...pair, ...change } : pair)),
});

test('everything is told once', () => {
  const changes = new LabChanges();
  expect(changes.linesFor(exampleLab)).toHaveLength(4);
  expect(changes.linesFor(exampleLab)).toEqual([]);
});

test.each([
  [{ up: false }],
  [{ delayMs: 0 }],
  [{ shipping: 'RESYNC' }],
  [{ lagMs: 0 }],
  [{ lagMs: 12_000 }],
  [{ lagMs: undefined }],
  [{ recordsPerSecond: 0 }],
  [{ conflicts: 4 }],
])('%o is news', (change) => {
  const changes = new LabChanges();
  changes.linesFor(exampleLab);
  expect(changes.linesFor(withFirst(change))).toHaveLength(1);
});

test.each([[{ lagMs: 1500 }], [{ pendingRecords: 57 }], [{ recordsPerSecond: 120 }]])(
  '%o is no news',
  (change) => {
    const changes = new LabChanges();
    changes.linesFor(exampleLab);
    expect(changes.linesFor(withFirst(change))).toEqual([]);
  },
);

test('a zone that stops is news', () => {
  const changes = new LabChanges();
  changes.linesFor(exampleLab);
  const regions = exampleLab.regions.map((region, at) =>
    at === 0 ? { ...region, zones: [{ zone: 'a' as const, state: 'stopped' }] } : region,
  );
  expect(changes.linesFor({ ...exampleLab, regions })).toEqual(['east  ready  zones a stopped']);
});
