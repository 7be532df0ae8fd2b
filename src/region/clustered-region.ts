import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { internalError } from '../model/errors.ts';
import type { Table, TableDefinition } from '../model/table.ts';
import type { TagChange } from '../model/table-tags.ts';
import type {
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../partition/item-write.ts';
import type { Layout } from '../storage/layout.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type { TableStreams } from '../streams/table-streams.ts';
import type { Catalogue } from './catalogue.ts';
import type { CatalogueFollower } from './catalogue-follower.ts';
import { namesOf, statisticsOf } from './local-region.ts';
import { replicaViews } from './membership.ts';
import type {
  ItemRead,
  Page,
  RangeQuery,
  Region,
  ReplicaChange,
  ReplicaView,
  TableChange,
  TableScan,
  TableSettings,
} from './region.ts';
import { Router } from './router.ts';
import type { SeatLine, TableOrder } from './seat-line.ts';
import type {
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from './transaction.ts';
import { Transactions } from './transactions.ts';

export interface ClusteredRegionOptions {
  readonly name: string;
  readonly accountId: string;
  /** By number, once they are there. */
  readonly partitions: () => readonly RegionPartition[];
  /** Which of them has which hashes, at this moment. */
  readonly layout: () => Layout;
  readonly catalogue: Catalogue;
  readonly follower: Pick<CatalogueFollower, 'through'>;
  readonly seat: Pick<SeatLine, 'order'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly streams: TableStreams;
}

/** A region of several nodes, as one of them serves it: items by way of their partitions, tables by way of the region's seat. */
export class ClusteredRegion implements Region {
  readonly name: string;
  readonly accountId: string;
  readonly streams: TableStreams;
  readonly #options: ClusteredRegionOptions;
  readonly #transactions: Transactions;
  #opened: Router | undefined;

  constructor(options: ClusteredRegionOptions) {
    this.name = options.name;
    this.accountId = options.accountId;
    this.streams = options.streams;
    this.#options = options;
    this.#transactions = new Transactions({
      ...options,
      router: () => this.#router,
      // Leaders refuse what their catalogue says takes no writes.
      admit: () => {},
    });
  }

  get #router(): Router {
    if (this.#opened !== undefined) return this.#opened;
    const { partitions, layout } = this.#options;
    this.#opened = new Router(partitions(), layout);
    return this.#opened;
  }

  findTable(name: string): Table | undefined {
    return this.#options.catalogue.find(name);
  }

  async catchUp(): Promise<boolean> {
    await this.#order({ kind: 'look' });
    return true;
  }

  tableNames(): readonly string[] {
    return namesOf(this.#options.catalogue);
  }

  statistics({ number }: { readonly number: number }): {
    readonly itemCount: number;
    readonly sizeBytes: number;
  } {
    return statisticsOf(this.#options.partitions(), number);
  }

  replicas(table: Table): readonly ReplicaView[] {
    return table.global === undefined ? [] : replicaViews(table.global, this.name);
  }

  async createTable(
    name: string,
    definition: TableDefinition,
    settings?: TableSettings,
  ): Promise<Table> {
    return this.#change({ kind: 'create', name, definition, settings });
  }

  async updateTable(name: string, change: TableChange): Promise<Table> {
    return this.#change({ kind: 'update', name, change });
  }

  async deleteTable(name: string): Promise<Table> {
    return this.#change({ kind: 'delete', name });
  }

  async changeTags(name: string, change: TagChange): Promise<void> {
    await this.#order({ kind: 'tag', name, change });
  }

  async changeReplica(name: string, change: ReplicaChange): Promise<Table> {
    return this.#change({ kind: 'replica', name, change });
  }

  async #change(order: TableOrder): Promise<Table> {
    const table = await this.#order(order);
    if (table === undefined) throw internalError();
    return table;
  }

  /** What the order has changed is known here when it resolves: a client reads its own changes. */
  async #order(order: TableOrder): Promise<Table | undefined> {
    const { seat, follower } = this.#options;
    const { table, catalogueIndex } = await seat.order(order);
    await follower.through(catalogueIndex);
    return table;
  }

  getItem(read: ItemRead): Awaitable<ItemImage | undefined> {
    return this.#router.getItem(read);
  }

  async getCommittedItems(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (ItemImage | undefined)[]> {
    return this.#router.getCommittedItems(table, keys);
  }

  async write(write: ItemWrite): Promise<WriteOutcome> {
    return this.#router.write(write);
  }

  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    return this.#router.writeEach(writes);
  }

  async transactWrite(transaction: WriteTransaction): Promise<TransactionOutcome> {
    return this.#transactions.write(transaction);
  }

  async transactGet(reads: readonly TransactionRead[]): Promise<TransactionReadOutcome> {
    return this.#transactions.read(reads);
  }

  query(query: RangeQuery): Awaitable<Page> {
    return this.#router.query(query);
  }

  async scan(scan: TableScan): Promise<Page> {
    return this.#router.scan(scan);
  }
}
