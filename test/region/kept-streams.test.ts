import { expect, test } from 'vitest';

import type { LogPlace, Table } from '../../src/model/table.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { StreamStarts } from '../../src/region/stream-starts.ts';
import { StreamUpkeep, streamHours } from '../../src/region/stream-upkeep.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR_MS = 3_600_000;

const placeAt = (index: number): LogPlace => ({
  logId: 'log',
  epoch: 1,
  index,
  checksum: 1,
  partitionTime: index,
});

/** A catalogue over documents that outlive it, and logs that end where the test says. */
class World {
  readonly documents = new Map<string, unknown>();
  readonly clock = new VirtualClock();
  index = 10;
  /** What is told of the ends of logs that leaders elsewhere append to; nothing where all of them are here. */
  settledEnds: (() => Promise<readonly LogPlace[]>) | undefined;
  catalogue = this.open();

  open(): Catalogue {
    const catalogue = new Catalogue(
      {
        put: async (name, document) => {
          this.documents.set(name, JSON.parse(JSON.stringify(document)));
        },
        delete: async (name) => {
          this.documents.delete(name);
        },
      },
      () => [this.#place(), this.#place()],
      {
        nowMs: () => this.clock.wallMs(),
        shardMs: HOUR_MS,
        ...(this.settledEnds !== undefined && { settledEnds: this.settledEnds }),
      },
    );
    catalogue.load(this.documents);
    return catalogue;
  }

  #place(): LogPlace {
    return placeAt(this.index);
  }

  async create(change: Partial<Table> = {}): Promise<Table> {
    return this.catalogue.change('T', (): Table => ({
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
      ...change,
    }));
  }

  async change(change: (table: Table) => Table): Promise<Table | undefined> {
    return this.catalogue.change('T', (table) => table && change(table));
  }

  async enable(label: string): Promise<void> {
    await this.change((table) => ({
      ...table,
      definition: { ...table.definition, stream: 'NEW_IMAGE' },
      streamLabel: label,
    }));
    await this.begin();
  }

  /** What is to begin does. */
  async begin(): Promise<void> {
    const partition = { advanceTime: async () => this.#place() };
    const starts = new StreamStarts({
      catalogue: this.catalogue,
      partitions: [partition, partition],
      clock: this.clock,
      logger: new MemoryLogger(),
      shardMs: HOUR_MS,
    });
    await starts.start();
    await starts.begun('T');
    await starts.stop();
  }

  async disable(): Promise<void> {
    await this.change(({ definition: { stream: _off, ...definition }, ...table }) => ({
      ...table,
      definition,
    }));
  }

  /** What the catalogue has, as another process reads it. */
  streams(): Table['streams'] {
    return this.open().find('T')?.streams;
  }
}

test('a stream begins where the logs end, and ends where they end then; a new one has a new label', async () => {
  const world = new World();
  await world.create();
  expect(world.streams()).toBeUndefined();
  world.index = 20;
  await world.enable('one');
  world.index = 30;
  await world.change((table) => ({ ...table, deletionProtection: true }));
  expect(world.streams()).toMatchObject([{ label: 'one', starts: [{ index: 20 }, { index: 20 }] }]);
  expect(world.streams()?.[0]?.end).toBeUndefined();
  await world.disable();
  world.index = 40;
  await world.enable('two');
  expect(world.streams()).toMatchObject([
    { label: 'one', end: { atMs: world.clock.wallMs(), places: [{ index: 30 }, { index: 30 }] } },
    { label: 'two', shardMs: HOUR_MS, view: 'NEW_IMAGE', starts: [{ index: 40 }, { index: 40 }] },
  ]);
});

test('where others append, a stream ends where they say: what has none goes on, and asks nobody', async () => {
  const world = new World();
  await world.create();
  await world.enable('one');
  let asked = 0;
  let isLed = false;
  world.settledEnds = async () => {
    asked += 1;
    if (!isLed) throw new Error('nobody leads a partition');
    return [placeAt(50), placeAt(60), placeAt(70)];
  };
  world.catalogue = world.open();
  await world.change((table) => ({ ...table, deletionProtection: true }));
  expect(asked).toBe(0);
  await expect(world.disable()).rejects.toThrow('nobody leads');
  await expect(world.catalogue.change('T', () => undefined)).rejects.toThrow('nobody leads');
  expect(world.streams()?.[0]?.end).toBeUndefined();
  isLed = true;
  await world.disable();
  const places = [{ index: 50 }, { index: 60 }, { index: 70 }];
  expect(world.streams()).toMatchObject([{ label: 'one', end: { places } }]);
  // It has ended: the table's removal does not move that.
  const before = asked;
  await world.catalogue.change('T', () => undefined);
  expect(asked).toBe(before);
  expect(world.open().goneStreams[0]?.streams).toMatchObject([{ end: { places } }]);
});

test('while it is being disabled it goes on', async () => {
  const world = new World();
  const table = await world.create({ streamLabel: 'one' });
  await world.enable('one');
  const before = table.definition;
  await world.change(({ definition: { stream: _off, ...definition }, ...rest }) => ({
    ...rest,
    definition,
    updates: [{ kind: 'stream', index: undefined, sinceMs: 0, before }],
  }));
  expect(world.streams()?.[0]?.end).toBeUndefined();
  world.index = 50;
  await world.change((standing) => ({ ...standing, updates: [] }));
  expect(world.streams()?.[0]?.end?.places[0]?.index).toBe(50);
});

test('the streams of a deleted table are kept for their time', async () => {
  const world = new World();
  await world.create();
  await world.enable('one');
  await world.catalogue.change('T', () => undefined);
  const gone = { tableName: 'T', tableId: 'id', streams: [{ label: 'one' }] };
  expect(world.open().goneStreams).toMatchObject([gone]);
  const kept = { hours: 24 };
  expect(streamHours(world.catalogue, kept)).toBe(24);
  await world.catalogue.forgetStreams(world.clock.wallMs() - 1);
  expect(world.open().goneStreams).toMatchObject([gone]);
  await world.catalogue.forgetStreams(world.clock.wallMs());
  expect(world.catalogue.goneStreams).toEqual([]);
  expect(world.open().goneStreams).toEqual([]);
  expect(streamHours(world.catalogue, kept)).toBe(0);
});

function upkeepOf(
  { catalogue, clock }: World,
  partitions: ConstructorParameters<typeof StreamUpkeep>[0]['partitions'] = [],
): StreamUpkeep {
  const logger = new MemoryLogger();
  return new StreamUpkeep({ catalogue, partitions, clock, logger, keptMs: 24 * HOUR_MS });
}

test('ended streams are forgotten after a day, and a stream of an earlier program begins at the start', async () => {
  const world = new World();
  await world.create();
  await world.enable('one');
  await world.disable();
  await world.clock.advance(25 * HOUR_MS);
  await upkeepOf(world).look();
  expect(world.streams()).toEqual([]);
  await world.enable('two');
  const { streams: _unknown, ...old } = world.catalogue.find('T') ?? {};
  world.documents.set('table/T', old);
  world.catalogue = world.open();
  expect(world.catalogue.find('T')?.streams).toBeUndefined();
  world.index = 70;
  await world.begin();
  expect(world.streams()).toMatchObject([{ label: 'two', starts: [{ index: 70 }, { index: 70 }] }]);
});

test('logs are kept from where the oldest stream begins', async () => {
  const world = new World();
  await world.create();
  expect(upkeepOf(world).releaseFloor(0)).toBeUndefined();
  await world.enable('one');
  world.index = 90;
  await world.enable('two');
  expect(upkeepOf(world).releaseFloor(1)).toBe(10);
});

test('the time of a partition that logs only what comes from elsewhere is moved, that of an idle one is not', async () => {
  const world = new World();
  await world.create();
  await world.enable('one');
  let [index, advanced] = [1, 0];
  const partition = {
    number: 0,
    get committed() {
      return { logId: 'log', epoch: 1, index, checksum: 0, partitionTime: 0 };
    },
    advanceTime: async () => {
      advanced += 1;
      index += 1;
      return partition.committed;
    },
  };
  const upkeep = upkeepOf(world, [partition]);
  await upkeep.look();
  await upkeep.look();
  expect(advanced).toBe(0);
  index += 1;
  await upkeep.look();
  await upkeep.look();
  expect(advanced).toBe(1);
});
