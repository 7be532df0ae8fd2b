import type { Awaitable } from '../../base/awaitable.ts';
import type { Clock } from '../../base/clock.ts';
import type { HybridTime } from '../../clock/hybrid-time.ts';
import type { LogEnd } from '../../log/entry.ts';
import { internalError } from '../../model/errors.ts';
import type { StoredItem } from '../../model/record.ts';
import type { TableCounters } from '../../storage/apply.ts';
import {
  holdsKey,
  itemSpaceKey,
  PARTITION_TABLE,
  tableHashes,
  type HashRange,
} from '../../storage/key-layout.ts';
import { StoreError } from '../../storage/key-value-store.ts';
import { readItem, scanVersions, type PageRequest, type StoredPage } from '../../storage/read.ts';
import { readHotPage } from '../../storage/read-hot.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import { decodeDocument, decodeLogEnd, indexStandKey, shippedKey } from '../index-stand.ts';
import type { ReadScope } from '../leader.ts';
import { MovedError } from '../moved-error.ts';
import { isWithin } from '../page-hashes.ts';
import type { ItemPlace, ItemWrite, PlainWrite, WriteOutcome, WriteResult } from '../item-write.ts';
import type {
  DiscardedItem,
  Follower,
  ForgetDecision,
  IndexBatch,
  ItemVersion,
  ReceivedRecord,
  Resolution,
  ScannedItem,
  TimeVector,
} from '../partition.ts';
import type {
  StepAnswer,
  StepRequest,
  TransactionStep,
  TransactionStepName,
} from '../transaction-steps.ts';
import { writeEachAlone } from '../plain-writes.ts';
import type { RegionPartition } from '../region-partition.ts';
import { endAt, LogFollower } from './log-follower.ts';
import type { NodePartition } from './node-partition.ts';
import type { AnswerOf, LeaderCall } from './partition-calls.ts';
import { heardResults, inMessages, isToldResults } from './told-results.ts';

/** Pause before a log that cannot be read is read again. */
const readRetryMs = 200;

/** How long it is waited for this node's layout to say of a split what its copy has applied. */
const movedWaitMs = 5000;

/** Asks whoever leads the partition. Rejects with `ClientError`. */
export type AskLeader = <Call extends LeaderCall>(
  partition: number,
  call: Call,
) => Promise<AnswerOf<Call['name']>>;

export interface PartitionClientOptions {
  readonly partition: NodePartition;
  /** Which hashes the layout gives it at this moment. */
  readonly hashes: () => HashRange;
  /** See `NodePartitions.hasMoved`. */
  readonly hasMoved: (partition: number, to: number, waitMs: number) => Promise<boolean>;
  readonly clock: Clock;
  readonly ask: AskLeader;
  /** The node's copy could not be read. */
  readonly onDamage: (error: Error) => void;
}

/**
 * A partition of the region as one of its nodes sees it: what changes anything goes to the leader, wherever that is; reads and
 * followers use this node's own copy and log. A strong read asks the leader only for how far the copy must be.
 */
export class PartitionClient implements RegionPartition {
  readonly number: number;
  readonly #options: PartitionClientOptions;
  readonly #partition: NodePartition;
  readonly #clock: Clock;

  constructor(options: PartitionClientOptions) {
    this.#options = options;
    this.#partition = options.partition;
    this.#clock = options.clock;
    this.number = options.partition.number;
  }

  get hashes(): HashRange {
    return this.#options.hashes();
  }

  /** The last entry that this node knows of. */
  get committed(): LogEnd {
    return this.#partition.leading?.committed ?? this.#partition.log.end;
  }

  /** See `Partition.told`. What this node's copy has not applied may be behind a split that it does not know. */
  get told(): LogEnd | undefined {
    const { leading, copy } = this.#partition;
    const isKnown = leading === undefined ? copy.rebuilding : leading.splitState === 'none';
    return isKnown || copy.position.index >= this.committed.index ? undefined : copy.position;
  }

  get first(): number {
    return this.#partition.log.first;
  }

  /** For who reads the log: see `LogSource.refresh` of `src/streams`. */
  async refresh(): Promise<void> {
    const { leading, log } = this.#partition;
    if (leading === undefined) await log.refresh();
  }

  get forgotten(): TimeVector {
    return this.#partition.leading?.forgotten ?? this.#partition.copy.forgotten;
  }

  get failure(): unknown {
    return this.#partition.leading?.failure;
  }

  counters(table: number): TableCounters {
    return this.#partition.copy.counters(table);
  }

  async #ask<Call extends LeaderCall>(call: Call): Promise<AnswerOf<Call['name']>> {
    return this.#options.ask(this.number, call);
  }

  async write(write: ItemWrite): Promise<WriteOutcome> {
    return this.#ask({ name: 'write', request: write });
  }

  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    const results = await Promise.all(
      inMessages(writes).map(async (message) => this.#writeMessage(message)),
    );
    return results.flat();
  }

  async #writeMessage(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    try {
      const told: unknown = await this.#ask({ name: 'writeEach', request: writes });
      // A leader of an earlier program knows no such call, and has done nothing.
      if (!isToldResults(told))
        return await writeEachAlone(writes, async (each) => this.write(each));
      return heardResults(told);
    } catch (error) {
      return writes.map(() => ({ kind: 'failed', error }));
    }
  }

  async transact<Name extends TransactionStepName>(
    step: Name,
    request: StepRequest<Name>,
  ): Promise<StepAnswer<Name>> {
    // The step's name says what request and answer are.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const call = { name: 'transact', request: { step, request } as TransactionStep } as const;
    return (await this.#ask(call)) as StepAnswer<Name>;
  }

  async read(table: number, key: Uint8Array): Promise<StoredItem | undefined> {
    const { leading } = this.#partition;
    if (leading !== undefined) return leading.read(table, key);
    await this.#current({ table, key });
    // What was answered before the call may have been answered by a child.
    const { number: partition, hashes } = this.#partition;
    if (!holdsKey({ partition, hashes }, table, key)) return this.#moved();
    return this.#readOwn((node) => readItem(node.store, table, key));
  }

  async readEach(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredItem | undefined)[]> {
    const { leading } = this.#partition;
    if (leading !== undefined) return leading.readEach(table, keys);
    await this.#current({ table, keys });
    const { number: partition, hashes } = this.#partition;
    if (!keys.every((key) => holdsKey({ partition, hashes }, table, key))) return this.#moved();
    return this.#readOwn((node) => keys.map((key) => readItem(node.store, table, key)));
  }

  readAhead(place: ItemPlace): Promise<void> | undefined {
    const { leading, node } = this.#partition;
    if (leading !== undefined) return leading.readAhead(place);
    const { store } = node;
    if (!store.readsAhead) return undefined;
    return store.readAhead([itemSpaceKey('items', place.table, place.key)]);
  }

  readNearby(table: number, key: Uint8Array): StoredItem | undefined {
    const { leading } = this.#partition;
    if (leading !== undefined) return leading.readNearby(table, key);
    return this.#readOwn((node) => readItem(node.store, table, key));
  }

  /** At once where this node's copy has it in memory, unless it must be current. */
  readPage(request: PageRequest, consistent: boolean): Awaitable<StoredPage> {
    const { leading, node } = this.#partition;
    if (leading !== undefined) return leading.readPage(request, consistent);
    if (consistent) return this.#readCurrentPage(request);
    this.#assertWhole();
    return node.hot.page(request) ?? this.#readOwnPage(request);
  }

  async #readCurrentPage(request: PageRequest): Promise<StoredPage> {
    await this.#current({ table: request.table });
    if (!isWithin(request, this.#partition.hashes)) return this.#moved();
    return this.#readOwnPage(request);
  }

  async #readOwnPage(request: PageRequest): Promise<StoredPage> {
    return this.#readSnapshot(async (node) => readHotPage(node, request, this.#clock));
  }

  /** The copy has applied a split, and what was asked for is of the child: whoever asks knows that, too, when this rejects. */
  async #moved(): Promise<never> {
    await this.layoutKnown();
    throw new MovedError();
  }

  /** Resolves once this node's layout says of the partition what its copy does: see `RegionPartition`. */
  async layoutKnown(through?: number): Promise<void> {
    // Who leads without a split under way has all of them in its layout.
    if (through !== undefined && this.#partition.leading?.splitState !== 'none')
      await this.#partition.appliedThrough(through);
    const { to } = this.#partition.hashes;
    if (this.hashes.to <= to) return;
    if (!(await this.#options.hasMoved(this.number, to, movedWaitMs))) throw internalError();
  }

  /** Resolves once this node's copy holds all that was answered before the call. */
  async #current(scope?: ReadScope): Promise<void> {
    const index = await this.#ask({ name: 'readIndex', request: scope });
    await this.#partition.appliedThrough(index);
  }

  #readOwn<T>(read: (node: StorageNode) => T): T {
    this.#assertWhole();
    try {
      return read(this.#partition.node);
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  async #readSnapshot<T>(read: (node: StorageNode) => Promise<T>): Promise<T> {
    this.#assertWhole();
    try {
      return await read(this.#partition.node);
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  /** A copy that is being filled has nothing to say. */
  #assertWhole(): void {
    if (this.#partition.copy.rebuilding) throw internalError();
  }

  #readFailure(error: unknown): unknown {
    if (!(error instanceof StoreError)) return error;
    this.#options.onDamage(error);
    return internalError();
  }

  async receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]> {
    return this.#ask({ name: 'receive', request: records });
  }

  async discard(table: number, items: readonly DiscardedItem[]): Promise<void> {
    await this.#ask({ name: 'discard', request: { table, items } });
  }

  async reemit(table: number, items: readonly ItemVersion[]): Promise<void> {
    await this.#ask({ name: 'reemit', request: { table, items } });
  }

  async indexStand(source: number): Promise<LogEnd | undefined> {
    const stored = await this.read(PARTITION_TABLE, indexStandKey(this.hashes, source));
    return stored?.image === undefined ? undefined : decodeLogEnd(stored.image);
  }

  async takeIndexBatch(batch: IndexBatch): Promise<LogEnd | undefined> {
    return this.#ask({ name: 'takeIndexBatch', request: batch });
  }

  async shipped(): Promise<unknown> {
    const stored = await this.read(PARTITION_TABLE, shippedKey(this.hashes));
    return stored?.image === undefined ? undefined : decodeDocument(stored.image);
  }

  async keepShipped(document: unknown): Promise<void> {
    await this.#ask({ name: 'keepShipped', request: { document } });
  }

  async advanceTime(): Promise<LogEnd> {
    return this.#ask({ name: 'advanceTime', request: undefined });
  }

  async forget(decision: ForgetDecision): Promise<void> {
    await this.#ask({ name: 'forget', request: decision });
  }

  async fork(logId: string, time: HybridTime): Promise<LogEnd> {
    return this.#ask({ name: 'fork', request: { logId, time } });
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    return endAt(this.#partition.log, index);
  }

  follow(after: number): Follower {
    return new LogFollower(this.#partition.log, after, async () => this.#clock.sleep(readRetryMs));
  }

  async scan(
    table: number,
    after: Uint8Array | undefined,
    limitBytes: number,
  ): Promise<readonly ScannedItem[]> {
    await this.#current();
    // Whoever walks the layout finds the child in it behind this.
    await this.layoutKnown();
    const hashes = tableHashes(table, this.number, this.#partition.hashes);
    return this.#readSnapshot(async (node) => {
      const snapshot = node.store.snapshot();
      try {
        return await scanVersions(snapshot, { table, hashes, after, limitBytes });
      } finally {
        await snapshot.close();
      }
    });
  }
}
