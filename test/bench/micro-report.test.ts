import { expect, test } from 'vitest';

import { microFigures, microText } from './micro-report.ts';

test('a step has the median of its rounds, and its best', () => {
  const runs = [4, 2, 9].map((us, at) => ({ round: at + 1, step: 'parse', us, cpuUs: us * 2 }));
  expect(microFigures(runs)).toEqual([
    { name: 'parse: us', value: 4, better: 'less' },
    { name: 'parse: CPU us', value: 8, better: 'less' },
  ]);
  expect(microText(runs)).toMatch(/parse +4\.00 +2\.00 +8\.00/);
});
