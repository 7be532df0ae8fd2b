import { assert, present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import { ClientError } from '../model/errors.ts';
import type { Copy } from '../storage/copy.ts';
import type { HashRange } from '../storage/key-layout.ts';
import { Layout } from '../storage/layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LocalPartition } from './local-partition.ts';
import type { Commit } from './overlay.ts';
import type { CommittedSplit } from './split-codec.ts';
import { SplitRefused } from './split-refused.ts';

/** How often it is looked whether a child's epoch is open, and a copy of it serves. */
const lookMs = 2;

/** How long whoever asked for a split waits to hear that it is done. It goes on by itself. */
const splitWaitMs = 30_000;

export interface RegionPartitionsOptions {
  /** How many there were before any was split. */
  readonly count: number;
  readonly newPartition: (number: number, hashes: () => HashRange) => LocalPartition;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A partition that came of a split. */
export interface ChildPartition {
  readonly partition: LocalPartition;
  readonly parent: number;
  /** The entry of the parent's log up to which everything of the child's hashes stands there. */
  readonly splitIndex: number;
  /** The partition time of that entry. */
  readonly splitTime: HybridTime;
}

/** An entry of the parent's log that gives a part of its hashes to the child. */
export interface LoggedSplit extends Omit<CommittedSplit, 'middle'> {
  readonly parent: number;
}

/**
 * The partitions of a region in one process, and which hashes each has. A split is decided by an entry of the parent's log:
 * whichever copy applies it first brings the child to life, at a start too, and nothing else needs to remember it. Until the
 * child leads its part, the parent keeps whoever wants something of that waiting; then the layout changes in one synchronous
 * run.
 */
export class RegionPartitions {
  readonly #options: RegionPartitionsOptions;
  /** All that copies know of, whether or not they lead anything yet; by number, without gaps. */
  readonly #held: LocalPartition[] = [];
  /** Those that lead what the layout says. */
  readonly #all: LocalPartition[] = [];
  /** Children, by number, from their first copy on. */
  readonly #children = new Map<number, ChildPartition & { readonly from: number }>();
  readonly #listeners = new Set<(child: ChildPartition) => void>();
  readonly #stopped = new AbortController();
  #layout: Layout;
  #phase: 'loading' | 'opening' | 'running' = 'loading';
  readonly #opened: Commit[] = [];
  #isSplitting = false;

  constructor(options: RegionPartitionsOptions) {
    this.#options = options;
    this.#layout = Layout.even(options.count);
    for (let number = 0; number < options.count; number += 1) {
      const partition = options.newPartition(number, () => this.#layout.hashesOf(number));
      this.#held.push(partition);
      this.#all.push(partition);
    }
  }

  get layout(): Layout {
    return this.#layout;
  }

  /** By number. The same array for ever: a split adds to it. */
  get all(): readonly LocalPartition[] {
    return this.#all;
  }

  /** The same with children that do not lead yet. */
  get held(): readonly LocalPartition[] {
    return this.#held;
  }

  /** What a partition came of; undefined of one that was there at the beginning. */
  child(number: number): ChildPartition | undefined {
    return this.#children.get(number);
  }

  /** Those that came of splits and lead their parts, in the order of the splits. */
  get children(): readonly ChildPartition[] {
    return this.#all.flatMap(({ number }) => this.#children.get(number) ?? []);
  }

  /**
   * As the logs tell it: a split is one from the moment in which it is committed, whoever leads the child's part by then. In
   * the order of the splits.
   */
  get splits(): readonly LoggedSplit[] {
    const known = this.children.map(
      ({ partition, parent, splitIndex: index, splitTime: time }) => ({
        parent,
        child: partition.number,
        index,
        time,
      }),
    );
    for (const { number: parent, committedSplit } of this.#all)
      if (committedSplit !== undefined) {
        const { child, index, time } = committedSplit;
        known.push({ parent, child, index, time });
      }
    return known;
  }

  /** Whether a split is under way. */
  get isSplitting(): boolean {
    return (
      this.#isSplitting ||
      this.#children.size > this.#all.length - this.#options.count ||
      this.#all.some(({ splitState }) => splitState !== 'none')
    );
  }

  /** Told in the run in which a child takes over. Not of those that were there when the listener came. */
  onChild(listener: (child: ChildPartition) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A storage node has a copy that came of a split: the partition of it. */
  born({ partition: number, hashes, origin }: Copy): LocalPartition {
    const known = this.#children.get(number);
    if (known !== undefined) return known.partition;
    const found = present(origin, 'what a child came of');
    const { parent, index: splitIndex, time: splitTime } = found;
    const { from } = hashes;
    const partition = this.#options.newPartition(number, () =>
      number < this.#layout.count
        ? this.#layout.hashesOf(number)
        : { from, to: this.#layout.hashesOf(parent).to },
    );
    this.#children.set(number, { partition, parent, splitIndex, splitTime, from });
    // A store may know of a later split before it has applied an earlier one, of another partition.
    for (;;) {
      const next = this.#children.get(this.#held.length);
      if (next === undefined) return partition;
      this.#held.push(next.partition);
      this.#takeUp(next.partition.number);
    }
  }

  #takeUp(number: number): void {
    if (this.#phase === 'running') {
      void this.#bringUp(number);
      return;
    }
    this.#handOver(number);
    if (this.#phase === 'opening') this.#open(number);
  }

  /** At a start: opens an epoch in every partition, and in each that comes up until `started`. */
  open(): void {
    this.#phase = 'opening';
    for (const { number } of this.#held) this.#open(number);
  }

  #open(number: number): Commit {
    const { random } = this.#options;
    const commit = present(this.#held[number], 'a partition').open(randomUuid(random));
    this.#opened.push(commit);
    return commit;
  }

  /** Every copy serves that must: what splits there were is known. Resolves when all epochs are open. */
  async started(): Promise<void> {
    assert(this.#children.size + this.#options.count === this.#held.length, 'no child is missing');
    this.#phase = 'running';
    for (const { durable } of this.#opened) await durable;
  }

  /** Whether children are known of whose elder siblings are not. */
  get isIncomplete(): boolean {
    return this.#children.size + this.#options.count > this.#held.length;
  }

  /** The child opens its epoch behind the parent's split, and leads once it can be read from a copy. */
  async #bringUp(number: number): Promise<void> {
    const { clock } = this.#options;
    const { partition } = present(this.#children.get(number), 'a child');
    const opened = this.#open(number);
    // Nobody else waits for it; without zones it takes until there are some again.
    opened.durable.catch(() => undefined);
    while (!opened.done || partition.copies.serving.length === 0) {
      if (this.#stopped.signal.aborted) return;
      await clock.sleep(lookMs, this.#stopped.signal);
    }
    if (!this.#stopped.signal.aborted) this.#handOver(number);
  }

  #handOver(number: number): void {
    const { logger } = this.#options;
    const child = present(this.#children.get(number), 'a child');
    assert(number === this.#all.length, 'partitions come by number');
    this.#layout = this.#layout.split(child.parent, child.from);
    this.#all.push(child.partition);
    this.#all[child.parent]?.handedOver();
    for (const listener of this.#listeners) listener(child);
    if (this.#phase === 'running')
      logger.info({ partition: child.parent, child: number }, 'a partition was split');
  }

  /**
   * Splits a partition at a hash. Resolves with the child's number once it leads its part. Rejects with `SplitRefused` where
   * nothing was done, and where it is not known yet what becomes of it.
   */
  async split(number: number, middle: number): Promise<number> {
    const partition = this.#all[number];
    if (partition === undefined) throw new SplitRefused(`there is no partition ${number}`);
    if (this.#phase !== 'running') throw new SplitRefused('the region is starting');
    if (this.isSplitting) throw new SplitRefused('a partition of the region is being split');
    const { from, to } = partition.hashes;
    if (middle <= from || middle >= to)
      throw new SplitRefused(`partition ${number} cannot be split there`);
    const child = this.#all.length;
    this.#isSplitting = true;
    try {
      await partition.split({ child, middle }, child);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      throw new SplitRefused(`partition ${number} takes no writes now`);
    } finally {
      this.#isSplitting = false;
    }
    await this.#untilLeading(child);
    return child;
  }

  async #untilLeading(child: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + splitWaitMs;
    while (this.#all.length <= child) {
      if (this.#stopped.signal.aborted) throw new SplitRefused('the region stops');
      if (clock.monotonicMs() > endMs)
        throw new SplitRefused('the split takes long, and goes on by itself');
      await clock.sleep(lookMs, this.#stopped.signal);
    }
  }

  stop(): void {
    this.#stopped.abort();
    for (const partition of this.#held) partition.stop();
    // One that a copy has brought to life behind one that is missing.
    for (const { partition } of this.#children.values()) partition.stop();
  }
}
