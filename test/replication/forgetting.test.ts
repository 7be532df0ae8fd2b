import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decideForgetting, type ForgettingView } from '../../src/replication/forgetting.ts';

const table = { number: 7, members: ['a', 'b', 'c'], settled: true };

const view = (options: Partial<ForgettingView> = {}): ForgettingView => ({
  region: 'a',
  own: 100,
  peers: new Map([
    ['b', { watermark: 90, acknowledged: 80 }],
    ['c', { watermark: 70, acknowledged: 95 }],
  ]),
  tables: [table],
  ...options,
});

test('the horizon is the smallest time of any member, here and there', () => {
  expect(decideForgetting(view())).toEqual({
    vector: { a: 100, b: 90, c: 70 },
    horizons: { 7: 70 },
  });
  expect(decideForgetting(view({ own: 60 }))?.horizons).toEqual({ 7: 60 });
});

test('a peer that is no member of a table does not hold it up', () => {
  const tables = [{ ...table, members: ['a', 'b'] }];
  expect(decideForgetting(view({ tables }))?.horizons).toEqual({ 7: 80 });
});

test('a table without members left forgets by its own time', () => {
  const tables = [{ ...table, members: ['a'] }];
  expect(decideForgetting(view({ tables, peers: new Map() }))).toEqual({
    vector: { a: 100 },
    horizons: { 7: 100 },
  });
});

test('nothing is forgotten while a scan runs, or a member is unknown, silent or not heard to have anything', () => {
  expect(decideForgetting(view({ tables: [{ ...table, settled: false }] }))).toBeUndefined();
  expect(decideForgetting(view({ tables: [{ ...table, members: ['a', 'd'] }] }))).toBeUndefined();
  for (const times of [
    { watermark: undefined, acknowledged: 5 },
    { watermark: 5, acknowledged: undefined },
    { watermark: 0, acknowledged: 5 },
  ]) {
    expect(decideForgetting(view({ peers: new Map([['b', times]]) }))).toBeUndefined();
  }
});

test('no horizon is above any member, and no vector above what is applied', () => {
  const times = fc.record({
    watermark: fc.option(fc.nat(50), { nil: undefined }),
    acknowledged: fc.option(fc.nat(50), { nil: undefined }),
  });
  const tables = fc.array(
    fc.record({
      number: fc.integer({ min: 1, max: 3 }),
      members: fc.subarray(['a', 'b', 'c']),
      settled: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(fc.nat(50), times, times, tables, (own, b, c, some) => {
      const peers = new Map([
        ['b', b],
        ['c', c],
      ]);
      const decision = decideForgetting({ region: 'a', own, peers, tables: some });
      const member = new Map([
        ['a', own],
        ['b', Math.min(b.watermark ?? 0, b.acknowledged ?? 0)],
        ['c', Math.min(c.watermark ?? 0, c.acknowledged ?? 0)],
      ]);
      for (const [number, horizon] of Object.entries(decision?.horizons ?? {})) {
        const last = some.findLast((one) => one.number === Number(number) && one.settled);
        expect(horizon).toBeLessThanOrEqual(own);
        expect(last).toBeDefined();
        if (some.filter((one) => one.number === Number(number)).length > 1) continue;
        for (const name of last?.members ?? []) {
          expect(horizon).toBeLessThanOrEqual(member.get(name) ?? 0);
        }
      }
    }),
  );
});
