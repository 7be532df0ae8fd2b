import { expect, test } from 'vitest';

import { goalsOf } from './goals.ts';
import { startFigures, startText } from './start-report.ts';

const run = (round: number, cleanMs: number, killedMs: number) => ({
  round,
  items: 1_000_000,
  cleanMs,
  killedMs,
});

test('figures are medians of the rounds, in seconds', () => {
  const runs = [run(1, 900, 2000), run(2, 5000, 3500), run(3, 800, 3100)];
  const figures = startFigures(runs);
  expect(figures.map(({ value }) => value)).toEqual([0.9, 3.1]);
  expect(goalsOf(figures).map(({ reached }) => reached)).toEqual([true, false]);
  expect(startText(runs)).toMatch(/2 +1,000,000 +5\.00 +3\.50/);
  expect(startFigures([])).toEqual([]);
});

test('the goals are those of a million items', () => {
  const small = startFigures([{ ...run(1, 100, 100), items: 10_000 }]);
  expect(small).toHaveLength(2);
  expect(goalsOf(small)).toEqual([]);
});
