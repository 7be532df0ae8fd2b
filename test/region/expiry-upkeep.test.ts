import { expect, onTestFinished, test } from 'vitest';

import { EMPTY_END } from '../../src/log/chain.ts';
import type { Table } from '../../src/model/table.ts';
import type { ItemVersion, ScannedItem } from '../../src/partition/partition.ts';
import { ExpiryUpkeep, type FilledPartition } from '../../src/region/expiry-upkeep.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TABLE: Table = {
  number: 1,
  name: 'sessions',
  tableId: 'id',
  globalId: 'global',
  createdAtMs: 1,
  status: 'ACTIVE',
  definition: {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
    timeToLive: { attribute: 'ttl', enabled: true, changedAtMs: 1 },
  },
  global: undefined,
  parted: undefined,
};

const itemOf = (name: string): ScannedItem => ({
  key: Buffer.from(name),
  version: { time: 1, region: 'here' },
  replaced: undefined,
  image: Buffer.from('{"ttl":{"N":"2000000000"}}'),
  itemBytes: 10,
});

/** Items that have no due time yet, a page each. */
class FakePartition implements FilledPartition {
  readonly said: string[] = [];
  names: readonly string[];
  onScan = (): void => {};

  constructor(names: readonly string[]) {
    this.names = names;
  }

  async advanceTime(): Promise<typeof EMPTY_END> {
    return EMPTY_END;
  }

  async scan(_table: number, after: Uint8Array | undefined): Promise<readonly ScannedItem[]> {
    const from = after === undefined ? '' : Buffer.from(after).toString();
    const next = this.names.find((name) => name > from);
    this.onScan();
    return next === undefined ? [] : [itemOf(next)];
  }

  async reemit(_table: number, items: readonly ItemVersion[]): Promise<void> {
    for (const { key } of items) this.said.push(Buffer.from(key).toString());
  }
}

test('what a split takes from a partition on the way through it is said again by the child', async () => {
  const clock = new VirtualClock();
  const parent = new FakePartition(['a', 'b', 'c']);
  const child = new FakePartition(['b', 'c']);
  const partitions: FakePartition[] = [parent];
  parent.onScan = () => {
    parent.names = ['a'];
    if (partitions.length === 1) partitions.push(child);
  };
  const settled: (number | undefined)[] = [];
  const upkeep = new ExpiryUpkeep({
    region: 'here',
    partitions,
    catalogue: {
      all: [TABLE],
      onChange: () => () => {},
      change: async (_name, next) => {
        const table = await next(TABLE);
        settled.push(table?.timeToLiveAtMs);
        return table;
      },
    },
    clock,
    nowMs: () => clock.wallMs(),
    logger: new MemoryLogger(),
    statusMs: 0,
  });
  onTestFinished(async () => upkeep.stop());
  await upkeep.start();
  await clock.advance(1000);
  expect(settled).toEqual([1]);
  expect([...parent.said, ...child.said]).toEqual(['a', 'b', 'c']);
});
