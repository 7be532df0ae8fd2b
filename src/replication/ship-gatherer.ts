import { type Clock, WOKEN } from '../base/clock.ts';
import { BusError } from '../bus/bus.ts';
import { timedOut } from '../bus/outcome.ts';
import { knowsCommits, type CommitRun } from './commit-time.ts';
import type { AskOptions, PeerLine } from './peer-line.ts';
import { decodeStand, decodeStands, encodeBatches, encodeCommits, type Stand } from './wire.ts';

/**
 * Between two messages of batches to a peer. All logs of a region commit in the same groups, and each message costs both
 * sides about the same, however little is in it; and what comes in one message is one group in the target's logs.
 */
export const GATHER_MS = 1;

/** What goes together. A batch with more than a part of it goes at once, behind those that wait. */
export const GATHERED_BYTES_MAX = 64 * 1024;
const LONE_BYTES_MIN = 16 * 1024;

/**
 * What a group of the logs commits reaches their streams in one run of promises, within a few steps of each other. A message that waits
 * for so many steps in which nothing comes has it all, and need not wait for a turn of the event loop, in which the same
 * group's writers are answered and others taken in.
 */
export const QUIET_STEPS = 8;

/** How long a peer that does not know messages of several batches is sent them one by one, and one that does not know commit times none. */
const ALONE_MS = 60_000;

/** A batch on its way to the gatherer. */
export interface EncodedBatch {
  /** As `encodeBatch` makes it. */
  readonly bytes: Uint8Array;
  /** See `Batch.commits`. */
  readonly commits?: readonly CommitRun[] | undefined;
}

interface Waiting {
  readonly batch: Uint8Array;
  readonly commits: readonly CommitRun[];
  readonly options: AskOptions;
  readonly resolve: (stand: Stand | Promise<Stand>) => void;
  readonly reject: (error: unknown) => void;
  /** The message with others' batches in it goes on: whoever waits for longer may still hear of it. */
  isTimedOut: boolean;
}

export interface ShipGathererOptions {
  readonly line: PeerLine;
  readonly clock: Clock;
}

/**
 * The way of one peer's batches to it, whatever log they are of: what several logs ship at one moment goes in one message. Batches
 * arrive in the order in which they were given, as far as the bus keeps it, and each is answered for itself.
 */
export class ShipGatherer {
  readonly #line: PeerLine;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isDue = false;
  #sentMs = Number.NEGATIVE_INFINITY;
  #aloneUntilMs = Number.NEGATIVE_INFINITY;
  #untimedUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ line, clock }: ShipGathererOptions) {
    this.#line = line;
    this.#clock = clock;
  }

  /** Rejects as `PeerLine.ask` does, after its own timeout whatever goes with it, and soon when `signal` aborts. */
  async ship({ bytes: batch, commits = [] }: EncodedBatch, options: AskOptions): Promise<Stand> {
    return new Promise((resolve, reject) => {
      const isLone = batch.length >= LONE_BYTES_MIN;
      if (this.#waitingBytes + batch.length > GATHERED_BYTES_MAX) this.#send();
      this.#waiting.push({ batch, commits, options, resolve, reject, isTimedOut: false });
      this.#waitingBytes += batch.length;
      if (isLone) this.#send();
      else if (!this.#isDue) void this.#sendSoon();
    });
  }

  async #sendSoon(): Promise<void> {
    this.#isDue = true;
    const waitMs = this.#sentMs + GATHER_MS - this.#clock.monotonicMs();
    await (waitMs > 0 ? this.#clock.sleep(waitMs) : this.#quiet());
    this.#isDue = false;
    this.#send();
  }

  /** Ends soon even if batches keep coming: at `GATHERED_BYTES_MAX` they are sent whatever is waited for. */
  async #quiet(): Promise<void> {
    for (let count = -1; count !== this.#waiting.length;) {
      count = this.#waiting.length;
      for (let step = 0; step < QUIET_STEPS; step += 1) await Promise.resolve();
    }
  }

  #send(): void {
    const waiting = this.#waiting.filter((each) => !isOver(each));
    for (const each of this.#waiting) if (isOver(each)) each.reject(givenUp());
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (waiting.length === 0) return;
    this.#sentMs = this.#clock.monotonicMs();
    const isTimed = this.#isTimed(waiting);
    if ((waiting.length === 1 && !isTimed) || this.#sentMs < this.#aloneUntilMs)
      for (const each of waiting) each.resolve(this.#alone(each));
    else void this.#together(waiting, isTimed);
  }

  /** Whether the commit times go with them: one batch, too, then goes as several do. */
  #isTimed(waiting: readonly Waiting[]): boolean {
    return (
      this.#sentMs >= this.#untimedUntilMs && waiting.some(({ commits }) => knowsCommits(commits))
    );
  }

  async #insteadAlone(each: Waiting): Promise<Stand> {
    const stand = await this.#alone(each);
    this.#aloneUntilMs = this.#clock.monotonicMs() + ALONE_MS;
    return stand;
  }

  async #alone({ batch, options }: Waiting): Promise<Stand> {
    return decodeStand(await this.#line.ask('replication.ship', batch, options));
  }

  /** A stream that ends waits no longer; the message, which has others' batches in it, goes on. Owns its errors. */
  async #together(waiting: readonly Waiting[], isTimed: boolean): Promise<void> {
    const unlisten = waiting.map(({ options: { signal }, reject }) => {
      const onAbort = (): void => reject(givenUp());
      signal?.addEventListener('abort', onAbort, { once: true });
      return () => signal?.removeEventListener('abort', onAbort);
    });
    const answered = new AbortController();
    try {
      const parts = waiting.map(({ batch }) => batch);
      if (isTimed) parts.push(encodeCommits(waiting.map(({ commits }) => commits)));
      const message = encodeBatches(parts);
      const timeouts = new Set(waiting.map(({ options }) => options.timeoutMs));
      const timeoutMs = Math.max(...timeouts);
      if (timeouts.size > 1) void this.#expire(waiting, timeouts, answered.signal);
      const answer = await this.#line.ask('replication.batches', message, { timeoutMs });
      const outcomes = decodeStands(answer, parts.length);
      // The peer is of an earlier release. That what it could not read is done first makes it say `late` sooner than it should.
      if (isTimed && outcomes.at(-1)?.kind === 'failed')
        this.#untimedUntilMs = this.#clock.monotonicMs() + ALONE_MS;
      for (const [place, outcome] of outcomes.entries()) {
        const each = waiting[place];
        if (each === undefined) continue;
        if (outcome.kind === 'stand') each.resolve(outcome.stand);
        else if (outcome.kind === 'failed') each.reject(remoteError(outcome));
        else if (!isOver(each)) each.resolve(this.#alone(each));
      }
    } catch (error) {
      const hasNotArrived = error instanceof BusError && error.code === 'unreachable';
      for (const each of waiting) {
        // Perhaps nobody there knows such messages: an earlier release knows the other.
        if (!hasNotArrived) each.reject(error);
        else if (!isOver(each)) each.resolve(this.#insteadAlone(each));
      }
    }
    answered.abort(WOKEN);
    for (const end of unlisten) end();
  }

  /** Gives up, each at its time, those that wait for less than the message does: a log that the peer answers slowly slows no other. */
  async #expire(
    waiting: readonly Waiting[],
    timeouts: ReadonlySet<number>,
    answered: AbortSignal,
  ): Promise<void> {
    const sentMs = this.#clock.monotonicMs();
    for (const timeoutMs of [...timeouts].toSorted((a, b) => a - b).slice(0, -1)) {
      await this.#clock.sleep(sentMs + timeoutMs - this.#clock.monotonicMs(), answered);
      if (answered.aborted) return;
      for (const each of waiting) {
        if (each.options.timeoutMs !== timeoutMs) continue;
        each.isTimedOut = true;
        each.reject(timedOut('replication.batches', timeoutMs));
      }
    }
  }
}

/** Whether nobody waits for it any more. */
const isOver = ({ options, isTimedOut }: Waiting): boolean =>
  isTimedOut || options.signal?.aborted === true;

const givenUp = (): BusError => new BusError('stopped', 'the stream of a batch has ended');

const remoteError = ({ code, words }: { code: string | undefined; words: string }): BusError =>
  new BusError('remote', words, code === undefined ? {} : { remoteCode: code });
