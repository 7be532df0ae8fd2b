import { expect, test } from 'vitest';

import type { Run } from './report.ts';
import { goalsOf, median, reportText, summarize } from './report.ts';
import type { TargetName } from './targets.ts';

const run = (
  target: TargetName,
  round: number,
  ratePerSecond: number,
  operation = 'GetItem',
): Run => ({
  target,
  round,
  ratePerSecond,
  operation,
  connections: 64,
  answers: ratePerSecond,
  failures: 0,
  p50Ms: round,
  p99Ms: round * 2,
  serverCpuSecondsPer1000: undefined,
  generatorCpuSecondsPer1000: 0.01,
});

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, undefined, 2, 3])).toBe(2.5);
  expect(median([undefined])).toBeUndefined();
});

test('a ratio is the median of the ratios of the rounds, not of medians', () => {
  const runs = [
    run('dynalite', 1, 100),
    run('tidemark', 1, 200),
    run('dynalite', 2, 1000),
    run('tidemark', 2, 1000),
    run('dynalite', 3, 10),
    run('tidemark', 3, 40),
  ];
  const [dynalite, tidemark] = summarize(runs);
  expect(dynalite).toMatchObject({ ratePerSecond: 100, tidemarkRatio: 2, p50Ms: 2, p99Ms: 4 });
  expect(tidemark).toMatchObject({ ratePerSecond: 200, tidemarkRatio: undefined });
});

test('goals that were measured are reached or fall short', () => {
  const rows = summarize([
    run('dynalite', 1, 100),
    run('tidemark', 1, 151),
    run('dynalite', 1, 100, 'PutItem'),
    run('tidemark', 1, 79, 'PutItem'),
    run('tidemark', 1, 75, 'streamed PutItem'),
  ]);
  const memory = [{ target: 'tidemark', idleBytes: 1e8, loadedBytes: 2e8 }] as const;
  expect(goalsOf(rows, memory).map(({ reached }) => reached)).toEqual([true, false, true, true]);
  const text = reportText(rows, memory);
  expect(text).toContain('reached    GetItem, 64 connections');
  expect(text).toContain('FELL SHORT PutItem');
  expect(text).toContain('reached    streamed PutItem, 64 connections');
  expect(text).toMatch(/GetItem +64 +dynalite +100 +1\.51 x +1\.00 +2\.00 +- +0\.0100/);
});
