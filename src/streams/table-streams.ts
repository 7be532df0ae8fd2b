import type { KeySchema, TableStream } from '../model/table.ts';

/** A stream of a table, which may be deleted by now. */
export interface StreamOfTable {
  readonly arn: string;
  readonly tableName: string;
  /** The number under which the logs have the table's records. */
  readonly table: number;
  readonly tableId: string;
  readonly keySchema: KeySchema;
  readonly stream: TableStream;
  readonly status: StreamStatus;
}

export type StreamStatus = 'ENABLING' | 'ENABLED' | 'DISABLING' | 'DISABLED';

/** What can be read of one partition's log between two moments. */
export interface Shard {
  readonly id: string;
  /** Of the shard that must be read before, so that what is said of an item is in order; undefined when there is none. */
  readonly parentId: string | undefined;
  /** A sequence number at or before that of its first record. */
  readonly first: string;
  /** A sequence number at or behind that of its last record; undefined while it is open. */
  readonly last: string | undefined;
  readonly place: ShardPlace;
}

/** Names a shard of a stream for reading: plain data, which may be kept and sent. */
export interface ShardPlace {
  readonly partition: number;
  /** Of the stretch of the partition's log that the stream covers: see `eras`. */
  readonly era: number;
  /** Which of the spans of time, counted from the stream's beginning. */
  readonly span: number;
}

/** `horizon`: from the oldest that is kept. `after`: what follows a sequence number. Plain data, as `ShardPlace`. */
export type ShardPosition =
  | { readonly kind: 'horizon' }
  | { readonly kind: 'after'; readonly sequenceNumber: string };

export interface ReadBounds {
  /** At most so many records. */
  readonly recordsMax: number;
  /** At most so many bytes of records as DynamoDB counts them, but for a first record that is larger. */
  readonly bytesMax: number;
  /** Whether records say where they come from: origin region, version and cause. */
  readonly metadata: boolean;
}

export interface ShardRead {
  readonly records: readonly StreamRecord[];
  /** Where to go on; undefined at the end of a closed shard. It may have moved without any record. */
  readonly next: ShardPosition | undefined;
  /** Whether nothing further was committed when it was read. */
  readonly isAtEnd: boolean;
}

export interface StreamRecord {
  readonly sequenceNumber: string;
  /** As `SizeBytes`. */
  readonly sizeBytes: number;
  /** When it was written, about, in ms since 1970. */
  readonly writtenAtMs: number;
  /** The record as GetRecords answers it, an object in JSON. */
  readonly json: string;
}

export type ShardStart =
  | { readonly kind: 'trim-horizon' | 'latest' }
  | { readonly kind: 'at' | 'after'; readonly sequenceNumber: string };

/**
 * The streams of a region's tables, for its API and for whoever follows them in this process. Methods reject with
 * `ClientError` in DynamoDB's words: `TrimmedDataAccessException` for what is no longer kept, `ResourceNotFoundException`
 * for a shard that is not there.
 */
export interface TableStreams {
  /** In the order of their ARNs, those included that ended less than a day ago. */
  list(): readonly StreamOfTable[];
  find(arn: string): StreamOfTable | undefined;
  /** In the order of their ids, parents before children. Those of which nothing is kept are gone. */
  shards(stream: StreamOfTable): Promise<readonly Shard[]>;
  /** Where to read from. Rejects with `ValidationException` for a sequence number that is none of the shard's. */
  position(
    stream: StreamOfTable,
    shardId: string,
    start: ShardStart,
  ): Promise<{ readonly place: ShardPlace; readonly position: ShardPosition }>;
  /**
   * What follows a position in a shard. It reads a bounded part of the log, so there may be no records though there are
   * some further on: `next` and `isAtEnd` tell.
   */
  read(
    stream: StreamOfTable,
    shard: ShardPlace,
    position: ShardPosition,
    bounds: ReadBounds,
  ): Promise<ShardRead>;
}
