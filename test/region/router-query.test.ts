import { expect, test } from 'vitest';

import { joinHashed } from '../../src/model/item-key.ts';
import type { ItemWrite } from '../../src/partition/item-write.ts';
import { MovedError } from '../../src/partition/moved-error.ts';
import type { RegionPartition } from '../../src/partition/region-partition.ts';
import type { RangeQuery } from '../../src/region/region.ts';
import { Router } from '../../src/region/router.ts';
import { Layout } from '../../src/storage/layout.ts';
import { ClusteredWorld } from '../support/clustered-region.ts';
import { PartitionWorld, TABLE } from '../support/partition-world.ts';

const HASH = 4711;
const PARTITION_KEY = Buffer.from('order');

const put = (line: number): ItemWrite => ({
  table: TABLE,
  key: joinHashed(HASH, PARTITION_KEY, Buffer.from([line])),
  change: { kind: 'put', image: Buffer.from('{}'), itemBytes: 2 },
  condition: undefined,
  cause: 'user',
});

const query: RangeQuery = {
  table: TABLE,
  from: joinHashed(HASH, PARTITION_KEY),
  to: joinHashed(HASH, Buffer.from('ordes')),
  forward: true,
  limit: 2,
  startAfter: undefined,
  consistent: false,
};

async function queriedTwice(): Promise<{ world: PartitionWorld; router: Router }> {
  const world = await PartitionWorld.start();
  for (const line of [1, 2, 3]) await world.run(world.partition.write(put(line)));
  await world.clock.advance(1000);
  const layout = Layout.even(1);
  const router = new Router([world.partition], () => layout);
  for (let time = 0; time < 2; time += 1) {
    const page = router.query(query);
    expect(page).toBeInstanceOf(Promise);
    expect((await world.run(page)).items).toHaveLength(2);
  }
  return { world, router };
}

test('a page that is in memory is answered without a promise', async () => {
  const { router } = await queriedTwice();
  expect(router.query(query)).toMatchObject({ items: [{}, {}], more: true });
});

test('a strong page is not: it asks the log whether anybody else leads', async () => {
  const { world, router } = await queriedTwice();
  const page = router.query({ ...query, consistent: true });
  expect(page).toBeInstanceOf(Promise);
  expect((await world.run(page)).items).toHaveLength(2);
});

test('a query whose hash has moved meanwhile asks the partition that has it', async () => {
  const { world } = await queriedTwice();
  const layouts = [Layout.even(2), Layout.even(2).split(0, HASH)];
  const known = { at: 0 };
  let asked = 0;
  // All that a query asks of a partition.
  const parent: Partial<RegionPartition> = {
    readPage: async () => {
      asked += 1;
      throw new MovedError();
    },
    layoutKnown: async () => {
      known.at = 1;
    },
  };
  const child = world.partition;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const partitions = [parent as RegionPartition, child, child];
  const router = new Router(partitions, () => layouts[known.at] ?? Layout.even(1));
  expect((await world.run(router.query(query))).items).toHaveLength(2);
  expect(asked).toBe(1);
});

test('every node of a region answers from its own copy without a promise, whoever leads', async () => {
  const world = await ClusteredWorld.start(1);
  const { number } = await world.createTable(world.nodes.a);
  await world.run(world.nodes.a.engine.region.write({ ...put(1), table: number }));
  await world.clock.advance(1000);
  const own = { ...query, table: number };
  for (const { engine } of world.running) {
    for (let time = 0; time < 2; time += 1) {
      await world.run(Promise.resolve(engine.region.query(own)));
    }
    expect(engine.region.query(own)).toMatchObject({ items: [{}], more: false });
    const strong = engine.region.query({ ...own, consistent: true });
    expect(strong).toBeInstanceOf(Promise);
    expect((await world.run(Promise.resolve(strong))).items).toHaveLength(1);
  }
  await world.stop();
});
