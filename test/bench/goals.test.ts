import { expect, test } from 'vitest';

import { FIGURES, GOALS, goalsOf, goalsText } from './goals.ts';

test('a goal is judged by its bound, at the bound too', () => {
  const figures = [
    { name: FIGURES.natsLagP50, value: 3, better: 'less' },
    { name: FIGURES.natsLagP99, value: 20.1, better: 'less' },
    { name: FIGURES.natsCatchUp, value: 10_000, better: 'more' },
    { name: 'something else', value: 1, better: 'more' },
  ] as const;
  expect(goalsOf(figures).map(({ measured, reached }) => [measured, reached])).toEqual([
    [3, true],
    [20.1, false],
    [10_000, true],
  ]);
});

test('what was not measured is neither reached nor missed', () => {
  expect(goalsOf([])).toEqual([]);
  expect(goalsText([])).toBe('');
});

test('the text counts what was reached and names each goal', () => {
  const text = goalsText([
    { name: FIGURES.expirySeconds, value: 4, better: 'less' },
    { name: FIGURES.idleMegabytes, value: 151, better: 'less' },
  ]);
  expect(text).toContain('Goals: 1 of 2 reached');
  expect(text).toMatch(/FELL SHORT +151\.00 +an idle daemon/);
  expect(text).toMatch(/reached +4\.00 +10,000 expired items gone: s: at most 10/);
});

test('a figure that misses its bound by a hair does not read as if it met it', () => {
  const text = goalsText([{ name: FIGURES.idleMegabytes, value: 150.0004, better: 'less' }]);
  expect(text).toMatch(/FELL SHORT +150\.0004 +an idle daemon/);
  expect(goalsText([{ name: FIGURES.idleMegabytes, value: 150, better: 'less' }])).toContain(
    '150.00',
  );
});

test('no figure has two goals', () => {
  const names = GOALS.map(({ figure }) => figure);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
