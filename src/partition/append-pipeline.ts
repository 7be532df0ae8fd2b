import { assert, present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import { endOf } from '../log/chain.ts';
import { makeEntry } from '../log/entry-codec.ts';
import type { Entry, EntryKind, LogEnd } from '../log/entry.ts';
import type { AppendOutcome, ReplicatedLog } from '../log/replicated-log.ts';
import { internalError } from '../model/errors.ts';
import { decodeRecords, encodeRecordsInPlace } from '../model/record-codec.ts';
import type { ItemRecord } from '../model/record.ts';
import type { CommitGate } from './commit-gate.ts';
import { overlayKey, type Commit, type OverlayItem } from './overlay.ts';

/** An entry takes no further record that would take it past this. One record larger than this stands alone. */
const groupBytesMax = 256 * 1024;

/** Appends of one partition in flight at once. While they are, records gather into the next. */
export const appendsInFlightMax = 2;

const NO_BYTES = new Uint8Array(0);

/** Pause before a barrier is appended, or read up to, once more. */
const reopenPauseMs = 50;

/**
 * The leader's way into its log: gathers records, closes them into entries, appends them in order and says
 * what became of each. One round trip to the log carries all that has gathered (group commit).
 *
 * **Unknown outcome.** After an append that is not `durable` nothing further is appended but a barrier: an epoch of
 * its own. What then stands in the log before the barrier is committed, what does not is rejected. While no barrier
 * is to be had nothing is accepted, and whoever waits is told that it cannot be said now.
 */
export class AppendPipeline {
  readonly #log: ReplicatedLog;
  readonly #clock: Clock;
  readonly #owner: PipelineOwner;
  #epoch: number;
  /** The end that the next entry continues: behind everything in flight. */
  #end: LogEnd;
  #gathering: Group[] = [];
  readonly #inFlight: Group[] = [];
  #flushIsDue = false;
  /** What has gathered may be closed as soon as an append may be sent. */
  #mayFlush = false;
  #state: 'closed' | 'open' | 'recovering' | 'stopped' = 'closed';
  /** The epoch is being given up: nothing more is taken, unless that fails. */
  #isResigning = false;
  /** The last try to recover did not succeed. */
  #isStuck = false;
  #newLogId = '';
  #groupsMade = 0;
  #timesOvertaken = 0;
  #unsubscribe: (() => void) | undefined;
  #failure: unknown;

  constructor(log: ReplicatedLog, clock: Clock, owner: PipelineOwner) {
    this.#log = log;
    this.#clock = clock;
    this.#owner = owner;
    this.#end = log.end;
    this.#epoch = log.end.epoch;
  }

  /** Whether an append has a chance now. */
  get available(): boolean {
    const takesMore = !this.#isStuck && !this.#isResigning;
    return this.#log.available && takesMore && this.#state !== 'stopped';
  }

  /** Why nothing will ever be appended again, although nobody stopped it; undefined while that is not so. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Goes up when entries of another leader are taken in: what was read before may be older than they are. */
  get timesOvertaken(): number {
    return this.#timesOvertaken;
  }

  /** Other leaders' entries may stand in the log that are not taken in yet. */
  get isRecovering(): boolean {
    return this.#state === 'recovering';
  }

  /** Nothing is gathered nor in flight. */
  get idle(): boolean {
    return this.#gathering.length === 0 && this.#inFlight.length === 0;
  }

  /** The last that was sent to the log and is not known to be durable; undefined when there is none. */
  get sent(): Commit | undefined {
    return this.#inFlight.at(-1);
  }

  /** Opens an epoch, and a log that is empty under `newLogId`. Everything appended afterwards is in it. */
  open(time: HybridTime, newLogId: string): Commit {
    assert(this.#state === 'closed', 'a pipeline opens once');
    this.#state = 'open';
    this.#unsubscribe = this.#log.onAvailability((available) => {
      if (!available) this.#tellUnavailable();
      else if (!this.#isStuck) this.#letWaitAgain();
    });
    this.#newLogId = newLogId;
    return this.#enqueue(this.#openGroup(time));
  }

  /** Goes on under a new log id, in an epoch of its own. */
  fork(time: HybridTime, logId: string): Group {
    const group = this.#openGroup(time);
    group.logId = logId;
    return this.#enqueue(group);
  }

  /** Appends one entry that is not records. `time` must be at least every time appended before. */
  appendControl(kind: EntryKind, payload: Uint8Array, time: HybridTime): Group {
    const group = this.#newGroup(kind, time);
    group.payload = payload;
    this.#enqueue(group);
    // What came behind it would be refused, and open an epoch again.
    if (kind === 'resign') this.#isResigning = true;
    return group;
  }

  #openGroup(time: HybridTime): Group {
    const group = this.#newGroup('open', time);
    group.payload = this.#owner.openPayload ?? NO_BYTES;
    return group;
  }

  #newGroup(kind: EntryKind, time: HybridTime): Group {
    this.#groupsMade += 1;
    return new Group(kind, time, this.#groupsMade);
  }

  /**
   * Gathers one record. `time` is the partition's time with it; `key` comes back with the commit. `isGated`: it is a single
   * writer's, who waits for others where there is a gate.
   */
  append(record: ItemRecord, key: string, time: HybridTime, isGated = false): Group {
    const { gate } = this.#owner;
    const bytes = recordBytes(record);
    const group =
      isGated && gate !== undefined
        ? this.#gatedGroupFor(bytes, time)
        : this.#groupFor(bytes, time);
    group.add(record, key, time);
    if (isGated && gate !== undefined) {
      group.writers += 1;
      gate.wait(this.#openGate);
    }
    return group;
  }

  #gatedGroupFor(bytes: number, time: HybridTime): Group {
    const last = this.#gathering.at(-1);
    if (last !== undefined && fits(last, bytes)) return last;
    // What is full need not wait for more.
    if (last !== undefined) this.#flushSoon();
    return this.#gather(this.#newGroup('records', time));
  }

  readonly #openGate = (): void => {
    this.#mayFlush = true;
    this.#flush();
  };

  /** Gathers records that stand in one entry or nowhere. */
  appendTogether(records: readonly KeyedRecord[], time: HybridTime): Group {
    const bytes = records.reduce((sum, { record }) => sum + recordBytes(record), 0);
    const group = this.#groupFor(bytes, time);
    for (const { record, key } of records) group.add(record, key, time);
    return group;
  }

  #groupFor(bytes: number, time: HybridTime): Group {
    const last = this.#gathering.at(-1);
    if (last === undefined || !fits(last, bytes))
      return this.#enqueue(this.#newGroup('records', time));
    // It may be one that waits at the gate.
    if (!this.#mayFlush) this.#flushSoon();
    return last;
  }

  #enqueue(group: Group): Group {
    this.#gather(group);
    this.#flushSoon();
    return group;
  }

  #gather(group: Group): Group {
    this.#gathering.push(group);
    if (!this.available) group.fail();
    return group;
  }

  /** At the end of the turn, or when an append has ended. */
  #flushSoon(): void {
    this.#mayFlush = true;
    if (this.#flushIsDue || this.#inFlight.length >= appendsInFlightMax) return;
    this.#flushIsDue = true;
    this.#clock.defer(() => {
      this.#flush();
    });
  }

  #flush(): void {
    this.#flushIsDue = false;
    if (this.#state !== 'open') return;
    let taken = 0;
    for (const group of this.#gathering) {
      if (this.#inFlight.length >= appendsInFlightMax) break;
      taken += 1;
      this.#inFlight.push(group);
      void this.#append(group);
    }
    if (taken > 0) this.#gathering = this.#gathering.slice(taken);
    if (this.#gathering.length === 0) this.#mayFlush = false;
  }

  async #append(group: Group): Promise<void> {
    const { gate } = this.#owner;
    try {
      const entry = this.#makeEntry(group);
      gate?.sent(group.writers);
      const startedMs = this.#clock.monotonicMs();
      const appending = this.#outcomeOf(entry);
      this.#owner.sent?.(group);
      const outcome = await appending;
      gate?.ended(group.writers);
      this.#owner.appended?.(this.#clock.monotonicMs() - startedMs);
      if (this.#isStopped()) return;
      if (outcome === 'durable') this.#committed(group, entry);
      else if (this.#state === 'open') await this.#recover();
    } catch (error) {
      // What is committed can no longer be told: a fault of this program. Nothing further is appended.
      if (!this.#isStopped()) this.#failure = error;
      this.stop();
      if (!group.done) group.fail();
      this.#owner.failed(error);
    }
  }

  async #outcomeOf(entry: Entry): Promise<AppendOutcome> {
    try {
      return await this.#log.append(entry);
    } catch (error) {
      this.#owner.failed(error);
      return 'unknown';
    }
  }

  #makeEntry(group: Group): Entry {
    if (group.kind === 'open') this.#epoch += 1;
    const entry = makeEntry(this.#end, {
      logId: group.logId ?? this.#logIdAfter(this.#end),
      epoch: this.#epoch,
      kind: group.kind,
      partitionTime: Math.max(group.time, this.#end.partitionTime),
      payload: group.kind === 'records' ? encodeRecordsInPlace(group.records) : group.payload,
    });
    this.#end = endOf(entry);
    group.entry = entry;
    return entry;
  }

  #logIdAfter(end: LogEnd): string {
    return end.index === 0 ? this.#newLogId : end.logId;
  }

  #committed(group: Group, entry: Entry): void {
    const first = this.#inFlight.shift();
    assert(first === group, 'appends become durable in order');
    this.#owner.committed(group, entry);
    group.succeed();
    if (this.#mayFlush) this.#flush();
  }

  /** Whoever waits is told that it cannot be said now; what is in flight stays so, and may yet become durable. */
  #tellUnavailable(): void {
    for (const group of this.#inFlight) group.fail();
    for (const group of this.#gathering) group.fail();
  }

  /** Whoever comes from now on may wait again for what is still on its way. */
  #letWaitAgain(): void {
    for (const group of this.#inFlight) group.rearm();
    for (const group of this.#gathering) group.rearm();
  }

  async #recover(): Promise<void> {
    this.#state = 'recovering';
    let barrier: Entry | undefined;
    for (;;) {
      barrier ??= await this.#appendBarrier();
      const standing = barrier === undefined ? undefined : await this.#readUpTo(barrier);
      if (this.#isStopped()) return;
      if (barrier !== undefined && standing !== undefined) {
        this.#settle(standing);
        this.#end = endOf(barrier);
        break;
      }
      if (!this.#isStuck) {
        this.#isStuck = true;
        this.#tellUnavailable();
      }
      await this.#clock.sleep(reopenPauseMs);
      if (this.#isStopped()) return;
    }
    this.#state = 'open';
    this.#isStuck = false;
    this.#isResigning = false;
    if (this.#log.available) this.#letWaitAgain();
    this.#flush();
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  /** The barrier, when it is durable; undefined when that was not to be had this time. */
  async #appendBarrier(): Promise<Entry | undefined> {
    const end = this.#log.end;
    this.#epoch = Math.max(this.#epoch, end.epoch) + 1;
    const barrier = makeEntry(end, {
      logId: this.#logIdAfter(end),
      epoch: this.#epoch,
      kind: 'open',
      partitionTime: Math.max(this.#end.partitionTime, end.partitionTime),
      payload: this.#owner.openPayload ?? NO_BYTES,
    });
    return (await this.#outcomeOf(barrier)) === 'durable' ? barrier : undefined;
  }

  /** What stands after the last commit, the barrier included; undefined when it cannot be read now. */
  async #readUpTo(barrier: Entry): Promise<Entry[] | undefined> {
    const found: Entry[] = [];
    try {
      let after = this.#owner.committedIndex();
      while (after < barrier.index) {
        const entries = await this.#log.read(after, groupBytesMax);
        for (const entry of entries) if (entry.index <= barrier.index) found.push(entry);
        after = present(entries.at(-1), 'an entry before the barrier').index;
      }
      return found;
    } catch (error) {
      this.#owner.failed(error);
      return undefined;
    }
  }

  /**
   * Commits what stands, in the log's order, and rejects the rest, with all that was evaluated on top of it, or
   * without knowing what another leader has appended meanwhile: its items, or a time that later versions must be above.
   */
  #settle(standing: readonly Entry[]): void {
    const doubtful = this.#inFlight.splice(0);
    const kept: Group[] = [];
    let isForeign = false;
    for (const entry of standing) {
      const group = doubtful.find((each) => isSame(each.entry, entry));
      const committed = group ?? this.#foreignGroup(entry);
      isForeign ||=
        group === undefined &&
        (committed.changesItems || entry.partitionTime > this.#end.partitionTime);
      this.#owner.committed(committed, entry);
      kept.push(committed);
    }
    if (isForeign) this.#timesOvertaken += 1;
    const lost = doubtful.filter((group) => !kept.includes(group));
    const undone = lost.length > 0 || isForeign ? [...lost, ...this.#gathering] : [];
    if (undone.length > 0 || isForeign) {
      this.#gathering = [];
      for (const group of undone) group.entry = undefined;
      this.#owner.lost();
    }
    for (const group of kept) group.succeed();
    for (const group of undone) {
      // An epoch was asked for, and the barrier has opened one.
      if (group.kind === 'open' && group.logId === undefined) group.succeed();
      else group.fail();
    }
  }

  #foreignGroup(entry: Entry): Group {
    const group = this.#newGroup(entry.kind, entry.partitionTime);
    group.entry = entry;
    if (entry.kind !== 'records') return group;
    for (const record of decodeRecords(entry.payload))
      group.add(record, overlayKey(record.table, record.key), entry.partitionTime);
    return group;
  }

  /** No further append; whoever waits is told so. */
  stop(): void {
    this.#state = 'stopped';
    this.#unsubscribe?.();
    this.#tellUnavailable();
  }
}

/** A record, and the overlay's key of it. */
export interface KeyedRecord {
  readonly record: ItemRecord;
  readonly key: string;
}

export interface PipelineOwner {
  /** What each entry carries that opens an epoch here: the name of the node, where several may lead. */
  readonly openPayload?: Uint8Array | undefined;
  /** Where single writers wait for each other. */
  readonly gate?: CommitGate | undefined;
  /** `entry` is committed. `group` is what it was made of, or, of another leader's, what it holds. */
  committed(group: Group, entry: Entry): void;
  committedIndex(): number;
  /** Some of what was evaluated will never be: forget all that is not committed. */
  lost(): void;
  /** The log threw: an operator's matter, to be logged. */
  failed(error: unknown): void;
  /** It is on its way into the log. */
  sent?: ((group: Group) => void) | undefined;
  /** How long the log took with an entry, whatever came of it. */
  appended?: ((durationMs: number) => void) | undefined;
}

/** Whether a group takes a record of so many bytes along. */
const fits = ({ kind, bytes }: Group, moreBytes: number): boolean =>
  kind === 'records' && bytes + moreBytes <= groupBytesMax;

/** A straggler or another leader may stand at the same index. */
const isSame = (made: Entry | undefined, stands: Entry): boolean =>
  made?.checksum === stands.checksum && made.index === stands.index && made.epoch === stands.epoch;

/** The records of one entry, and whoever waits for it. */
export class Group implements Commit {
  readonly kind: EntryKind;
  readonly order: number;
  readonly records: ItemRecord[] = [];
  /** The overlay's key of each record. */
  readonly keys: string[] = [];
  /** Where the overlay has each record. */
  items: OverlayItem[] = [];
  time: HybridTime;
  bytes = 0;
  /** How many single writers it has records of: see `CommitGate`. */
  writers = 0;
  payload: Uint8Array = NO_BYTES;
  logId: string | undefined;
  /** Set once it is appended; undefined again when it was lost. */
  entry: Entry | undefined;
  done = false;
  #durable: Promise<void> = Promise.resolve();
  #hasFailed = true;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(kind: EntryKind, time: HybridTime, order: number) {
    this.kind = kind;
    this.time = time;
    this.order = order;
    this.rearm();
  }

  get durable(): Promise<void> {
    return this.#durable;
  }

  /** Whether a copy has other items or tombstones once it has applied this. */
  get changesItems(): boolean {
    return this.kind === 'records' || this.kind === 'forget';
  }

  add(record: ItemRecord, key: string, time: HybridTime): void {
    this.records.push(record);
    this.keys.push(key);
    this.time = Math.max(this.time, time);
    this.bytes += recordBytes(record);
  }

  succeed(): void {
    this.rearm();
    this.done = true;
    this.#resolve();
  }

  /** Whoever waits is told so. It may become durable all the same. */
  fail(): void {
    this.#hasFailed = true;
    this.#reject(internalError());
  }

  /** After `fail`: whoever comes now waits for what becomes of it. */
  rearm(): void {
    if (!this.#hasFailed) return;
    this.#hasFailed = false;
    this.#durable = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody may be waiting: that is no fault.
    this.#durable.catch(() => {});
  }
}

/** What a record takes up in an entry, about. */
export const recordBytes = (record: ItemRecord): number =>
  record.key.length +
  (record.image?.length ?? 0) +
  (record.oldImage?.length ?? 0) +
  recordOverheadBytes;

/** What a record costs in an entry besides key and images, about. */
export const recordOverheadBytes = 64;
