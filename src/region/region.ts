import type { Awaitable } from '../base/awaitable.ts';
import type {
  Encryption,
  IndexDefinition,
  OnDemandThroughput,
  ReplicaOverrides,
  StreamViewType,
  Table,
  TableClass,
  TableDefinition,
  Throughput,
  TimeToLive,
} from '../model/table.ts';
import type { TagChange } from '../model/table-tags.ts';
import type {
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../partition/item-write.ts';
import type { TableStreams } from '../streams/table-streams.ts';
import type {
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from './transaction.ts';

/** What the API needs of the partitions' vocabulary: this file is all that it sees. */
export type {
  ItemChange,
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../partition/item-write.ts';
export type {
  CancellationReason,
  TransactedItem,
  TransactionAction,
  TransactionOutcome,
  TransactionRead,
  TransactionRequest,
} from './transaction.ts';

/** What the API needs of the streams' vocabulary. */
export type {
  Shard,
  ShardPlace,
  ShardPosition,
  ShardStart,
  StreamOfTable,
  TableStreams,
} from '../streams/table-streams.ts';
export { streamCreatedMs } from '../streams/shards.ts';

/**
 * One region, as its API sees it. Every method rejects with `ClientError` in DynamoDB's words, or with
 * `InternalServerError` when two zones cannot be had; requests arrive here valid.
 */
export interface Region {
  readonly name: string;
  readonly accountId: string;

  /** The streams of its tables. */
  readonly streams: TableStreams;

  /** The table of that name, whatever its status; undefined when there is none. Synchronous: from memory. */
  findTable(name: string): Table | undefined;
  /**
   * Takes over what was changed of tables elsewhere in the region before the call, where that may be unknown here; whether anything
   * was. For who was told that a table is not there, or not as it should be.
   */
  catchUp(): Promise<boolean>;
  /** All table names in code point order. */
  tableNames(): readonly string[];
  /** Of a table or an index. Counted by the copies as they apply; summed over partitions. */
  statistics(of: { readonly number: number }): {
    readonly itemCount: number;
    readonly sizeBytes: number;
  };
  /** The statuses of the other members, never the asked region. */
  replicas(table: Table): readonly ReplicaView[];

  createTable(name: string, definition: TableDefinition, settings?: TableSettings): Promise<Table>;
  /**
   * One request's changes of a table, for all its replicas but for what is this region's own. Answers once the change is
   * durable at the table's home; what it asks of indexes is done after. Rejects what cannot be as the table stands.
   */
  updateTable(name: string, change: TableChange): Promise<Table>;
  deleteTable(name: string): Promise<Table>;
  /** Of this region's table alone. Rejects for one that is being created or deleted, and as `changedTags` throws. */
  changeTags(name: string, change: TagChange): Promise<void>;
  /** One action, as AWS allows. Answers once the change is durable at the table's home; the work goes on after. */
  changeReplica(name: string, change: ReplicaChange): Promise<Table>;

  /**
   * `consistent` reads come from the leader; others from any copy in reach, mostly at once. Throws or rejects with
   * `InternalServerError` when it cannot be read.
   */
  getItem(read: ItemRead): Awaitable<ItemImage | undefined>;
  /** As consistent `getItem`s, of items of one table and in their order, in less time. Rejects where one of them would. */
  getCommittedItems(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (ItemImage | undefined)[]>;
  write(write: ItemWrite): Promise<WriteOutcome>;
  /**
   * Writes of different items, each made or not by itself, as `write` would do it, in less time. Results are in the order of the
   * writes. Rejects where none of them was asked for.
   */
  writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]>;
  /** All of it or nothing, serializable with every other transaction and single write of this region. */
  transactWrite(transaction: WriteTransaction): Promise<TransactionOutcome>;
  /** All as they stood at one moment: never the half of a transaction. */
  transactGet(reads: readonly TransactionRead[]): Promise<TransactionReadOutcome>;
  /** One page of the items that share a partition key: at once when they are at hand. */
  query(query: RangeQuery): Awaitable<Page>;
  /** One page of a table, or of one segment of it, in hash order. */
  scan(scan: TableScan): Promise<Page>;
}

/** What a new table has of this region alone. */
export type TableSettings = Pick<Table, 'tags' | 'deletionProtection' | 'resourcePolicy'>;

/** What is absent stays as it is. */
export interface TableChange {
  /** Of this region alone, so it comes alone. */
  readonly deletionProtection?: boolean;
  readonly billingMode?: TableDefinition['billingMode'];
  readonly provisionedThroughput?: Throughput;
  /** -1 takes a bound away; undefined leaves it. */
  readonly onDemandThroughput?: OnDemandThroughput;
  readonly warmThroughput?: WarmThroughputChange;
  readonly stream?: StreamViewType | 'off';
  readonly tableClass?: TableClass;
  readonly encryption?: Encryption | 'off';
  /** It comes alone. */
  readonly timeToLive?: Pick<TimeToLive, 'enabled' | 'attribute'>;
  /** At least one, each of another index. */
  readonly indexes?: readonly IndexChange[];
}

/** Undefined leaves what is. */
export interface WarmThroughputChange {
  readonly read: number | undefined;
  readonly write: number | undefined;
}

/** The throughput that a request asks for an index, as `TableChange` has it for the table. */
export interface IndexThroughputChange {
  readonly provisionedThroughput?: Throughput;
  readonly onDemandThroughput?: OnDemandThroughput;
  readonly warmThroughput?: WarmThroughputChange;
}

export type IndexChange =
  | {
      readonly kind: 'create';
      readonly index: Pick<IndexDefinition, 'name' | 'partition' | 'sort' | 'projection'>;
      readonly throughput: IndexThroughputChange;
    }
  | { readonly kind: 'update'; readonly name: string; readonly throughput: IndexThroughputChange }
  | { readonly kind: 'delete'; readonly name: string };

export interface ReplicaView {
  readonly region: string;
  readonly overrides?: ReplicaOverrides | undefined;
  readonly status: 'CREATING' | 'UPDATING' | 'DELETING' | 'ACTIVE';
}

export type ReplicaChange =
  | {
      readonly kind: 'create';
      readonly region: string;
      readonly overrides?: ReplicaOverrides | undefined;
    }
  /** -1 takes a bound on demand away; what equals the table's own is no override. */
  | { readonly kind: 'update'; readonly region: string; readonly overrides: ReplicaOverrides }
  | { readonly kind: 'delete'; readonly region: string };

export interface ItemRead {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
  readonly consistent: boolean;
}

/** Bounds common to pages. A page ends at `limit` items, or once the items in it pass `pageBytes` (1 MB). */
export interface PageBounds {
  readonly table: number;
  readonly consistent: boolean;
  /** At most this many items, evaluated, not matched. */
  readonly limit: number | undefined;
  /** Item key bytes after which (in the direction of reading) the page starts. It need not exist. */
  readonly startAfter: Uint8Array | undefined;
}

export interface RangeQuery extends PageBounds {
  /** Item key bytes from `from` inclusive to `to` exclusive, all of one partition key: see `itemKeyRange`. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly forward: boolean;
}

export interface TableScan extends PageBounds {
  /** Segment `segment` of `totalSegments`: equal parts of the hash space. */
  readonly segment: number;
  readonly totalSegments: number;
}

export interface Page {
  readonly items: readonly PageItem[];
  /** Whether the page stopped at a bound: the last item's key is then where the next one starts. */
  readonly more: boolean;
  /** The sum of the sizes of `items` as DynamoDB counts them. */
  readonly itemBytes: number;
}

export interface PageItem extends ItemImage {
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
}
