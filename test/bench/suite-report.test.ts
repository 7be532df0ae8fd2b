import { expect, test } from 'vitest';

import { goalsOf } from './goals.ts';
import type { Run } from './suite-report.ts';
import { suiteFigures, suiteText, summarize } from './suite-report.ts';
import type { TargetName } from './targets.ts';

const run = (
  target: TargetName,
  ratePerSecond: number,
  more: { readonly round?: number; readonly operation?: string; readonly items?: number } = {},
): Run => {
  const { round = 1, operation = 'GetItem', items = 1 } = more;
  return {
    target,
    round,
    ratePerSecond,
    operation,
    itemsPerRequest: items,
    connections: 64,
    answers: ratePerSecond,
    failures: 0,
    p50Ms: round,
    p99Ms: round * 2,
    serverCpuSecondsPer1000: undefined,
    generatorCpuSecondsPer1000: 0.01,
  };
};

const valueOf = (runs: readonly Run[], name: string): number | undefined =>
  suiteFigures(runs, []).find((figure) => figure.name === name)?.value;

test('a ratio is the median of the ratios of the rounds, not of medians', () => {
  const runs = [
    run('dynalite', 100),
    run('tidemark', 200),
    run('dynalite', 1000, { round: 2 }),
    run('tidemark', 1000, { round: 2 }),
    run('dynalite', 10, { round: 3 }),
    run('tidemark', 40, { round: 3 }),
  ];
  const [dynalite, tidemark] = summarize(runs);
  expect(dynalite).toMatchObject({ ratePerSecond: 100, tidemarkRatio: 2, p50Ms: 2, p99Ms: 4 });
  expect(tidemark).toMatchObject({ ratePerSecond: 200, tidemarkRatio: undefined });
  expect(valueOf(runs, 'GetItem, 64 connections: tidemark by dynalite')).toBe(2);
});

test('a transaction is held against as many puts as it has items', () => {
  const runs = [
    run('tidemark', 1000, { operation: 'PutItem' }),
    run('tidemark', 62, { operation: 'TransactWriteItems', items: 4 }),
    run('bare', 9000, { operation: 'TransactWriteItems', items: 4 }),
  ];
  expect(valueOf(runs, 'TransactWriteItems, 64 connections: by PutItem')).toBe(0.248);
});

test('pages of different size are compared by their items', () => {
  const runs = [
    run('level', 10, { operation: 'Scan', items: 10_000 }),
    run('tidemark', 20, { operation: 'Scan', items: 2500 }),
  ];
  expect(valueOf(runs, 'Scan, 64 connections: tidemark by level')).toBe(0.5);
});

test('relaxed durability has a ratio of its own', () => {
  const runs = [run('dynalite', 10), run('tidemark', 15), run('relaxed', 17)];
  expect(valueOf(runs, 'GetItem, 64 connections: relaxed by dynalite')).toBe(1.7);
  expect(valueOf(runs, 'GetItem, 64 connections: tidemark by dynalite')).toBe(1.5);
  expect(valueOf(runs, 'GetItem, 64 connections, relaxed: per second')).toBe(17);
  expect(valueOf(runs, 'GetItem, 64 connections, dynalite: per second')).toBeUndefined();
});

test('goals that were measured are reached or fall short, and the table shows each row', () => {
  const runs = [
    run('dynalite', 100),
    run('tidemark', 201),
    run('dynalite', 100, { operation: 'PutItem' }),
    run('tidemark', 149, { operation: 'PutItem' }),
    run('tidemark', 140, { operation: 'streamed PutItem' }),
  ];
  const memory = [{ target: 'tidemark', idleBytes: 1e8, loadedBytes: 2e8 }] as const;
  const goals = goalsOf(suiteFigures(runs, memory));
  expect(goals.map(({ reached }) => reached)).toEqual([true, false, true, true]);
  const text = suiteText(summarize(runs), memory);
  expect(text).toMatch(/GetItem +64 +dynalite +100 +2\.01 x +1\.00 +2\.00 +- +0\.0100/);
  expect(text).toContain('idle 95 MB');
});
