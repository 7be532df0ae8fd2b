import { expect, test } from 'vitest';

import { profileText } from './profile-bench.ts';

test('costs are those of one answer', () => {
  const called = { name: 'called api/a.js:1', selfMs: 30, totalMs: 30, children: [] };
  const caller = { name: 'caller api/b.js:2', selfMs: 10, totalMs: 40, children: [called] };
  const root = { name: '(root)', selfMs: 0, totalMs: 40, children: [caller] };
  const text = profileText('GetItem', root, { answers: 1000, files: ['x.cpuprofile'] });
  expect(text).toContain('GetItem: 40.00 us of the main thread each');
  expect(text).toMatch(/30\.00 +75\.0 % +30\.00 +called api\/a\.js:1/);
  expect(text).toMatch(/10\.00 +25\.0 % +40\.00 +caller api\/b\.js:2/);
  expect(text).toContain('x.cpuprofile');
});
