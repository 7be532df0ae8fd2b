import type { Clock } from '../base/clock.ts';
import { present } from '../base/assert.ts';
import type { Table, TableIndex } from '../model/table.ts';
import { advanceAll } from '../partition/advance-all.ts';
import type { IndexedPartition } from '../partition/partition.ts';
import type { IndexProgress, PartitionProgress } from './index-progress.ts';

/** What is said again at a time in each partition. A pause as long as it took follows, so that writers get at least as much. */
const chunkBytes = 128 * 1024;
const pauseMsMin = 2;
/** How often, in chunks, the way that is done is saved. */
const saveChunks = 32;
/** How much, in chunks, is said before the indexes have taken it: what waits for them stands in the log. */
const aheadChunksMax = 8;
/** How often it is looked whether what was said again has reached the index. */
const lookMs = 20;

export interface IndexBackfillOptions {
  readonly partitions: readonly IndexedPartition[];
  readonly progress: IndexProgress;
  readonly clock: Clock;
  /** Up to where a partition's log is with all that follow it for indexes. */
  readonly shippedThrough: (partition: number) => number | undefined;
}

/**
 * Fills a global index with what its table holds already: says every item once more in its own partition's log, from
 * where the index takes it as it takes any write. So one order covers both, and a write is never undone by the backfill.
 */
export class IndexBackfill {
  readonly #options: IndexBackfillOptions;
  /** By index number, how far those are that did not end: further than what is saved, so that a next try says nothing twice. */
  readonly #states = new Map<number, PartitionProgress[]>();

  constructor(options: IndexBackfillOptions) {
    this.#options = options;
  }

  /** Resolves when the index holds everything; goes on where it was after a stop. Ends early when the signal aborts. */
  async run(table: Table, { number }: TableIndex, signal: AbortSignal): Promise<void> {
    await this.#begin(number);
    const state = this.#states.get(number) ?? [
      ...present(this.#options.progress.of(number), 'a backfill'),
    ];
    this.#states.set(number, state);
    // One that is split meanwhile says no more than it has still: its child is filled after it.
    while (!signal.aborted && !this.#isDone(state))
      await this.#fillAll(table, { number, state }, signal);
    if (!signal.aborted) await this.#options.progress.save(number, state);
    this.#states.delete(number);
    // As their leaders say, which may be ahead of what is known here of their logs.
    const ends = await advanceAll(this.#options.partitions);
    for (const [place, { index }] of ends.entries()) await this.#untilTaken(place, index, signal);
  }

  #isDone(state: readonly PartitionProgress[]): boolean {
    return this.#options.partitions.every((_, place) => state[place]?.done === true);
  }

  async #fillAll(
    table: Table,
    { number, state }: Pick<Filling, 'number' | 'state'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { partitions } = this.#options;
    for (let place = state.length; place < partitions.length; place += 1)
      state.push({ start: 0, after: undefined, done: false });
    const filled = await Promise.allSettled(
      partitions.map(async (partition, place) =>
        this.#fill(table, { partition, place, number, state }, signal),
      ),
    );
    for (const each of filled) if (each.status === 'rejected' && !signal.aborted) throw each.reason;
  }

  /** From here on every record of the table says what it has replaced: a no-op is logged behind those that may not. */
  async #begin(number: number): Promise<void> {
    const { partitions, progress } = this.#options;
    if (progress.of(number) !== undefined) return;
    const ends = await advanceAll(partitions);
    const begun = ends.map(({ index }) => ({ start: index, after: undefined, done: false }));
    await progress.save(number, begun);
  }

  async #fill(
    table: Table,
    { partition, place, number, state }: Filling,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, progress } = this.#options;
    const begun = present(state[place], 'the progress of a partition');
    let after = begun.after === undefined ? undefined : Buffer.from(begun.after, 'base64');
    const ahead: number[] = [];
    for (let chunk = 1; !begun.done && !signal.aborted; chunk += 1) {
      const startedMs = clock.monotonicMs();
      const items = await partition.scan(table.number, after, chunkBytes);
      const last = items.at(-1);
      if (last === undefined) break;
      await partition.reemit(
        table.number,
        items.filter(({ image }) => image !== undefined),
      );
      after = Buffer.from(last.key);
      state[place] = { ...begun, after: after.toString('base64') };
      if (chunk % saveChunks === 0) await progress.save(number, [...state]);
      if (ahead.push(partition.committed.index) > aheadChunksMax)
        await this.#untilTaken(place, ahead.shift() ?? 0, signal);
      await clock.sleep(Math.max(pauseMsMin, clock.monotonicMs() - startedMs), signal);
    }
    if (!signal.aborted) state[place] = { ...begun, after: undefined, done: true };
  }

  /** Resolves when all that follow the partition's log for indexes are at `end`, and when the signal aborts. */
  async #untilTaken(partition: number, end: number, signal: AbortSignal): Promise<void> {
    const { shippedThrough, clock } = this.#options;
    while (!signal.aborted && (shippedThrough(partition) ?? -1) < end)
      await clock.sleep(lookMs, signal);
  }
}

interface Filling {
  readonly partition: IndexedPartition;
  readonly place: number;
  readonly number: number;
  /** Of every partition. */
  readonly state: PartitionProgress[];
}
