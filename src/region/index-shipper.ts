import { type Clock, WOKEN, yieldTo } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { finite, list, members } from '../base/shape.ts';
import { EMPTY_END, endOf } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import { LogError } from '../log/replicated-log.ts';
import { ClientError } from '../model/errors.ts';
import { isSameEnd, logEndShape } from '../partition/index-stand.ts';
import { MovedError } from '../partition/moved-error.ts';
import type { CommittedEntry, IndexedPartition, VersionedChange } from '../partition/partition.ts';
import type { Layout } from '../storage/layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import { EntryIndexes, TargetBatches } from './index-batches.ts';
import type { IndexedTables } from './indexed-tables.ts';
import type { IndexProgress } from './index-progress.ts';

/** How much of the log is read, and on its way to targets, at a time. */
const readBytes = 256 * 1024;
/** Records looked at in one synchronous run. */
const recordsRunMax = 64;
/** How often the own position is saved, so that what is trimmed is known to be taken. */
const saveMs = 2000;
/** A save is an entry of the log itself, after which there is nothing to save. */
const saveEntriesMin = 2;
/** So that the log is never trimmed past it for its age alone, it is saved so often even when that changes nothing. */
const saveIdleMs = 600_000;
const retryMs = 200;
/** How often it is looked whether a log that came of a split may be followed. */
const beginLookMs = 10;

export interface IndexShipperOptions {
  /** Whose log is followed. */
  readonly source: IndexedPartition;
  /** All partitions of the region, by number. A split adds to it. */
  readonly targets: readonly IndexedPartition[];
  /** Which of them has which hashes, at this moment. */
  readonly layout: () => Layout;
  /**
   * Of a source that came of a split: whether all targets have what its parent's log says of its hashes, which is older than
   * anything in its own. It is not followed before.
   */
  readonly mayBegin?: () => boolean;
  readonly tables: IndexedTables;
  readonly progress: IndexProgress;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The log does not hold what follows on the positions in it: what the indexes hold of it cannot be told. Resolves when
   * every global index is to be filled anew, under a number that nothing was sent for.
   */
  readonly onLost: () => Promise<void>;
}

/** What the shipper keeps of itself, so that it need not begin anew. */
interface Shipped {
  /** Every target has all up to here. */
  readonly end: LogEnd;
  /** Where each target stood with it then: one that stands before that has lost something. */
  readonly targets: readonly number[];
}

const shippedShape = members<Shipped>({ end: logEndShape, targets: list(finite) });

interface Waiting {
  readonly index: number;
  readonly resolve: () => void;
}

/**
 * Sends what one partition's log changes in global indexes to the partitions that hold their entries, for ever. Each target
 * keeps, in the batch with the effect, up to where it has taken this log; so nothing is taken twice, and nothing is
 * passed over. While the region has no global index nothing is read.
 */
export class IndexShipper implements Service {
  readonly #options: IndexShipperOptions;
  readonly #entryIndexes: EntryIndexes;
  readonly #stopped = new AbortController();
  #running: Promise<unknown> | undefined;
  #follower: { close(): void } | undefined;
  /** Everything up to here is with the targets. Undefined before that is known, and while nothing is read. */
  #shippedEnd: LogEnd | undefined;
  /** Who waits for what is shipped to come to an index. */
  #waiting: Waiting[] = [];
  #savedIndex = 0;
  #stands: (LogEnd | undefined)[] = [];
  /**
   * Per target, whether it has lost what it had said to have. Until it has that again, what is saved stays: it alone
   * tells of it, after a crash too.
   */
  #behind: readonly boolean[] = [];
  /** Ends the wait for a first global index. */
  #wake: (() => void) | undefined;

  constructor(options: IndexShipperOptions) {
    const { source, tables, progress } = options;
    this.#options = options;
    this.#entryIndexes = new EntryIndexes({
      source: source.number,
      tables,
      progress,
    });
  }

  /** Up to where every target has taken the log; undefined when nothing is known of it, or there is nothing to take. */
  get shippedThrough(): number | undefined {
    return this.#shipped?.index;
  }

  /** Whether every target is sure to have the log up to there. */
  hasShipped(index: number): boolean {
    return !this.#behind.includes(true) && (this.#shipped?.index ?? -1) >= index;
  }

  get #shipped(): LogEnd | undefined {
    return this.#shippedEnd;
  }

  set #shipped(end: LogEnd | undefined) {
    this.#shippedEnd = end;
    if (end === undefined) return;
    for (const { index, resolve } of this.#waiting) if (index <= end.index) resolve();
  }

  /** Resolves once every target has taken what is committed at the time of the call, or after `waitMs`. */
  async caughtUp(waitMs: number): Promise<void> {
    if (this.pendingEntries <= 0) return;
    const { clock, source } = this.#options;
    const { index } = source.committed;
    const waited = new AbortController();
    let waiting: Waiting | undefined;
    const shipped = new Promise<void>((resolve) => {
      waiting = { index, resolve };
      this.#waiting.push(waiting);
    });
    await Promise.race([shipped, clock.sleep(waitMs, waited.signal)]);
    waited.abort(WOKEN);
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
  }

  /** Entries of the log that are committed and not taken by every target. 0 while the region has no global index. */
  get pendingEntries(): number {
    const { source, tables } = this.#options;
    if (!tables.hasGlobals) return 0;
    return source.committed.index - (this.#shipped?.index ?? this.#savedIndex);
  }

  /**
   * Entries up to here are not needed any more, though the process ended now; the one at the saved position is kept, to
   * verify it.
   */
  get releaseFloor(): number {
    const { source, tables } = this.#options;
    if (!tables.hasGlobals) return source.committed.index;
    const behind = this.#stands.filter((_, target) => this.#behind[target] === true);
    return Math.max(0, Math.min(this.#savedIndex, ...behind.map((stand) => stand?.index ?? 0)) - 1);
  }

  async start(): Promise<void> {
    this.#running ??= Promise.all([this.#run(), this.#saveNowAndThen()]);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#follower?.close();
    this.#wake?.();
    await this.#running;
  }

  /** The indexes have changed. */
  wake(): void {
    const { source, tables } = this.#options;
    const wake = this.#wake;
    if (wake === undefined || !tables.hasGlobals) return;
    this.#wake = undefined;
    // Nothing that is committed yet is of an index: the first one has only just come to be.
    this.#shipped = source.committed;
    wake();
  }

  async #run(): Promise<void> {
    const { clock, logger, source, tables } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        if (!tables.hasGlobals) await this.#untilGlobals();
        else if (this.#options.mayBegin?.() === false) {
          await clock.sleep(beginLookMs, this.#stopped.signal);
          continue;
        } else await this.#resume();
        if (!this.#isStopped()) await this.#follow();
      } catch (error) {
        if (this.#isStopped()) return;
        if (!isPassing(error))
          logger.warn({ error, partition: source.number }, 'a log is not followed for indexes now');
        await clock.sleep(retryMs, this.#stopped.signal);
      }
      this.#shipped = undefined;
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Waits for the first global index. What was logged before that is no index's. */
  async #untilGlobals(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#shipped !== undefined) await this.#beginAt(this.#shipped);
  }

  /**
   * As often as it takes: begun otherwise, what was logged before would have to be kept, or the indexes be filled anew
   * once more.
   */
  async #beginAt(end: LogEnd): Promise<void> {
    while (!this.#isStopped()) {
      try {
        await this.#readStands();
        await this.#place(end);
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.#options.clock.sleep(retryMs, this.#stopped.signal);
      }
    }
  }

  async #readStands(): Promise<void> {
    const { source, targets } = this.#options;
    this.#stands = await Promise.all(
      targets.map(async (target) => target.indexStand(source.number)),
    );
  }

  /** Finds where to go on, or that what follows is gone. */
  async #resume(): Promise<void> {
    const { source, onLost, logger } = this.#options;
    await this.#readStands();
    const document = await source.shipped();
    const saved = document === undefined ? undefined : shippedShape(document, 'shipped');
    this.#savedIndex = saved?.end.index ?? 0;
    if (await this.#canGoOn(saved)) {
      this.#shipped = saved?.end ?? EMPTY_END;
      return;
    }
    logger.error(
      { partition: source.number, saved: saved?.end.index, first: source.first },
      'the log does not go on where indexes stand with it: every global index is filled anew',
    );
    // What is filled anew is said behind this.
    const end = source.committed;
    await onLost();
    await this.#beginAt(end);
  }

  /** Whether every position is an entry of the log, and what comes after the first of them is still kept. */
  async #canGoOn(saved: Shipped | undefined): Promise<boolean> {
    const { source } = this.#options;
    const base = saved?.end ?? EMPTY_END;
    this.#behind = this.#stands.map(
      (stand, target) => (stand?.index ?? 0) < (saved?.targets[target] ?? 0),
    );
    if (!(await this.#holds(base))) return false;
    for (const stand of this.#stands)
      if (stand !== undefined && stand.index > base.index && !(await this.#holds(stand)))
        return false;
    const starts = this.#stands.map((_, target) => this.#startOf(target, base));
    return Math.min(...starts) + 1 >= source.first;
  }

  /** Everything up to here is with the target. */
  #startOf(target: number, base: LogEnd): number {
    const stand = this.#stands[target]?.index ?? 0;
    return this.#behind[target] === true ? stand : Math.max(base.index, stand);
  }

  async #holds(end: LogEnd): Promise<boolean> {
    const { source } = this.#options;
    if (end.index === 0) return true;
    if (end.index > source.committed.index) return false;
    const found = await source.endAt(end.index);
    return found === undefined ? end.index < source.first : isSameEnd(found, end);
  }

  /** Everything up to `end` is taken as sent: nothing of it is of an index any more. */
  async #place(end: LogEnd): Promise<void> {
    const { source, targets } = this.#options;
    for (const [number, target] of targets.entries()) {
      const after = this.#stands[number];
      const batch = { source: source.number, after, to: end, changes: [] };
      const taken = await target.takeIndexBatch(batch);
      if (!isSameEnd(taken, end)) throw new DisplacedError();
      this.#stands[number] = end;
    }
    this.#behind = [];
    this.#shipped = end;
    await this.#save();
  }

  async #saveNowAndThen(): Promise<void> {
    const { clock, logger, source } = this.#options;
    let savedMs = Number.NEGATIVE_INFINITY;
    while (!this.#isStopped()) {
      await clock.sleep(saveMs, this.#stopped.signal);
      if (this.#isStopped() || this.#shipped === undefined || this.#behind.includes(true)) continue;
      const isIdle = this.#shipped.index - this.#savedIndex < saveEntriesMin;
      if (isIdle && clock.monotonicMs() - savedMs < saveIdleMs) continue;
      try {
        await this.#save();
        savedMs = clock.monotonicMs();
      } catch (error) {
        if (!isPassing(error))
          logger.warn({ error, partition: source.number }, 'a position of indexes was not saved');
      }
    }
  }

  async #save(): Promise<void> {
    const { source } = this.#options;
    const end = this.#shipped;
    if (end === undefined) return;
    const { logId, epoch, index, checksum, partitionTime } = end;
    const targets = this.#stands.map((stand) => stand?.index ?? 0);
    const shipped: Shipped = { end: { logId, epoch, index, checksum, partitionTime }, targets };
    await source.keepShipped(shipped);
    this.#savedIndex = index;
  }

  async #follow(): Promise<void> {
    const { source, tables, targets, layout } = this.#options;
    const base = this.#shipped ?? EMPTY_END;
    const starts = targets.map((_, target) => this.#startOf(target, base));
    const targetLayout = layout();
    const follower = source.follow(Math.min(...starts));
    this.#follower = follower;
    try {
      while (!this.#isStopped() && tables.hasGlobals) {
        const entries = await follower.next(readBytes);
        const last = entries.at(-1)?.entry;
        if (last === undefined) return;
        await this.#ship(entries, { starts, layout: targetLayout });
        if (last.index < (this.#shipped?.index ?? 0)) continue;
        this.#shipped = endOf(last);
        this.#behind = [];
      }
    } finally {
      follower.close();
    }
  }

  /**
   * Into the layout that `starts` are of. A target that is split meanwhile refuses what it has no more, so that nothing is passed
   * over, and where its child stands is asked anew.
   */
  async #ship(
    entries: readonly CommittedEntry[],
    { starts, layout }: { readonly starts: readonly number[]; readonly layout: Layout },
  ): Promise<void> {
    const { clock } = this.#options;
    if (layout !== this.#options.layout()) throw new DisplacedError();
    const gathered = starts.map(() => new TargetBatches());
    let looked = 0;
    for (const { entry, records } of entries) {
      const changes: VersionedChange[] = [];
      for (const record of records) {
        looked += 1;
        if (looked % recordsRunMax === 0) await yieldTo(clock);
        for (const change of this.#entryIndexes.changesOf(record, entry.index))
          changes.push(change);
      }
      if (changes.length === 0) continue;
      for (const [target, batches] of gathered.entries()) {
        if (entry.index <= (starts[target] ?? 0)) continue;
        const own = changes.filter(({ table, key }) => layout.partitionOf(table, key) === target);
        if (own.length > 0) batches.add(entry, own);
      }
    }
    // All have ended before one that failed is looked after: none goes on behind the next try.
    const sent = await Promise.allSettled(
      gathered.map(async (batches, target) => this.#send(target, batches)),
    );
    for (const each of sent) if (each.status === 'rejected') throw each.reason;
  }

  async #send(target: number, batches: TargetBatches): Promise<void> {
    const { source, targets } = this.#options;
    for (const { to, changes } of batches.take()) {
      if (this.#isStopped()) throw new DisplacedError();
      const after = this.#stands[target];
      const batch = { source: source.number, after, to, changes };
      const taken = await targets[target]?.takeIndexBatch(batch);
      if (!isSameEnd(taken, to ?? after)) throw new DisplacedError();
      this.#stands[target] = taken;
    }
  }
}

/** A target stands elsewhere than was thought: it is asked again. */
class DisplacedError extends Error {
  override readonly name = 'DisplacedError';
}

/** Too few zones, for now; or a target was split; or what was to be read is no longer kept, which the next look decides on. */
const isPassing = (error: unknown): boolean =>
  error instanceof MovedError ||
  error instanceof LogError ||
  error instanceof ClientError ||
  error instanceof DisplacedError;
