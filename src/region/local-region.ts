import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { addDigests, NO_DIGEST } from '../model/item-digest.ts';
import { internalError } from '../model/errors.ts';
import type { ItemDigest } from '../model/record.ts';
import type { Table, TableDefinition } from '../model/table.ts';
import { changedTags, type TagChange } from '../model/table-tags.ts';
import type {
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../partition/item-write.ts';
import { writeEachAlone } from '../partition/plain-writes.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type { Layout } from '../storage/layout.ts';
import type { TableStreams } from '../streams/table-streams.ts';
import type { Catalogue } from './catalogue.ts';
import type { GlobalIndexes } from './global-indexes.ts';
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
import { tableInUse, tableMissing } from './table-errors.ts';
import type { TableLifecycle } from './table-lifecycle.ts';
import type { TableUpdater } from './table-updater.ts';
import { assertMayDelete } from './update-admission.ts';
import type {
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from './transaction.ts';
import { Transactions } from './transactions.ts';

export interface LocalRegionOptions {
  readonly name: string;
  readonly accountId: string;
  /** By number; a split adds to it. */
  readonly partitions: readonly RegionPartition[];
  readonly layout: () => Layout;
  readonly catalogue: Catalogue;
  readonly lifecycle: TableLifecycle;
  readonly updater: Pick<TableUpdater, 'update'>;
  readonly replicas: ReplicaControl;
  readonly globalIndexes: Pick<GlobalIndexes, 'caughtUp'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly streams: TableStreams;
}

/** What changes the members of a global table. */
export interface ReplicaControl {
  /** Resolves once the change is durable at the table's home, with the table as it then stands here. */
  change(table: Table, change: ReplicaChange): Promise<Table>;
  /** The statuses of the other members, as they are shown. */
  view(table: Table): readonly ReplicaView[];
}

/** A region in this process, whose partitions may be led elsewhere. */
export class LocalRegion implements Region {
  readonly name: string;
  readonly accountId: string;
  readonly streams: TableStreams;
  readonly #options: LocalRegionOptions;
  readonly #catalogue: Catalogue;
  readonly #router: Router;
  readonly #transactions: Transactions;

  constructor(options: LocalRegionOptions) {
    this.#options = options;
    this.name = options.name;
    this.accountId = options.accountId;
    this.streams = options.streams;
    this.#catalogue = options.catalogue;
    this.#router = new Router(options.partitions, options.layout);
    this.#transactions = new Transactions({
      ...options,
      router: () => this.#router,
      admit: (table) => {
        assertTakesWrites(this.#catalogue, this.name, table);
      },
    });
  }

  findTable(name: string): Table | undefined {
    return this.#catalogue.find(name);
  }

  /** Nothing is changed elsewhere. */
  async catchUp(): Promise<boolean> {
    return false;
  }

  tableNames(): readonly string[] {
    return namesOf(this.#catalogue);
  }

  statistics({ number }: { readonly number: number }): {
    readonly itemCount: number;
    readonly sizeBytes: number;
  } {
    return statisticsOf(this.#options.partitions, number);
  }

  /** Equal in two regions that hold the same versions of the same items. Exact when nothing is being applied. */
  digest(table: Table): ItemDigest {
    return digestOf(this.#options.partitions, table.number);
  }

  replicas(table: Table): readonly ReplicaView[] {
    return this.#options.replicas.view(table);
  }

  async createTable(
    name: string,
    definition: TableDefinition,
    settings?: TableSettings,
  ): Promise<Table> {
    return this.#options.lifecycle.create(name, definition, settings);
  }

  async deleteTable(name: string): Promise<Table> {
    const table = this.#catalogue.find(name);
    if (table === undefined) throw tableMissing(name);
    assertMayDelete(table);
    if (table.status !== 'ACTIVE') throw tableInUse(table);
    return table.global === undefined
      ? this.#options.lifecycle.delete(name)
      : this.#options.replicas.change(table, { kind: 'delete', region: this.name });
  }

  async updateTable(name: string, change: TableChange): Promise<Table> {
    return this.#options.updater.update(name, change);
  }

  async changeTags(name: string, change: TagChange): Promise<void> {
    await this.#catalogue.change(name, (standing): Table => {
      if (standing === undefined) throw tableMissing(name);
      const { status, tags = [] } = standing;
      if (status === 'CREATING' || status === 'DELETING') throw tableInUse(standing);
      const changed = changedTags(tags, change);
      return changed === tags ? standing : { ...standing, tags: changed };
    });
  }

  async changeReplica(name: string, change: ReplicaChange): Promise<Table> {
    const table = this.#catalogue.find(name);
    if (table === undefined) throw tableMissing(name);
    return this.#options.replicas.change(table, change);
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
    assertTakesWrites(this.#catalogue, this.name, write.table);
    // Awaited: a promise that is returned as it is takes two turns more to arrive.
    return await this.#router.write(write);
  }

  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    const tables = new Set(writes.map(({ table }) => table));
    for (const table of tables) {
      if (takesWrites(this.#catalogue, this.name, table)) continue;
      // Those of the other tables are made.
      return writeEachAlone(writes, async (write) => this.write(write));
    }
    return await this.#router.writeEach(writes);
  }

  async transactWrite(transaction: WriteTransaction): Promise<TransactionOutcome> {
    return this.#transactions.write(transaction);
  }

  async transactGet(reads: readonly TransactionRead[]): Promise<TransactionReadOutcome> {
    return this.#transactions.read(reads);
  }

  query(query: RangeQuery): Awaitable<Page> {
    return this.#isGlobalIndex(query.table)
      ? this.#queryGlobalIndex(query)
      : this.#router.query(query);
  }

  async #queryGlobalIndex(query: RangeQuery): Promise<Page> {
    await this.#options.globalIndexes.caughtUp();
    return this.#router.query(query);
  }

  async scan(scan: TableScan): Promise<Page> {
    if (this.#isGlobalIndex(scan.table)) await this.#options.globalIndexes.caughtUp();
    return this.#router.scan(scan);
  }

  #isGlobalIndex(number: number): boolean {
    return this.#catalogue.indexByNumber(number)?.index.definition.kind === 'global';
  }
}

/** See `Region.tableNames`. */
export const namesOf = (catalogue: Catalogue): readonly string[] =>
  catalogue.all.map(({ name }) => name).toSorted(byCodePoint);

/** See `Region.statistics`. */
export function statisticsOf(
  partitions: readonly RegionPartition[],
  number: number,
): { readonly itemCount: number; readonly sizeBytes: number } {
  let itemCount = 0;
  let sizeBytes = 0;
  for (const partition of partitions) {
    const counters = partition.counters(number);
    itemCount += counters.itemCount;
    sizeBytes += counters.sizeBytes;
  }
  return { itemCount, sizeBytes };
}

/** See `Region.digest`. */
export const digestOf = (partitions: readonly RegionPartition[], number: number): ItemDigest =>
  partitions.map((partition) => partition.counters(number).digest).reduce(addDigests, NO_DIGEST);

/** A replica on its way out refuses writes, so that what it has can be shipped to the end. */
export function takesWrites(catalogue: Catalogue, region: string, number: number): boolean {
  const table = catalogue.byNumber(number);
  if (table === undefined || table.status === 'DELETING') return false;
  const phase = table.global?.members[region]?.phase;
  return phase === undefined || phase === 'active';
}

/** Throws `InternalServerError` for a table that does not take writes. */
function assertTakesWrites(catalogue: Catalogue, region: string, table: number): void {
  if (!takesWrites(catalogue, region, table)) throw internalError();
}

const byCodePoint = (a: string, b: string): number => (a < b ? -1 : 1);
