import { expect, test } from 'vitest';

import { Pace } from './pace.ts';

test('without a rate every request is sent at once', () => {
  const pace = new Pace({ everyMs: 0, isOpen: false, firstMs: 100 });
  expect(pace.next(100)).toEqual({ waitMs: 0, sinceMs: undefined });
  expect(pace.next(105)).toEqual({ waitMs: 0, sinceMs: undefined });
});

test('in a closed loop an answer that is late moves all requests after it', () => {
  const pace = new Pace({ everyMs: 10, isOpen: false, firstMs: 100 });
  expect(pace.next(100)).toEqual({ waitMs: 0, sinceMs: undefined });
  expect(pace.next(104)).toEqual({ waitMs: 6, sinceMs: undefined });
  expect(pace.next(150)).toEqual({ waitMs: 0, sinceMs: undefined });
  expect(pace.next(151)).toEqual({ waitMs: 9, sinceMs: undefined });
});

test('in an open loop requests wait from when they were due, until the rate is caught up with', () => {
  const pace = new Pace({ everyMs: 10, isOpen: true, firstMs: 100 });
  expect(pace.next(98)).toEqual({ waitMs: 2, sinceMs: undefined });
  // The first answer took 35 ms: the requests of 110, 120 and 130 were due meanwhile.
  expect(pace.next(135)).toEqual({ waitMs: 0, sinceMs: 110 });
  expect(pace.next(136)).toEqual({ waitMs: 0, sinceMs: 120 });
  expect(pace.next(137)).toEqual({ waitMs: 0, sinceMs: 130 });
  expect(pace.next(138)).toEqual({ waitMs: 2, sinceMs: undefined });
});
