import { expect, test } from 'vitest';

import { parseLinkDelay } from '../../src/cli/link-delay.ts';

test.each([
  ['us-east-1:eu-west-1=80ms', 'us-east-1', 'eu-west-1', true, 80],
  ['us-east-1->eu-west-1=80ms', 'us-east-1', 'eu-west-1', false, 80],
  ['a-:b=0ms', 'a-', 'b', true, 0],
  ['a:b=0.5ms', 'a', 'b', true, 0.5],
  ['a:b=2s', 'a', 'b', true, 2000],
  ['a:b=60s', 'a', 'b', true, 60_000],
])('%s is from %s to %s', (text, from, to, ...[bothWays, delayMs]) => {
  expect(parseLinkDelay(text)).toEqual({ from, to, bothWays, delayMs });
});

test.each([
  ['', 'expected two regions and a time'],
  ['a:b', 'expected two regions and a time'],
  ['a:b=80', 'expected two regions and a time'],
  ['a=b=80ms', 'expected two regions and a time'],
  ['a:b:c=80ms', 'expected two regions and a time'],
  ['a<->b=80ms', 'expected two regions and a time'],
  ['a:b=-1ms', 'expected two regions and a time'],
  ['a:b=1e3ms', 'expected two regions and a time'],
  ['a:a=1ms', 'a region has no link to itself'],
  ['a:b=61s', '60000 ms is the longest delay'],
])('"%s" is refused: %s', (text, words) => {
  expect(() => parseLinkDelay(text)).toThrow(`--delay ${text}: ${words}`);
});
