import { expect, test } from 'vitest';

import type { ItemWrite } from '../../src/partition/item-write.ts';
import { MovedError } from '../../src/partition/moved-error.ts';
import type { RegionPartition } from '../../src/partition/region-partition.ts';
import { Router } from '../../src/region/router.ts';
import { Layout } from '../../src/storage/layout.ts';

/** Of the upper half of the hashes. */
const KEY = Buffer.from([0xf0, 0, 0, 0, 0]);

const WRITE: ItemWrite = {
  table: 7,
  key: KEY,
  change: { kind: 'delete' },
  condition: undefined,
  cause: 'user',
};

/** One partition, which is split as `split` says; what was asked of which. */
function splitting(split: 'known at once' | 'known later' | 'never known'): {
  readonly router: Router;
  readonly asked: string[];
} {
  const asked: string[] = [];
  let layout = Layout.even(1);
  const learn = (): void => {
    layout = layout.split(0, 2 ** 31);
  };
  const partition = (number: number, says: () => Promise<undefined>): RegionPartition => {
    const answer = async (name: string): Promise<undefined> => {
      asked.push(`${name} ${number}`);
      return says();
    };
    const faked = {
      number,
      write: async () => answer('write'),
      read: async () => answer('read'),
      layoutKnown: async () => {
        asked.push(`known ${number}`);
        if (split === 'known later') learn();
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked for
    return faked as unknown as RegionPartition;
  };
  const parent = partition(0, async () => {
    if (split === 'known at once') learn();
    throw new MovedError();
  });
  const child = partition(1, async () => undefined);
  return { router: new Router([parent, child], () => layout), asked };
}

test('a write of a key that a split has moved is asked of the parent once, and then of the child', async () => {
  for (const split of ['known at once', 'known later'] as const) {
    const { router, asked } = splitting(split);
    await router.write(WRITE);
    expect(asked).toEqual(['write 0', 'known 0', 'write 1']);
  }
});

test('a strong read goes the same way', async () => {
  const { router, asked } = splitting('known later');
  await router.getItem({ table: WRITE.table, key: KEY, consistent: true });
  expect(asked).toEqual(['read 0', 'known 0', 'read 1']);
});

test('where no layout tells who has the key now, that is the answer', async () => {
  const { router, asked } = splitting('never known');
  await expect(router.write(WRITE)).rejects.toThrow(MovedError);
  expect(asked).toEqual(['write 0', 'known 0']);
});
