import { expect, test } from 'vitest';

import { isUnused } from '../../src/daemon/unused-log.ts';
import type { NodeReport } from '../../src/partition/clustered/region-nodes.ts';

type Said = { readonly applied: number; readonly isRebuilding: boolean } | 'nothing' | 'away';

/** What the two others say of partition 3, where there were `first` before any split. */
function unused(
  said: readonly [Said, Said],
  born: { first: number; isNew: boolean; withoutMissing?: boolean },
): boolean {
  const others = ['b', 'c'];
  const report = (zone: string): NodeReport | undefined => {
    const each = said[others.indexOf(zone)] ?? 'away';
    if (each === 'away') return undefined;
    const partitions = each === 'nothing' ? [] : [{}, {}, {}, each];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked for
    return { partitions } as unknown as NodeReport;
  };
  const { first, isNew, withoutMissing = false } = born;
  return isUnused(
    { number: 3, isNew },
    { first, nodes: { others, report }, withoutMissing: () => withoutMissing },
  );
}

const blank: Said = { applied: 0, isRebuilding: false };
const filled: Said = { applied: 7, isRebuilding: false };
const rebuilding: Said = { applied: 0, isRebuilding: true };

test("a region's first partitions are new when all nodes say so", () => {
  const born = { first: 4, isNew: false };
  expect(unused([blank, blank], born)).toBe(true);
  for (const other of [filled, rebuilding, 'nothing', 'away'] as const)
    expect(unused([blank, other], born)).toBe(false);
});

test('a child that a start finds is new when all nodes are in reach and none has anything of it', () => {
  const born = { first: 3, isNew: false };
  expect(unused([blank, 'nothing'], born)).toBe(true);
  expect(unused([blank, 'away'], born)).toBe(false);
  expect(unused([blank, filled], born)).toBe(false);
});

test('a child that a start finds does not wait for a node that is away when an operator says so', () => {
  const born = { first: 3, isNew: false, withoutMissing: true };
  expect(unused([blank, 'away'], born)).toBe(true);
  expect(unused(['away', filled], born)).toBe(false);
  expect(unused([blank, 'away'], { ...born, first: 4 })).toBe(false);
});

test('a child that came up in this process needs no other node, and is not new where one says otherwise', () => {
  const born = { first: 3, isNew: true };
  expect(unused(['away', 'away'], born)).toBe(true);
  expect(unused(['nothing', blank], born)).toBe(true);
  expect(unused(['away', filled], born)).toBe(false);
});
