import { expect, test } from 'vitest';

import { planLab } from '../../src/cli/lab-plan.ts';
import type { RegionConfig } from '../../src/daemon/config.ts';
import { readConfig } from '../../src/daemon/config.ts';

const config = (region: string, port: number): RegionConfig =>
  readConfig(
    {
      name: region,
      value: { region, endpoint: { port }, operations: { port: port + 1000 } },
      lineOf: () => undefined,
    },
    {},
  );

const CONFIGS = [config('north', 8003), config('south', 8001), config('west', 8002)];
const ALL = { regions: undefined, portBase: undefined, delays: [] };

type Planned = readonly [region: string, endpoint: number, operations: number];

const planned = (options: Partial<Parameters<typeof planLab>[1]>): readonly Planned[] =>
  planLab(CONFIGS, { ...ALL, ...options }).map(({ region, endpoint, operations }) => [
    region,
    endpoint.port,
    operations.port,
  ]);

test('regions come in the order of their ports', () => {
  expect(planned({})).toEqual([
    ['south', 8001, 9001],
    ['west', 8002, 9002],
    ['north', 8003, 9003],
  ]);
});

test("the files' own ports are those of their base", () => {
  expect(planned({ portBase: 8000 })).toEqual(planned({}));
});

test('a region keeps its place when others are left out', () => {
  expect(planned({ regions: ['north', 'west'], portBase: 20_000 })).toEqual([
    ['west', 20_002, 21_002],
    ['north', 20_003, 21_003],
  ]);
});

test.each([
  [{ regions: ['nord'] }, '--regions: nord is no region of this lab; is it north?'],
  [{ regions: ['x'] }, '--regions: x is no region of this lab; there are south, west, north'],
  [{ portBase: 64_533 }, '--port-base 64533: 64532 is the highest for 3 regions'],
  [
    {
      regions: ['north', 'west'],
      delays: [{ from: 'north', to: 'south', bothWays: true, delayMs: 1 }],
    },
    '--delay: south is no region of this lab; is it north?',
  ],
])('%o is refused', (options, words) => {
  expect(() => planned(options)).toThrow(words);
});
