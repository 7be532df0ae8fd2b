import { expect, test } from 'vitest';

import type { Table } from '../../src/model/table.ts';
import { internalError } from '../../src/model/errors.ts';
import type { CommittedEntry, Follower } from '../../src/partition/partition.ts';
import { CatalogueFollower } from '../../src/region/catalogue-follower.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { SYSTEM_TABLE } from '../../src/storage/key-layout.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const tableCalled = (name: string, number: number): Table => ({
  number,
  name,
  tableId: `id of ${name}`,
  globalId: `global id of ${name}`,
  createdAtMs: 1,
  status: 'ACTIVE',
  definition: {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
  },
  global: undefined,
  parted: undefined,
});

/** Partition 0 as a node sees it, by hand: what is logged, what of it is applied, and how long a read of the copy takes. */
class World {
  readonly clock = new VirtualClock();
  readonly logger = new MemoryLogger();
  readonly catalogue = new Catalogue({ put: async () => {}, delete: async () => {} }, () => []);
  readonly tables: Table[] = [];
  applied = 0;
  readMs = 0;
  isRebuilding = false;
  isOld = false;
  readonly #log: CommittedEntry[] = [];
  #wake = (): void => {};
  readonly follower = new CatalogueFollower({
    catalogue: this.catalogue,
    follow: (after) => this.#follow(after),
    applied: () => this.applied,
    appliedThrough: async (index) => {
      while (this.applied < index) await this.clock.sleep(1);
    },
    documents: async () => this.#documents(),
    clock: this.clock,
    logger: this.logger,
  });

  /** An entry that is committed and not yet applied. */
  log(table: number, name = ''): number {
    const index = this.#log.length + 1;
    const key = Buffer.concat([Buffer.alloc(6), Buffer.from(name)]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that a follower of the catalogue looks at
    this.#log.push({ entry: { index }, records: [{ table, key }] } as unknown as CommittedEntry);
    this.#wake();
    return index;
  }

  /** Another node makes a table: it is in the log, and applied here. */
  make(name: string): number {
    this.tables.push(tableCalled(name, this.tables.length + 1));
    this.applied = this.log(SYSTEM_TABLE, `table/${name}`);
    return this.applied;
  }

  async #documents(): Promise<ReadonlyMap<string, unknown>> {
    if (this.isRebuilding) throw internalError();
    const documents = new Map<string, unknown>(
      this.tables.map((table) => [`table/${table.name}`, { ...table }]),
    );
    documents.set('catalogue', { lastNumber: this.tables.length, gone: [] });
    if (this.readMs > 0) await this.clock.sleep(this.readMs);
    return documents;
  }

  #follow(after: number): Follower {
    let at = after;
    const closed = new AbortController();
    const isClosed = (): boolean => closed.signal.aborted;
    return {
      next: async () => {
        while (!isClosed() && this.#log.length <= at)
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        const found = isClosed() ? [] : this.#log.slice(at, at + 1);
        at += found.length;
        return found;
      },
      seek: () => {},
      close: () => {
        closed.abort();
        this.#wake();
      },
    };
  }
}

test('a table that another node made is known once its entry is followed', async () => {
  const world = new World();
  world.make('First');
  await world.follower.start();
  expect(world.catalogue.find('First')).toBeDefined();
  const told: unknown[] = [];
  world.catalogue.onChange((before, after) => told.push([before?.name, after?.name]));
  const index = world.make('Second');
  await world.clock.runUntilSettled(world.follower.through(index));
  expect(world.catalogue.find('Second')?.number).toBe(2);
  expect(told).toEqual([[undefined, 'Second']]);
  await world.follower.stop();
});

test('entries that change no document are passed without reading any', async () => {
  const world = new World();
  await world.follower.start();
  world.readMs = 1_000_000;
  world.log(SYSTEM_TABLE, 'inbox/eu-west-1');
  const index = world.log(7);
  await world.clock.runUntilSettled(world.follower.through(index), 10_000);
  expect(world.clock.monotonicMs()).toBeLessThan(10_000);
  await world.follower.stop();
});

test('who waits for what does not come is told so', async () => {
  const world = new World();
  await world.follower.start();
  const waiting = world.follower.through(9);
  waiting.catch(() => {});
  await world.clock.advance(6000);
  await expect(waiting).rejects.toThrow('Internal');
  await world.follower.stop();
  await expect(world.follower.through(9)).rejects.toThrow('Internal');
});

test('while this node changes the catalogue, it knows what it has committed and nothing beyond', async () => {
  const world = new World();
  await world.follower.start();
  world.follower.pause(() => 3);
  await world.follower.through(3);
  const seen: string[] = [];
  // The node that has the seat since asks for what it has made.
  const index =
    [world.make('a'), world.make('b'), world.make('c'), world.make('Of another')].at(-1) ?? 0;
  const waiting = world.follower.through(index).then(() => seen.push('through'));
  await world.clock.advance(1000);
  expect(seen).toEqual([]);
  expect(world.catalogue.find('Of another')).toBeUndefined();
  await world.follower.resume();
  await world.clock.runUntilSettled(waiting);
  expect(world.catalogue.find('Of another')).toBeDefined();
  await world.follower.stop();
});

test('what was read before this node changed the catalogue does not replace it', async () => {
  const world = new World();
  await world.follower.start();
  world.readMs = 50;
  world.make('First');
  await world.clock.advance(10);
  world.follower.pause(() => 10);
  const own = tableCalled('Own', 5);
  world.catalogue.replace(new Map([['table/Own', own]]));
  await world.clock.advance(200);
  expect(world.catalogue.all.map(({ name }) => name)).toEqual(['Own']);
  await world.follower.stop();
});

test('a slow read of an older state never comes behind a newer one', async () => {
  const world = new World();
  await world.follower.start();
  world.readMs = 50;
  world.make('First');
  await world.clock.advance(5);
  world.readMs = 0;
  world.tables.push(tableCalled('Second', 2));
  await world.clock.runUntilSettled(world.follower.resume());
  await world.clock.advance(200);
  expect(world.catalogue.all.map(({ name }) => name)).toEqual(['First', 'Second']);
  await world.follower.stop();
});

test('a copy that is being filled says nothing of tables', async () => {
  const world = new World();
  world.make('First');
  await world.follower.start();
  world.isRebuilding = true;
  const index = world.make('Second');
  await world.clock.advance(1000);
  expect(world.catalogue.all.map(({ name }) => name)).toEqual(['First']);
  world.isRebuilding = false;
  await world.clock.runUntilSettled(world.follower.through(index));
  expect(world.catalogue.all.map(({ name }) => name)).toEqual(['First', 'Second']);
  await world.follower.stop();
});
