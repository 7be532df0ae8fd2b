import { assert } from '../base/assert.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import {
  addCounters,
  NO_COUNTERS,
  planRecords,
  START,
  type EntryToApply,
  type Position,
  type RecordPlan,
  type TableCounters,
} from './apply.ts';
import {
  countersKey,
  epochEndsKey,
  epochStartsKey,
  forgottenKey,
  hashRange,
  heldHashesKey,
  positionKey,
  rebuildingKey,
  tableOfCountersKey,
  uncountedKey,
  uncountedTablesRange,
  type HashRange,
} from './key-layout.ts';
import { readRange } from './key-ranges.ts';
import { StoreError, type KeyValueOperation, type KeyValueSnapshot } from './key-value-store.ts';
import {
  decodeCounters,
  decodeHeldHashes,
  decodeNumbers,
  decodePosition,
  decodePositions,
  decodeTimeVector,
  encodeCounters,
  encodePosition,
  encodePositions,
  encodeTimeVector,
  type HeldHashes,
  type SplitOrigin,
  type TimeVector,
} from './meta-codec.ts';
import type { KeyValueReader } from './read.ts';
import { readCounters } from './table-count.ts';

/** Of so many epochs a copy knows where they began, and of so many where they ended. */
export const epochEndsMax = 64;

/**
 * One partition's copy on one storage node, as far as it is kept in memory. What it says is what the store holds:
 * it moves by `settle`, after the batch of the staged changes was written.
 */
export class Copy {
  readonly partition: number;
  /** Whether a rebuild was begun and not finished: nothing here may be read or applied to. */
  readonly rebuilding: boolean;
  #state: CopyState;

  /**
   * Loads what the store has of the partition; a blank store stands at `START`. `partitionCount`: how many there were
   * before any was split. Throws `StoreError`.
   */
  static async load(
    snapshot: KeyValueSnapshot,
    partition: number,
    partitionCount: number,
  ): Promise<Copy> {
    const position = snapshot.get(positionKey(partition));
    const forgotten = snapshot.get(forgottenKey(partition));
    const counters = await readCounters(snapshot, partition);
    const rebuilding = snapshot.get(rebuildingKey(partition)) !== undefined;
    if (!rebuilding && position === undefined && (counters.size > 0 || forgotten !== undefined)) {
      throw new StoreError('damaged', `partition ${partition} has lost its position`);
    }
    const state = {
      position: position === undefined ? START : decodePosition(position),
      forgotten: forgotten === undefined ? {} : decodeTimeVector(forgotten),
      epochEnds: readEpochEnds(snapshot, partition),
      epochStarts: readEpochStarts(snapshot, partition),
      counters,
      held: readHeldHashes(snapshot, partition, partitionCount),
      ...(await readUncounted(snapshot, partition)),
    };
    return new Copy(partition, rebuilding, state);
  }

  /** Stands in for a copy while it is rebuilt. */
  static underRebuild(partition: number, hashes: HashRange & Partial<HeldHashes>): Copy {
    return new Copy(partition, true, {
      ...BLANK,
      held: { origin: undefined, ...hashes },
      counters: new Map(),
      uncounted: new Map(),
    });
  }

  /** The copy of a child, at the beginning of its log, as a split of its parent's copy in the same store makes it. */
  static ofSplit(
    partition: number,
    state: Pick<CopyState, 'held' | 'forgotten' | 'countsWith'>,
  ): Copy {
    const maps = { counters: new Map(), uncounted: new Map() };
    return new Copy(partition, false, { ...BLANK, ...state, ...maps });
  }

  private constructor(partition: number, rebuilding: boolean, state: CopyState) {
    this.partition = partition;
    this.rebuilding = rebuilding;
    this.#state = state;
  }

  /** The last entry applied. */
  get position(): Position {
    return this.#state.position;
  }

  /** Per origin region, below what nothing for a key with no item is news. */
  get forgotten(): TimeVector {
    return this.#state.forgotten;
  }

  /** Where the latest epochs before the current one ended, oldest first. */
  get epochEnds(): readonly Position[] {
    return this.#state.epochEnds;
  }

  /** The first entries of the latest epochs, the current one's last; without those that an earlier program has applied. */
  get epochStarts(): readonly Position[] {
    return this.#state.epochStarts;
  }

  /** The hashes of its items. */
  get hashes(): HashRange {
    return this.#state.held;
  }

  /** Of a child: from where it came. */
  get origin(): SplitOrigin | undefined {
    return this.#state.held.origin;
  }

  /**
   * What entries of this partition's log have changed, summed up. A split leaves it as it is on both sides, so that sums over
   * all partitions are exact at any moment, whichever copies they are of; what is there of one partition: `contents`.
   */
  counters(table: number): TableCounters {
    return this.#state.counters.get(table) ?? NO_COUNTERS;
  }

  /** What this copy holds of a table; undefined from a split until that is counted. */
  contents(table: number): TableCounters | undefined {
    const { countsWith, uncounted } = this.#state;
    if (countsWith.length > 0) return undefined;
    return addCounters(this.counters(table), uncounted.get(table) ?? NO_COUNTERS);
  }

  /** False only where it certainly holds no tombstone of a table, as of `position`. */
  mayHoldTombstones(table: number): boolean {
    const { countsWith, counters, uncounted } = this.#state;
    if (countsWith.length > 0) return true;
    const counted = counters.get(table)?.tombstoneCount ?? 0;
    return counted + (uncounted.get(table)?.tombstoneCount ?? 0) !== 0;
  }

  /** What is to be added to `counters` of a table for what it holds, as it was counted last. */
  uncounted(table: number): TableCounters {
    return this.#state.uncounted.get(table) ?? NO_COUNTERS;
  }

  /** The partitions that were split apart since what they hold was counted, this one included; empty once that is done. */
  get countsWith(): readonly number[] {
    return this.#state.countsWith;
  }

  /** The numbers of the tables of which anything was ever applied here. */
  get tables(): readonly number[] {
    return [...new Set([...this.#state.counters.keys(), ...this.#state.uncounted.keys()])];
  }

  /** It has given the upper part of its hashes away: the batch that says so was written. */
  shrink(to: number, countsWith: readonly number[]): void {
    const { held } = this.#state;
    this.#state = { ...this.#state, held: { ...held, to }, countsWith };
  }

  /** What it holds was counted, and what its counters lack was written. */
  counted(uncounted: ReadonlyMap<number, TableCounters>): void {
    this.#state = { ...this.#state, uncounted: new Map(uncounted), countsWith: [] };
  }

  /**
   * What entries, in order and from right after `position`, change, with the copy's own data in the same batch. The
   * records of tables that are dropped change nothing. A forgetting must be the last entry, its tombstones gone.
   */
  stage(entries: readonly EntryToApply[], isDropped: (table: number) => boolean): Staged {
    assert(!this.rebuilding, 'a copy under rebuild applies nothing');
    const operations: KeyValueOperation[] = [];
    const touched = new Map<number, TableCounters>();
    let { position, forgotten, epochEnds, epochStarts } = this.#state;
    for (const entry of entries) {
      assert(entry.end.index === position.index + 1, 'entries are applied in order, without a gap');
      const plan = planWithout(entry, isDropped);
      for (const operation of plan.operations) operations.push(operation);
      for (const [table, change] of plan.changes) {
        touched.set(table, addCounters(touched.get(table) ?? this.counters(table), change));
      }
      if (entry.end.epoch !== position.epoch) {
        if (position.index > 0) epochEnds = [...epochEnds, position].slice(-epochEndsMax);
        epochStarts = [...epochStarts, entry.end].slice(-epochEndsMax);
      }
      position = entry.end;
      if (entry.forget !== undefined) forgotten = latest(forgotten, entry.forget.vector);
    }
    operations.push({
      kind: 'put',
      key: positionKey(this.partition),
      value: encodePosition(position),
    });
    if (forgotten !== this.#state.forgotten) {
      operations.push({
        kind: 'put',
        key: forgottenKey(this.partition),
        value: encodeTimeVector(forgotten),
      });
    }
    if (epochEnds !== this.#state.epochEnds) {
      operations.push({
        kind: 'put',
        key: epochEndsKey(this.partition),
        value: encodePositions(epochEnds),
      });
    }
    if (epochStarts !== this.#state.epochStarts) {
      operations.push({
        kind: 'put',
        key: epochStartsKey(this.partition),
        value: encodePositions(epochStarts),
      });
    }
    for (const [table, counters] of touched) operations.push(this.#putCounters(table, counters));
    return { copy: this, operations, position, forgotten, epochEnds, epochStarts, touched };
  }

  /** Counts tombstones out that a forgetting has removed, before its entry is staged. */
  stageForgotten(table: number, tombstones: number): Staged {
    const counters = addCounters(this.counters(table), {
      ...NO_COUNTERS,
      tombstoneCount: -tombstones,
    });
    const operations = [this.#putCounters(table, counters)];
    return { ...this.#state, copy: this, operations, touched: new Map([[table, counters]]) };
  }

  /** Takes staged changes as done: their batch was written. */
  settle(staged: Staged): void {
    assert(staged.copy === this, 'staged changes belong to one copy');
    const { counters } = this.#state;
    for (const [table, tally] of staged.touched) counters.set(table, tally);
    const { position, forgotten, epochEnds, epochStarts } = staged;
    this.#state = { ...this.#state, position, forgotten, epochEnds, epochStarts };
  }

  /** The table was dropped and its counters were deleted. */
  dropTable(table: number): void {
    this.#state.counters.delete(table);
    this.#state.uncounted.delete(table);
  }

  #putCounters(table: number, counters: TableCounters): KeyValueOperation {
    return {
      kind: 'put',
      key: countersKey(this.partition, table),
      value: encodeCounters(counters),
    };
  }
}

interface CopyState {
  readonly position: Position;
  readonly forgotten: TimeVector;
  readonly epochEnds: readonly Position[];
  readonly epochStarts: readonly Position[];
  readonly counters: Map<number, TableCounters>;
  readonly held: HeldHashes;
  readonly countsWith: readonly number[];
  readonly uncounted: Map<number, TableCounters>;
}

const BLANK = { position: START, forgotten: {}, epochEnds: [], epochStarts: [], countsWith: [] };

/** Which hashes the store's copy of a partition holds. Throws `StoreError` `damaged`. */
export function readHeldHashes(
  reader: KeyValueReader,
  partition: number,
  partitionCount: number,
): HeldHashes {
  const value = reader.get(heldHashesKey(partition));
  if (value !== undefined) return decodeHeldHashes(value);
  if (partition < partitionCount)
    return { ...hashRange(partition, partitionCount), origin: undefined };
  throw new StoreError('damaged', `partition ${partition} has lost its hashes`);
}

/** What a snapshot has of the members of the same names. Throws `StoreError` `damaged`. */
async function readUncounted(
  snapshot: KeyValueSnapshot,
  partition: number,
): Promise<Pick<CopyState, 'countsWith' | 'uncounted'>> {
  const mark = snapshot.get(uncountedKey(partition));
  const pairs = await readRange(snapshot, uncountedTablesRange(partition));
  return {
    countsWith: mark === undefined ? [] : decodeNumbers(mark),
    uncounted: new Map(
      pairs.map(([key, value]) => [tableOfCountersKey(key), decodeCounters(value)]),
    ),
  };
}

/** Changes of one copy on their way into a batch. */
export interface Staged {
  readonly copy: Copy;
  readonly operations: readonly KeyValueOperation[];
  readonly position: Position;
  readonly forgotten: TimeVector;
  readonly epochEnds: readonly Position[];
  readonly epochStarts: readonly Position[];
  readonly touched: ReadonlyMap<number, TableCounters>;
}

/** See `Copy.epochEnds`. Throws `StoreError` `damaged`. */
export function readEpochEnds(reader: KeyValueReader, partition: number): readonly Position[] {
  const value = reader.get(epochEndsKey(partition));
  return value === undefined ? [] : decodePositions(value);
}

/** See `Copy.epochStarts`. Throws `StoreError` `damaged`. */
export function readEpochStarts(reader: KeyValueReader, partition: number): readonly Position[] {
  const value = reader.get(epochStartsKey(partition));
  return value === undefined ? [] : decodePositions(value);
}

function planWithout(entry: EntryToApply, isDropped: (table: number) => boolean): RecordPlan {
  for (const table of entry.plan.changes.keys()) {
    if (isDropped(table)) {
      return planRecords(entry.records.filter((record) => !isDropped(record.table)));
    }
  }
  return entry.plan;
}

/** Member by member the later time: a vector never goes back. */
function latest(a: TimeVector, b: TimeVector): TimeVector {
  const vector: Record<string, HybridTime> = { ...a };
  for (const [region, time] of Object.entries(b)) {
    vector[region] = Math.max(vector[region] ?? 0, time);
  }
  return vector;
}
