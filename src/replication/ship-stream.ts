import { assert } from '../base/assert.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { LogEnd } from '../log/entry.ts';
import type { CommittedEntry, Follower, Partition } from '../partition/partition.ts';
import { decodeSplit } from '../partition/split-codec.ts';
import { type Batch, BatchBuilder, sameEnd } from './batch.ts';
import type { Tables } from './tables.ts';
import type { Stand } from './wire.ts';

/** Batches of one log and peer that are on their way at once. */
export const SHIP_WINDOW = 8;
/** What is read of the log at a time: about what a batch may hold. */
const READ_BYTES = 128 * 1024;
/** A range without records is news only for watermarks, so it waits for company. */
export const EMPTY_RANGE_MS = 200;
/** An idle stream asks for a position that was applied, and not durable yet, so that the log can go. */
const SETTLE_MS = 1000;
/** An idle stream asks whether the peer still stands where it said: it may have come back on an older disk. */
const IDLE_MS = 5000;

export interface ShipStreamOptions {
  readonly partition: Partition;
  readonly region: string;
  readonly peer: string;
  readonly tables: Tables;
  readonly clock: Clock;
  /** This region's clock in milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Where the peer stands, verified against this log. */
  readonly from: LogEnd;
  /**
   * How many logs of this region the peer knows of. Nothing is shipped past a split that makes one more: the peer would take its
   * watermark to cover what that log has.
   */
  readonly logs: number;
  readonly ship: (batch: Batch, signal: AbortSignal) => Promise<Stand>;
  readonly onAcknowledged: (applied: LogEnd, durable: LogEnd | undefined) => void;
}

/**
 * Why a stream ended. `refused`: the peer stands elsewhere. `waits`: it does not know a table yet. `lost`: an answer
 * did not come, or the log could not be read. `split`: the peer does not know the log of `child` yet.
 */
export type StreamEnd =
  | { readonly kind: 'closed' | 'refused' }
  | { readonly kind: 'waits'; readonly table: string }
  | { readonly kind: 'split'; readonly child: number }
  | { readonly kind: 'lost'; readonly error: unknown };

/**
 * Ships one log to one peer from a known position until something goes wrong, several batches in flight.
 * It keeps nothing of what it has sent: after a failure the log is read again from where the peer stands.
 */
export class ShipStream {
  readonly #options: ShipStreamOptions;
  readonly #builder: BatchBuilder;
  /** Aborts with the stream's end: what is in flight, and its timer. */
  readonly #ended = new AbortController();
  /** When the timer of `#wakeIn` is up. */
  #wakesAtMs = Number.POSITIVE_INFINITY;
  #follower: Follower | undefined;
  #end: StreamEnd | undefined;
  #inFlight = 0;
  /** The end of the last batch that was sent. */
  #sent: LogEnd;
  #sentMs: number;
  /** When the builder got the first entry that it still has. */
  #movedMs = 0;
  #applied: LogEnd;
  #durable: LogEnd | undefined;
  #slot: (() => void) | undefined;
  #nudged = false;
  /** What was read and not looked at yet. */
  #arrived: readonly CommittedEntry[] | undefined;
  #isReading = false;
  /** Wakes whoever waits for entries, when there is something else to do. */
  #stir: (() => void) | undefined;

  constructor(options: ShipStreamOptions) {
    const { region, peer, tables, partition, from } = options;
    this.#options = options;
    this.#builder = new BatchBuilder({
      region,
      peer,
      tables,
      log: partition.number,
      from,
      clocks: options,
    });
    this.#sent = from;
    this.#sentMs = options.clock.monotonicMs();
    this.#applied = from;
  }

  /** Runs until `close`, or until it fails; never rejects. Everything in flight is settled by then. */
  async run(): Promise<StreamEnd> {
    try {
      this.#follower = this.#options.partition.follow(this.#options.from.index);
      if (this.#end === undefined) await this.#pump(this.#follower);
    } catch (error) {
      this.#fail({ kind: 'lost', error });
    }
    this.#follower?.close();
    while (this.#inFlight > 0) await this.#slotFree();
    return this.#end ?? { kind: 'closed' };
  }

  close(): void {
    this.#fail({ kind: 'closed' });
  }

  /** Asks the peer soon where it stands, although there is nothing to ship. */
  nudge(): void {
    this.#nudged = true;
    this.#stir?.();
  }

  async #pump(follower: Follower): Promise<void> {
    while (this.#end === undefined) {
      if (!this.#isReading && this.#arrived === undefined) void this.#read(follower);
      await this.#somethingToDo();
      const entries = this.#arrived;
      this.#arrived = undefined;
      if (entries === undefined) {
        if (this.#isDue()) await this.#send(this.#builder.take());
        continue;
      }
      if (entries.length === 0) break;
      if (!this.#builder.hasMoved) this.#movedMs = this.#options.clock.monotonicMs();
      for (const entry of entries) {
        const child = this.#unknownChild(entry);
        if (child !== undefined) return this.#endAtSplit(child);
        const full = this.#builder.add(entry);
        if (full !== undefined) await this.#send(full);
      }
      if (!this.#builder.isEmpty || this.#quietMs() === 0) await this.#send(this.#builder.take());
    }
  }

  /** The log that a split makes of which the peer has not been told. */
  #unknownChild({ entry }: CommittedEntry): number | undefined {
    if (entry.kind !== 'split') return undefined;
    const { child } = decodeSplit(entry.payload);
    return child < this.#options.logs ? undefined : child;
  }

  /** What is before it goes out first, and is answered. */
  async #endAtSplit(child: number): Promise<void> {
    if (this.#builder.hasMoved) await this.#send(this.#builder.take());
    while (this.#inFlight > 0 && this.#end === undefined) await this.#slotFree();
    this.#fail({ kind: 'split', child });
  }

  /** Fills `#arrived` once. Owns its errors. */
  async #read(follower: Follower): Promise<void> {
    this.#isReading = true;
    try {
      this.#arrived = await follower.next(READ_BYTES);
    } catch (error) {
      this.#fail({ kind: 'lost', error });
    }
    this.#isReading = false;
    this.#stir?.();
  }

  /** Waits for entries, a nudge or the end, but no longer than the stream may stay quiet. */
  async #somethingToDo(): Promise<void> {
    if (this.#arrived !== undefined || this.#nudged || this.#end !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#stir = resolve;
      void this.#wakeIn(this.#quietMs());
    });
    this.#stir = undefined;
  }

  /**
   * Stirs in so many milliseconds, or sooner: a timer that is under way is left alone where it is up first, so that a busy
   * stream does not begin and end one for every batch.
   */
  async #wakeIn(ms: number): Promise<void> {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + ms;
    if (atMs >= this.#wakesAtMs) return;
    this.#wakesAtMs = atMs;
    await clock.sleep(ms, this.#ended.signal);
    if (this.#wakesAtMs !== atMs) return;
    this.#wakesAtMs = Number.POSITIVE_INFINITY;
    this.#stir?.();
  }

  /** How long it may stay quiet from now on. */
  #quietMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#builder.hasMoved) return Math.max(0, this.#movedMs + EMPTY_RANGE_MS - nowMs);
    if (this.#inFlight > 0) return SETTLE_MS;
    const isSettled = this.#durable?.index === this.#applied.index;
    return Math.max(0, this.#sentMs + (isSettled ? IDLE_MS : SETTLE_MS) - nowMs);
  }

  #isDue(): boolean {
    const nudged = this.#nudged && this.#inFlight === 0;
    this.#nudged = false;
    return nudged || this.#quietMs() === 0;
  }

  async #send(batch: Batch): Promise<void> {
    while (this.#inFlight >= SHIP_WINDOW && this.#end === undefined) await this.#slotFree();
    if (this.#end !== undefined) return;
    this.#inFlight += 1;
    this.#sent = batch.to;
    this.#sentMs = this.#options.clock.monotonicMs();
    void this.#ship(batch);
  }

  /** Owns its errors: whatever they are, the stream ends. */
  async #ship(batch: Batch): Promise<void> {
    try {
      this.#answered(batch, await this.#options.ship(batch, this.#ended.signal));
    } catch (error) {
      this.#fail({ kind: 'lost', error });
    }
    this.#inFlight -= 1;
    this.#slot?.();
  }

  #answered(batch: Batch, { applied, durable, waitsFor }: Stand): void {
    if (this.#end !== undefined) return;
    if (waitsFor !== undefined) {
      this.#fail({ kind: 'waits', table: waitsFor });
    } else if (applied === undefined || !this.#reaches(batch, applied)) {
      this.#fail({ kind: 'refused' });
    } else {
      if (applied.index > this.#applied.index) this.#applied = applied;
      this.#durable = durable;
      this.#options.onAcknowledged(this.#applied, durable);
    }
  }

  /** An answer may be late and tell of later batches; it never tells of what was not sent. */
  #reaches(batch: Batch, applied: LogEnd): boolean {
    if (applied.index === batch.to.index) return sameEnd(applied, batch.to);
    if (applied.index === this.#sent.index) return sameEnd(applied, this.#sent);
    return applied.index > batch.to.index && applied.index < this.#sent.index;
  }

  #fail(end: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#ended.abort(WOKEN);
    this.#follower?.close();
    this.#slot?.();
    this.#stir?.();
  }

  async #slotFree(): Promise<void> {
    assert(this.#slot === undefined, 'only the pump waits for a slot');
    await new Promise<void>((resolve) => {
      this.#slot = resolve;
    });
    this.#slot = undefined;
  }
}
