import type { HybridTime } from '../clock/hybrid-time.ts';
import type { Entry } from '../log/entry.ts';
import type { ItemRecord } from '../model/record.ts';
import type { CommittedEntry } from '../partition/partition.ts';
import type { Era } from './eras.ts';
import {
  compareSequence,
  ORDINAL_MAX,
  sequenceText,
  type SequenceNumber,
} from './sequence-number.ts';
import { spanStart } from './shards.ts';
import { streamRecord } from './stream-record.ts';
import type { ReadBounds, ShardRead, StreamOfTable, StreamRecord } from './table-streams.ts';

export interface ShardRunOptions {
  readonly era: Era;
  readonly span: number;
  readonly region: string;
  readonly bounds: ReadBounds;
  /** Only what follows it is told. Undefined: all. */
  readonly sequence: SequenceNumber | undefined;
}

/** One read of a shard: takes entry after entry of the log, until it has enough or the shard ends. */
export class ShardRun {
  /** The number of the stream's table. */
  readonly table: number;
  readonly #of: StreamOfTable;
  readonly #options: ShardRunOptions;
  /** Where the next shard begins. */
  readonly #endTime: HybridTime;
  readonly #records: StreamRecord[] = [];
  #bytes = 0;
  #after: SequenceNumber | undefined;
  #isClosed = false;

  constructor(of: StreamOfTable, options: ShardRunOptions) {
    this.table = of.table;
    this.#of = of;
    this.#options = options;
    this.#endTime = spanStart(of.stream, options.span + 1);
    this.#after = options.sequence;
  }

  /** `start`: the entry that is read first. False where the shard ended before it. */
  begin(start: number): boolean {
    const { to } = this.#options.era;
    this.#isClosed = to !== undefined && start > to.index;
    return !this.#isClosed;
  }

  /** False once nothing more is to be taken. */
  take({ entry, records }: CommittedEntry): boolean {
    const { partitionTime: time, index } = entry;
    if (this.#isBehind(index, time)) return false;
    for (const [place, record] of records.entries())
      if (record.table === this.table && !this.#tell(record, entry, place + 1)) return false;
    this.#move({ time, index, ordinal: ORDINAL_MAX });
    this.#isClosed = index === this.#options.era.to?.index;
    return !this.#isClosed;
  }

  /** False where there is no room. */
  #tell(record: ItemRecord, entry: Entry, ordinal: number): boolean {
    const { region, bounds, sequence } = this.#options;
    const at = { time: entry.partitionTime, index: entry.index, ordinal };
    if (sequence !== undefined && compareSequence(at, sequence) <= 0) return true;
    const { metadata } = bounds;
    const told = streamRecord(this.#of, record, { entry, ordinal, region, metadata });
    if (told === undefined) return true;
    if (!this.#hasRoom(told)) return false;
    this.#records.push(told);
    this.#bytes += told.sizeBytes;
    this.#after = at;
    return true;
  }

  #hasRoom({ sizeBytes }: StreamRecord): boolean {
    const { recordsMax, bytesMax } = this.#options.bounds;
    if (this.#records.length === 0) return true;
    return this.#records.length < recordsMax && this.#bytes + sizeBytes <= bytesMax;
  }

  /** All up to an entry has been taken, or is not the table's. False where the shard ended before. */
  pass(index: number, time: HybridTime): boolean {
    if (this.#isBehind(index, time)) return false;
    this.#move({ time, index, ordinal: ORDINAL_MAX });
    this.#isClosed = index === this.#options.era.to?.index;
    return !this.#isClosed;
  }

  #isBehind(index: number, time: HybridTime): boolean {
    const { to } = this.#options.era;
    const isBehind = time >= this.#endTime || (to !== undefined && index > to.index);
    this.#isClosed = isBehind;
    return isBehind;
  }

  #move(to: SequenceNumber): void {
    if (this.#after === undefined || compareSequence(to, this.#after) > 0) this.#after = to;
  }

  /** `isAtEnd`: nothing more is committed. */
  outcome(isAtEnd: boolean): ShardRead {
    const next = this.#isClosed ? undefined : this.#position();
    return { records: this.#records, next, isAtEnd };
  }

  #position(): NonNullable<ShardRead['next']> {
    return this.#after === undefined
      ? { kind: 'horizon' }
      : { kind: 'after', sequenceNumber: sequenceText(this.#after) };
  }
}
