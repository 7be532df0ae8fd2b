import { assert } from '../../base/assert.ts';
import { continues, EMPTY_END, endOf } from '../chain.ts';
import { encodedEntryBytes } from '../entry-codec.ts';
import type { Entry, LogEnd } from '../entry.ts';
import type { AppendOutcome, ReplicatedLog } from '../replicated-log.ts';
import { LogError } from '../replicated-log.ts';
import { entryFrame, type LogFrame } from './frame.ts';
import type { ZoneLog } from './zone-log.ts';

/** How much of a partition's durable end is kept in memory, for zones and readers that are nearly there. */
const RECENT_BYTES_MAX = 1024 * 1024;

/** What all partitions of a region share. */
export interface Quorum {
  readonly available: boolean;
  onAvailability(listener: (available: boolean) => void): () => void;
  confirm(): Promise<void>;
  /** A checksum in the zone's log did not hold. */
  damaged(zone: ZoneLog, cause: unknown): void;
  /** An attached zone has more in its queue than before. */
  queued(zone: ZoneLog): void;
  trim(): void;
}

interface Pending {
  readonly entry: Entry;
  readonly frame: LogFrame;
  readonly resolve: (outcome: AppendOutcome) => void;
}

/** The log of one partition over the logs of three zones. */
export class PartitionLog implements ReplicatedLog {
  readonly partition: number;
  readonly #quorum: Quorum;
  #end: LogEnd = EMPTY_END;
  /** Undefined until two zones have agreed on where the log ends; until then nothing is appended. */
  #appended: LogEnd | undefined;
  #base: LogEnd = EMPTY_END;
  #trimmedThrough = 0;
  readonly #zones = new Set<ZoneLog>();
  readonly #pending: Pending[] = [];
  /** Without their frames, which are as large again, and are made anew for a zone that is attached. */
  #recent: Entry[] = [];
  #recentBytes = 0;

  constructor(partition: number, quorum: Quorum) {
    this.partition = partition;
    this.#quorum = quorum;
  }

  get end(): LogEnd {
    return this.#end;
  }

  /** The last entry handed to the zones, durable or not. */
  get appended(): LogEnd {
    return this.#appended ?? this.#end;
  }

  get first(): number {
    return this.base.index + 1;
  }

  /** Some zone holds everything behind this. */
  get base(): LogEnd {
    let base: LogEnd | undefined;
    for (const zone of this.#zones) {
      if (!zone.isOpen()) continue;
      const own = zone.files.index.base(this.partition);
      if (base === undefined || own.index < base.index) base = own;
    }
    if (base !== undefined) this.#base = base;
    return this.#base;
  }

  get available(): boolean {
    return this.#quorum.available;
  }

  get trimmedThrough(): number {
    return this.#trimmedThrough;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    return this.#quorum.onAvailability(listener);
  }

  async confirm(): Promise<void> {
    return this.#quorum.confirm();
  }

  async append(entry: Entry): Promise<AppendOutcome> {
    if (this.#appended === undefined || !continues(this.#appended, entry)) return 'refused';
    const frame = entryFrame(this.partition, entry);
    this.#appended = frame.end;
    const outcome = new Promise<AppendOutcome>((resolve) => {
      this.#pending.push({ entry, frame, resolve });
    });
    for (const zone of this.#zones) {
      zone.enqueue(frame);
      this.#quorum.queued(zone);
    }
    return outcome;
  }

  async read(after: number, limitBytes: number): Promise<readonly Entry[]> {
    const through = this.#end.index;
    if (after >= through) return [];
    const recent = this.#readRecent(after, limitBytes);
    if (recent !== undefined) return recent;
    let failure: unknown;
    for (const zone of this.#zones) {
      const held = Math.min(through, zone.synced(this.partition));
      if (!zone.isOpen() || held <= after) continue;
      try {
        return await zone.files.read(this.partition, { after, through: held, limitBytes });
      } catch (error) {
        failure = error;
        if (error instanceof LogError && error.code === 'damaged' && zone.isOpen())
          this.#quorum.damaged(zone, error);
      }
    }
    if (failure instanceof LogError) throw failure;
    throw new LogError('unavailable', `no zone can read partition ${this.partition}`, {
      cause: failure,
    });
  }

  trim(through: number): void {
    if (through <= this.#trimmedThrough) return;
    this.#trimmedThrough = Math.min(through, this.#end.index);
    this.#quorum.trim();
  }

  /** Where two zones have agreed that the log ends. Both have it synced. */
  install(end: LogEnd): void {
    this.#end = end;
    this.#appended = end;
  }

  /**
   * The log goes on behind `end`, which lies beyond everything that any zone holds. No zone is attached, and none is
   * pending; zones are attached again once their logs begin there.
   */
  restart(end: LogEnd): void {
    assert(this.#zones.size === 0 && this.#pending.length === 0, 'a log restarts at rest');
    assert(end.index > this.#end.index, 'a log restarts beyond its end');
    this.install(end);
    this.#base = end;
    this.#recent = [];
    this.#recentBytes = 0;
  }

  /**
   * Queues everything behind the zone's tail to it and all that is appended from now on. False when what it
   * lacks first must be read from another zone.
   */
  attach(zone: ZoneLog): boolean {
    const { index: tail } = zone.tail(this.partition);
    if (tail < this.#end.index) {
      const oldest = this.#recent[0];
      if (oldest === undefined || oldest.index > tail + 1) return false;
      for (const entry of this.#recent)
        if (entry.index > tail) zone.enqueue(entryFrame(this.partition, entry));
    }
    for (const { entry, frame } of this.#pending) if (entry.index > tail) zone.enqueue(frame);
    this.#zones.add(zone);
    return true;
  }

  isAttached(zone: ZoneLog): boolean {
    return this.#zones.has(zone);
  }

  detach(zone: ZoneLog): void {
    this.#zones.delete(zone);
  }

  /** The end that the log had at `index`, which must be in memory; undefined otherwise. */
  knownEndAt(index: number): LogEnd | undefined {
    if (index === 0) return EMPTY_END;
    if (index === this.#end.index) return this.#end;
    const firstPending = this.#pending[0];
    if (firstPending !== undefined && index >= firstPending.entry.index)
      return this.#pending[index - firstPending.entry.index]?.frame.end;
    const oldest = this.#recent[0];
    const recent = oldest && this.#recent[index - oldest.index];
    return recent && endOf(recent);
  }

  /** Acknowledges everything that two voters have synced. */
  advance(): void {
    let most = 0;
    let durable = 0;
    for (const zone of this.#zones) {
      if (!zone.voter || !zone.isOpen()) continue;
      const synced = zone.synced(this.partition);
      if (synced > most) {
        durable = most;
        most = synced;
      } else if (synced > durable) durable = synced;
    }
    let count = 0;
    for (const { entry } of this.#pending) {
      if (entry.index > durable) break;
      count += 1;
    }
    for (const { entry, frame, resolve } of this.#pending.splice(0, count)) {
      this.#end = frame.end;
      this.#remember(entry);
      resolve('durable');
    }
  }

  /** Whoever still waits is told that nobody knows. */
  abandon(): void {
    this.#appended = undefined;
    for (const { resolve } of this.#pending.splice(0)) resolve('unknown');
  }

  #remember(entry: Entry): void {
    this.#recent.push(entry);
    this.#recentBytes += encodedEntryBytes(entry);
    if (this.#recentBytes <= 2 * RECENT_BYTES_MAX) return;
    // Half goes at once, so that an append moves the rest seldom.
    let drop = 0;
    for (const each of this.#recent) {
      if (this.#recentBytes <= RECENT_BYTES_MAX || drop === this.#recent.length - 1) break;
      this.#recentBytes -= encodedEntryBytes(each);
      drop += 1;
    }
    this.#recent = this.#recent.slice(drop);
  }

  #readRecent(after: number, limitBytes: number): readonly Entry[] | undefined {
    const oldest = this.#recent[0];
    if (oldest === undefined || oldest.index > after + 1) return undefined;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let at = after + 1 - oldest.index; at < this.#recent.length; at += 1) {
      const recent = this.#recent[at];
      if (recent === undefined) break;
      bytes += encodedEntryBytes(recent);
      if (entries.length > 0 && bytes > limitBytes) break;
      entries.push(recent);
    }
    return entries;
  }
}
