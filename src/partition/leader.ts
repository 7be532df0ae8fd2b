import { type Clock, WOKEN, yieldTo } from '../base/clock.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import { endOf } from '../log/chain.ts';
import type { Entry, LogEnd } from '../log/entry.ts';
import { LogError, type ReplicatedLog } from '../log/replicated-log.ts';
import { internalError } from '../model/errors.ts';
import { decodeRecords } from '../model/record-codec.ts';
import type { ItemRecord, StoredItem } from '../model/record.ts';
import { compareVersions, type Version } from '../model/version.ts';
import { PARTITION_TABLE } from '../storage/key-layout.ts';
import { readItem, readItemOrTombstone } from '../storage/read.ts';
import { AppendPipeline, recordBytes, type Group } from './append-pipeline.ts';
import { CommittedLog } from './committed-log.ts';
import type { Copies } from './copies.ts';
import { evaluateWrite, type WriteDecision } from './evaluate-write.ts';
import { decodeForgetDecision, encodeForgetDecision } from './forget-codec.ts';
import type { IndexedTable } from './index-entries.ts';
import { entryRecord, withIndexRecords } from './index-records.ts';
import { decodeLogEnd, encodeLogEnd, isSameEnd } from './index-stand.ts';
import type { ItemImage, ItemWrite, WriteOutcome } from './item-write.ts';
import { COMMITTED, Overlay, overlayKey, type Commit } from './overlay.ts';
import type {
  CommittedEntry,
  DiscardedItem,
  Follower,
  ForgetDecision,
  IndexBatch,
  ItemVersion,
  ReceivedRecord,
  Resolution,
  Resolve,
  TimeVector,
} from './partition.ts';
import { Standing } from './standing.ts';

/**
 * Bytes of records that are pending, or committed and not applied by every copy that serves reads. Above a half of it
 * copies that are behind others serve no more; above it writers wait.
 */
const unappliedBytesMax = 32 * 1024 * 1024;

/** How long a writer waits for the copies before it is told that it cannot be served now. */
export const unappliedWaitMs = 5000;

/** Received records resolved in one synchronous run. */
const receivedRunMax = 64;

export interface LeaderOptions {
  readonly region: string;
  readonly log: ReplicatedLog;
  readonly copies: Copies;
  readonly clock: Clock;
  /** The region's hybrid clock: each call later than the one before. */
  readonly now: () => HybridTime;
  readonly resolve: Resolve;
  /** Whether a tombstone of that table must be kept: it has, or is getting, a replica elsewhere. */
  readonly keepsTombstones: (table: number) => boolean;
  /** What is to be known of a table with secondary indexes; undefined of any other. */
  readonly indexed?: (table: number) => IndexedTable | undefined;
  readonly onFailure: (error: unknown) => void;
  /** How long the log took with an entry. */
  readonly onAppended?: (durationMs: number) => void;
}

/**
 * The one queue of a partition: every write, local or received, reads what stands, decides, and appends. What
 * stands is the overlay's word, else a copy's.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #overlay = new Overlay();
  readonly #pipeline: AppendPipeline;
  readonly committedLog: CommittedLog;
  #committed: LogEnd;
  #droppedThrough: number;
  /** The latest time given out by the clock to anything appended. Items from far ahead do not move it. */
  #partitionTime: HybridTime;
  /** Of the last forgetting committed here; before the first one the copies know it. */
  #forgotten: TimeVector | undefined;
  #opened: Commit | undefined;
  /** Committed, not yet applied by every serving copy, oldest first. */
  #unapplied: Group[] = [];
  #unappliedBytes = 0;
  #pendingBytes = 0;
  /** Forgettings that are pending, or that some serving copy has not applied. */
  #forgettings: Forgetting[] = [];
  #waitingForCopies: (() => void)[] = [];

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { log, copies, clock } = options;
    this.#committed = log.end;
    this.#droppedThrough = log.end.index;
    this.#partitionTime = log.end.partitionTime;
    this.committedLog = new CommittedLog(log, decodeCommitted);
    this.#pipeline = new AppendPipeline(log, clock, {
      committed: (group, entry) => {
        this.#commit(group, entry);
      },
      committedIndex: () => this.#committed.index,
      lost: () => {
        this.#forgetUncommitted();
      },
      failed: options.onFailure,
      appended: options.onAppended,
    });
    copies.onApplied((floor) => {
      this.#dropApplied(floor);
    });
  }

  get committed(): LogEnd {
    return this.#committed;
  }

  /** See `AppendPipeline.failure`. */
  get failure(): unknown {
    return this.#pipeline.failure;
  }

  /** Nothing at or below this index is in the overlay: a copy that serves reads must have applied it. */
  get droppedThrough(): number {
    return this.#droppedThrough;
  }

  get forgotten(): TimeVector {
    return this.#forgotten ?? this.#options.copies.serving[0]?.copy.forgotten ?? {};
  }

  /**
   * Opens the epoch, and an empty log under `newLogId`. Until that is durable every write and strong read waits for
   * it, or fails for want of zones.
   */
  open(newLogId = ''): Commit {
    this.#opened = this.#pipeline.open(this.#stamp(), newLogId);
    return this.#opened;
  }

  async #ready(): Promise<void> {
    this.#assertAvailable();
    await this.#open();
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + unappliedWaitMs;
    for (;;) {
      if (!this.#isFull) return;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) throw internalError();
      const waited = new AbortController();
      const room = new Promise<void>((resolve) => {
        this.#waitingForCopies.push(resolve);
      });
      await Promise.race([room, clock.sleep(leftMs, waited.signal)]);
      waited.abort(WOKEN);
      this.#assertAvailable();
    }
  }

  #assertAvailable(): void {
    if (!this.#pipeline.available) throw internalError();
  }

  async #open(): Promise<void> {
    if (this.#opened === undefined) throw internalError();
    await this.#opened.durable;
  }

  get #isFull(): boolean {
    return this.#unappliedBytes + this.#pendingBytes > unappliedBytesMax;
  }

  get #isReady(): boolean {
    return this.#pipeline.available && this.#opened?.done === true && !this.#isFull;
  }

  async write(write: ItemWrite): Promise<WriteOutcome> {
    if (!this.#isReady) await this.#ready();
    const key = overlayKey(write.table, write.key);
    const standing = this.#standing(key, write.table, write.key);
    const before = imageOfStored(standing.stored);
    const decision = this.#decide(write, before, standing);
    if (decision instanceof Promise) return decision;
    if (decision.kind === 'refused' || decision.kind === 'nothing') {
      await this.#certain(standing.commit);
      return decision.kind === 'refused'
        ? { kind: 'refused', before }
        : { kind: 'applied', before, after: undefined };
    }
    const after = decision.kind === 'put' ? decision.after : undefined;
    const time = this.#stamp();
    const record = this.#localRecord(write, after, standing, time);
    await this.#append(record, { key, standing, time }).durable;
    return { kind: 'applied', before, after };
  }

  /** The decision; or, where the evaluation refuses, a rejection that waits for what it saw, as any refusal. */
  #decide(
    write: ItemWrite,
    before: ItemImage | undefined,
    standing: Standing,
  ): WriteDecision | Promise<never> {
    try {
      return evaluateWrite(write, before);
    } catch (error) {
      return this.#certain(standing.commit).then(() => {
        throw error;
      });
    }
  }

  #localRecord(
    write: ItemWrite,
    after: ItemImage | undefined,
    standing: Standing,
    time: HybridTime,
  ): ItemRecord {
    const { region, keepsTombstones } = this.#options;
    const { stored } = standing;
    return {
      table: write.table,
      key: write.key,
      version: {
        time: stored === undefined ? time : Math.max(time, stored.version.time + 1),
        region,
      },
      replaced: seenBy(region, stored),
      image: after?.image,
      itemBytes: after?.itemBytes ?? 0,
      keepsTombstone: after === undefined && keepsTombstones(write.table),
      previous: standing.previous(),
      cause: write.cause,
    };
  }

  #stamp(): HybridTime {
    this.#partitionTime = Math.max(this.#partitionTime + 1, this.#options.now());
    return this.#partitionTime;
  }

  /** `time`: the partition's, with it. With the record goes what it changes in local indexes. */
  #append(
    record: ItemRecord,
    { key, standing, time }: { key: string; standing: Standing; time: HybridTime },
  ): Commit {
    const table = this.#options.indexed?.(record.table);
    if (table !== undefined) {
      const standingOf = (index: number, entryKey: Uint8Array): Standing =>
        this.#standing(overlayKey(index, entryKey), index, entryKey);
      return this.#appendTogether(withIndexRecords(record, standing, { table, standingOf }), time);
    }
    const commit = this.#pipeline.append(record, key, time);
    this.#pendingBytes += recordBytes(record);
    this.#overlay.set(key, { record, commit });
    return commit;
  }

  #appendTogether(records: readonly ItemRecord[], time: HybridTime): Commit {
    const keyed = records.map((record) => ({
      record,
      key: overlayKey(record.table, record.key),
    }));
    const commit = this.#pipeline.appendTogether(keyed, time);
    for (const { record, key } of keyed) {
      this.#pendingBytes += recordBytes(record);
      this.#overlay.set(key, { record, commit });
    }
    return commit;
  }

  /** What an answer that appends nothing waits for: the pending write that it saw, and that nobody else leads. */
  async #certain(commit: Commit): Promise<void> {
    const { timesOvertaken } = this;
    if (!commit.done) await commit.durable;
    await this.confirm(timesOvertaken);
  }

  /** See `AppendPipeline.timesOvertaken`. */
  get timesOvertaken(): number {
    return this.#pipeline.timesOvertaken;
  }

  /**
   * Rejects with `InternalServerError` when it is not certain that nobody else leads, or did since `timesOvertaken` was
   * what it says: when what is to be answered was read.
   */
  async confirm(timesOvertaken = this.timesOvertaken): Promise<void> {
    if (this.#opened?.done !== true) await this.#open();
    try {
      await this.#options.log.confirm();
    } catch (error) {
      if (error instanceof LogError) throw internalError();
      throw error;
    }
    // An epoch that was opened again serves as proof for the log before its leader knows what stands in front of it.
    if (this.#pipeline.isRecovering || timesOvertaken !== this.timesOvertaken)
      throw internalError();
  }

  #standing(key: string, table: number, itemKey: Uint8Array): Standing {
    const held = this.#overlay.get(key);
    if (held !== undefined) {
      const { record: stored, commit } = held;
      const keepsTombstone =
        stored.keepsTombstone && !this.#forgets(table, stored, ({ order }) => order > commit.order);
      return new Standing(itemKey, { stored, commit, keepsTombstone });
    }
    return this.#options.copies.read(({ node, copy }) => {
      const stored = readItemOrTombstone(node.store, table, itemKey);
      const keepsTombstone =
        stored !== undefined &&
        stored.image === undefined &&
        !this.#forgets(table, stored, (group) => indexOf(group) > copy.position.index);
      return new Standing(itemKey, { stored, commit: COMMITTED, keepsTombstone });
    });
  }

  /** Whether a forgetting that the tombstone is still to meet, and that `isAfter` it, takes it away. */
  #forgets(table: number, tombstone: StoredItem, isAfter: (forget: Group) => boolean): boolean {
    return this.#forgettings.some(
      ({ group, horizons }) => tombstone.version.time < (horizons[table] ?? 0) && isAfter(group),
    );
  }

  async read(table: number, itemKey: Uint8Array): Promise<StoredItem | undefined> {
    if (this.#opened?.done !== true) await this.#open();
    const held = this.#overlay.get(overlayKey(table, itemKey));
    const stored =
      held === undefined
        ? this.#options.copies.read(({ node }) => readItem(node.store, table, itemKey))
        : itemIn(held.record);
    await this.#certain(held?.commit ?? COMMITTED);
    return stored;
  }

  /**
   * What is committed, or a little older, without asking for the lease: under a pending write of the same key, what
   * the nearest copy has.
   */
  readNearby(table: number, itemKey: Uint8Array): StoredItem | undefined {
    const held = this.#overlay.get(overlayKey(table, itemKey));
    if (held?.commit.done === true) return itemIn(held.record);
    return this.#options.copies.read(({ node }) => readItem(node.store, table, itemKey));
  }

  async receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]> {
    if (!this.#isReady) await this.#ready();
    const { timesOvertaken } = this;
    const resolutions: Resolution[] = [];
    const commits = new Set<Commit>();
    for (const [place, received] of records.entries()) {
      if (place > 0 && place % receivedRunMax === 0) await yieldTo(this.#options.clock);
      const { resolution, commit } = this.#receiveOne(received);
      resolutions.push(resolution);
      if (!commit.done) commits.add(commit);
    }
    for (const commit of commits) await commit.durable;
    await this.confirm(timesOvertaken);
    return resolutions;
  }

  #receiveOne(received: ReceivedRecord): { resolution: Resolution; commit: Commit } {
    const key = overlayKey(received.table, received.key);
    const standing = this.#standing(key, received.table, received.key);
    const resolution = this.#options.resolve(standing.stored, received, this.forgotten);
    if (resolution.kind !== 'won') return { resolution, commit: standing.commit };
    const record: ItemRecord = {
      table: received.table,
      key: received.key,
      version: received.version,
      replaced: received.replaced,
      image: received.image,
      itemBytes: received.itemBytes,
      keepsTombstone: received.image === undefined,
      previous: standing.previous(),
      cause: 'replication',
    };
    const time = this.#partitionTime;
    return { resolution, commit: this.#append(record, { key, standing, time }) };
  }

  /** See `Partition.discard`. A record one tick after what it removes, so that the same item coming again loses to it. */
  async discard(table: number, items: readonly DiscardedItem[]): Promise<void> {
    if (!this.#isReady) await this.#ready();
    const commits = new Set<Commit>();
    for (const [place, { key: itemKey, version }] of items.entries()) {
      if (place > 0 && place % receivedRunMax === 0) await yieldTo(this.#options.clock);
      const key = overlayKey(table, itemKey);
      const standing = this.#standing(key, table, itemKey);
      const { stored } = standing;
      if (stored?.image === undefined || compareVersions(stored.version, version) !== 0) continue;
      const record: ItemRecord = {
        table,
        key: itemKey,
        version: { time: version.time + 1, region: version.region },
        replaced: version,
        image: undefined,
        itemBytes: 0,
        keepsTombstone: false,
        previous: standing.previous(),
        cause: 'replication',
      };
      commits.add(this.#append(record, { key, standing, time: this.#partitionTime }));
    }
    for (const commit of commits) await commit.durable;
  }

  /** See `IndexedPartition.reemit`. */
  async reemit(table: number, items: readonly ItemVersion[]): Promise<void> {
    if (!this.#isReady) await this.#ready();
    const commits = new Set<Commit>();
    for (const [place, { key: itemKey, version }] of items.entries()) {
      if (place > 0 && place % receivedRunMax === 0) await yieldTo(this.#options.clock);
      const key = overlayKey(table, itemKey);
      const standing = this.#standing(key, table, itemKey);
      const { stored } = standing;
      if (stored?.image === undefined || compareVersions(stored.version, version) !== 0) {
        commits.add(standing.commit);
        continue;
      }
      const record: ItemRecord = {
        table,
        key: itemKey,
        version,
        replaced: stored.replaced,
        image: stored.image,
        itemBytes: stored.itemBytes,
        keepsTombstone: false,
        previous: standing.previous(),
        cause: 'backfill',
      };
      commits.add(this.#appendTogether([record], this.#partitionTime));
    }
    for (const commit of commits) await commit.durable;
  }

  /**
   * See `IndexedPartition.takeIndexBatch`. `standKey`: under which the position of the batch's source is kept. One
   * synchronous run and one entry, so that neither is ever without the other.
   */
  async takeIndexBatch(batch: IndexBatch, standKey: Uint8Array): Promise<LogEnd | undefined> {
    if (!this.#isReady) await this.#ready();
    const standing = this.#standing(
      overlayKey(PARTITION_TABLE, standKey),
      PARTITION_TABLE,
      standKey,
    );
    const { stored, commit } = standing;
    const end = stored?.image === undefined ? undefined : decodeLogEnd(stored.image);
    if (!isSameEnd(end, batch.after)) {
      await this.#certain(commit);
      return end;
    }
    const records: ItemRecord[] = [];
    for (const { version, ...change } of batch.changes) {
      const key = overlayKey(change.table, change.key);
      const record = entryRecord(change, version, this.#standing(key, change.table, change.key));
      if (record !== undefined) records.push(record);
    }
    if (batch.to !== undefined) records.push(this.#standRecord(standKey, standing, batch.to));
    if (records.length > 0) await this.#appendTogether(records, this.#partitionTime).durable;
    return batch.to ?? end;
  }

  #standRecord(key: Uint8Array, standing: Standing, end: LogEnd): ItemRecord {
    const image = encodeLogEnd(end);
    return {
      table: PARTITION_TABLE,
      key,
      version: { time: this.#stamp(), region: this.#options.region },
      replaced: undefined,
      image,
      itemBytes: image.length,
      keepsTombstone: false,
      previous: standing.previous(),
      cause: 'system',
    };
  }

  async advanceTime(): Promise<LogEnd> {
    if (!this.#isReady) await this.#ready();
    await this.#pipeline.appendControl('noop', new Uint8Array(0), this.#stamp()).durable;
    return this.#committed;
  }

  async forget(decision: ForgetDecision): Promise<void> {
    if (!this.#isReady) await this.#ready();
    const payload = encodeForgetDecision(decision);
    const group = this.#pipeline.appendControl('forget', payload, this.#partitionTime);
    this.#forgettings.push({ group, horizons: decision.horizons });
    await group.durable;
  }

  async fork(logId: string, time: HybridTime): Promise<LogEnd> {
    if (!this.#isReady) await this.#ready();
    this.#partitionTime = Math.max(this.#partitionTime, time);
    await this.#pipeline.fork(this.#stamp(), logId).durable;
    return this.#committed;
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    const { log } = this.#options;
    if (index === this.#committed.index) return this.#committed;
    if (index < log.first || index > this.#committed.index) return undefined;
    try {
      const [found] = await this.committedLog.read(index - 1, 1);
      return found === undefined ? undefined : endOf(found.entry);
    } catch (error) {
      // It was trimmed meanwhile.
      if (error instanceof LogError && error.code === 'trimmed') return undefined;
      throw error;
    }
  }

  follow(after: number): Follower {
    return this.committedLog.follow(after);
  }

  #commit(group: Group, entry: Entry): void {
    this.#committed = endOf(entry);
    this.#partitionTime = Math.max(this.#partitionTime, entry.partitionTime);
    if (entry.kind === 'forget') this.#commitForgetting(group, decodeForgetDecision(entry.payload));
    if (group.kind === 'records') {
      this.#unapplied.push(group);
      this.#unappliedBytes += group.bytes;
      this.#pendingBytes = Math.max(0, this.#pendingBytes - group.bytes);
      if (this.#unappliedBytes > unappliedBytesMax / 2) this.#options.copies.leaveBehind();
    }
    this.committedLog.push({ entry, records: group.records });
  }

  /** As copies do it: no member of the vector goes back. */
  #commitForgetting(group: Group, { vector, horizons }: ForgetDecision): void {
    const forgotten: Record<string, HybridTime> = { ...this.forgotten };
    for (const [region, time] of Object.entries(vector))
      forgotten[region] = Math.max(forgotten[region] ?? 0, time);
    this.#forgotten = forgotten;
    const isOwn = this.#forgettings.some((forgetting) => forgetting.group === group);
    if (!isOwn) this.#forgettings.push({ group, horizons });
  }

  #dropApplied(floor: number): void {
    this.#droppedThrough = Math.max(this.#droppedThrough, floor);
    let dropped = 0;
    for (const group of this.#unapplied) {
      if (indexOf(group) > floor) break;
      dropped += 1;
      this.#unappliedBytes -= group.bytes;
      group.records.forEach((record, place) => {
        this.#overlay.drop(group.keys[place] ?? '', record);
      });
    }
    if (dropped > 0) this.#unapplied = this.#unapplied.slice(dropped);
    if (this.#forgettings.length > 0)
      this.#forgettings = this.#forgettings.filter(({ group }) => indexOf(group) > floor);
    if (!this.#isFull) this.#letWritersGoOn();
  }

  #letWritersGoOn(): void {
    const waiting = this.#waitingForCopies;
    this.#waitingForCopies = [];
    for (const resolve of waiting) resolve();
  }

  /** After an append was lost the overlay holds again just what is committed. */
  #forgetUncommitted(): void {
    this.#overlay.clear();
    this.#pendingBytes = 0;
    for (const group of this.#unapplied)
      group.records.forEach((record, place) => {
        this.#overlay.set(group.keys[place] ?? '', { record, commit: group });
      });
    this.#forgettings = this.#forgettings.filter(({ group }) => group.entry !== undefined);
    this.#letWritersGoOn();
  }

  stop(): void {
    this.#pipeline.stop();
    this.#letWritersGoOn();
  }
}

/** A `forget` entry that some serving copy has not applied. */
interface Forgetting {
  readonly group: Group;
  readonly horizons: ForgetDecision['horizons'];
}

const indexOf = (group: Group): number => group.entry?.index ?? Number.POSITIVE_INFINITY;

const itemIn = (record: ItemRecord): StoredItem | undefined =>
  record.image === undefined ? undefined : record;

/** See `ItemRecord.replaced`. */
const seenBy = (region: string, stored: StoredItem | undefined): Version | undefined =>
  stored?.version.region === region ? stored.replaced : stored?.version;

const imageOfStored = (stored: StoredItem | undefined): ItemImage | undefined =>
  stored?.image === undefined ? undefined : { image: stored.image, itemBytes: stored.itemBytes };

function decodeCommitted(entry: Entry): CommittedEntry {
  return { entry, records: entry.kind === 'records' ? decodeRecords(entry.payload) : [] };
}
