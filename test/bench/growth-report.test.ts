import { expect, test } from 'vitest';

import { FIGURES, goalsOf } from './goals.ts';
import { growthFigures, growthText, type GrowthRun } from './growth-report.ts';

const run = (items: number, rate: number): GrowthRun => ({
  items,
  filledPerSecond: 20_000,
  getsPerSecond: rate,
  queriesPerSecond: rate / 2,
  putsPerSecond: rate / 4,
  putP99Ms: 3,
  sustainedMs: 300_000,
  failures: 0,
  anonymousBytes: 300 * 1024 * 1024,
});

test('each size is held against the smallest, and the goals are those of ten million items', () => {
  const figures = growthFigures([run(10_000, 1000), run(1_000_000, 900), run(10_000_000, 550)]);
  const values = Object.fromEntries(figures.map(({ name, value }) => [name, value]));
  expect(values[FIGURES.grownTimes('GetItem', 1_000_000)]).toBe(0.9);
  expect(values[FIGURES.grownTimes('PutItem', 10_000_000)]).toBe(0.55);
  expect(values[FIGURES.grownMegabytes(10_000)]).toBe(300);
  expect(goalsOf(figures).map(({ reached }) => reached)).toEqual([false, false, true, true]);
});

test('the table has a line for each size', () => {
  const text = growthText([run(10_000, 1000), run(1_000_000, 900)]);
  expect(text).toMatch(/10,000 +20,000 +1,000 +1\.00 x +500 +1\.00 x +250 +1\.00 x +300 +3\.00/);
  expect(text).toMatch(/1,000,000 +20,000 +900 +0\.90 x +450 +0\.90 x +225 +0\.90 x/);
  expect(growthFigures([])).toEqual([]);
});
