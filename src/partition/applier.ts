import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { prepareEntry, type EntryToApply } from '../storage/apply.ts';
import { ZONES } from '../log/embedded/storage-node-identity.ts';
import { LogError } from '../log/replicated-log.ts';
import { StoreError } from '../storage/key-value-store.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import type { Copy } from '../storage/copy.ts';
import { decodeForgetDecision } from './forget-codec.ts';
import type { LocalPartition } from './local-partition.ts';
import type { CommittedEntry, Follower } from './partition.ts';
import { decodeSplit } from './split-codec.ts';

/** How much of one partition's log goes into one batch of a store. */
const applyBytesMax = 512 * 1024;

/**
 * Pause between two batches of a copy, in which more gathers: a batch costs the same for one record and for fifty. There is none
 * behind a batch that is full by half: a copy that is far behind, or of large items, would fall further behind.
 * Reads of single items do not wait for it, since the overlay has what a copy lacks; a page that waits ends it.
 */
const gatherMs = 20;

/** Pause before the log is read again when no zone could. */
const readRetryMs = 200;

export interface ApplierOptions {
  readonly node: StorageNode;
  readonly partitions: readonly LocalPartition[];
  readonly clock: Clock;
  /** Whether a partition's copy serves reads when it could. It does, when this is not given. */
  readonly mayServe?: (partition: LocalPartition) => boolean;
  /**
   * Told of the copy of a partition that a split has made in the node's store: the partition, which is followed from then on.
   * Without it no partition may be split.
   */
  readonly onBorn?: ((copy: Copy) => LocalPartition) | undefined;
  /** Instead of `onBorn`, where somebody else follows what a split has made: told when one was applied. */
  readonly onSplit?: (() => void) | undefined;
  /**
   * The store cannot go on. The applier has stopped by then, and its copies serve no more; of a store that is only
   * `full` they go on serving what they have until `stop`.
   */
  readonly onFailure: (error: Error) => void;
}

/**
 * Keeps one storage node's copies up with what their partitions commit. What several partitions have ready at one
 * moment goes into one atomic batch. A copy serves reads from the moment it lacks nothing that its leader's overlay
 * does not hold.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #followers = new Map<number, Follower>();
  readonly #stopped = new AbortController();
  #ready = new Map<number, readonly EntryToApply[]>();
  #applied: Promise<void> | undefined;
  readonly #loops: Promise<unknown>[] = [];
  /** Whoever lets records gather: all go on together, so that their batches are one. */
  readonly #gathering = new Set<() => void>();
  #gatheringEnds = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Throws `LogError` `trimmed` when a copy stands before what its log still has. */
  start(): void {
    const { node, partitions } = this.#options;
    // Of a partition that a split makes there is no copy until its parent's has applied that.
    const held = partitions.filter(({ number }) => node.copies.has(number));
    for (const partition of held) this.#followFrom(partition);
    for (const partition of held) this.#loops.push(this.#follow(partition));
  }

  #followFrom(partition: LocalPartition): void {
    const { position } = this.#options.node.copy(partition.number);
    this.#followers.set(partition.number, partition.follow(position.index));
  }

  #splitApplied(): void {
    const { onSplit } = this.#options;
    if (onSplit === undefined) this.#takeUpBorn();
    else onSplit();
  }

  /** Takes up the copies that a split has made. */
  #takeUpBorn(): void {
    if (this.#stopped.signal.aborted) return;
    const { node, onBorn } = this.#options;
    for (const copy of node.copies.values()) {
      if (this.#followers.has(copy.partition)) continue;
      const partition = present(onBorn, 'somebody who makes partitions')(copy);
      this.#followFrom(partition);
      this.#loops.push(this.#follow(partition));
    }
  }

  async #follow(partition: LocalPartition): Promise<void> {
    const { node, mayServe } = this.#options;
    const follower = this.#followers.get(partition.number);
    const copy = node.copies.get(partition.number);
    if (follower === undefined || copy === undefined) return;
    try {
      while (!this.#stopped.signal.aborted) {
        if (mayServe?.(partition) !== false) partition.offer({ node, copy });
        const committed = await this.#next(follower);
        if (committed.length === 0) return;
        await this.#apply(partition.number, committed.map(takePrepared));
        if (committed.some(({ entry }) => entry.kind === 'split')) this.#splitApplied();
        partition.copies.applied();
        if (bytesOf(committed) < applyBytesMax / 2) await this.#gather(partition);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Lets more records gather, unless somebody waits for them to be applied. */
  async #gather({ copies }: LocalPartition): Promise<void> {
    if (copies.isWanted) return;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        this.#gathering.delete(goOn);
        unlisten();
        resolve();
      };
      const unlisten = copies.onWanted(goOn);
      this.#gathering.add(goOn);
      void this.#endGathering();
    });
  }

  async #endGathering(): Promise<void> {
    if (this.#gatheringEnds) return;
    this.#gatheringEnds = true;
    await this.#options.clock.sleep(gatherMs, this.#stopped.signal);
    this.#gatheringEnds = false;
    for (const goOn of this.#gathering) goOn();
  }

  /** What comes next, however long no zone can be read. Empty at the end. */
  async #next(follower: Follower): Promise<readonly CommittedEntry[]> {
    for (;;) {
      try {
        return await follower.next(applyBytesMax);
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'unavailable') throw error;
        await this.#options.clock.sleep(readRetryMs, this.#stopped.signal);
      }
    }
  }

  /** Resolves when the entries are in the store, together with whatever else was ready. */
  async #apply(partition: number, entries: readonly EntryToApply[]): Promise<void> {
    this.#ready.set(partition, entries);
    this.#applied ??= this.#applyNext();
    await this.#applied;
    // The batch under way may have been closed before these entries came: then they are in the next one.
    if (this.#ready.get(partition) === entries) await (this.#applied ??= this.#applyNext());
  }

  async #applyNext(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#options.clock.defer(resolve);
    });
    const batch = this.#ready;
    this.#ready = new Map();
    try {
      await this.#options.node.apply(batch);
    } finally {
      this.#applied = undefined;
    }
  }

  #fail(error: Error): void {
    if (this.#stopped.signal.aborted) return;
    this.#end();
    const isFull = error instanceof StoreError && error.code === 'full';
    if (!isFull) this.#removeCopies();
    this.#options.onFailure(error);
  }

  #end(): void {
    this.#stopped.abort();
    for (const follower of this.#followers.values()) follower.close();
  }

  #removeCopies(): void {
    for (const partition of this.#options.partitions)
      partition.copies.remove(this.#options.node.zone);
  }

  /** Its copies serve no more; what was being applied has ended when this resolves. */
  async stop(): Promise<void> {
    this.#end();
    this.#removeCopies();
    // One that ends may have begun another.
    for (let ended = 0; ended < this.#loops.length; ended += 1) await this.#loops[ended];
  }
}

function bytesOf(committed: readonly CommittedEntry[]): number {
  let bytes = 0;
  for (const { entry } of committed) bytes += entry.payload.length;
  return bytes;
}

/**
 * An entry is prepared once for the copies of all zones. What is prepared is as large as the entry, which outlives it in memory by
 * far, so it goes with the last zone that takes it; one that is restarted has it prepared anew.
 */
const preparedEntries = new WeakMap<CommittedEntry, Prepared>();

interface Prepared {
  readonly entry: EntryToApply;
  /** How many zones are yet to take it, if all run. */
  left: number;
}

function takePrepared(committed: CommittedEntry): EntryToApply {
  const known = preparedEntries.get(committed);
  if (known === undefined) {
    const entry = preparedEntry(committed);
    preparedEntries.set(committed, { entry, left: ZONES.length - 1 });
    return entry;
  }
  known.left -= 1;
  if (known.left === 0) preparedEntries.delete(committed);
  return known.entry;
}

/** What applying an entry does to a copy. */
export function preparedEntry({ entry: end, records }: CommittedEntry): EntryToApply {
  const forget = end.kind === 'forget' ? decodeForgetDecision(end.payload) : undefined;
  const split = end.kind === 'split' ? decodeSplit(end.payload) : undefined;
  return prepareEntry({ end, records, forget, split });
}
