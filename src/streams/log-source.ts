import { present } from '../base/assert.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import { EMPTY_END } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import { LogError } from '../log/replicated-log.ts';
import type { CommittedEntry, Follower } from '../partition/partition.ts';
import type { ItemRecord } from '../model/record.ts';

/** The log of a partition, as much as a stream needs of it. */
export interface LogSource {
  readonly number: number;
  readonly committed: LogEnd;
  /** Up to where a stream may tell of it, where that is before `committed`: what a split moves elsewhere is known up to there. */
  readonly told?: LogEnd | undefined;
  readonly first: number;
  endAt(index: number): Promise<LogEnd | undefined>;
  follow(after: number): Follower;
  /** Takes in what other nodes have appended by now, where that can be read. Absent where no others append. */
  refresh?(): Promise<unknown>;
}

/** How long a read waits for a log that cannot be read. */
const readWaitMs = 2000;
/** How much of a log is read at a time. */
export const chunkBytes = 256 * 1024;
/** How many stretches of a partition's log are known by the tables that they tell of. */
const chunksMax = 4096;
/** How much of a partition's log is kept decoded beside what its leader keeps of its end. */
const keptBytesMax = 4 * 1024 * 1024;
/** How many moments are remembered with the entry that comes first after them. */
const timesMax = 1024;

/** A part of a log that has been read: entries from `after` + 1 to `through`. */
interface Chunk {
  readonly after: number;
  readonly through: number;
  /** The partition's time there. */
  readonly time: HybridTime;
  /** The numbers of the tables that streams may show something of. */
  readonly tables: ReadonlySet<number>;
  readonly bytes: number;
  entries: readonly CommittedEntry[] | undefined;
}

/** What comes next in a log for one table. */
export interface LogPart {
  /** In order; what says nothing of the table may be missing. */
  readonly entries: readonly CommittedEntry[];
  /** All up to here has been looked at; `after` where there was nothing. */
  readonly through: number;
  /** The partition's time there; undefined where there was nothing. */
  readonly time: HybridTime | undefined;
  /** About how many bytes had to be read. */
  readonly readBytes: number;
}

/**
 * One partition's log, read by many streams at their own places. What was read is known by the tables in it, so that a
 * reader steps over what is not its own without reading it again, and a little of it is kept decoded. Not verified by
 * index alone: a log that is rebuilt has another reader.
 */
export class StreamLog {
  readonly #source: () => LogSource | undefined;
  readonly #clock: Clock;
  /** By `after`, ascending, none over another. */
  readonly #chunks: Chunk[] = [];
  /** Those with entries, the latest used last. */
  #kept: Chunk[] = [];
  #keptBytes = 0;
  readonly #times = new Map<HybridTime, number>();

  constructor(source: () => LogSource | undefined, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** The last committed entry, as far as it is known here; undefined when the partition is not here. */
  get committed(): LogEnd | undefined {
    const source = this.#source();
    return source?.told ?? source?.committed;
  }

  get first(): number {
    return this.#source()?.first ?? 1;
  }

  /** See `LogSource.refresh`. */
  async refresh(): Promise<void> {
    await this.#source()?.refresh?.();
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    return this.#source()?.endAt(index);
  }

  /**
   * The first entry that is kept whose time is `time` or later; undefined when there is none yet. The time of a partition
   * never goes back.
   */
  async firstAt(time: HybridTime): Promise<number | undefined> {
    const source = this.#source();
    if (source === undefined || source.committed.partitionTime < time) return undefined;
    const known = this.#times.get(time);
    if (known !== undefined && known >= source.first) return known;
    let [low, high] = [Math.max(1, source.first), source.committed.index];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const end = await source.endAt(middle);
      // What is trimmed meanwhile is before what is sought.
      if (end === undefined || end.partitionTime < time) low = middle + 1;
      else high = middle;
    }
    if (this.#times.size >= timesMax) this.#times.clear();
    if (low > source.first) this.#times.set(time, low);
    return low;
  }

  /**
   * What follows `after` for a table, one chunk of it or less. Nothing where nothing more is committed. Rejects with
   * `LogError`: `trimmed`, or `unavailable` where the log cannot be read for some time.
   */
  async next(after: number, table: number): Promise<LogPart> {
    const source = this.#source();
    const { index: end } = source?.told ?? source?.committed ?? EMPTY_END;
    if (source === undefined || end <= after)
      return { entries: [], through: after, time: undefined, readBytes: 0 };
    if (after + 1 < source.first)
      throw new LogError('trimmed', `entry ${after + 1} of partition ${source.number} is gone`);
    const known = this.#chunkOf(after);
    if (known?.tables.has(table) === false) return partOf(known, [], 0);
    if (known?.entries !== undefined) {
      this.#use(known);
      return partOf(known, known.entries.slice(after - known.after), 0);
    }
    const from = known?.after ?? after;
    const entries = upTo(await this.#readNow(source, from), end);
    const readBytes = this.#learn(from, entries, end);
    const { index: through, partitionTime: time } = present(entries.at(-1), 'an entry').entry;
    return { entries: entries.slice(after - from), through, time, readBytes };
  }

  /** At least one entry: there are some. A follower waits for as long as its log cannot be read; a reader does not. */
  async #readNow(source: LogSource, after: number): Promise<readonly CommittedEntry[]> {
    const follower = source.follow(after);
    const waited = new AbortController();
    const giveUp = async (): Promise<void> => {
      await this.#clock.sleep(readWaitMs, waited.signal);
      follower.close();
    };
    const givingUp = giveUp();
    try {
      const entries = await follower.next(chunkBytes);
      if (entries.length === 0) throw new LogError('unavailable', 'a log cannot be read now');
      return entries;
    } finally {
      waited.abort(WOKEN);
      await givingUp;
    }
  }

  #chunkOf(after: number): Chunk | undefined {
    let [low, high] = [0, this.#chunks.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#chunks[middle]?.after ?? 0) <= after) low = middle + 1;
      else high = middle;
    }
    const chunk = this.#chunks[low - 1];
    return chunk !== undefined && after < chunk.through ? chunk : undefined;
  }

  /** Remembers what was read, but for the end of the log, which still grows. Answers its bytes. */
  #learn(after: number, entries: readonly CommittedEntry[], end: number): number {
    const tables = new Set<number>();
    let bytes = 0;
    for (const { entry, records } of entries) {
      bytes += entry.payload.length;
      for (const record of records) if (isShown(record)) tables.add(record.table);
    }
    const { index: through = after, partitionTime: time = 0 } = entries.at(-1)?.entry ?? {};
    const known = this.#chunkOf(after);
    if (known?.after === after && known.through === through) this.#keep(known, entries);
    else if (known === undefined && through < end && bytes >= chunkBytes / 2)
      this.#add({ after, through, time, tables, bytes }, entries);
    return bytes;
  }

  #add(known: Omit<Chunk, 'entries'>, entries: readonly CommittedEntry[]): void {
    const at = this.#chunks.findIndex((chunk) => chunk.after > known.after);
    const next = this.#chunks[at];
    if (next !== undefined && next.after < known.through) return;
    const chunk: Chunk = { ...known, entries: undefined };
    this.#chunks.splice(at === -1 ? this.#chunks.length : at, 0, chunk);
    this.#keep(chunk, entries);
    const { first } = this;
    while (this.#chunks.length > chunksMax || (this.#chunks[0]?.through ?? first) < first)
      this.#drop(this.#chunks.shift());
  }

  #drop(chunk: Chunk | undefined): void {
    if (chunk?.entries === undefined) return;
    this.#keptBytes -= chunk.bytes;
    chunk.entries = undefined;
    this.#kept = this.#kept.filter((each) => each !== chunk);
  }

  #keep(chunk: Chunk, entries: readonly CommittedEntry[]): void {
    if (chunk.entries === undefined) this.#keptBytes += chunk.bytes;
    chunk.entries = entries;
    this.#use(chunk);
    while (this.#keptBytes > keptBytesMax && this.#kept.length > 1) this.#drop(this.#kept[0]);
  }

  #use(chunk: Chunk): void {
    if (this.#kept.at(-1) === chunk) return;
    this.#kept = this.#kept.filter((each) => each !== chunk);
    this.#kept.push(chunk);
  }
}

const upTo = (entries: readonly CommittedEntry[], end: number): readonly CommittedEntry[] =>
  (entries.at(-1)?.entry.index ?? 0) <= end
    ? entries
    : entries.filter(({ entry: { index } }) => index <= end);

const partOf = (
  { through, time }: Chunk,
  entries: readonly CommittedEntry[],
  readBytes: number,
): LogPart => ({ entries, through, time, readBytes });

/** Whether a stream of the record's table could show it: it is of the users' data, and says something new. */
export const isShown = ({ cause }: ItemRecord): boolean =>
  cause !== 'system' && cause !== 'backfill';
