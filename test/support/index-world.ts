import { present } from '../../src/base/assert.ts';
import { TICKS_PER_MS } from '../../src/clock/hybrid-time.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { encodeIndexKey, projectedNames } from '../../src/model/index-key.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import type { IndexDefinition, Table, TableDefinition } from '../../src/model/table.ts';
import { Applier } from '../../src/partition/applier.ts';
import type { ItemWrite } from '../../src/partition/item-write.ts';
import { LocalPartition } from '../../src/partition/local-partition.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { GlobalIndexes } from '../../src/region/global-indexes.ts';
import { IndexedTables } from '../../src/region/indexed-tables.ts';
import { IndexProgress } from '../../src/region/index-progress.ts';
import { Router } from '../../src/region/router.ts';
import { SystemDocuments } from '../../src/region/system-documents.ts';
import { bornIndexes, isIndexChanging, reconcileIndexes } from '../../src/region/table-indexes.ts';
import { resolve } from '../../src/replication/resolve.ts';
import { Layout } from '../../src/storage/layout.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { VirtualClock } from './virtual-clock.ts';

const PARTITIONS = 3;
const NAME = 'Orders';

const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

/** A global index on the attribute `name`, and on `size` within it. */
export const indexOn = (
  name: string,
  projection: IndexDefinition['projection'] = { kind: 'all' },
): IndexDefinition => ({
  name: `by ${name}`,
  kind: 'global',
  partition: [{ name, type: 'S' }],
  sort: [{ name: 'size', type: 'N' }],
  projection,
});

interface Running {
  readonly node: StorageNode;
  readonly applier: Applier;
  readonly partitions: readonly LocalPartition[];
  readonly router: Router;
  readonly catalogue: Catalogue;
  readonly progress: IndexProgress;
  readonly indexes: GlobalIndexes;
}

/** One region of three partitions with one table, in virtual time, over memory logs and one memory store. */
export class IndexWorld {
  readonly clock = new VirtualClock();
  readonly logger = new MemoryLogger();
  readonly logs = Array.from(
    { length: PARTITIONS },
    (_, number) => new MemoryLog(this.clock, number),
  );
  #disk = new MemoryStoreDisk();
  #running: Running | undefined;
  #now = 0;

  static async start(indexes: readonly IndexDefinition[] = []): Promise<IndexWorld> {
    const world = new IndexWorld();
    await world.run(world.#start());
    const definition = { ...DEFINITION, indexes };
    await world.run(
      world.running.catalogue.change(NAME, (): Table => {
        const table: Table = {
          number: 0,
          name: NAME,
          tableId: 'table-id',
          globalId: 'global-id',
          createdAtMs: 0,
          status: 'CREATING',
          definition,
          global: undefined,
          parted: undefined,
        };
        const made = bornIndexes(definition);
        return {
          ...table,
          status: 'ACTIVE',
          indexes: made.map((index) => ({ ...index, status: 'ACTIVE' })),
        };
      }),
    );
    return world;
  }

  get running(): Running {
    return present(this.#running, 'a running region');
  }

  get table(): Table {
    return present(this.running.catalogue.find(NAME), 'the table');
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise);
  }

  async #start(): Promise<void> {
    const { clock, logger } = this;
    let tables: IndexedTables | undefined;
    const partitions = this.logs.map(
      (log, number) =>
        new LocalPartition({
          number,
          partitionCount: PARTITIONS,
          region: 'east',
          log,
          clock,
          now: () => (this.#now = Math.max(this.#now + 1, clock.wallMs() * TICKS_PER_MS)),
          resolve,
          keepsTombstones: () => false,
          indexed: (table) => tables?.indexed(table),
          onFailure: () => {},
          onDamage: () => {},
        }),
    );
    const node = await StorageNode.open({
      zone: 'a',
      store: await this.#disk.open(),
      partitionCount: PARTITIONS,
      partitions: partitions.map(({ number }) => number),
    });
    const applier = new Applier({ node, partitions, clock, onFailure: () => {} });
    applier.start();
    await Promise.all(
      partitions.map(async (partition) => partition.open(`log-${partition.number}`).durable),
    );
    while (partitions.some(({ copies }) => copies.serving.length === 0)) await clock.sleep(2);
    const documents = new SystemDocuments(present(partitions[0], 'a first partition'));
    const catalogue = new Catalogue(documents, () => partitions.map(({ committed }) => committed));
    const progress = new IndexProgress(documents);
    const all = await documents.all();
    catalogue.load(all);
    progress.load(all);
    tables = new IndexedTables(catalogue);
    const layout = Layout.even(PARTITIONS);
    const indexes = new GlobalIndexes({
      region: 'east',
      partitions,
      layout: () => layout,
      catalogue,
      tables,
      progress,
      clock,
      logger,
      statusMs: 10,
      dropItems: async (table) => node.dropTable(table),
    });
    await indexes.start();
    const router = new Router(partitions, () => layout);
    this.#running = { node, applier, partitions, router, catalogue, progress, indexes };
  }

  /**
   * Everything ends at once, in the middle of what it does, and a new process begins over what is durable. `lose`: before
   * that takes something away from the logs, and all of the store, which follows them from their beginning then.
   */
  async crash(lose?: () => void): Promise<void> {
    const { node, applier, partitions, indexes } = this.running;
    for (const partition of partitions) partition.stop();
    await this.run(indexes.stop());
    // What was on its way to the logs is there now, or never will be.
    await this.clock.advance(20);
    await this.run(applier.stop());
    await this.run(node.close());
    lose?.();
    if (lose !== undefined) this.#disk = new MemoryStoreDisk();
    await this.run(this.#start());
  }

  /** The logs keep nothing that the store has applied. */
  trim(): void {
    for (const [number, log] of this.logs.entries())
      log.trim(this.running.node.copy(number).position.index);
  }

  async define(indexes: readonly IndexDefinition[]): Promise<void> {
    await this.run(
      this.running.catalogue.change(NAME, (standing): Table => {
        const table = present(standing, 'the table');
        const definition = { ...table.definition, indexes };
        const next = { ...table, definition, indexes: reconcileIndexes(table, definition) };
        return isIndexChanging(next) ? { ...next, status: 'UPDATING' } : next;
      }),
    );
  }

  /** Resolves when durable. */
  async put(item: AttributeMap): Promise<unknown> {
    const image = Buffer.from(JSON.stringify(item));
    const itemBytes = itemSizeBytes(item);
    return this.#write(item, { kind: 'put', image, itemBytes });
  }

  async remove(item: AttributeMap): Promise<unknown> {
    return this.#write(item, { kind: 'delete' });
  }

  async #write(item: AttributeMap, change: ItemWrite['change']): Promise<unknown> {
    const { number, definition } = this.table;
    const key = encodeItemKey(definition.keySchema, item);
    return this.running.router.write({
      table: number,
      key,
      change,
      condition: undefined,
      cause: 'user',
    });
  }

  /** Waits until the indexes have taken everything, and nothing of them is under way. */
  async settle(): Promise<void> {
    const isSettled = (): boolean =>
      this.table.status === 'ACTIVE' &&
      !isIndexChanging(this.table) &&
      this.running.indexes.pendingEntries().every((pending) => pending === 0);
    for (let look = 0; look < 2000 && !isSettled(); look += 1) await this.clock.advance(10);
    if (!isSettled()) throw new Error('the indexes do not settle');
  }

  /** All items, or entries of an index, of that number: as JSON texts by key. */
  async itemsOf(table: number): Promise<readonly string[]> {
    const page = await this.run(
      this.running.router.scan({
        table,
        consistent: true,
        limit: undefined,
        startAfter: undefined,
        segment: 0,
        totalSegments: 1,
      }),
    );
    return page.items.map(({ key, image }) => textOf(key, image));
  }

  /** What an index must hold, by the table. */
  async projectionOf(index: IndexDefinition): Promise<readonly string[]> {
    const { number, definition } = this.table;
    const names = projectedNames(index, definition.keySchema);
    const items = await this.itemsOf(number);
    return items
      .map((text): AttributeMap => JSON.parse(text.slice(text.indexOf('{'))))
      .flatMap((item) => {
        const key = encodeIndexKey(index, definition.keySchema, item);
        if (key === undefined) return [];
        const projected = Object.fromEntries(
          Object.entries(item).filter(
            ([name]) => index.projection.kind === 'all' || names.has(name),
          ),
        );
        return [textOf(key, Buffer.from(JSON.stringify(projected)))];
      })
      .toSorted();
  }
}

const textOf = (key: Uint8Array, image: Uint8Array): string =>
  `${Buffer.from(key).toString('hex')} ${Buffer.from(image).toString()}`;
