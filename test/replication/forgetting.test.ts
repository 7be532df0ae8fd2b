import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decideForgetting, type ForgettingView } from '../../src/replication/forgetting.ts';

const table = { number: 7, globalId: 't', members: ['a', 'b', 'c'], settled: true };

const B = { watermark: 90, report: { vector: { a: 80, b: 92, c: 75 }, unsettled: [] } };
const C = { watermark: 70, report: { vector: { a: 95, b: 85, c: 72 }, unsettled: [] } };

const view = (options: Partial<ForgettingView> = {}): ForgettingView => ({
  region: 'a',
  own: 100,
  peers: new Map([
    ['b', B],
    ['c', C],
  ]),
  tables: [table],
  ...options,
});

test('the horizon is the smallest time of any member, at any member', () => {
  expect(decideForgetting(view())).toEqual({
    vector: { a: 100, b: 90, c: 70 },
    horizons: { 7: 70 },
  });
  expect(decideForgetting(view({ own: 60 }))?.horizons).toEqual({ 7: 60 });
});

test('what one peer has not heard of another is kept for it, whoever made it', () => {
  const deaf = { ...C, report: { ...C.report, vector: { ...C.report.vector, b: 3 } } };
  const peers = new Map([
    ['b', B],
    ['c', deaf],
  ]);
  expect(decideForgetting(view({ peers }))?.horizons).toEqual({ 7: 3 });
  const silent = { ...C, report: { ...C.report, vector: { a: 95, c: 72 } } };
  const unheard = new Map([
    ['b', B],
    ['c', silent],
  ]);
  expect(decideForgetting(view({ peers: unheard }))).toBeUndefined();
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

test('nothing is forgotten while a scan runs here or there, or a member is unknown or silent', () => {
  expect(decideForgetting(view({ tables: [{ ...table, settled: false }] }))).toBeUndefined();
  expect(decideForgetting(view({ tables: [{ ...table, members: ['a', 'd'] }] }))).toBeUndefined();
  for (const b of [
    { ...B, watermark: undefined },
    { ...B, watermark: 0 },
    { ...B, report: undefined },
    { ...B, report: { ...B.report, unsettled: ['t'] } },
  ]) {
    const peers = new Map([
      ['b', b],
      ['c', C],
    ]);
    expect(decideForgetting(view({ peers }))).toBeUndefined();
  }
});

test('no horizon is above any time of any member at any member, and no vector above what is applied', () => {
  const time = fc.nat(50);
  const vector = fc.record({ a: time, b: time, c: time });
  const times = fc.record({
    watermark: fc.option(time, { nil: undefined }),
    report: fc.option(fc.record({ vector, unsettled: fc.subarray(['t1', 't2', 't3']) }), {
      nil: undefined,
    }),
  });
  const tables = fc.uniqueArray(
    fc
      .record({
        number: fc.integer({ min: 1, max: 3 }),
        members: fc.subarray(['a', 'b', 'c']).map((some) => [...new Set(['a', ...some])]),
        settled: fc.boolean(),
      })
      .map((one) => ({ ...one, globalId: `t${one.number}` })),
    { selector: ({ number }) => number },
  );
  fc.assert(
    fc.property(time, times, times, tables, (own, b, c, some) => {
      const peers = new Map([
        ['b', b],
        ['c', c],
      ]);
      const decision = decideForgetting({ region: 'a', own, peers, tables: some });
      const rows: Readonly<Record<string, Readonly<Record<string, number>> | undefined>> = {
        a: { a: own, b: b.watermark ?? 0, c: c.watermark ?? 0 },
        b: b.report?.vector,
        c: c.report?.vector,
      };
      for (const { number, globalId, members, settled } of some) {
        const horizon = decision?.horizons[number];
        if (horizon === undefined) continue;
        expect(settled).toBe(true);
        for (const member of members) {
          expect(peers.get(member)?.report?.unsettled ?? []).not.toContain(globalId);
          for (const origin of members)
            expect(horizon).toBeLessThanOrEqual(rows[member]?.[origin] ?? 0);
        }
      }
      for (const [name, applied] of Object.entries(decision?.vector ?? {}))
        expect(applied).toBeLessThanOrEqual(rows['a']?.[name] ?? 0);
    }),
  );
});
