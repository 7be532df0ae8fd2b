import { expect, test } from 'vitest';

import { type CpuProfile, dearestFunctions, framesOf } from './cpu-profile.ts';

const node = (id: number, functionName: string, children: readonly number[] = [], url = '') => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});

/** `outer` calls `inner`, which calls itself; and the process waits, and starts the profile. */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', [2, 3, 6]),
    node(2, '(idle)'),
    node(3, 'outer', [4], 'file:///home/somebody/dist/api/outer.js'),
    node(4, 'inner', [5], 'file:///x/node_modules/level/index.js'),
    node(5, 'inner', [], 'file:///x/node_modules/level/index.js'),
    node(6, 'startProfile', [7], 'file:///x/test/bench/probe-script.js'),
    node(7, 'dispatch'),
  ],
  samples: [7, 2, 3, 4, 5, 5, 2],
  timeDeltas: [6e5, 1e6, 1000, 2000, 3000, -5, 1e6],
};

test('a frame holds what it called, and neither waiting nor profiling is work', () => {
  const root = framesOf(PROFILE);
  expect(root.totalMs).toBe(6);
  const [outer] = root.children;
  expect(root.children).toHaveLength(1);
  expect(outer).toMatchObject({ name: 'outer api/outer.js:10', selfMs: 1, totalMs: 6 });
  expect(outer?.children[0]?.children[0]).toMatchObject({ selfMs: 3, totalMs: 3 });
});

test('functions are added up over all stacks, and one that calls itself counts once', () => {
  expect(dearestFunctions(framesOf(PROFILE), 20)).toEqual([
    { name: 'inner level/index.js:10', selfMs: 5, totalMs: 5 },
    { name: 'outer api/outer.js:10', selfMs: 1, totalMs: 6 },
  ]);
  expect(dearestFunctions(framesOf(PROFILE), 1)).toHaveLength(1);
});

test('a profile without samples is refused', () => {
  expect(() => framesOf({ nodes: PROFILE.nodes })).toThrow('without samples');
});
