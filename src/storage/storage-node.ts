import { assert, present } from '../base/assert.ts';
import type { EntryToApply, Forgetting, Position, Splitting } from './apply.ts';
import { Copy, readHeldHashes, type Staged } from './copy.ts';
import { clearDroppedTable, DROPPED, readDroppedTables } from './drop-table.ts';
import { HotCollections } from './hot-collections.ts';
import {
  countCopies,
  countedOperations,
  splitCopy,
  splitPartitions,
  without,
} from './split-copy.ts';
import {
  CLOSED_KEY,
  droppedTableKey,
  everyKey,
  FORMAT_KEY,
  itemKeyInTimeKey,
  holdsKey,
  itemSpaceKey,
  metaRange,
  overlap,
  SPLIT_STORE_FORMAT_VERSION,
  STORE_FORMAT_VERSION,
  tombstoneTimeRange,
  type HashRange,
} from './key-layout.ts';
import { forEachBatch, readRange, withSnapshot } from './key-ranges.ts';
import type { HeldHashes } from './meta-codec.ts';
import type { KeyValueOperation, KeyValueSnapshot, KeyValueStore } from './key-value-store.ts';
import { StoreError } from './key-value-store.ts';
import { onSide, RebuildError, rebuildPartition, type RebuildProgress } from './rebuild.ts';

export interface StorageNodeOptions {
  readonly zone: string;
  /** The node takes it over and closes it. */
  readonly store: KeyValueStore;
  /** How many partitions the region had before any was split. */
  readonly partitionCount: number;
  /** Of which of them this node holds a copy; it holds one of each that these were split into, too. */
  readonly partitions: readonly number[];
  /**
   * Tables that are gone, whether or not this store has a mark of them: one that begins blank has none, and the log may
   * still hold their records.
   */
  readonly isDropped?: (table: number) => boolean;
}

export interface RebuildOptions {
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Ends it between two batches. */
  readonly signal?: AbortSignal;
}

/** Another node's store as it stood at a moment, wherever that node is. It is not closed by a rebuild. */
export interface NodeSnapshot {
  readonly zone: string;
  readonly partitionCount: number;
  readonly snapshot: KeyValueSnapshot;
}

/** What opening a store has found in it. */
interface StoreContent {
  readonly copies: readonly Copy[];
  readonly dropped: Set<number>;
  readonly wasClosed: boolean;
}

/** `failed`: a write did not succeed, and what stands in the store is uncertain until it is opened again. */
export type StorageNodeState = 'open' | 'failed' | 'closed';

/**
 * A storage node's store and the copies in it. Whatever changes them runs one after another, in the order of the
 * calls; reads go past that, to `store`.
 */
export class StorageNode {
  readonly zone: string;
  readonly store: KeyValueStore;
  readonly partitionCount: number;
  readonly hot = new HotCollections();
  /** Whether `close` ended the store's last use, with everything durable; true of one that begins blank. */
  readonly wasClosed: boolean;
  readonly #copies: Map<number, Copy>;
  readonly #dropped: Set<number>;
  readonly #isDropped: (table: number) => boolean;
  #state: StorageNodeState = 'open';
  #failure: Error | undefined;
  #last: Promise<void> = Promise.resolve();

  /**
   * Checks the format, finishes what a crash interrupted, loads the copies. Rejects with `StoreError`: `format` where
   * another version of this program wrote the store.
   */
  static async open(options: StorageNodeOptions): Promise<StorageNode> {
    const { store } = options;
    const wasClosed = await checkFormat(store);
    // What is lost with this mark's removal is all that came after it: the store is then as it was closed.
    if (store.get(CLOSED_KEY) !== undefined)
      await store.write([{ kind: 'delete', key: CLOSED_KEY }]);
    const dropped = new Set<number>();
    for (const [table, cleared] of await withSnapshot(store, readDroppedTables)) {
      dropped.add(table);
      if (!cleared) await clearDroppedTable(store, table, await heldPartitions(options));
    }
    const partitions = await heldPartitions(options);
    const copies = await withSnapshot(store, async (snapshot) =>
      Promise.all(
        partitions.map(async (partition) => Copy.load(snapshot, partition, options.partitionCount)),
      ),
    );
    return new StorageNode(options, { copies, dropped, wasClosed });
  }

  private constructor(options: StorageNodeOptions, { copies, dropped, wasClosed }: StoreContent) {
    this.wasClosed = wasClosed;
    this.zone = options.zone;
    this.store = options.store;
    this.partitionCount = options.partitionCount;
    this.#copies = new Map(copies.map((copy) => [copy.partition, copy]));
    this.#dropped = dropped;
    const { isDropped } = options;
    this.#isDropped = (table) => dropped.has(table) || isDropped?.(table) === true;
  }

  get state(): StorageNodeState {
    return this.#state;
  }

  /** Why the state is `failed`. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get copies(): ReadonlyMap<number, Copy> {
    return this.#copies;
  }

  /** The copy of a partition, which this node must hold. A rebuild puts another in its place. */
  copy(partition: number): Copy {
    return present(this.#copies.get(partition), `copy of partition ${partition}`);
  }

  /**
   * Applies committed entries, per partition in order and right after the copy's position, in one atomic batch for
   * all partitions (several where entries forget). Resolves when reads see them; durable only after `sync`.
   * Rejects with the `StoreError` that made the node fail.
   */
  async apply(entries: ReadonlyMap<number, readonly EntryToApply[]>): Promise<void> {
    return this.#enqueue(async () => {
      let rest = [...entries];
      while (rest.length > 0) {
        await this.#applyRecords(rest);
        rest = rest.flatMap(([partition, list]) => remainder(partition, list));
        for (const [partition, list] of rest) {
          const [entry] = list;
          if (entry?.split === undefined) await this.#applyForgetting(partition, entry);
          else await this.#applySplit(partition, entry, entry.split);
        }
        rest = rest.flatMap(([partition, list]): [number, readonly EntryToApply[]][] =>
          list.length > 1 ? [[partition, list.slice(1)]] : [],
        );
      }
    });
  }

  /** Makes what is applied at the time of the call durable, and says how far that is, per partition. */
  async sync(): Promise<ReadonlyMap<number, Position>> {
    this.#assertUsable();
    const positions = new Map<number, Position>();
    for (const [partition, copy] of this.#copies) {
      if (!copy.rebuilding) positions.set(partition, copy.position);
    }
    await this.#write([], true);
    return positions;
  }

  /** Removes everything of a table for good: its number is never used again. May be repeated. */
  async dropTable(table: number): Promise<void> {
    return this.#enqueue(async () => this.#drop(table));
  }

  /** Drops every table that `isDropped` says is one. What is being applied at the time of the call is applied first. */
  async dropTables(): Promise<void> {
    return this.#enqueue(async () => {
      const tables = new Set([...this.#copies.values()].flatMap((copy) => [...copy.tables]));
      for (const table of tables) if (this.#isDropped(table)) await this.#drop(table);
    });
  }

  async #drop(table: number): Promise<void> {
    if (this.#dropped.has(table)) return;
    await this.#write([{ kind: 'put', key: droppedTableKey(table), value: DROPPED }], false);
    this.#dropped.add(table);
    await this.#guard(async () => clearDroppedTable(this.store, table, this.#copies.keys()));
    this.hot.forget();
    for (const copy of this.#copies.values()) copy.dropTable(table);
  }

  /**
   * Makes this node's copy of a partition equal to the source's, as it stands when the call comes to run, or as the
   * snapshot has it. The source goes on applying meanwhile, as do this node's other copies; what follows comes from the log. `copy` answers
   * another `Copy` at once, and again when this resolves.
   *
   * Rejects with `RebuildError`, which says whose store failed, or with the signal's reason. The copy is then under
   * rebuild still, and may be begun again from any source; this node has failed only where its own store did.
   */
  async rebuildFrom(
    source: StorageNode | NodeSnapshot,
    partition: number,
    { onProgress, signal }: RebuildOptions = {},
  ): Promise<Position> {
    assert(source.partitionCount === this.partitionCount, 'both nodes split the hashes alike');
    try {
      const { store: target, partitionCount } = this;
      const rebuild = { target, partition, partitionCount, onProgress, signal };
      const from = async (snapshot: KeyValueSnapshot): Promise<Position> => {
        const hashes = readHeldHashes(snapshot, partition, partitionCount);
        await onSide('target', async () =>
          this.#enqueue(async () => this.#makeRoom(partition, hashes)),
        );
        return rebuildPartition({ ...rebuild, source: snapshot });
      };
      const position = await onSide('source', async () =>
        source instanceof StorageNode ? withSnapshot(source.store, from) : from(source.snapshot),
      );
      await onSide('target', async () => this.#enqueue(async () => this.#takeRebuilt(partition)));
      return position;
    } catch (error) {
      if (error instanceof RebuildError && error.side === 'target') this.#fail(error.cause);
      throw error;
    }
  }

  /**
   * Of a partition that came of a split this node has no copy, because its parent's was filled from behind that: one is to be filled
   * from another node.
   */
  expect(partition: number, held: HeldHashes): void {
    assert(!this.#copies.has(partition), 'a copy that is here is not waited for');
    this.#copies.set(partition, Copy.underRebuild(partition, held));
  }

  /** Waits for what is under way, makes it durable, and closes the store. Never rejects. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#last;
    if (this.#failure === undefined) {
      const mark: KeyValueOperation = { kind: 'put', key: CLOSED_KEY, value: NOTHING };
      await this.store.write([mark], { sync: true }).catch(() => undefined);
    }
    await this.store.close().catch(() => undefined);
  }

  /**
   * The source may stand before a split that this node has applied: then the child's copy goes, and comes again when the
   * split is applied. Whatever else a partition had here that it has not any more is another copy's.
   */
  async #makeRoom(partition: number, hashes: HashRange): Promise<void> {
    this.#copies.set(partition, Copy.underRebuild(partition, hashes));
    this.hot.forget();
    for (const copy of this.#copies.values()) {
      if (copy.partition === partition || !overlap(copy.hashes, hashes)) continue;
      const isChild = copy.hashes.from >= hashes.from && copy.hashes.to <= hashes.to;
      if (!isChild) continue;
      const meta = await withSnapshot(this.store, async (snapshot) =>
        readRange(snapshot, metaRange(copy.partition)),
      );
      await this.#write(
        meta.map(([key]): KeyValueOperation => ({ kind: 'delete', key })),
        true,
      );
      this.#copies.delete(copy.partition);
    }
  }

  /** Tables that either side has dropped meanwhile go again from what was copied. */
  async #takeRebuilt(partition: number): Promise<void> {
    const { copy, marks } = await withSnapshot(this.store, async (snapshot) => ({
      copy: await Copy.load(snapshot, partition, this.partitionCount),
      marks: await readDroppedTables(snapshot),
    }));
    const found = [...marks].flatMap(([table, cleared]) => (cleared ? [] : [table]));
    // What of the partition was read while it was under rebuild, by whoever had begun before.
    this.hot.forget();
    this.#copies.set(partition, copy);
    for (const table of marks.keys()) this.#dropped.add(table);
    for (const table of new Set([...found, ...copy.tables.filter(this.#isDropped)])) {
      await this.#guard(async () => clearDroppedTable(this.store, table, this.#copies.keys()));
      this.hot.forget();
      for (const other of this.#copies.values()) other.dropTable(table);
    }
  }

  async #applyRecords(
    rest: readonly (readonly [number, readonly EntryToApply[]])[],
  ): Promise<void> {
    const staged: Staged[] = [];
    const operations: KeyValueOperation[] = [];
    for (const [partition, list] of rest) {
      const entries = beforeAlone(list);
      if (entries.length === 0) continue;
      const changes = this.copy(partition).stage(entries, this.#isDropped);
      staged.push(changes);
      for (const operation of changes.operations) operations.push(operation);
    }
    await this.#writeStaged(staged, operations);
  }

  /**
   * Removes tombstones in chunks, each with its counters, and moves the position with the last batch. A crash between
   * repeats the entry, which finds the rest: the end is the same.
   */
  async #applyForgetting(partition: number, entry: EntryToApply | undefined): Promise<void> {
    const { forget } = present(entry, 'an entry that forgets');
    const copy = this.copy(partition);
    for (const [table, before] of horizonsOf(present(forget, 'a forgetting'))) {
      await withSnapshot(this.store, async (snapshot) =>
        forEachBatch(snapshot, tombstoneTimeRange(table, before), async (pairs) => {
          const operations = pairs
            .map(([key]) => key)
            .filter((key) => holdsKey(copy, table, itemKeyInTimeKey(key)))
            .flatMap((key) => forgetOperations(table, key));
          if (operations.length === 0) return;
          const staged = copy.stageForgotten(table, operations.length / 2);
          await this.#writeStaged([staged], [...operations, ...staged.operations]);
        }),
      );
    }
    const last = copy.stage([present(entry, 'an entry that forgets')], this.#isDropped);
    await this.#writeStaged([last], last.operations);
  }

  /** Parent and child change together: there is no moment at which a hash is nobody's, or held twice. */
  async #applySplit(
    partition: number,
    entry: EntryToApply,
    { child, middle }: Splitting,
  ): Promise<void> {
    const copy = this.copy(partition);
    assert(!this.#copies.has(child), 'a partition begins once');
    const staged = copy.stage([entry], this.#isDropped);
    const { operations, born, countsWith } = splitCopy(copy, {
      child,
      middle,
      index: entry.end.index,
      time: entry.end.partitionTime,
    });
    await this.#write([...staged.operations, ...operations], false);
    copy.settle(staged);
    copy.shrink(middle, countsWith);
    this.#copies.set(child, born);
  }

  /** The copies that were split since they were counted. */
  get uncounted(): readonly Copy[] {
    return [...this.#copies.values()].filter(
      ({ rebuilding, countsWith }) => !rebuilding && countsWith.length > 0,
    );
  }

  /**
   * Counts what they hold, while they go on applying, and writes down what their counters lack. Answers whether that was
   * done; not, where they changed otherwise meanwhile. `pace`: see `TableCheck`. Rejects with `StoreError`: `damaged`, where the
   * parts are not what the whole was.
   */
  async countSplit(pace: (bytes: number) => Promise<void>): Promise<boolean> {
    const copies = this.uncounted;
    const hashes = copies.map((copy) => copy.hashes);
    const found = await withSnapshot(this.store, async (snapshot) =>
      countCopies(snapshot, copies, pace),
    );
    return this.#enqueue(async () => {
      const isSame = copies.every(
        (copy, place) =>
          this.#copies.get(copy.partition) === copy && copy.hashes.to === hashes[place]?.to,
      );
      if (!isSame) return false;
      const kept = found.map((each) => without(each, this.#isDropped));
      await this.#write(
        copies.flatMap((copy, place) => countedOperations(copy, kept[place])),
        false,
      );
      for (const [place, copy] of copies.entries()) copy.counted(kept[place] ?? new Map());
      return true;
    });
  }

  async #writeStaged(
    staged: readonly Staged[],
    operations: readonly KeyValueOperation[],
  ): Promise<void> {
    if (staged.length === 0) return;
    await this.#write(operations, false);
    for (const changes of staged) changes.copy.settle(changes);
  }

  async #write(operations: readonly KeyValueOperation[], sync: boolean): Promise<void> {
    await this.#guard(async () => this.store.write(operations, { sync }));
    this.hot.changed(operations);
  }

  /** A failed store is never written to again: what of the last batch it holds is not known. */
  async #guard<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await task();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (this.#state === 'open') this.#state = 'failed';
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  async #enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#assertUsable();
    const run = this.#last.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      return task();
    });
    this.#last = run.then(
      () => undefined,
      () => undefined,
    );
    return run;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'closed') throw new StoreError('io', `storage node ${this.zone} is closed`);
  }
}

/** Whether an entry is applied by itself: it changes more than its records and the position. */
const standsAlone = ({ forget, split }: EntryToApply): boolean =>
  forget !== undefined || split !== undefined;

/** The entries up to the first one that stands alone. */
function beforeAlone(list: readonly EntryToApply[]): readonly EntryToApply[] {
  const at = list.findIndex(standsAlone);
  return at === -1 ? list : list.slice(0, at);
}

function remainder(
  partition: number,
  list: readonly EntryToApply[],
): [number, readonly EntryToApply[]][] {
  const at = list.findIndex(standsAlone);
  return at === -1 ? [] : [[partition, list.slice(at)]];
}

const horizonsOf = (forget: Forgetting): readonly (readonly [number, number])[] =>
  Object.entries(forget.horizons).map(([table, before]) => [Number(table), before]);

const forgetOperations = (table: number, timeKey: Uint8Array): KeyValueOperation[] => [
  { kind: 'delete', key: itemSpaceKey('tombstones', table, itemKeyInTimeKey(timeKey)) },
  { kind: 'delete', key: timeKey },
];

const NOTHING = new Uint8Array(0);

/** The partitions that were asked for, and those that they were split into. */
async function heldPartitions({
  store,
  partitions,
  partitionCount,
}: StorageNodeOptions): Promise<readonly number[]> {
  const split = await withSnapshot(store, splitPartitions);
  return [...partitions, ...split.filter((partition) => partition >= partitionCount)];
}

/** Marks a blank store. Answers whether the store is blank or was closed by `StorageNode.close`. */
async function checkFormat(store: KeyValueStore): Promise<boolean> {
  const value = store.get(FORMAT_KEY);
  const expected = String(STORE_FORMAT_VERSION);
  const split = String(SPLIT_STORE_FORMAT_VERSION);
  if (value === undefined) {
    await assertBlank(store);
    await store.write([{ kind: 'put', key: FORMAT_KEY, value: Buffer.from(expected) }], {
      sync: true,
    });
    return true;
  }
  const found = Buffer.from(value).toString();
  if (found !== expected && found !== split) {
    throw new StoreError(
      'format',
      `the store has format ${found}; this program reads ${expected} and ${split}`,
    );
  }
  return store.get(CLOSED_KEY) !== undefined;
}

/** The format is the first that is written: a store that lacks it and holds anything has lost it. */
async function assertBlank(store: KeyValueStore): Promise<void> {
  await withSnapshot(store, async (snapshot) => {
    const iterator = snapshot.iterate(everyKey);
    const [first] = await iterator.next(1);
    await iterator.close();
    if (first !== undefined) throw new StoreError('damaged', 'the store has lost its format');
  });
}
