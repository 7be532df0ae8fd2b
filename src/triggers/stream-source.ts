/**
 * What triggers need of DynamoDB Streams, as a port: streams of tables, their shards, and records in order. Every method may
 * reject; whoever asked waits and asks again.
 */
export interface StreamSource {
  /** The ARN of the table's stream that takes records now; undefined while the table has none, or is not there. */
  enabledStream(table: string): string | undefined;
  /** Every shard that can still be read, closed ones too; undefined when nothing is known of the stream any more. */
  shards(streamArn: string): Promise<readonly StreamShard[] | undefined>;
  /** Where a shard ends at this moment: what is read from there was written later. */
  end(place: ShardPlace): Promise<StreamPosition>;
  /** What follows a position. */
  read(place: ShardPlace, after: StreamPosition, options: ReadOptions): Promise<StreamPage>;
}

export interface ReadOptions {
  /** Whether records say where they come from: under `tidemark` the origin region, the version and the cause. */
  readonly metadata: boolean;
}

export interface ShardPlace {
  readonly streamArn: string;
  readonly shardId: string;
}

/** A place in a shard, in words of the source's own that hold for ever. */
export type StreamPosition = string;

/** Before the oldest record that is kept. */
export const HORIZON: StreamPosition = 'horizon';

export interface StreamShard {
  readonly id: string;
  /** Of the shard that must be done before, so that what is said of an item is in order. */
  readonly parentId: string | undefined;
  readonly isOpen: boolean;
}

export interface StreamPage {
  /** At most about 1 MB or 1000 of them. May be empty. */
  readonly records: readonly SourceRecord[];
  /** Where to go on; undefined when the shard is closed and this page reaches its end. */
  readonly next: StreamPosition | undefined;
  /** Whether nothing follows at this moment. */
  readonly isAtEnd: boolean;
  /** Whether records between where was asked and where the page begins are kept no more. */
  readonly isTrimmed: boolean;
}

export interface SourceRecord {
  /** The record as `GetRecords` answers it: an object in JSON. */
  readonly json: string;
  readonly sequenceNumber: string;
  /** To go on behind this record. */
  readonly position: StreamPosition;
  /** When it was written, in wall time. */
  readonly createdMs: number;
}
