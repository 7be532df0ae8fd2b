import type { TableDefinition, Table } from '../model/table.ts';
import type { ItemImage, ItemWrite, WriteOutcome } from '../partition/item-write.ts';

/** What the API needs of the partitions' vocabulary: this file is all that it sees. */
export type { ItemChange, ItemImage, ItemWrite, WriteOutcome } from '../partition/item-write.ts';

/**
 * One region, as its API sees it. Every method rejects with `ClientError` in DynamoDB's words, or with
 * `InternalServerError` when two zones cannot be had; requests arrive here valid.
 */
export interface Region {
  readonly name: string;
  readonly accountId: string;

  /** The table of that name, whatever its status; undefined when there is none. Synchronous: from memory. */
  findTable(name: string): Table | undefined;
  /** All table names in code point order. */
  tableNames(): readonly string[];
  /** Counted by the copies as they apply; summed over partitions. */
  statistics(table: Table): { readonly itemCount: number; readonly sizeBytes: number };
  /** The statuses of the other members, never the asked region. */
  replicas(table: Table): readonly ReplicaView[];

  createTable(name: string, definition: TableDefinition): Promise<Table>;
  deleteTable(name: string): Promise<Table>;
  /** One action, as AWS allows. Answers once the change is durable at the table's home; the work goes on after. */
  changeReplica(name: string, change: ReplicaChange): Promise<Table>;

  /** `consistent` reads come from the leader; others from any copy in reach. Rejects for a table not ACTIVE or UPDATING. */
  getItem(read: ItemRead): Promise<ItemImage | undefined>;
  write(write: ItemWrite): Promise<WriteOutcome>;
  /** One page of the items that share a partition key. */
  query(query: RangeQuery): Promise<Page>;
  /** One page of a table, or of one segment of it, in hash order. */
  scan(scan: TableScan): Promise<Page>;
}

export interface ReplicaView {
  readonly region: string;
  readonly status: 'CREATING' | 'UPDATING' | 'DELETING' | 'ACTIVE';
}

export type ReplicaChange =
  | { readonly kind: 'create'; readonly region: string }
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
