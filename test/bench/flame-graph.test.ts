import { expect, test } from 'vitest';

import { flameGraphPage } from './flame-graph.ts';

const leaf = (name: string, totalMs: number) => ({ name, selfMs: totalMs, totalMs, children: [] });

test('a box is as wide as its share, and stands one row below what called it', () => {
  const root = {
    name: '(root)',
    selfMs: 0,
    totalMs: 100,
    children: [leaf('small api/a.js:1', 25), leaf('large <T> log/b.js:2', 75)],
  };
  const page = flameGraphPage('GetItem & more', root);
  expect(page).toContain('GetItem &amp; more');
  // The dearer stands first.
  expect(page).toContain('<rect x="0.0" y="18" width="1200.0"');
  expect(page).toContain('<rect x="1200.0" y="18" width="400.0"');
  expect(page).toContain('large &lt;T&gt; log/b.js:2: 75.0 %, 75 ms, 75 ms of its own');
  expect(page).not.toContain('<script');
});

test('what is too narrow to be seen is not drawn', () => {
  const root = { name: '(root)', selfMs: 99.99, totalMs: 100, children: [leaf('tiny', 0.01)] };
  expect(flameGraphPage('x', root)).not.toContain('tiny');
});
