import { expect, test } from 'vitest';

import { NotedTimes, notedTimesMax } from '../../../src/log/jetstream/noted-times.ts';

test('times are known of what was noted, and of the last ones only', () => {
  const times = new NotedTimes();
  expect(times.at(0)).toBeUndefined();
  times.note(7, 70.5);
  times.note(9, 90);
  expect([6, 7, 8, 9].map((number) => times.at(number))).toEqual([undefined, 70.5, undefined, 90]);
  times.note(7 + notedTimesMax, 80);
  expect(times.at(7)).toBeUndefined();
  expect(times.at(7 + notedTimesMax)).toBe(80);
  times.forget();
  expect(times.at(9)).toBeUndefined();
});
