import type { Clock } from '../../src/base/clock.ts';
import { hybridTimeOf } from '../../src/clock/hybrid-time.ts';
import { EMPTY_END, endOf } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { LogEnd } from '../../src/log/entry.ts';
import { LogError } from '../../src/log/replicated-log.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { encodeRecords } from '../../src/model/record-codec.ts';
import type { Cause, ItemRecord } from '../../src/model/record.ts';
import type { KeySchema, StreamViewType, TableStream } from '../../src/model/table.ts';
import type { CommittedEntry, Follower } from '../../src/partition/partition.ts';
import type { PartitionSplit } from '../../src/streams/eras.ts';
import type { LogSource } from '../../src/streams/log-source.ts';
import { StreamReader } from '../../src/streams/stream-reader.ts';
import type {
  ReadBounds,
  ShardPlace,
  ShardPosition,
  StreamOfTable,
} from '../../src/streams/table-streams.ts';

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const TABLE = 7;
const KEY_SCHEMA: KeySchema = { partition: { name: 'id', type: 'S' }, sort: undefined };

export const ALL: ReadBounds = { recordsMax: 1000, bytesMax: 1024 * 1024, metadata: false };

/** A change of the item called `id`; its images have one number. */
export interface Change {
  readonly id: string;
  readonly to?: number;
  readonly from?: number;
  readonly table?: number;
  readonly cause?: Cause;
  /** So many more bytes in each image. */
  readonly ballast?: number;
}

const imageOf = (id: string, n: number | undefined, ballast = 0): Uint8Array | undefined =>
  n === undefined
    ? undefined
    : Buffer.from(
        JSON.stringify({ id: { S: id }, n: { N: String(n) }, x: { S: 'x'.repeat(ballast) } }),
      );

function recordOf({ id, to, from, table = TABLE, cause = 'user', ballast }: Change): ItemRecord {
  const oldImage = imageOf(id, from, ballast);
  return {
    table,
    key: encodeItemKey(KEY_SCHEMA, { id: { S: id } }),
    version: { time: hybridTimeOf(START_MS), region: 'us-east-1' },
    replaced: undefined,
    image: imageOf(id, to, ballast),
    itemBytes: to === undefined ? 0 : 10,
    keepsTombstone: false,
    previous:
      oldImage === undefined ? { kind: 'none' } : { kind: 'item', digest: [0, 0], itemBytes: 10 },
    ...(oldImage !== undefined && { oldImage }),
    cause,
  };
}

function closing(): { readonly closed: Promise<void>; readonly close: () => void } {
  let close: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  return { closed, close: () => close?.() };
}

/** A partition's log as an array. */
export class ArrayLog implements LogSource {
  readonly number: number;
  entries: CommittedEntry[] = [];
  trimmed = 0;
  /** How often it was read. */
  reads = 0;
  /** Reads wait, and end only when they are given up. */
  isStuck = false;

  constructor(number: number) {
    this.number = number;
  }

  get committed(): LogEnd {
    const last = this.entries.at(-1);
    return last === undefined ? EMPTY_END : endOf(last.entry);
  }

  get first(): number {
    return this.trimmed + 1;
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    const found = index <= this.trimmed ? undefined : this.entries[index - 1];
    return found && endOf(found.entry);
  }

  follow(after: number): Follower {
    if (after < this.trimmed) throw new LogError('trimmed', 'gone');
    let at = after;
    const { closed, close } = closing();
    return {
      next: async (limitBytes) => {
        this.reads += 1;
        if (this.isStuck) await closed;
        if (this.isStuck) return [];
        const found: CommittedEntry[] = [];
        for (let bytes = 0; bytes < limitBytes && at < this.entries.length; at += 1) {
          const entry = this.entries[at];
          if (entry === undefined) break;
          found.push(entry);
          bytes += entry.entry.payload.length;
        }
        return found;
      },
      seek: (to) => {
        at = to;
      },
      close,
    };
  }

  append(atMs: number, changes: readonly Change[]): void {
    const records = changes.map(recordOf);
    const time = Math.max(this.committed.partitionTime, hybridTimeOf(atMs));
    const entry = makeEntry(this.committed, {
      logId: 'log',
      epoch: 1,
      kind: records.length > 0 ? 'records' : 'noop',
      partitionTime: time,
      payload: records.length > 0 ? encodeRecords(records) : new Uint8Array(0),
    });
    this.entries.push({ entry, records, durableMs: undefined });
  }
}

/** Logs, and a stream of one table over them. */
export class StreamWorld {
  readonly logs: ArrayLog[];
  readonly splits: PartitionSplit[] = [];
  nowMs = START_MS;
  reader: StreamReader;
  of: StreamOfTable;

  constructor(partitions = 2, view: StreamViewType = 'NEW_AND_OLD_IMAGES') {
    this.logs = Array.from({ length: partitions }, (_, number) => new ArrayLog(number));
    for (const log of this.logs) log.append(START_MS - 1000, []);
    this.reader = this.newReader();
    this.of = this.#streamNow(view);
  }

  #streamNow(view: StreamViewType): StreamOfTable {
    const label = new Date(this.nowMs).toISOString().slice(0, -1);
    const stream: TableStream = {
      label,
      view,
      shardMs: 4 * HOUR_MS,
      starts: this.places(),
    };
    return {
      arn: `arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/${label}`,
      tableName: 'T',
      table: TABLE,
      tableId: 'table-id',
      keySchema: KEY_SCHEMA,
      stream,
      status: 'ENABLED',
    };
  }

  places(): readonly LogEnd[] {
    return this.logs.map(({ committed }) => committed);
  }

  /** As after a start of the process. */
  newReader(): StreamReader {
    const clock: Clock = {
      wallMs: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      sleep: async () => {},
      defer: (task) => {
        task();
      },
    };
    return new StreamReader({
      region: 'us-east-1',
      partitions: () => this.logs,
      splits: () => this.splits,
      clock,
      keptMs: 24 * HOUR_MS,
    });
  }

  addLog(): ArrayLog {
    const log = new ArrayLog(this.logs.length);
    this.logs.push(log);
    return log;
  }

  log(number = 0): ArrayLog {
    const log = this.logs[number];
    if (log === undefined) throw new RangeError(`no log ${number}`);
    return log;
  }

  /** Appends one entry now. */
  append(changes: readonly Change[], partition = 0): void {
    this.log(partition).append(this.nowMs, changes);
  }

  passHours(hours: number): void {
    this.nowMs += hours * HOUR_MS;
  }

  /** Another stream of the table, from now on. */
  enable(): void {
    this.of = this.#streamNow(this.of.stream.view);
  }

  disable(): void {
    const end = { atMs: this.nowMs, places: this.places() };
    this.of = { ...this.of, stream: { ...this.of.stream, end } };
  }

  /** What a shard tells from a position to its end, read by `bounds`; whether it is closed. */
  async readAll(
    place: ShardPlace,
    position: ShardPosition = { kind: 'horizon' },
    bounds: ReadBounds = ALL,
  ): Promise<{ readonly told: readonly Told[]; readonly isClosed: boolean }> {
    const told: Told[] = [];
    let at: ShardPosition = position;
    for (;;) {
      const { records, next, isAtEnd } = await this.reader.read(this.of, place, at, bounds);
      told.push(...records.map(({ json }) => toldBy(json)));
      if (next === undefined) return { told, isClosed: true };
      if (isAtEnd) return { told, isClosed: false };
      at = next;
    }
  }
}

export interface Told {
  readonly name: string;
  readonly id: string;
  readonly to: number | undefined;
  readonly from: number | undefined;
  readonly sequence: string;
}

interface WireRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly Keys: { readonly id: { readonly S: string } };
    readonly NewImage?: { readonly n: { readonly N: string } };
    readonly OldImage?: { readonly n: { readonly N: string } };
    readonly SequenceNumber: string;
  };
}

function toldBy(json: string): Told {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
  const { eventName, dynamodb } = JSON.parse(json) as WireRecord;
  const number = (image: WireRecord['dynamodb']['NewImage']): number | undefined =>
    image && Number(image.n.N);
  return {
    name: eventName,
    id: dynamodb.Keys.id.S,
    to: number(dynamodb.NewImage),
    from: number(dynamodb.OldImage),
    sequence: dynamodb.SequenceNumber,
  };
}
