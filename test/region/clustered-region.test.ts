import { expect, test } from 'vitest';
import { NO_STREAMS } from '../support/no-streams.ts';

import { Catalogue } from '../../src/region/catalogue.ts';
import { ClusteredRegion } from '../../src/region/clustered-region.ts';
import type { TableOrder } from '../../src/region/seat-line.ts';
import { Layout } from '../../src/storage/layout.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A node whose orders are answered by hand, and whose catalogue comes later. */
function newRegion() {
  const clock = new VirtualClock();
  const orders: TableOrder[] = [];
  const awaited: number[] = [];
  const table = { name: 'Orders' };
  const region = new ClusteredRegion({
    clock,
    random: new SeededRandom(1),
    streams: NO_STREAMS,
    name: 'us-east-1',
    accountId: '000000000000',
    partitions: () => [],
    layout: () => Layout.even(1),
    catalogue: new Catalogue({ put: async () => {}, delete: async () => {} }, () => []),
    follower: {
      through: async (index) => {
        await clock.sleep(100);
        awaited.push(index);
      },
    },
    seat: {
      order: async (order) => {
        orders.push(order);
        const isTold = order.kind !== 'look' && order.kind !== 'tag';
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        return { table: isTold ? (table as never) : undefined, catalogueIndex: 7 + orders.length };
      },
    },
  });
  return { clock, region, orders, awaited, table };
}

test('a change of a table is answered once this node knows of it', async () => {
  const { clock, region, orders, awaited, table } = newRegion();
  const deleted = region.deleteTable('Orders');
  await clock.advance(50);
  expect([orders.length, awaited]).toEqual([1, []]);
  expect(await clock.runUntilSettled(deleted)).toBe(table);
  expect(awaited).toEqual([8]);
});

test('what changes tables goes to the seat, one order for each', async () => {
  const { clock, region, orders } = newRegion();
  const change = { kind: 'delete', region: 'eu-west-1' } as const;
  await clock.runUntilSettled(region.updateTable('Orders', { deletionProtection: true }));
  await clock.runUntilSettled(region.changeTags('Orders', { kind: 'remove', keys: ['k'] }));
  await clock.runUntilSettled(region.changeReplica('Orders', change));
  expect(orders).toEqual([
    { kind: 'update', name: 'Orders', change: { deletionProtection: true } },
    { kind: 'tag', name: 'Orders', change: { kind: 'remove', keys: ['k'] } },
    { kind: 'replica', name: 'Orders', change },
  ]);
});

test('who catches up has what the seat had when it asked', async () => {
  const { clock, region, orders, awaited } = newRegion();
  expect(await clock.runUntilSettled(region.catchUp())).toBe(true);
  expect([orders, awaited]).toEqual([[{ kind: 'look' }], [8]]);
});
