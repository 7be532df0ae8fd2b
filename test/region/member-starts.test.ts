import { expect, test } from 'vitest';

import type { LogPlace, Table } from '../../src/model/table.ts';
import { awaitedEnds, memberStart, memberStartsOf } from '../../src/region/member-starts.ts';

const place = (index: number): LogPlace => ({
  logId: 'x',
  epoch: 1,
  index,
  checksum: index * 7,
  partitionTime: index * 10,
});

/** In region `a`, with members by region name and incarnation. */
function tableWith(
  members: Readonly<Record<string, string>>,
  starts?: Table['memberStarts'],
): Table {
  const table: Table = {
    number: 1,
    name: 'Orders',
    tableId: 'a1',
    globalId: 'g',
    createdAtMs: 1,
    status: 'ACTIVE',
    definition: {
      keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
      attributeDefinitions: [{ name: 'id', type: 'S' }],
      billingMode: 'PAY_PER_REQUEST',
      provisionedThroughput: { read: 0, write: 0 },
    },
    parted: undefined,
    global: {
      home: 'a',
      term: 1,
      revision: 1,
      debts: [],
      members: Object.fromEntries(
        Object.entries(members).map(([name, tableId]) => [
          name,
          { tableId, phase: 'preparing', source: 'a', addedAtMs: 1, missed: 0 },
        ]),
      ),
    },
  };
  return starts === undefined ? table : { ...table, memberStarts: starts };
}

test('a member starts where the logs end when it is first known, and keeps that', () => {
  const first = memberStartsOf(undefined, tableWith({ a: 'a1', b: 'b1' }), () => [place(5)]);
  expect(first).toEqual({ b1: [place(5)] });
  const known = tableWith({ a: 'a1', b: 'b1' }, first);
  const grown = tableWith({ a: 'a1', b: 'b1', c: 'c1' });
  const second = memberStartsOf(known, grown, () => [place(9)]);
  expect(second).toEqual({ b1: [place(5)], c1: [place(9)] });
  expect(memberStart({ ...grown, memberStarts: second }, 'c')).toEqual([place(9)]);
  expect(memberStart({ ...grown, memberStarts: second }, 'd')).toBeUndefined();
});

test('of a log that this node has not heard of what lies before the start of any member is awaited', () => {
  const starts = { b1: [place(5), place(7)], c1: [place(6), place(2), place(9)] };
  expect(awaitedEnds([8, 9], starts)).toEqual([8, 9, 9]);
  // A log that goes on from older disks is never awaited further than it goes.
  expect(awaitedEnds([3, 9, 12, 1], starts)).toEqual([3, 9, 12, 1]);
  expect(awaitedEnds([3], undefined)).toEqual([3]);
});

test('starts that come with a change are not believed, and those of members that are gone are dropped', () => {
  const known = tableWith({ a: 'a1', b: 'b1', c: 'c1' }, { b1: [place(5)], c1: [place(6)] });
  const heard = tableWith({ a: 'a1', b: 'b2' }, { b2: [place(1)] });
  expect(memberStartsOf(known, heard, () => [place(9)])).toEqual({ b2: [place(9)] });
  expect(memberStartsOf(known, { ...known, global: undefined }, () => [place(9)])).toEqual({});
  const another = { ...known, globalId: 'h' };
  expect(memberStartsOf(known, another, () => [place(9)])).toEqual({
    b1: [place(9)],
    c1: [place(9)],
  });
});
