import { formatTableArn } from '../model/table-arn.ts';
import type { KeySchema, Table, TableStream } from '../model/table.ts';
import { StreamReader, type StreamReaderOptions } from '../streams/stream-reader.ts';
import type {
  ReadBounds,
  Shard,
  ShardPlace,
  ShardPosition,
  ShardRead,
  ShardStart,
  StreamOfTable,
  StreamStatus,
  TableStreams,
} from '../streams/table-streams.ts';
import type { Catalogue } from './catalogue.ts';

export interface ReadableStreamsOptions extends StreamReaderOptions {
  readonly accountId: string;
  readonly catalogue: Catalogue;
}

/** The streams of a region's tables: the catalogue says which there are, the logs what they tell. */
export class ReadableStreams implements TableStreams {
  readonly #options: ReadableStreamsOptions;
  readonly #reader: StreamReader;

  constructor(options: ReadableStreamsOptions) {
    this.#options = options;
    this.#reader = new StreamReader(options);
  }

  list(): readonly StreamOfTable[] {
    const { catalogue, clock, keptMs } = this.#options;
    const oldestMs = clock.wallMs() - keptMs;
    const found: StreamOfTable[] = [];
    for (const table of catalogue.all)
      for (const stream of table.streams ?? [])
        found.push(this.#of(namesOf(table), stream, statusOf(table, stream)));
    for (const gone of catalogue.goneStreams)
      for (const stream of gone.streams) found.push(this.#of(gone, stream, 'DISABLED'));
    return found
      .filter(({ stream: { end } }) => end === undefined || end.atMs > oldestMs)
      .toSorted((a, b) => (a.arn < b.arn ? -1 : 1));
  }

  find(arn: string): StreamOfTable | undefined {
    return this.list().find((stream) => stream.arn === arn);
  }

  #of(
    { tableName, number, tableId, keySchema }: TableNames,
    stream: TableStream,
    status: StreamStatus,
  ): StreamOfTable {
    const { region, accountId } = this.#options;
    const arn = `${formatTableArn({ region, accountId, tableName })}/stream/${stream.label}`;
    return { arn, tableName, table: number, tableId, keySchema, stream, status };
  }

  async shards(stream: StreamOfTable): Promise<readonly Shard[]> {
    return this.#reader.shards(stream);
  }

  async position(
    stream: StreamOfTable,
    shardId: string,
    start: ShardStart,
  ): Promise<{ readonly place: ShardPlace; readonly position: ShardPosition }> {
    return this.#reader.position(stream, shardId, start);
  }

  async read(
    stream: StreamOfTable,
    shard: ShardPlace,
    position: ShardPosition,
    bounds: ReadBounds,
  ): Promise<ShardRead> {
    return this.#reader.read(stream, shard, position, bounds);
  }
}

interface TableNames {
  readonly tableName: string;
  readonly number: number;
  readonly tableId: string;
  readonly keySchema: KeySchema;
}

const namesOf = ({ name, number, tableId, definition }: Table): TableNames => ({
  tableName: name,
  number,
  tableId,
  keySchema: definition.keySchema,
});

/** As AWS shows the stream of a table while it changes. Source: measured, DDB-TABLE-050 of api-quirks. */
function statusOf({ status, definition, updates }: Table, { end }: TableStream): StreamStatus {
  if (end !== undefined) return 'DISABLED';
  if (definition.stream === undefined || status === 'DELETING') return 'DISABLING';
  const isNew = status === 'CREATING' || (updates?.some(({ kind }) => kind === 'stream') ?? false);
  return isNew ? 'ENABLING' : 'ENABLED';
}
