import { ClientError } from '../model/errors.ts';
import type { ShardPosition, StreamOfTable, TableStreams } from '../streams/table-streams.ts';
import {
  HORIZON,
  type ReadOptions,
  type ShardPlace,
  type StreamPage,
  type StreamPosition,
  type StreamShard,
  type StreamSource,
} from './stream-source.ts';

/** A page: DynamoDB's limits of `GetRecords`. */
const PAGE = { recordsMax: 1000, bytesMax: 1024 * 1024 } as const;

/** The streams of a region as triggers follow them. A position is the sequence number that it is behind. */
export class TableStreamSource implements StreamSource {
  readonly #streams: TableStreams;

  constructor(streams: TableStreams) {
    this.#streams = streams;
  }

  enabledStream(table: string): string | undefined {
    const isTaking = ({ tableName, status }: StreamOfTable): boolean =>
      tableName === table && (status === 'ENABLED' || status === 'ENABLING');
    return this.#streams.list().find(isTaking)?.arn;
  }

  async shards(streamArn: string): Promise<readonly StreamShard[] | undefined> {
    const stream = this.#streams.find(streamArn);
    if (stream === undefined) return undefined;
    const shards = await this.#streams.shards(stream);
    return shards.map(({ id, parentId, last }) => ({ id, parentId, isOpen: last === undefined }));
  }

  async end({ streamArn, shardId }: ShardPlace): Promise<StreamPosition> {
    const stream = this.#find(streamArn);
    const { position } = await this.#streams.position(stream, shardId, { kind: 'latest' });
    return textOf(position);
  }

  async read(
    place: ShardPlace,
    after: StreamPosition,
    { metadata }: ReadOptions,
  ): Promise<StreamPage> {
    try {
      return await this.#page(place, { after, metadata, isTrimmed: false });
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'TrimmedDataAccessException')
        throw error;
      return this.#page(place, { after: HORIZON, metadata, isTrimmed: true });
    }
  }

  async #page(
    { streamArn, shardId }: ShardPlace,
    {
      after,
      metadata,
      isTrimmed,
    }: {
      readonly after: StreamPosition;
      readonly metadata: boolean;
      readonly isTrimmed: boolean;
    },
  ): Promise<StreamPage> {
    const stream = this.#find(streamArn);
    const place = await this.#place(stream, shardId);
    const { records, next, isAtEnd } = await this.#streams.read(stream, place, positionOf(after), {
      ...PAGE,
      metadata,
    });
    return {
      records: records.map(({ json, sequenceNumber, writtenAtMs }) => ({
        json,
        sequenceNumber,
        position: sequenceNumber,
        createdMs: writtenAtMs,
      })),
      next: next === undefined ? undefined : textOf(next),
      isAtEnd,
      isTrimmed,
    };
  }

  readonly #places = new Map<string, PlaceInStream>();

  /** Where a shard is never changes. */
  async #place(stream: StreamOfTable, shardId: string): Promise<PlaceInStream> {
    const known = this.#places.get(shardId);
    if (known !== undefined) return known;
    const shards = await this.#streams.shards(stream);
    if (this.#places.size + shards.length > PLACES_MAX) this.#places.clear();
    for (const { id, place } of shards) this.#places.set(id, place);
    const found = this.#places.get(shardId);
    if (found === undefined) throw new Error(`${stream.arn} has no shard ${shardId} any more`);
    return found;
  }

  #find(streamArn: string): StreamOfTable {
    const stream = this.#streams.find(streamArn);
    if (stream === undefined) throw new Error(`there is no stream ${streamArn} any more`);
    return stream;
  }
}

/** Remembered. More are looked for anew. */
const PLACES_MAX = 100_000;

type PlaceInStream = Parameters<TableStreams['read']>[1];

const textOf = (position: ShardPosition): StreamPosition =>
  position.kind === 'horizon' ? HORIZON : position.sequenceNumber;

const positionOf = (position: StreamPosition): ShardPosition =>
  position === HORIZON ? { kind: 'horizon' } : { kind: 'after', sequenceNumber: position };
