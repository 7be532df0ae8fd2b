import { randomUuid } from '../../src/base/random.ts';
import type { Random } from '../../src/base/random.ts';
import { applyUpdate } from '../../src/expression/apply-update.ts';
import { updatedBytes } from '../../src/expression/updated-bytes.ts';
import { evaluateCondition } from '../../src/expression/evaluate-condition.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { ClientError, validationError } from '../../src/model/errors.ts';
import { validateUpdatedIndexKeys } from '../../src/model/index-key-validation.ts';
import { itemKeyHash } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import { ITEM_BYTES_MAX, PAGE_BYTES_MAX } from '../../src/model/limits.ts';
import { TRANSACTION_CONFLICT, UPDATED_ITEM_TOO_LARGE } from '../../src/model/messages.ts';
import type {
  GlobalTable,
  ReplicaOverrides,
  Table,
  TableDefinition,
  TableIndex,
} from '../../src/model/table.ts';
import { changedTags, type TagChange } from '../../src/model/table-tags.ts';
import type {
  ItemChange,
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../../src/partition/item-write.ts';
import { writeEachAlone } from '../../src/partition/plain-writes.ts';
import type {
  ItemRead,
  Page,
  PageBounds,
  PageItem,
  RangeQuery,
  Region,
  ReplicaChange,
  ReplicaView,
  TableChange,
  TableScan,
  TableSettings,
} from '../../src/region/region.ts';
import { changedOverrides } from '../../src/region/replica-overrides.ts';
import { changedDefinition } from '../../src/region/definition-change.ts';
import { withStatus } from '../../src/region/membership.ts';
import { settledTable, withDefinition } from '../../src/region/table-updates.ts';
import { assertMayDelete, assertMayUpdate } from '../../src/region/update-admission.ts';
import { MemoryIndexes } from './memory-indexes.ts';
import { NO_STREAMS } from './no-streams.ts';
import { SeededRandom } from './seeded-random.ts';
import { isWrite, itemName, MemoryTransactions } from './memory-transactions.ts';
import type { TableStreams } from '../../src/streams/table-streams.ts';
import type {
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from '../../src/region/transaction.ts';

const HASHES = 2 ** 32;

interface StoredTable {
  table: Table;
  /** By item key bytes. */
  readonly items: PageItem[];
  readonly replicas: Map<string, ReplicaOverrides | undefined>;
}

export interface MemoryRegionOptions {
  readonly name?: string;
  readonly accountId?: string;
  readonly wallMs?: () => number;
}

/**
 * A region in memory: one sorted list per table, every write at once. Tables are ACTIVE when `createTable`
 * resolves, gone when `deleteTable` does, and replicas exist by name only.
 */
export class MemoryRegion implements Region {
  readonly name: string;
  readonly accountId: string;
  streams: TableStreams = NO_STREAMS;
  /** When set, item reads and writes reject with it. */
  failure: Error | undefined;
  readonly transactions: MemoryTransactions;
  readonly #wallMs: () => number;
  readonly #random: Random = new SeededRandom(1);
  readonly #tables = new Map<string, StoredTable>();
  readonly #byNumber = new Map<number, StoredTable>();
  readonly #indexes = new MemoryIndexes();
  #created = 0;

  constructor(options: MemoryRegionOptions = {}) {
    this.name = options.name ?? 'us-east-1';
    this.accountId = options.accountId ?? '000000000000';
    this.#wallMs = options.wallMs ?? ((): number => 1_700_000_000_123);
    this.transactions = new MemoryTransactions({
      wallMs: this.#wallMs,
      find: (read) => this.#find(read),
      evaluate: ({ condition, change }, before) => {
        const old = before === undefined ? undefined : parse(before);
        if (condition !== undefined && !evaluateCondition(condition, old)) return 'refused';
        return isWrite(change) ? imageAfter(change, old) : before;
      },
      store: (read, after) => {
        this.#store(read, after);
      },
    });
  }

  findTable(name: string): Table | undefined {
    return this.#tables.get(name)?.table;
  }

  async catchUp(): Promise<boolean> {
    return false;
  }

  tableNames(): readonly string[] {
    return [...this.#tables.keys()].toSorted();
  }

  statistics({ number }: { readonly number: number }): {
    readonly itemCount: number;
    readonly sizeBytes: number;
  } {
    const items = this.#byNumber.get(number)?.items ?? this.#indexes.entriesOf(number) ?? [];
    return {
      itemCount: items.length,
      sizeBytes: items.reduce((sum, item) => sum + item.itemBytes, 0),
    };
  }

  replicas(table: Table): readonly ReplicaView[] {
    const regions = this.#byNumber.get(table.number)?.replicas ?? [];
    return [...regions].map(([region, overrides]) => ({ region, status: 'ACTIVE', overrides }));
  }

  async createTable(
    name: string,
    definition: TableDefinition,
    settings: TableSettings = {},
  ): Promise<Table> {
    if (this.#tables.has(name)) {
      throw new ClientError('ResourceInUseException', `Table already exists: ${name}`);
    }
    this.#created += 1;
    const table: Table = {
      ...settings,
      number: this.#created,
      name,
      tableId: randomUuid(this.#random),
      globalId: randomUuid(this.#random),
      createdAtMs: this.#wallMs(),
      status: 'ACTIVE',
      definition,
      global: undefined,
      parted: undefined,
      ...this.#indexesOf(definition),
      ...(definition.stream !== undefined && { streamLabel: '2023-11-14T22:13:20.123' }),
      ...(definition.billingMode === 'PAY_PER_REQUEST' && { payPerRequestAtMs: this.#wallMs() }),
    };
    const stored: StoredTable = { table, items: [], replicas: new Map() };
    this.#tables.set(name, stored);
    this.#byNumber.set(table.number, stored);
    for (const index of table.indexes ?? []) this.#indexes.make(table, index, []);
    const indexes = table.indexes?.map((index) => ({ ...index, status: 'CREATING' as const }));
    return { ...table, status: 'CREATING', ...(indexes !== undefined && { indexes }) };
  }

  /** As a region does, and all at once: whatever was under way is over when it resolves. */
  async updateTable(name: string, change: TableChange): Promise<Table> {
    const stored = this.#named(name);
    const { deletionProtection, ...shared } = change;
    if (deletionProtection !== undefined) {
      stored.table = { ...stored.table, deletionProtection };
      return stored.table;
    }
    const nowMs = this.#wallMs();
    assertMayUpdate(stored.table, shared);
    const definition = changedDefinition(stored.table, shared, nowMs);
    if (definition === stored.table.definition) return { ...stored.table, status: 'UPDATING' };
    const changed = withDefinition(stored.table, definition, nowMs);
    const indexes = changed.indexes?.map((index) => {
      this.#created += index.number === 0 ? 1 : 0;
      return index.number === 0 ? { ...index, number: this.#created } : index;
    });
    const answer = withStatus({ ...changed, ...(indexes !== undefined && { indexes }) }, this.name);
    stored.table = this.#settled(answer, stored.items);
    return answer;
  }

  #settled(table: Table, items: readonly ItemImage[]): Table {
    const settled = settledTable(table, Infinity, this.#wallMs());
    const indexes = settled.indexes?.flatMap((index): TableIndex[] => {
      if (index.status === 'DELETING') {
        this.#indexes.drop(index.number);
        return [];
      }
      if (index.status === 'CREATING') this.#indexes.make(table, index, items);
      return [{ ...index, status: 'ACTIVE', backfilling: false }];
    });
    return withStatus({ ...settled, ...(indexes !== undefined && { indexes }) }, this.name);
  }

  async deleteTable(name: string): Promise<Table> {
    const { table } = this.#named(name);
    assertMayDelete(table);
    this.#tables.delete(name);
    this.#byNumber.delete(table.number);
    for (const { number } of table.indexes ?? []) this.#indexes.drop(number);
    return { ...table, status: 'DELETING' };
  }

  async changeTags(name: string, change: TagChange): Promise<void> {
    const stored = this.#named(name);
    stored.table = { ...stored.table, tags: changedTags(stored.table.tags ?? [], change) };
  }

  /** Puts a table into a state that a real region only passes through. */
  alterTable(name: string, changes: Partial<Table>): void {
    const stored = this.#named(name);
    stored.table = { ...stored.table, ...changes };
  }

  async changeReplica(name: string, change: ReplicaChange): Promise<Table> {
    const stored = this.#named(name);
    const standing = stored.replicas.get(change.region);
    if (change.kind === 'delete') stored.replicas.delete(change.region);
    else {
      const overrides = changedOverrides(standing, change.overrides ?? {}, stored.table);
      stored.replicas.set(change.region, overrides);
    }
    const global: GlobalTable = {
      home: this.name,
      term: 1,
      revision: 1,
      members: {},
      debts: [],
    };
    stored.table = { ...stored.table, global: stored.replicas.size > 0 ? global : undefined };
    return { ...stored.table, status: 'UPDATING' };
  }

  async getItem(read: ItemRead): Promise<ItemImage | undefined> {
    this.#enter();
    return this.#find(read);
  }

  async getCommittedItems(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (ItemImage | undefined)[]> {
    return Promise.all(keys.map(async (key) => this.getItem({ table, key, consistent: true })));
  }

  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    return writeEachAlone(writes, async (write) => this.write(write));
  }

  async write(write: ItemWrite): Promise<WriteOutcome> {
    this.#enter();
    const before = this.#find(write);
    if (this.transactions.busy.has(itemName(write)))
      throw new ClientError('TransactionConflictException', TRANSACTION_CONFLICT);
    const old = before === undefined ? undefined : parse(before);
    if (write.condition !== undefined && !evaluateCondition(write.condition, old)) {
      return { kind: 'refused', before };
    }
    const after = imageAfter(write.change, old);
    this.#store(write, after);
    return { kind: 'applied', before, after };
  }

  async transactWrite(transaction: WriteTransaction): Promise<TransactionOutcome> {
    this.#enter();
    return this.transactions.write(transaction);
  }

  async transactGet(reads: readonly TransactionRead[]): Promise<TransactionReadOutcome> {
    this.#enter();
    return this.transactions.read(reads);
  }

  #find({ table, key }: TransactionRead): ItemImage | undefined {
    const { items } = this.#numbered(table);
    const at = lowerBound(items, key);
    return isAt(items, at, key) ? items[at] : undefined;
  }

  #store({ table: number, key }: TransactionRead, after: ItemImage | undefined): void {
    const { items, table } = this.#numbered(number);
    const at = lowerBound(items, key);
    const before = isAt(items, at, key) ? items[at] : undefined;
    const replaced = before === undefined ? 0 : 1;
    if (after === undefined) items.splice(at, replaced);
    else items.splice(at, replaced, { key, ...after });
    this.#indexes.follow(table, before, after);
  }

  async query(query: RangeQuery): Promise<Page> {
    this.#enter();
    const items = this.#itemsOf(query.table);
    const range = items.slice(lowerBound(items, query.from), lowerBound(items, query.to));
    return page(query.forward ? range : range.toReversed(), query, query.forward);
  }

  async scan(scan: TableScan): Promise<Page> {
    this.#enter();
    const items = this.#itemsOf(scan.table);
    const segment = items.filter(
      ({ key }) => Math.floor((itemKeyHash(key) * scan.totalSegments) / HASHES) === scan.segment,
    );
    return page(segment, scan, true);
  }

  #enter(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  #named(name: string): StoredTable {
    const stored = this.#tables.get(name);
    if (stored === undefined) throw notFound();
    return stored;
  }

  #indexesOf({ indexes = [] }: TableDefinition): Pick<Table, 'indexes'> {
    if (indexes.length === 0) return {};
    return {
      indexes: indexes.map((definition) => {
        this.#created += 1;
        return { definition, number: this.#created, status: 'ACTIVE', backfilling: false };
      }),
    };
  }

  /** The items of a table, or the entries of an index. */
  #itemsOf(number: number): readonly PageItem[] {
    return this.#indexes.entriesOf(number) ?? this.#numbered(number).items;
  }

  #numbered(number: number): StoredTable {
    const stored = this.#byNumber.get(number);
    if (stored === undefined) throw notFound();
    return stored;
  }
}

const notFound = (): ClientError =>
  new ClientError('ResourceNotFoundException', 'Requested resource not found');

const parse = ({ image }: ItemImage): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- images are items' JSON
  JSON.parse(Buffer.from(image).toString()) as AttributeMap;

function imageAfter(change: ItemChange, old: AttributeMap | undefined): ItemImage | undefined {
  if (change.kind === 'delete') return undefined;
  if (change.kind === 'put') return { image: change.image, itemBytes: change.itemBytes };
  const { update, keyAttributes, indexKeys } = change;
  const { item } = applyUpdate(update, { current: old, keyAttributes });
  if (item === undefined) return undefined;
  if (indexKeys !== undefined) validateUpdatedIndexKeys(indexKeys, item);
  const itemBytes = itemSizeBytes(item);
  const countedBytes =
    change.sizedAs === 'item'
      ? itemBytes
      : updatedBytes(update, { item, itemBytes, bytesMax: ITEM_BYTES_MAX });
  if (countedBytes > ITEM_BYTES_MAX) throw validationError(UPDATED_ITEM_TOO_LARGE);
  return { image: Buffer.from(JSON.stringify(item)), itemBytes };
}

/** The index of the first item at or above `key`. */
function lowerBound(items: readonly PageItem[], key: Uint8Array): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && Buffer.compare(item.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isAt(items: readonly PageItem[], at: number, key: Uint8Array): boolean {
  const item = items[at];
  return item !== undefined && Buffer.compare(item.key, key) === 0;
}

function page(items: readonly PageItem[], bounds: PageBounds, forward: boolean): Page {
  const { startAfter, limit } = bounds;
  const taken: PageItem[] = [];
  let itemBytes = 0;
  for (const item of items) {
    if (startAfter !== undefined) {
      const order = Buffer.compare(item.key, startAfter);
      if (forward ? order <= 0 : order >= 0) continue;
    }
    taken.push(item);
    itemBytes += item.itemBytes;
    if (taken.length === limit || itemBytes > PAGE_BYTES_MAX) {
      return { items: taken, more: true, itemBytes };
    }
  }
  return { items: taken, more: false, itemBytes };
}
