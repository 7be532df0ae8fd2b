import {
  HORIZON,
  type ShardPlace,
  type SourceRecord,
  type StreamPage,
  type StreamPosition,
  type StreamShard,
  type StreamSource,
} from '../../src/triggers/stream-source.ts';

interface MemoryShard {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly records: SourceRecord[];
  trimmed: number;
  isOpen: boolean;
}

export interface MemoryWrite {
  readonly key: string;
  readonly value?: string | number;
  readonly createdMs?: number;
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Streams of tables in memory, which tests write to, close, split, trim and break. */
export class MemoryStream implements StreamSource {
  readonly streams = new Map<string, Map<string, MemoryShard>>();
  /** By table. */
  readonly enabled = new Map<string, string>();
  pageRecordsMax = 100;
  failure: Error | undefined;
  reads = 0;
  /** Whether positions move with every read, as those in a log do that has more than one table's records. */
  drifts = false;
  #sequence = 1000;

  enable(table: string, label: string): string {
    const arn = `arn:aws:dynamodb:us-east-1:000000000000:table/${table}/stream/${label}`;
    this.streams.set(arn, new Map());
    this.enabled.set(table, arn);
    return arn;
  }

  disable(table: string): void {
    const arn = this.enabled.get(table);
    this.enabled.delete(table);
    for (const shard of this.streams.get(arn ?? '')?.values() ?? []) shard.isOpen = false;
  }

  open(streamArn: string, id: string, parentId?: string): void {
    const shard = { id, parentId, records: [], trimmed: 0, isOpen: true };
    this.streams.get(streamArn)?.set(id, shard);
  }

  close(streamArn: string, id: string): void {
    this.#shard({ streamArn, shardId: id }).isOpen = false;
  }

  /** Forgets the oldest. */
  trim(streamArn: string, id: string, count: number): void {
    this.#shard({ streamArn, shardId: id }).trimmed += count;
  }

  /** Resolves with the sequence number. */
  write(place: ShardPlace, { key, value, createdMs = 0, members = {} }: MemoryWrite): string {
    this.#sequence += 1;
    const sequenceNumber = String(this.#sequence);
    const record = {
      eventID: sequenceNumber,
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(createdMs / 1000),
        Keys: { id: { S: key } },
        NewImage: { id: { S: key }, value: { N: String(value ?? 0) } },
        SequenceNumber: sequenceNumber,
        SizeBytes: 10,
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
      ...members,
    };
    const json = JSON.stringify(record);
    this.#shard(place).records.push({ json, sequenceNumber, position: sequenceNumber, createdMs });
    return sequenceNumber;
  }

  enabledStream(table: string): string | undefined {
    return this.enabled.get(table);
  }

  async shards(streamArn: string): Promise<readonly StreamShard[] | undefined> {
    this.#fail();
    const shards = this.streams.get(streamArn);
    return shards === undefined ? undefined : [...shards.values()];
  }

  async end(place: ShardPlace): Promise<StreamPosition> {
    this.#fail();
    return this.#shard(place).records.at(-1)?.position ?? HORIZON;
  }

  async read(place: ShardPlace, after: StreamPosition): Promise<StreamPage> {
    this.reads += 1;
    this.#fail();
    const { records, trimmed, isOpen } = this.#shard(place);
    const asked =
      after === HORIZON
        ? 0
        : records.findIndex(({ position }) => position === after.split('/')[0]) + 1;
    const from = Math.max(asked, trimmed);
    const page = records.slice(from, from + this.pageRecordsMax);
    const isAtEnd = from + page.length >= records.length;
    const next = isAtEnd && !isOpen ? undefined : (page.at(-1)?.position ?? this.#drifted(after));
    return { records: page, next, isAtEnd, isTrimmed: after !== HORIZON && from > asked };
  }

  #drifted(after: StreamPosition): StreamPosition {
    return this.drifts ? `${after.split('/')[0] ?? ''}/${this.reads}` : after;
  }

  #shard({ streamArn, shardId }: ShardPlace): MemoryShard {
    const shard = this.streams.get(streamArn)?.get(shardId);
    if (shard === undefined) throw new Error(`no shard ${shardId} of ${streamArn}`);
    return shard;
  }

  #fail(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
