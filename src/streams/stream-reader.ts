import { yieldTo, type Clock } from '../base/clock.ts';
import { hybridTimeOf, type HybridTime } from '../clock/hybrid-time.ts';
import type { LogEnd } from '../log/entry.ts';
import { LogError } from '../log/replicated-log.ts';
import { internalError } from '../model/errors.ts';
import { erasOf, type Era, type PartitionSplit } from './eras.ts';
import { StreamLog, type LogSource } from './log-source.ts';
import {
  ORDINAL_MAX,
  parseSequence,
  sequenceText,
  type SequenceNumber,
} from './sequence-number.ts';
import { firstKept, firstOf, shardsOfEra, spanOf, spanStart } from './shards.ts';
import { dataTrimmed, sequenceInvalid, shardMissing } from './stream-errors.ts';
import { ShardRun } from './shard-run.ts';
import type {
  ReadBounds,
  Shard,
  ShardPlace,
  ShardPosition,
  ShardRead,
  ShardStart,
  StreamOfTable,
} from './table-streams.ts';

/** How much of a log one read goes through at most: what is further on takes another one. */
export const scanBytesMax = 8 * 1024 * 1024;

export interface StreamReaderOptions {
  readonly region: string;
  /** By number, those of which this process has the log. */
  readonly partitions: () => readonly LogSource[];
  /** See `erasOf`. Absent means that no partition was ever split. */
  readonly splits?: () => readonly PartitionSplit[];
  readonly clock: Clock;
  /** How long it is told what was written. */
  readonly keptMs: number;
}

/** Reads streams from the logs of a region's partitions. It keeps nothing that could be lost. */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  /** By the number of the partition. */
  readonly #logs = new Map<number, StreamLog>();

  constructor(options: StreamReaderOptions) {
    this.#options = options;
  }

  #log(partition: number): StreamLog {
    let log = this.#logs.get(partition);
    if (log === undefined) {
      log = new StreamLog(() => this.#options.partitions()[partition], this.#options.clock);
      this.#logs.set(partition, log);
    }
    return log;
  }

  #eras({ stream }: StreamOfTable): readonly Era[] {
    return erasOf(stream, this.#options.splits?.() ?? []);
  }

  /** See `TableStreams.shards`. */
  async shards(of: StreamOfTable): Promise<readonly Shard[]> {
    const horizon = this.#horizon();
    /** By era: the shard with which the eras that follow it go on. */
    const lasts = new Map<number, string>();
    const found: Shard[] = [];
    for (const [at, era] of this.#eras(of).entries()) {
      const log = this.#log(era.partition);
      const shards = await readable(async () => shardsOfEra(of, { era, at, log, horizon }));
      const before = era.parent === undefined ? undefined : lasts.get(era.parent);
      for (const shard of shards)
        found.push(shard.parentId === undefined ? { ...shard, parentId: before } : shard);
      const last = shards.at(-1);
      if (last !== undefined) lasts.set(at, last.id);
    }
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What is older is not told any more. */
  #horizon(): HybridTime {
    return hybridTimeOf(this.#options.clock.wallMs() - this.#options.keptMs);
  }

  /** See `TableStreams.position`. */
  async position(
    of: StreamOfTable,
    shardId: string,
    start: ShardStart,
  ): Promise<{ readonly place: ShardPlace; readonly position: ShardPosition }> {
    const shard = (await this.shards(of)).find(({ id }) => id === shardId);
    if (shard === undefined) throw shardMissing();
    const { place } = shard;
    if (!('sequenceNumber' in start))
      return {
        place,
        position: start.kind === 'latest' ? await this.#latest(shard) : { kind: 'horizon' },
      };
    const sequence = sequenceIn(shard, start.sequenceNumber);
    const after = start.kind === 'after' ? sequence : justBefore(sequence);
    await this.#assertKept(of, place, after);
    return { place, position: { kind: 'after', sequenceNumber: sequenceText(after) } };
  }

  /** Behind all that was answered before, by whichever node. */
  async #latest({ last, place }: Shard): Promise<ShardPosition> {
    if (last !== undefined) return { kind: 'after', sequenceNumber: last };
    const log = this.#log(place.partition);
    await log.refresh();
    const { index, partitionTime: time } = endOf(log);
    return { kind: 'after', sequenceNumber: sequenceText({ time, index, ordinal: ORDINAL_MAX }) };
  }

  async #assertKept(of: StreamOfTable, place: ShardPlace, after: SequenceNumber): Promise<void> {
    const log = this.#log(place.partition);
    await readable(async () => this.#startAfter(this.#era(of, place), log, after));
  }

  #era(of: StreamOfTable, place: ShardPlace): Era {
    const era = this.#eras(of)[place.era];
    if (era === undefined || era.partition !== place.partition) throw shardMissing();
    return era;
  }

  /** See `TableStreams.read`. */
  async read(
    of: StreamOfTable,
    place: ShardPlace,
    position: ShardPosition,
    bounds: ReadBounds,
  ): Promise<ShardRead> {
    const era = this.#era(of, place);
    const log = this.#log(place.partition);
    const { region } = this.#options;
    return readable(async () => {
      const sequence = sequenceOf(position);
      const start =
        sequence === undefined
          ? await this.#startOfSpan(of, place)
          : await this.#startAfter(era, log, sequence);
      const run = new ShardRun(of, { era, span: place.span, region, bounds, sequence });
      return this.#run(run, log, start);
    });
  }

  /**
   * The first entry of a shard that is kept. What an era begins with is in its first span, whatever its time: what comes from
   * other regions does not move a partition's time.
   */
  async #startOfSpan(of: StreamOfTable, place: ShardPlace): Promise<number> {
    const log = this.#log(place.partition);
    const era = this.#era(of, place);
    const kept = await firstKept(era, log, this.#horizon());
    if (place.span <= spanOf(of.stream, era.from.time)) return kept;
    const begun = await log.firstAt(spanStart(of.stream, place.span));
    return Math.max(kept, begun ?? endOf(log).index + 1);
  }

  /**
   * The entry to read on from after a sequence number: by its index where the log has it there; where it has not, as the number
   * names no entry, or the log goes on from older disks, by its time. Throws `TrimmedDataAccessException`.
   */
  async #startAfter(era: Era, log: StreamLog, sequence: SequenceNumber): Promise<number> {
    const { time, index, ordinal } = sequence;
    const end = endOf(log);
    const next = ordinal === ORDINAL_MAX ? index + 1 : index;
    const isEnd = index === end.index && time === end.partitionTime;
    if (isEnd) return next;
    const stands = index === 0 ? undefined : await log.endAt(index);
    const isJustTrimmed = index > 0 && index < log.first && next === log.first;
    if (stands?.partitionTime === time || isJustTrimmed) return this.#kept(log, next);
    if (time > end.partitionTime) return end.index + 1;
    const [found, begin] = [await log.firstAt(time), await firstOf(era, log)];
    if (found === log.first && found > begin) throw dataTrimmed();
    return this.#kept(log, Math.max(begin, found ?? end.index + 1));
  }

  /** `next`, if nothing from there on is too old to be told. */
  async #kept(log: StreamLog, next: number): Promise<number> {
    if (next > endOf(log).index) return next;
    const at = await log.endAt(next);
    if (at === undefined || at.partitionTime < this.#horizon()) throw dataTrimmed();
    return next;
  }

  async #run(run: ShardRun, log: StreamLog, start: number): Promise<ShardRead> {
    if (!run.begin(start)) return run.outcome(false);
    let after = start - 1;
    let readBytes = 0;
    for (;;) {
      const { entries, through, time, readBytes: more } = await log.next(after, run.table);
      for (const committed of entries) if (!run.take(committed)) return run.outcome(false);
      if (time === undefined) return run.outcome(true);
      if (!run.pass(through, time)) return run.outcome(false);
      after = through;
      readBytes += more;
      if (readBytes > scanBytesMax) return run.outcome(false);
      await yieldTo(this.#options.clock);
    }
  }
}

/** Undefined for the horizon. Throws `ValidationException`. */
function sequenceOf(position: ShardPosition): SequenceNumber | undefined {
  if (position.kind === 'horizon') return undefined;
  const sequence = parseSequence(position.sequenceNumber);
  if (sequence === undefined) throw sequenceInvalid(position.sequenceNumber);
  return sequence;
}

/** Rejects with `InternalServerError` where the partition's log is not here. */
function endOf(log: StreamLog): LogEnd {
  const end = log.committed;
  if (end === undefined) throw internalError();
  return end;
}

function sequenceIn({ first, last }: Shard, text: string): SequenceNumber {
  const sequence = parseSequence(text);
  if (sequence === undefined || text < first || (last !== undefined && text > last))
    throw sequenceInvalid(text);
  return sequence;
}

/** Nothing lies between it and the record that the number names. */
const justBefore = (sequence: SequenceNumber): SequenceNumber => ({
  ...sequence,
  ordinal: Math.max(0, sequence.ordinal - 1),
});

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw error.code === 'trimmed' ? dataTrimmed() : internalError();
  }
}
