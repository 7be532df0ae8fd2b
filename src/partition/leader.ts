import { WOKEN } from '../base/clock.ts';
import { wallMsOf, type HybridTime } from '../clock/hybrid-time.ts';
import { endOf } from '../log/chain.ts';
import type { Entry, LogEnd } from '../log/entry.ts';
import { LogError } from '../log/replicated-log.ts';
import { ClientError, internalError } from '../model/errors.ts';
import { TRANSACTION_CONFLICT } from '../model/messages.ts';
import type { ItemRecord, StoredItem } from '../model/record.ts';
import { originOf, type Version } from '../model/version.ts';
import type { Splitting } from '../storage/apply.ts';
import { itemSpaceKey } from '../storage/key-layout.ts';
import { readItem, readItemOrTombstone } from '../storage/read.ts';
import { AppendPipeline, recordBytes, type Group } from './append-pipeline.ts';
import { CommittedLog, decodeCommitted } from './committed-log.ts';
import { digestsBeside } from './digests-beside.ts';
import { dueMsOf } from './due-time.ts';
import { evaluateWrite, type WriteDecision } from './evaluate-write.ts';
import { decodeForgetDecision, encodeForgetDecision } from './forget-codec.ts';
import type { IndexedTable } from './index-entries.ts';
import { Forgettings, indexOf } from './forgettings.ts';
import { HeldHashes } from './held-hashes.ts';
import { oldImageFor, withIndexRecords, withOldImage } from './index-records.ts';
import { Intents } from './intents.ts';
import { imageOf } from './item-image.ts';
import type { ItemImage, ItemPlace, ItemWrite, WriteOutcome } from './item-write.ts';
import { COMMITTED, Overlay, overlayKey, type Commit } from './overlay.ts';
import type { Follower, ForgetDecision, TimeVector } from './partition.ts';
import type { LeaderOptions } from './leader-options.ts';
import { MovedError } from './moved-error.ts';
import { Removals } from './removals.ts';
import { encodeSplit, splitOf } from './split-codec.ts';
import { Standing } from './standing.ts';

/**
 * Bytes of records that are pending, or committed and not applied by every copy that serves reads. Above a half of it
 * copies that are behind others serve no more; above it writers wait.
 */
const unappliedBytesMax = 32 * 1024 * 1024;

/** How long a writer waits for the copies before it is told that it cannot be served now. */
export const unappliedWaitMs = 5000;

interface AppendPlace {
  /** The partition's, with the record. */
  readonly time: HybridTime;
  /** Whether it may wait for others to go with it: see `CommitGate`. */
  readonly isGated?: boolean;
}

/** What a strong read is of: a table or an index, or items of it. An earlier program knows no `keys`, and takes it to be of the table. */
export interface ReadScope {
  readonly table: number;
  readonly key?: Uint8Array | undefined;
  readonly keys?: readonly Uint8Array[] | undefined;
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
  /** What transactions have prepared here. Whoever opens the leader loads them. */
  readonly intents: Intents;
  readonly held: HeldHashes;
  readonly #removals = new Removals();
  #committed: LogEnd;
  #droppedThrough: number;
  #partitionTime: HybridTime;
  #opened: Commit | undefined;
  /** Committed, not yet applied by every serving copy, oldest first. */
  #unapplied: Group[] = [];
  #unappliedBytes = 0;
  #pendingBytes = 0;
  readonly #forgettings: Forgettings;
  #waitingForCopies: (() => void)[] = [];
  #isStopped = false;
  /** The log could not say that nobody else leads, when it was asked last. */
  #isUnconfirmed = false;

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { log, copies, clock } = options;
    this.#committed = log.end;
    this.#droppedThrough = log.end.index;
    this.#partitionTime = log.end.partitionTime;
    this.committedLog = new CommittedLog(log, decodeCommitted);
    this.intents = new Intents(clock);
    this.held = new HeldHashes({ partition: log.partition, hashes: options.hashes, clock });
    this.#forgettings = new Forgettings(() => copies.serving[0]?.copy.forgotten ?? {});
    this.#pipeline = new AppendPipeline(log, clock, {
      openPayload: options.openPayload,
      gate: options.gate,
      committed: (group, entry) => {
        this.#commit(group, entry);
      },
      committedIndex: () => this.#committed.index,
      lost: () => {
        this.#forgetUncommitted();
      },
      failed: options.onFailure,
      sent: digestsBeside(clock),
      appended: options.onAppended,
    });
    copies.onApplied((floor) => {
      this.#dropApplied(floor);
    });
  }

  /** The latest time given out by the clock to anything appended. Items from far ahead do not move it. */
  get partitionTime(): HybridTime {
    return this.#partitionTime;
  }

  get committed(): LogEnd {
    return this.#committed;
  }

  /** See `AppendPipeline.failure`. */
  get failure(): unknown {
    return this.#pipeline.failure;
  }

  /** The overlay need not hold anything at or below this index: a copy that serves reads must have applied it. */
  get droppedThrough(): number {
    return this.#droppedThrough;
  }

  get forgotten(): TimeVector {
    return this.#forgettings.vector;
  }

  /**
   * Opens the epoch, and an empty log under `newLogId`. Until that is durable every write and strong read waits for
   * it, or fails for want of zones.
   */
  open(newLogId = ''): Commit {
    this.#opened = this.#pipeline.open(this.stamp(), newLogId);
    return this.#opened;
  }

  /** Waits until a write can be taken now. Rejects with `InternalServerError` where that takes too long. */
  async ready(): Promise<void> {
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

  /** Whether a write can be taken now: see `ready`. */
  get isReady(): boolean {
    return this.#pipeline.available && this.#opened?.done === true && !this.#isFull;
  }

  /** As `isReady`, and it is known what transactions have prepared: what changes items asks for this. */
  get takesItems(): boolean {
    return this.isReady && this.intents.isLoaded;
  }

  /** Waits until items can be changed now. Rejects as `ready`. */
  async readyForItems(): Promise<void> {
    await this.ready();
    await this.intents.loaded();
  }

  /** Rejects with `TransactionConflictException` where a transaction is under way on the item. */
  async write(write: ItemWrite): Promise<WriteOutcome> {
    const ahead = this.readAhead([write]);
    if (ahead !== undefined) await ahead;
    while (!this.takesItems || !this.held.holds(write.table, write.key)) {
      await this.readyForItems();
      await this.held.splitOver(write.table, write.key);
      if (!this.held.leads(write.table, write.key)) throw new MovedError();
    }
    const key = overlayKey(write.table, write.key);
    if (this.intents.size > 0 && this.intents.on(key) !== undefined)
      throw new ClientError('TransactionConflictException', TRANSACTION_CONFLICT);
    const standing = this.#standing(key, write.table, write.key);
    const before = imageOf(standing.stored);
    const decision = this.#decide(write, before, standing);
    if (decision instanceof Promise) return decision;
    if (decision.kind === 'refused' || decision.kind === 'nothing') {
      await this.certain(standing.commit);
      return decision.kind === 'refused'
        ? { kind: 'refused', before }
        : { kind: 'applied', before, after: undefined };
    }
    const after = decision.kind === 'put' ? decision.after : undefined;
    const time = this.stamp();
    const record = this.localRecord(write, after, standing, time);
    await this.append(record, { key, standing, time, isGated: true }).durable;
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
      return this.certain(standing.commit).then(() => {
        throw error;
      });
    }
  }

  /** The record of a change that is made here. */
  localRecord(
    write: Pick<ItemWrite, 'table' | 'key' | 'cause'>,
    after: ItemImage | undefined,
    standing: Standing,
    time: HybridTime,
  ): ItemRecord {
    const { region, keepsTombstones } = this.#options;
    const { stored } = standing;
    const table = this.#options.indexed?.(write.table);
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
      // In their places from the beginning: to add them later costs memory, or a copy.
      oldImage: table && oldImageFor(after?.image, standing, table),
      digest: undefined,
    };
  }

  /** A time for what is appended next, later than all before. */
  stamp(): HybridTime {
    this.#partitionTime = Math.max(this.#partitionTime + 1, this.#options.now());
    return this.#partitionTime;
  }

  /** With the record goes what it changes in local indexes. */
  append(
    record: ItemRecord,
    place: AppendPlace & { readonly key: string; readonly standing: Standing },
  ): Commit {
    const { key, standing, time } = place;
    const table = this.#options.indexed?.(record.table);
    if (table?.locals.length === 0)
      return this.#appendOne(this.#dated(withOldImage(record, standing, table), table), key, place);
    if (table !== undefined) return this.appendTogether(this.withIndexes(record, standing), time);
    return this.#appendOne(record, key, place);
  }

  #appendOne(record: ItemRecord, key: string, { time, isGated }: AppendPlace): Commit {
    this.#removals.note(record);
    const commit = this.#pipeline.append(record, key, time, isGated);
    this.#pendingBytes += recordBytes(record);
    commit.items.push(this.#overlay.set(key, record, commit));
    return commit;
  }

  /** The record, with those of what it changes in local indexes. */
  withIndexes(record: ItemRecord, standing: Standing): readonly ItemRecord[] {
    const table = this.#options.indexed?.(record.table);
    if (table === undefined) return [record];
    const standingOf = (index: number, entryKey: Uint8Array): Standing =>
      this.standing(overlayKey(index, entryKey), index, entryKey);
    return withIndexRecords(record, standing, { table, standingOf });
  }

  /** Appends records that stand in one entry or nowhere. Time is the partition's, with them. */
  appendTogether(records: readonly ItemRecord[], time: HybridTime): Commit {
    const keyed = records.map((record) => ({
      record: this.#dated(record, this.#options.indexed?.(record.table)),
      key: overlayKey(record.table, record.key),
    }));
    const commit = this.#pipeline.appendTogether(keyed, time);
    for (const { record, key } of keyed) {
      this.#removals.note(record);
      this.#pendingBytes += recordBytes(record);
      commit.items.push(this.#overlay.set(key, record, commit));
    }
    return commit;
  }

  /** With the time at which the item is due, where its table says that items expire. */
  #dated(record: ItemRecord, table: IndexedTable | undefined): ItemRecord {
    const { image, version } = record;
    const rule = table?.expiry;
    if (image === undefined || rule === undefined) return record;
    const { region } = this.#options;
    const nowMs = wallMsOf(this.#partitionTime);
    const dueMs = dueMsOf({ image, version, region, nowMs }, rule);
    return dueMs === undefined ? record : { ...record, dueMs };
  }

  /** What an answer that appends nothing waits for: the pending write that it saw, and that nobody else leads. */
  async certain(commit: Commit): Promise<void> {
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
      this.#isUnconfirmed = false;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.#isUnconfirmed = true;
      throw internalError();
    }
    // An epoch that was opened again serves as proof for the log before its leader knows what stands in front of it; and
    // that of a later leader of the same log here says nothing of what this one has read.
    const isOver = this.#isStopped || this.#pipeline.isRecovering;
    if (isOver || timesOvertaken !== this.timesOvertaken) throw internalError();
  }

  /** It takes no writes, or answers no strong reads, as far as the last of them tells. */
  get isHindered(): boolean {
    return !this.#pipeline.available || this.#isUnconfirmed;
  }

  /**
   * What stands at an item's key, for a record of it to be appended in the same run; `key` is its `overlayKey`. Throws
   * `MovedError` where another partition holds it.
   */
  standing(key: string, table: number, itemKey: Uint8Array): Standing {
    if (!this.held.holds(table, itemKey)) throw new MovedError();
    return this.#standing(key, table, itemKey);
  }

  /** The same of a key that is held. */
  #standing(key: string, table: number, itemKey: Uint8Array): Standing {
    const held = this.#overlay.get(key);
    if (held !== undefined) {
      const { record, stored, commit } = held;
      const keepsTombstone =
        record?.keepsTombstone === true &&
        !this.#forgettings.take(table, stored, ({ order }) => order > commit.order);
      return new Standing(itemKey, { stored, commit, keepsTombstone });
    }
    return this.#options.copies.read(({ node, copy }) => {
      // What the copy has written and not yet counted is in the overlay still.
      const stored = copy.mayHoldTombstones(table)
        ? readItemOrTombstone(node.store, table, itemKey)
        : readItem(node.store, table, itemKey);
      const keepsTombstone =
        stored !== undefined &&
        stored.image === undefined &&
        !this.#forgettings.take(table, stored, (group) => indexOf(group) > copy.position.index);
      return new Standing(itemKey, { stored, commit: COMMITTED, keepsTombstone });
    });
  }

  /** Before items are looked at: undefined where there is nothing to be read ahead. See `KeyValueStore.readAhead`. */
  readAhead(items: readonly ItemPlace[]): Promise<void> | undefined {
    const store = this.#options.copies.storeToReadAhead;
    if (store === undefined) return undefined;
    const keys = items
      .filter(({ table, key }) => this.#overlay.get(overlayKey(table, key)) === undefined)
      .map(({ table, key }) => itemSpaceKey('items', table, key));
    return keys.length === 0 ? undefined : store.readAhead(keys);
  }

  /** Waits for the end of a transaction that is under way on the item. */
  async read(table: number, itemKey: Uint8Array): Promise<StoredItem | undefined> {
    const ahead = this.readAhead([{ table, key: itemKey }]);
    if (ahead !== undefined) await ahead;
    if (this.#opened?.done !== true) await this.#open();
    if (!this.intents.isLoaded) await this.intents.loaded();
    const key = overlayKey(table, itemKey);
    if (this.intents.size > 0) await this.intents.clearOf(key);
    // Until a child leads what it was given nothing of that can change, and this is where it is read.
    if (!this.held.leads(table, itemKey)) throw new MovedError();
    if (this.#options.othersApplyLog === true)
      while (!this.held.holds(table, itemKey)) {
        await this.held.splitOver(table, itemKey);
        if (!this.held.leads(table, itemKey)) throw new MovedError();
      }
    const held = this.#overlay.get(key);
    const stored =
      held === undefined
        ? this.#options.copies.read(({ node }) => readItem(node.store, table, itemKey))
        : held.item;
    await this.certain(held?.commit ?? COMMITTED);
    return stored;
  }

  /**
   * As `read`, of several items, which are looked at in one run: what they wait for is waited for once. Rejects where one of them
   * would.
   */
  async readEach(
    table: number,
    itemKeys: readonly Uint8Array[],
  ): Promise<readonly (StoredItem | undefined)[]> {
    if (this.#options.copies.storeToReadAhead !== undefined)
      await this.readAhead(itemKeys.map((key) => ({ table, key })));
    const isOpen = this.#opened?.done === true && this.intents.isLoaded;
    const isClear = this.intents.size === 0 && itemKeys.every((key) => this.held.holds(table, key));
    if (!isOpen || !isClear) return Promise.all(itemKeys.map(async (key) => this.read(table, key)));
    const { timesOvertaken } = this;
    const pending = new Set<Promise<void>>();
    const found = itemKeys.map((itemKey) => {
      const held = this.#overlay.get(overlayKey(table, itemKey));
      if (held === undefined)
        return this.#options.copies.read(({ node }) => readItem(node.store, table, itemKey));
      if (!held.commit.done) pending.add(held.commit.durable);
      return held.item;
    });
    await Promise.all(pending);
    await this.confirm(timesOvertaken);
    return found;
  }

  /**
   * What is committed, or a little older, without asking for the lease: under a pending write of the same key, what
   * the nearest copy has.
   */
  readNearby(table: number, itemKey: Uint8Array): StoredItem | undefined {
    const held = this.#overlay.get(overlayKey(table, itemKey));
    if (held?.commit.done === true) return held.item;
    return this.#options.copies.read(({ node }) => readItem(node.store, table, itemKey));
  }

  /** Resolves once the transactions are finished that were under way in a table, or an index, or on one of its items. */
  async finishedIn({ table, key, keys }: ReadScope): Promise<void> {
    const { intents } = this;
    if (!intents.isLoaded) await intents.loaded();
    if (intents.isIdle) return;
    const itemKeys = key === undefined ? keys : [key];
    const items = itemKeys && new Set(itemKeys.map((each) => overlayKey(table, each)));
    const isIn = (number: number): boolean =>
      number === table ||
      (this.#options.indexed?.(number)?.locals.some((index) => index.number === table) ?? false);
    await intents.finished((intent) =>
      items === undefined
        ? intent.actions.some((action) => isIn(action.table))
        : intent.keys.some((each) => items.has(each)),
    );
  }

  /** Where no item stands: changes whenever one there may have come and gone, or somebody else may have led. */
  absenceMark(itemKey: Uint8Array): string {
    const { epoch } = this.#committed;
    return `${epoch} ${this.timesOvertaken} ${this.#removals.at(itemKey)}`;
  }

  /** The index of the last entry that was committed before the call, once it is certain that nobody else leads. */
  async readIndex(): Promise<number> {
    await this.#open();
    if (this.#options.othersApplyLog === true && this.held.splitState !== 'none')
      await this.held.noneUnderWay();
    const { index } = this.#committed;
    await this.confirm();
    return index;
  }

  /**
   * Resolves once everything is committed that copies elsewhere may have shown before the call: see `othersApplyLog`. Rejects with
   * `InternalServerError` where that cannot be said.
   */
  async sentIsCommitted(): Promise<void> {
    if (this.#options.othersApplyLog === true) await this.#pipeline.sent?.durable;
  }

  async advanceTime(): Promise<LogEnd> {
    if (!this.isReady) await this.ready();
    await this.#pipeline.appendControl('noop', new Uint8Array(0), this.stamp()).durable;
    return this.#committed;
  }

  /** The epoch's last entry, behind all that was asked before: `successor` is the payload, who is to open the next one. */
  async resign(successor: Uint8Array): Promise<void> {
    await this.#open();
    await this.#pipeline.appendControl('resign', successor, this.stamp()).durable;
  }

  async forget(decision: ForgetDecision): Promise<void> {
    if (!this.isReady) await this.ready();
    const payload = encodeForgetDecision(decision);
    const group = this.#pipeline.appendControl('forget', payload, this.#partitionTime);
    this.#forgettings.add(group, decision);
    await group.durable;
  }

  /**
   * Gives the hashes from `middle` on to another partition, with `records`, which are of those hashes: the last that this log
   * has of them. Call where it is ready, in one run with what the records are made of. Resolves when that is durable, and the
   * copies are yet to apply it. Where it rejects it may become durable all the same: see `HeldHashes.splitState`.
   */
  async split(splitting: Splitting, records: readonly ItemRecord[]): Promise<void> {
    if (records.length > 0) this.appendTogether(records, this.#partitionTime);
    const group = this.#pipeline.appendControl('split', encodeSplit(splitting), this.stamp());
    this.held.giveFrom(splitting.middle);
    await group.durable;
  }

  async fork(logId: string, time: HybridTime): Promise<LogEnd> {
    if (!this.isReady) await this.ready();
    this.#partitionTime = Math.max(this.#partitionTime, time);
    await this.#pipeline.fork(this.stamp(), logId).durable;
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
    this.#isUnconfirmed = false;
    this.#partitionTime = Math.max(this.#partitionTime, entry.partitionTime);
    if (entry.kind === 'split') this.held.commit(splitOf(entry));
    if (entry.kind === 'forget')
      this.#forgettings.commit(group, decodeForgetDecision(entry.payload));
    if (group.kind === 'records') {
      this.intents.commit(group.records);
      this.#unapplied.push(group);
      this.#unappliedBytes += group.bytes;
      this.#pendingBytes = Math.max(0, this.#pendingBytes - group.bytes);
      if (this.#unappliedBytes > unappliedBytesMax / 2) this.#options.copies.leaveBehind();
      this.#options.onLoad?.(group.records);
    }
    const durableMs = this.#options.clock.monotonicMs();
    this.committedLog.push({ entry, records: group.records, durableMs });
  }

  #dropApplied(floor: number): void {
    this.#droppedThrough = Math.max(this.#droppedThrough, floor);
    this.committedLog.letGo(floor);
    let dropped = 0;
    for (const group of this.#unapplied) {
      if (indexOf(group) > floor) break;
      dropped += 1;
      this.#unappliedBytes -= group.bytes;
      this.#overlay.applied(group);
    }
    if (dropped > 0) this.#unapplied = this.#unapplied.slice(dropped);
    this.#forgettings.dropApplied(floor);
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
    for (const group of this.#unapplied) this.#overlay.setEach(group);
    this.#forgettings.dropUncommitted();
    if (this.intents.isLoaded) this.intents.forgetUncommitted();
    this.held.forgetUncommitted();
    this.#letWritersGoOn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#pipeline.stop();
    this.held.stop();
    this.#letWritersGoOn();
  }
}

/** See `ItemRecord.replaced`. */
const seenBy = (region: string, stored: StoredItem | undefined): Version | undefined =>
  stored !== undefined && originOf(stored.version) === region ? stored.replaced : stored?.version;
