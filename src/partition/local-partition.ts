import { assert } from '../base/assert.ts';
import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import type { LogEnd } from '../log/entry.ts';
import { encodeSuccession, type Succession } from '../log/succession.ts';
import { ClientError } from '../model/errors.ts';
import type { StoredItem } from '../model/record.ts';
import { NO_COUNTERS, type Splitting, type TableCounters } from '../storage/apply.ts';
import { hashRange, PARTITION_TABLE, tableHashes, type HashRange } from '../storage/key-layout.ts';
import { readHotPage } from '../storage/read-hot.ts';
import { scanVersions, type PageRequest, type StoredPage } from '../storage/read.ts';
import { Copies, type ServingCopy } from './copies.ts';
import type { ExpiryRule } from './due-time.ts';
import type { HeldHashes } from './held-hashes.ts';
import {
  decodeDocument,
  decodeLogEnd,
  encodeDocument,
  indexStandKey,
  shippedKey,
} from './index-stand.ts';
import { readDue, type DuePage, type DueRead } from './due-items.ts';
import { Expiry, type DueItems } from './expiry.ts';
import { IndexUpdates } from './index-updates.ts';
import type { ItemPlace, ItemWrite, PlainWrite, WriteOutcome, WriteResult } from './item-write.ts';
import type { LeaderOptions } from './leader-options.ts';
import { Leader, type ReadScope } from './leader.ts';
import type { Commit } from './overlay.ts';
import type {
  DiscardedItem,
  Follower,
  ForgetDecision,
  IndexBatch,
  IndexedPartition,
  ItemVersion,
  ReceivedRecord,
  Resolution,
  Resolve,
  ScannedItem,
  TimeVector,
} from './partition.ts';
import { PartitionTransactions } from './partition-transactions.ts';
import { PlainWrites } from './plain-writes.ts';
import { MovedError } from './moved-error.ts';
import { isWithin } from './page-hashes.ts';
import { SplitRefused } from './split-refused.ts';
import { ReceivedItems } from './received-items.ts';
import { readIntents, staleDecisions, type StaleDecisions } from './stored-transactions.ts';
import type {
  StepAnswer,
  StepRequest,
  TransactionName,
  TransactionStep,
  TransactionStepName,
} from './transaction-steps.ts';

/**
 * How long an eventually consistent page waits for the nearest copy to apply what is committed, so that a
 * client usually reads its own writes. Copies are behind by a few milliseconds at most while they keep up.
 */
const nearbyWaitMs = 20;

/** Pause before intents that could not be read are read again. */
const loadRetryMs = 50;

export interface LocalPartitionOptions extends Omit<LeaderOptions, 'copies' | 'hashes'> {
  readonly number: number;
  /** How many there were before any was split. */
  readonly partitionCount: number;
  /** Which hashes the partition holds, where partitions may be split. */
  readonly hashes?: () => HashRange;
  readonly resolve: Resolve;
  /** A copy could not be read: its zone wants mending. */
  readonly onDamage: (zone: string, error: Error) => void;
}

/** A partition whose leader, and whose copies, are in this process. */
export class LocalPartition implements IndexedPartition {
  readonly number: number;
  readonly copies: Copies;
  readonly #options: LocalPartitionOptions;
  readonly #leader: Leader;
  readonly #plainWrites: PlainWrites;
  readonly #received: ReceivedItems;
  readonly #indexUpdates: IndexUpdates;
  readonly #transactions: PartitionTransactions;
  readonly #expiry: Expiry;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  readonly #hashes: () => HashRange;

  constructor(options: LocalPartitionOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.number = options.number;
    const first = hashRange(options.number, options.partitionCount);
    this.#hashes = options.hashes ?? (() => first);
    this.copies = new Copies(options);
    this.#leader = new Leader({ ...options, hashes: this.#hashes, copies: this.copies });
    this.#plainWrites = new PlainWrites(this.#leader);
    this.#received = new ReceivedItems(this.#leader, options.clock, options.resolve);
    this.#indexUpdates = new IndexUpdates(this.#leader, options.clock, options.region);
    const { clock, region } = options;
    this.#transactions = new PartitionTransactions({
      leader: this.#leader,
      clock,
      region,
      hashes: this.#hashes,
      indexed: options.indexed,
    });
    const ruleOf = (table: number): ExpiryRule | undefined => options.indexed?.(table)?.expiry;
    this.#expiry = new Expiry(this.#leader, { ...options, ruleOf });
  }

  get hashes(): HashRange {
    return this.#hashes();
  }

  get committed(): LogEnd {
    return this.#leader.committed;
  }

  /** Why it will take no write until the process is started again; undefined while nothing is wrong. */
  get failure(): unknown {
    return this.#leader.failure;
  }

  /** See `Leader.isHindered`. */
  get isHindered(): boolean {
    return this.#leader.isHindered;
  }

  get first(): number {
    return this.#options.log.first;
  }

  get forgotten(): TimeVector {
    return this.#leader.forgotten;
  }

  /** Opens an epoch; an empty log begins under `newLogId`, a random id. */
  open(newLogId?: string): Commit {
    const opened = this.#leader.open(newLogId);
    void this.#loadIntents(opened);
    return opened;
  }

  /** What transactions had prepared when the epoch was opened: nothing is written or read strongly before it is known. */
  async #loadIntents(opened: Commit): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await opened.durable;
        this.#leader.intents.load(await readIntents(this, this.hashes));
        return;
      } catch (error) {
        if (!(error instanceof ClientError)) this.#options.onFailure(error);
        await this.#clock.sleep(loadRetryMs, signal);
      }
    }
  }

  /** Lets a copy serve reads if it has applied all that the leader no longer holds itself. */
  offer(candidate: ServingCopy): void {
    const serves = this.copies.serving.some(({ copy }) => copy === candidate.copy);
    if (serves || candidate.copy.position.index < this.#leader.droppedThrough) return;
    this.copies.add(candidate);
  }

  /** As the nearest copy has them. Zeros when no copy serves. */
  counters(table: number): TableCounters {
    return this.copies.serving[0]?.copy.counters(table) ?? NO_COUNTERS;
  }

  // oxlint-disable-next-line typescript/promise-function-async -- each promise around another one costs every write a microsecond
  write(write: ItemWrite): Promise<WriteOutcome> {
    return this.#leader.write(write);
  }

  /** See `PlainWrites.writeEach`. */
  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    return this.#plainWrites.writeEach(writes);
  }

  /** A step of a transaction: see `TransactionSteps`. Rejects as `write` does. */
  async transact<Name extends TransactionStepName>(
    step: Name,
    request: StepRequest<Name>,
  ): Promise<StepAnswer<Name>> {
    // The step's name says what request and answer are.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const asked = { step, request } as TransactionStep;
    return this.#transactions.carryOut(asked);
  }

  /** Whether a transaction is, or may be, prepared here and not finished. */
  get hasIntents(): boolean {
    return !this.#leader.intents.isLoaded || this.#leader.intents.size > 0;
  }

  /** Transactions that are prepared here and have not been finished for `ageMs`, as far as the leader knows them. */
  unfinished(ageMs: number): readonly TransactionName[] {
    const { intents } = this.#leader;
    return intents.size === 0 ? [] : intents.older(ageMs);
  }

  /** What of decisions and tokens is of no use any more, in one page of them after `after`. */
  async staleDecisions(after: Uint8Array | undefined): Promise<StaleDecisions> {
    return staleDecisions(this, after, this.#clock.wallMs());
  }

  async read(table: number, key: Uint8Array): Promise<StoredItem | undefined> {
    return this.#leader.read(table, key);
  }

  /** See `Leader.readEach`. */
  async readEach(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredItem | undefined)[]> {
    return this.#leader.readEach(table, keys);
  }

  /** See `Leader.readAhead`. */
  readAhead(place: ItemPlace): Promise<void> | undefined {
    return this.#leader.readAhead([place]);
  }

  readNearby(table: number, key: Uint8Array): StoredItem | undefined {
    return this.#leader.readNearby(table, key);
  }

  /**
   * One page in key order. A `consistent` one holds all that was committed before the call; the other is what
   * a copy has, or will have within `nearbyWaitMs`: at once when the nearest copy has it in memory. Rejects with `MovedError` where a
   * child that is led elsewhere has a part of it.
   */
  readPage(request: PageRequest, consistent: boolean): Awaitable<StoredPage> {
    const nearest = consistent ? undefined : this.copies.nearestAt(this.committed.index);
    return nearest?.node.hot.page(request) ?? this.#readPage(request, consistent);
  }

  async #readPage(request: PageRequest, consistent: boolean): Promise<StoredPage> {
    if (consistent && this.#options.othersApplyLog === true) await this.#leader.sentIsCommitted();
    if (consistent) await this.#leader.finishedIn({ table: request.table });
    if (consistent && this.#options.othersApplyLog === true) {
      if (this.splitState !== 'none') await this.#leader.held.noneUnderWay();
      if (!isWithin(request, this.hashes)) throw new MovedError();
    }
    const { index } = this.committed;
    const { timesOvertaken } = this.#leader;
    const page = await this.copies.readAsync(
      async () =>
        consistent
          ? this.copies.appliedThrough(index)
          : this.copies.appliedWithin(index, nearbyWaitMs),
      async ({ node }) => readHotPage(node, request, this.#clock),
    );
    if (consistent) await this.#leader.confirm(timesOvertaken);
    return page;
  }

  async receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]> {
    return this.#received.receive(records);
  }

  async discard(table: number, items: readonly DiscardedItem[]): Promise<void> {
    return this.#received.discard(table, items);
  }

  async reemit(table: number, items: readonly ItemVersion[]): Promise<void> {
    return this.#indexUpdates.reemit(table, items);
  }

  /** Items of this partition that are due, as the nearest copy has them. Rejects with `InternalServerError`. */
  async dueItems(read: DueRead): Promise<DuePage> {
    return this.copies.readAsync(
      async () => this.copies.appliedWithin(0, 0),
      async ({ node }) =>
        readDue(node.store, read, { partition: this.number, hashes: this.hashes }),
    );
  }

  /** See `Expiry.expire`. */
  async expire(due: DueItems): Promise<number> {
    return this.#expiry.expire(due);
  }

  async indexStand(source: number): Promise<LogEnd | undefined> {
    const stored = await this.read(PARTITION_TABLE, indexStandKey(this.hashes, source));
    return stored?.image === undefined ? undefined : decodeLogEnd(stored.image);
  }

  async takeIndexBatch(batch: IndexBatch): Promise<LogEnd | undefined> {
    return this.#indexUpdates.take(batch, indexStandKey(this.hashes, batch.source));
  }

  async shipped(): Promise<unknown> {
    const stored = await this.read(PARTITION_TABLE, shippedKey(this.hashes));
    return stored?.image === undefined ? undefined : decodeDocument(stored.image);
  }

  async keepShipped(document: unknown): Promise<void> {
    const image = encodeDocument(document);
    await this.write({
      table: PARTITION_TABLE,
      key: shippedKey(this.hashes),
      change: { kind: 'put', image, itemBytes: image.length },
      condition: undefined,
      cause: 'system',
    });
  }

  /**
   * Up to where a copy must have applied the log to hold all that was answered before the call: with `scope`, what
   * transactions were answered to have done there too. Rejects as `read` does.
   */
  async readIndex(scope?: ReadScope): Promise<number> {
    if (scope !== undefined) await this.#leader.finishedIn(scope);
    await this.#leader.sentIsCommitted();
    return this.#leader.readIndex();
  }

  /** Gives the epoch up, behind all that was asked before, in favour of a node; of anyone, if undefined. */
  async resign(succession: Succession | undefined): Promise<void> {
    await this.#leader.resign(encodeSuccession(succession));
  }

  /** See `HeldHashes.splitState`. */
  get splitState(): HeldHashes['splitState'] {
    return this.#leader.held.splitState;
  }

  /** See `HeldHashes.committedSplit`. */
  get committedSplit(): HeldHashes['committedSplit'] {
    return this.#leader.held.committedSplit;
  }

  /**
   * Gives the hashes from `middle` on to the partition `child`, with where this one stands with the logs of `sources`
   * partitions for global indexes. Resolves when that is durable: see `Leader.split`. Rejects with `SplitRefused` where
   * something speaks against it now.
   */
  async split(splitting: Splitting, sources: number): Promise<void> {
    const { middle } = splitting;
    const { from, to } = this.hashes;
    assert(middle > from && middle < to, 'a split leaves hashes on both sides');
    const leader = this.#leader;
    assert(leader.held.splitState === 'none', 'a partition is split once at a time');
    await leader.intents.loaded();
    await leader.intents.finished(() => true);
    if (!leader.isReady) await leader.ready();
    if (!leader.intents.isIdle) throw new SplitRefused('transactions are at work in the partition');
    await leader.split(splitting, this.#indexUpdates.standsOf(this.hashes, { middle, sources }));
  }

  /** See `HeldHashes.end`. */
  get heldEnd(): number {
    return this.#leader.held.end;
  }

  /** See `HeldHashes.handedOver`. */
  handedOver(): void {
    this.#leader.held.handedOver();
  }

  async advanceTime(): Promise<LogEnd> {
    return this.#leader.advanceTime();
  }

  async forget(decision: ForgetDecision): Promise<void> {
    return this.#leader.forget(decision);
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    return this.#leader.endAt(index);
  }

  async fork(logId: string, time: HybridTime): Promise<LogEnd> {
    return this.#leader.fork(logId, time);
  }

  follow(after: number): Follower {
    return this.#leader.follow(after);
  }

  async scan(
    table: number,
    after: Uint8Array | undefined,
    limitBytes: number,
  ): Promise<readonly ScannedItem[]> {
    const hashes = tableHashes(table, this.number, this.hashes);
    const { index } = this.committed;
    return this.copies.readAsync(
      async () => this.copies.appliedThrough(index),
      async ({ node }) => {
        const snapshot = node.store.snapshot();
        try {
          return await scanVersions(snapshot, { table, hashes, after, limitBytes });
        } finally {
          await snapshot.close();
        }
      },
    );
  }

  stop(): void {
    this.#stopped.abort();
    this.#leader.stop();
    this.copies.close();
  }
}
