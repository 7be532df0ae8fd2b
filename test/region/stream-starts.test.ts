import { expect, test } from 'vitest';

import type { LogPlace, Table } from '../../src/model/table.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { IndexedTables } from '../../src/region/indexed-tables.ts';
import { StreamStarts } from '../../src/region/stream-starts.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const placeAt = (index: number): LogPlace => ({
  logId: 'log',
  epoch: 1,
  index,
  checksum: 1,
  partitionTime: index,
});

const TABLE: Table = {
  number: 0,
  name: 'T',
  tableId: 'id',
  globalId: 'global',
  createdAtMs: 0,
  status: 'ACTIVE',
  definition: {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
  },
  global: undefined,
  parted: undefined,
};

/** Two partitions whose leaders are asked, and answer, as the test says. */
class World {
  readonly clock = VirtualClock.quick();
  readonly catalogue = new Catalogue({ put: async () => {}, delete: async () => {} }, () => []);
  readonly tables = new IndexedTables(this.catalogue);
  /** What leaders knew of the table when they were asked. */
  readonly known: unknown[] = [];
  index = 10;
  failures = 0;
  readonly starts: StreamStarts;

  constructor() {
    const partition = {
      advanceTime: async (): Promise<LogPlace> => {
        this.known.push(this.tables.indexed(this.table.number));
        await this.clock.sleep(100);
        if (this.failures > 0) {
          this.failures -= 1;
          throw new Error('nobody leads');
        }
        this.index += 1;
        return placeAt(this.index);
      },
    };
    this.starts = new StreamStarts({
      catalogue: this.catalogue,
      partitions: [partition, partition],
      clock: this.clock,
      logger: new MemoryLogger(),
      shardMs: 1000,
    });
  }

  get table(): Table {
    return this.catalogue.find('T') ?? TABLE;
  }

  async enable(label: string): Promise<void> {
    await this.catalogue.change('T', (table) => ({
      ...(table ?? TABLE),
      definition: { ...(table ?? TABLE).definition, stream: 'OLD_IMAGE' as const },
      streamLabel: label,
    }));
  }
}

async function newWorld(): Promise<World> {
  const world = new World();
  await world.catalogue.change('T', () => TABLE);
  await world.starts.start();
  return world;
}

test('a stream begins behind what was written before leaders knew of it, and is seen by nobody before', async () => {
  const world = await newWorld();
  expect(world.tables.indexed(world.table.number)).toBeUndefined();
  await world.enable('one');
  expect(world.known).toEqual([
    expect.objectContaining({ keepsOldImages: true, marksUnchanged: true }),
    expect.objectContaining({ keepsOldImages: true, marksUnchanged: true }),
  ]);
  expect(world.table.streams).toBeUndefined();
  await world.clock.runUntilSettled(world.starts.begun('T'));
  expect(world.table.streams).toEqual([
    { label: 'one', view: 'OLD_IMAGE', shardMs: 1000, starts: [placeAt(11), placeAt(12)] },
  ]);
  await world.clock.runUntilSettled(world.starts.begun('T'));
  await world.starts.stop();
});

test('it begins once every log can be appended to; who waits for it is not kept for ever', async () => {
  const world = await newWorld();
  world.failures = 20;
  const fromMs = world.clock.monotonicMs();
  await world.enable('one');
  await world.clock.runUntilSettled(world.starts.begun('T'));
  expect(world.clock.monotonicMs() - fromMs).toBe(4000);
  expect(world.table.streams).toBeUndefined();
  await world.clock.advance(10_000);
  expect(world.table.streams).toMatchObject([{ label: 'one' }]);
  await world.starts.stop();
});

test('a stream that is disabled before it could begin never does, and the next one does', async () => {
  const world = await newWorld();
  world.failures = 2;
  await world.enable('one');
  await world.catalogue.change('T', (table) => {
    const { stream: _off, ...definition } = (table ?? TABLE).definition;
    return { ...(table ?? TABLE), definition };
  });
  await world.clock.advance(5000);
  expect(world.table.streams).toBeUndefined();
  await world.enable('two');
  await world.clock.runUntilSettled(world.starts.begun('T'));
  expect(world.table.streams).toMatchObject([{ label: 'two' }]);
  await world.starts.stop();
});

test('what a process before has enabled begins with the next', async () => {
  const world = new World();
  await world.catalogue.change('T', () => TABLE);
  await world.enable('one');
  expect(world.table.streams).toBeUndefined();
  await world.starts.start();
  await world.clock.runUntilSettled(world.starts.begun('T'));
  expect(world.table.streams).toMatchObject([{ label: 'one' }]);
  await world.starts.stop();
});

test('a table is born with its stream', async () => {
  const world = new World();
  await world.starts.start();
  await world.enable('one');
  expect(world.table.streams).toMatchObject([{ label: 'one', starts: [] }]);
  expect(world.known).toEqual([]);
  await world.starts.stop();
});
