import { present } from '../../base/assert.ts';
import type { Disk, DiskFile } from '../../base/disk.ts';
import { DiskError } from '../../base/disk.ts';
import { decodeEntry, peekIndex } from '../entry-codec.ts';
import type { Entry } from '../entry.ts';
import { LogError } from '../replicated-log.ts';
import type { LogFrame, Place } from './frame.ts';
import { baseFrame, FrameCursor, groupFrame, isBefore, segmentFrame } from './frame.ts';
import { LogIndex } from './log-index.ts';
import { deleteSummary, summaryName, writeSummary } from './segment-summary.ts';
import { scanSegments, segmentName, segmentNumbers } from './segment-scan.ts';

export interface LogFileSetOptions {
  /** A segment that has grown to this is closed, and the next one begun. */
  readonly segmentBytes: number;
  /** False leaves it to the operating system when appended bytes reach the disk. */
  readonly synced: boolean;
}

export interface ReadRange {
  readonly after: number;
  /** The last index wanted, which the zone must have. */
  readonly through: number;
  readonly limitBytes: number;
}

export interface Segment {
  readonly number: number;
  readonly file: DiskFile;
  readers: number;
  dropped: boolean;
  /** A read found it damaged: it gets no summary any more. */
  damaged: boolean;
}

/**
 * The log of one zone for all partitions: a row of segment files of which the last one grows. One caller
 * writes at a time; any number read.
 */
export class LogFileSet {
  readonly index: LogIndex;
  readonly #disk: Disk;
  readonly #options: LogFileSetOptions;
  readonly #segments: Segment[];
  #synced: Place;

  private constructor(
    disk: Disk,
    options: LogFileSetOptions,
    segments: Segment[],
    index: LogIndex,
  ) {
    this.#disk = disk;
    this.#options = options;
    this.#segments = segments;
    this.index = index;
    const last = segments.at(-1);
    this.#synced = { segment: last?.number ?? 0, offset: last?.file.sizeBytes ?? 0 };
  }

  /**
   * Opens what is there, and drops the torn end that a power cut left. The last segment, and any without a sound summary,
   * is verified; of the others only that they are there, and their entries when they are read. Throws `LogError`
   * `damaged` when anything else is missing or broken, `StorageNodeError` for another format, `DiskError` when the disk fails.
   */
  static async open(disk: Disk, options: LogFileSetOptions): Promise<LogFileSet> {
    const index = new LogIndex();
    const segments = await scanSegments(disk, index);
    return new LogFileSet(disk, options, segments, index);
  }

  /** Deletes the segments of a zone whose log is of no use any more. */
  static async wipe(disk: Disk): Promise<void> {
    const numbers = segmentNumbers(await disk.list());
    // From the newest down, so that what an interrupted wipe leaves has no gap.
    for (const number of numbers.toReversed()) {
      await disk.delete(summaryName(number));
      await disk.delete(segmentName(number));
    }
  }

  get retainedBytes(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.file.sizeBytes;
    return bytes;
  }

  /**
   * Appends the frames as one group and syncs it; resolves to the group's bytes. When it rejects with
   * `full` nothing was written and it may be called again; any other failure is final.
   */
  async write(frames: readonly LogFrame[]): Promise<number> {
    const segment = await this.#growing();
    const { file } = segment;
    const start = file.sizeBytes;
    const chunks: Uint8Array[] = start === 0 ? this.#segmentHead() : [];
    chunks.push(groupFrame(this.#synced));
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    const firstOffset = start + bytes;
    for (const frame of frames) {
      chunks.push(frame.bytes);
      bytes += frame.bytes.length;
    }
    await appendOrCutBack(file, chunks);
    if (this.#options.synced) await this.#syncOrCutBack(segment, start);
    let offset = firstOffset;
    for (const frame of frames) {
      this.index.add(frame.kind, frame.partition, frame.end, offset);
      offset += frame.bytes.length;
    }
    return bytes;
  }

  /**
   * Entries behind `after`, at least one and at most as many as fit in `limitBytes`. Throws `LogError`
   * `damaged` where a checksum does not hold, `trimmed` when the zone's log starts later. What was found damaged is
   * read, and so found again, by the next opening.
   */
  async read(partition: number, range: ReadRange): Promise<Entry[]> {
    const { after, through, limitBytes } = range;
    const entries: Entry[] = [];
    if (after >= through) return entries;
    if (after < this.index.base(partition).index)
      throw new LogError('trimmed', `partition ${partition} has no entry ${after + 1} here`);
    const start = this.index.locate(partition, after + 1);
    const walk = { partition, next: after + 1, through, leftBytes: limitBytes, entries };
    // A copy: a trim may take segments from the front meanwhile.
    const segments = this.#segments.filter(({ number }) => number >= (start?.segment ?? 0));
    for (const segment of start === undefined ? [] : segments) {
      const offset = segment.number === start?.segment ? start.offset : 0;
      if (await this.#walkOrDistrust(segment, offset, walk)) return entries;
    }
    if (entries.length > 0) return entries;
    for (const segment of segments) await this.#distrust(segment);
    throw new LogError('damaged', `partition ${partition} lacks entry ${walk.next}`);
  }

  /** Deletes the oldest segments that hold nothing above the given index of each partition. */
  async trim(through: (partition: number) => number): Promise<void> {
    while (this.#segments.length > 1) {
      for (const [partition, last] of this.index.oldestLast) if (last > through(partition)) return;
      const segment = present(this.#segments.shift(), 'the oldest segment');
      this.index.dropOldest();
      segment.dropped = true;
      if (segment.readers === 0) await segment.file.close();
      await this.#disk.delete(summaryName(segment.number));
      await this.#disk.delete(segmentName(segment.number));
    }
  }

  /** Makes everything written so far survive, where groups are not synced one by one. */
  async sync(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last !== undefined) await this.#sync(last);
  }

  /** Closes every file, also when one of them fails to; rejects with `DiskError` then. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.#segments.map(async ({ file }) => file.close()));
    for (const each of closed) if (each.status === 'rejected') throw each.reason;
  }

  async #growing(): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.file.sizeBytes < this.#options.segmentBytes) return last;
    // A segment begins only behind one that is synced to its end: a gap between them is damage.
    if (last !== undefined) {
      // A disk may have filled the file ahead: a complete segment ends where its last group does.
      await last.file.truncate(last.file.sizeBytes);
      await this.#sync(last);
      await this.#summarise(last);
    }
    const number = (last?.number ?? 0) + 1;
    const file = await this.#disk.open(segmentName(number));
    const segment = { number, file, readers: 0, dropped: false, damaged: false };
    this.#segments.push(segment);
    this.index.openSegment(number);
    return segment;
  }

  async #summarise(segment: Segment): Promise<void> {
    if (segment.damaged) return;
    await writeSummary(this.#disk, this.index.summary(segment.file.sizeBytes));
    if (wasDamaged(segment)) await deleteSummary(this.#disk, segment.number);
  }

  async #distrust(segment: Segment): Promise<void> {
    segment.damaged = true;
    if (!segment.dropped) await deleteSummary(this.#disk, segment.number);
  }

  #segmentHead(): Uint8Array[] {
    const { number } = present(this.#segments.at(-1), 'a segment');
    const head = [segmentFrame(number)];
    for (const [partition, end] of this.index.ends) {
      head.push(baseFrame(partition, end));
      this.index.addBase(partition, end);
    }
    return head;
  }

  /**
   * After a failed sync a read may still show what never reaches the disk, even to the next process. Nobody
   * counted on it yet, so it goes, as far as the disk lets it.
   */
  async #syncOrCutBack(segment: Segment, start: number): Promise<void> {
    try {
      await this.#sync(segment);
    } catch (error) {
      await segment.file.truncate(start).catch(() => undefined);
      throw error;
    }
  }

  async #sync({ number, file }: Segment): Promise<void> {
    const place = { segment: number, offset: file.sizeBytes };
    try {
      await file.sync();
    } catch (cause) {
      throw new DiskError('io', `the sync of ${file.name} failed`, { cause });
    }
    if (isBefore(this.#synced, place)) this.#synced = place;
  }

  async #walkOrDistrust(segment: Segment, offset: number, walk: Walk): Promise<boolean> {
    try {
      return await this.#walk(segment, offset, walk);
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'damaged') throw error;
      await this.#distrust(segment);
      const { name } = segment.file;
      throw new LogError('damaged', `${name} is damaged: ${error.message}`, { cause: error });
    }
  }

  /** Whether the walk is done; otherwise it goes on in the next segment. */
  async #walk(segment: Segment, offset: number, walk: Walk): Promise<boolean> {
    segment.readers += 1;
    try {
      const cursor = new FrameCursor(segment.file, offset);
      for (;;) {
        const frame = cursor.next();
        if (frame === 'end') return false;
        if (frame === 'bad') throw new LogError('damaged', `the frame at ${cursor.offset} is bad`);
        if (frame === 'more') {
          await cursor.fill();
          continue;
        }
        if (frame.kind !== 'entry' || frame.partition !== walk.partition) continue;
        const place = { segment: segment.number, offset: frame.offset };
        if (peekIndex(frame.body) !== walk.next) continue;
        if (!this.index.isAlive(walk.partition, walk.next, place)) continue;
        if (walk.entries.length > 0 && frame.body.length > walk.leftBytes) return true;
        walk.entries.push(decodeEntry(frame.body));
        walk.leftBytes -= frame.body.length;
        walk.next += 1;
        if (walk.next > walk.through || walk.leftBytes <= 0) return true;
      }
    } finally {
      segment.readers -= 1;
      if (segment.dropped && segment.readers === 0) await segment.file.close();
    }
  }
}

interface Walk {
  readonly partition: number;
  readonly through: number;
  readonly entries: Entry[];
  next: number;
  leftBytes: number;
}

/** Asked again, because a read may have found damage while something else was awaited. */
const wasDamaged = (segment: Segment): boolean => segment.damaged;

/**
 * What a failed append left may look whole to whoever reads the file next, and never reach the disk: with a disk that
 * writes through, this is where a failed flush shows. So it goes, as far as the disk lets it.
 */
async function appendOrCutBack(file: DiskFile, chunks: readonly Uint8Array[]): Promise<void> {
  const start = file.sizeBytes;
  try {
    await file.append(chunks);
  } catch (error) {
    const isFull = error instanceof DiskError && error.code === 'full';
    await file.truncate(start).catch((failure: unknown) => {
      if (isFull) throw failure;
    });
    throw error;
  }
}
