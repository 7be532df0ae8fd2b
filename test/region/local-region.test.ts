import { expect, test } from 'vitest';

import type { PlainWrite, WriteOutcome, WriteResult } from '../../src/partition/item-write.ts';
import { LocalRegion, type LocalRegionOptions } from '../../src/region/local-region.ts';
import { Layout } from '../../src/storage/layout.ts';

const ACTIVE = 1;
const DELETING = 2;

const putOf = (table: number, item: number): PlainWrite => ({
  table,
  key: Buffer.from([0, 0, 0, item, 0, 0]),
  change: { kind: 'put', image: new Uint8Array(1), itemBytes: item },
  condition: undefined,
  cause: 'user',
});

/** A region of one partition that takes every write, and of two tables of which one is on its way out. */
function newRegion(): { readonly region: LocalRegion; readonly calls: readonly string[] } {
  const calls: string[] = [];
  const partition = {
    write: async ({ change }: PlainWrite): Promise<WriteOutcome> => {
      calls.push('write');
      return {
        kind: 'applied',
        before: undefined,
        after: change.kind === 'put' ? change : undefined,
      };
    },
    writeEach: async (writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> => {
      calls.push('writeEach');
      return writes.map(() => ({ kind: 'applied', beforeBytes: 0, afterBytes: 0 }));
    },
  };
  const options = {
    name: 'us-east-1',
    partitions: [partition],
    layout: () => Layout.even(1),
    catalogue: {
      byNumber: (table: number) => ({ status: table === ACTIVE ? 'ACTIVE' : 'DELETING' }),
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { region: new LocalRegion(options as unknown as LocalRegionOptions), calls };
}

test('of writes that come together only those fail whose table takes none', async () => {
  const { region, calls } = newRegion();
  expect(
    await region.writeEach([putOf(ACTIVE, 1), putOf(DELETING, 2), putOf(ACTIVE, 3)]),
  ).toMatchObject([
    { kind: 'applied', afterBytes: 1 },
    { kind: 'failed', error: { status: 500 } },
    { kind: 'applied', afterBytes: 3 },
  ]);
  expect(calls).toEqual(['write', 'write']);
});

test('writes of tables that take them are one call', async () => {
  const { region, calls } = newRegion();
  expect(await region.writeEach([putOf(ACTIVE, 1), putOf(ACTIVE, 2)])).toHaveLength(2);
  expect(calls).toEqual(['writeEach']);
});
