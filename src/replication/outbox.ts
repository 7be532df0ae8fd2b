import { backoffMs } from '../base/backoff.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import { BusError } from '../bus/bus.ts';
import { EMPTY_END } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import type { Partition } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Batch, sameEnd } from './batch.ts';
import type { LogLag } from './lag.ts';
import { LagCounter } from './lag-counter.ts';
import type { PeerLine } from './peer-line.ts';
import type { ShipGatherer } from './ship-gatherer.ts';
import { ShipStream } from './ship-stream.ts';
import type { Tables } from './tables.ts';
import { decodeStand, encodeBatch, encodeHello, type Hello, type Stand } from './wire.ts';

/**
 * How long an answer may take: doubled while none comes, and then a multiple of what the last one took, so that
 * neither a slow way is given up too soon nor a lost answer waited for too long.
 */
const ANSWER_MS = 3000;
const ANSWER_MS_MAX = 240_000;
const ANSWER_ALLOWANCE = 4;
const BACKOFF = { firstMs: 50, maxMs: 1000 } as const;
/** In RESYNC the peer is asked again so often: it may have come back on the right disk. */
const RESYNC_LOOK_MS = 5000;

/**
 * `nothing`: the peer has no position of this log, which does not reach back to its beginning. `ahead`: the peer has
 * entries that this log does not. `mismatch`: the peer has another entry at the same place. `trimmed`: what comes after
 * the peer's position is not kept any more.
 */
export type ResyncReason = 'nothing' | 'ahead' | 'mismatch' | 'trimmed';

export type OutboxState =
  | { readonly kind: 'connecting' | 'streaming' | 'stopped' }
  | { readonly kind: 'waiting'; readonly table: string }
  | { readonly kind: 'RESYNC'; readonly reason: ResyncReason };

export interface OutboxOptions {
  readonly partition: Partition;
  /** How many partitions this region has: more after a split. */
  readonly logs: () => number;
  /** Of a partition that came of a split: whether the peer has all of its parent's log up to there. Nothing is shipped before. */
  readonly mayBegin?: () => boolean;
  readonly region: string;
  readonly line: PeerLine;
  /** How batches get to the peer, shared by the outboxes of all logs. */
  readonly gatherer: ShipGatherer;
  readonly tables: Tables;
  readonly lag: LogLag;
  /** This region's clock in milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The outbox does not go on by itself: see `placeAt`. Called once for each time that it gets there. */
  readonly onMismatch: (mismatch: {
    readonly reason: ResyncReason;
    readonly peerHas: LogEnd | undefined;
  }) => void;
  /** Told after each attempt and each change of state; `failure` is why the peer was not reached. Must not throw. */
  readonly onReach: (failure: string | undefined) => void;
  readonly onShipped?: (shipped: { readonly records: number; readonly bytes: number }) => void;
}

type Verdict =
  | { readonly kind: 'continue'; readonly from: LogEnd }
  | { readonly kind: 'place'; readonly at: LogEnd }
  | { readonly kind: 'resync'; readonly reason: ResyncReason };

interface Placement {
  readonly at: LogEnd;
  readonly done: () => void;
}

/**
 * Ships one log to one peer, for ever: asks where the peer stands, verifies that against its own log, and streams
 * from there; after any failure it asks again. It keeps neither records nor positions: the log has the ones,
 * the peer the others.
 */
export class Outbox implements Service {
  readonly #options: OutboxOptions;
  readonly #log: number;
  readonly #logger: Logger;
  readonly #counter: LagCounter;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #state: OutboxState = { kind: 'connecting' };
  #stream: ShipStream | undefined;
  #placement: Placement | undefined;
  /** Interrupts the wait between two attempts. */
  #wake: AbortController | undefined;
  #acknowledged: LogEnd | undefined;
  #durable: LogEnd | undefined;
  #failures = 0;
  #answerMs = ANSWER_MS;
  /** How many logs the peer was told of last. */
  #helloLogs = 0;

  constructor(options: OutboxOptions) {
    const { partition, line, region, tables, lag, nowMs, clock } = options;
    this.#options = options;
    this.#log = partition.number;
    this.#logger = options.logger.child({ peer: line.peer, log: this.#log });
    this.#counter = new LagCounter({
      partition,
      region,
      peer: line.peer,
      tables,
      lag,
      nowMs,
      clock,
      logger: options.logger,
    });
  }

  get state(): OutboxState {
    return this.#state;
  }

  /** Up to where the peer has applied; undefined before the first contact, and from a mismatch until it is placed. */
  get acknowledged(): LogEnd | undefined {
    return this.#acknowledged;
  }

  /**
   * Entries up to here are not needed for this peer any more. The entry at the peer's position is kept, to verify
   * it. Undefined while the peer has not said where it stands: nothing may go for its sake then.
   */
  get releaseFloor(): number | undefined {
    if (!this.#options.tables.sharesWith(this.#options.line.peer)) {
      return Math.max(0, this.#options.partition.committed.index - 1);
    }
    return this.#durable === undefined ? undefined : Math.max(0, this.#durable.index - 1);
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#placement?.done();
    this.#wake?.abort();
    this.#stream?.close();
    await this.#counter.stop();
    await this.#running;
    this.#state = { kind: 'stopped' };
  }

  /** The peer was heard of: tries at once, or, streaming, asks where it stands. */
  nudge(): void {
    this.#wake?.abort();
    this.#stream?.nudge();
  }

  /**
   * Ends a RESYNC: the peer has all that this log holds up to `at`, an end of this log, as after a scan that was begun
   * there. Not before the scan is done: the peer's watermark rises with its position. Resolves when the peer
   * has taken it, or when the outbox stops.
   */
  async placeAt(at: LogEnd): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await new Promise<void>((done) => {
      this.#placement?.done();
      this.#placement = { at, done };
      this.#stream?.close();
      this.#wake?.abort();
    });
  }

  async #run(): Promise<void> {
    while (!this.#mayBegin() && !this.#isWaitOver())
      await this.#options.clock.sleep(BACKOFF.firstMs, this.#stopping.signal);
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#attempt();
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  #mayBegin(): boolean {
    return this.#options.mayBegin?.() !== false;
  }

  /** Whether whoever waits has something else to do. */
  #isWaitOver(): boolean {
    return this.#stopping.signal.aborted || this.#placement !== undefined;
  }

  async #attempt(): Promise<void> {
    const stand = await this.#hello(undefined);
    const placement = this.#placement;
    const verdict: Verdict =
      placement === undefined ? await this.#judge(stand) : { kind: 'place', at: placement.at };
    switch (verdict.kind) {
      case 'continue':
        await this.#streamFrom(verdict.from, stand.durable);
        break;
      case 'place':
        await this.#place(verdict.at, stand);
        // Should the peer still not be able to go on, that is a new mismatch.
        this.#become({ kind: 'connecting' });
        if (this.#placement === placement) this.#placement = undefined;
        placement?.done();
        break;
      case 'resync':
        await this.#awaitPlacement(verdict.reason, stand);
        break;
    }
  }

  /** What to do with a peer that stands where it says. */
  async #judge({ applied }: Stand): Promise<Verdict> {
    const { partition, tables, line } = this.#options;
    const resync = (reason: ResyncReason): Verdict =>
      tables.sharesWith(line.peer)
        ? { kind: 'resync', reason }
        : { kind: 'place', at: partition.committed };
    if (applied === undefined) {
      return tables.sharesWith(line.peer) && partition.first <= 1
        ? { kind: 'place', at: EMPTY_END }
        : resync('nothing');
    }
    if (applied.index > partition.committed.index) return resync('ahead');
    if (applied.index + 1 < partition.first) return resync('trimmed');
    if (applied.index === 0) return { kind: 'continue', from: EMPTY_END };
    const own = await partition.endAt(applied.index);
    const found = applied.index === partition.committed.index ? partition.committed : own;
    if (found === undefined) return resync('trimmed');
    return sameEnd(found, applied) ? { kind: 'continue', from: found } : resync('mismatch');
  }

  async #hello(place: Hello['place']): Promise<Stand> {
    const { partition, logs } = this.#options;
    const count = logs();
    const hello = { log: this.#log, logs: count, end: partition.committed, place };
    const { line } = this.#options;
    const { signal } = this.#stopping;
    const stand = await this.#timed(async (timeoutMs) =>
      decodeStand(await line.ask('replication.hello', encodeHello(hello), { timeoutMs, signal })),
    );
    this.#helloLogs = count;
    return stand;
  }

  async #timed(ask: (timeoutMs: number) => Promise<Stand>): Promise<Stand> {
    const { clock } = this.#options;
    const askedMs = clock.monotonicMs();
    const stand = await ask(this.#answerMs);
    const allowedMs = (clock.monotonicMs() - askedMs) * ANSWER_ALLOWANCE;
    this.#answerMs = Math.min(ANSWER_MS_MAX, Math.max(ANSWER_MS, allowedMs));
    return stand;
  }

  /** With the position the peer hears of all logs that splits up to there have made: see `ShipStreamOptions.logs`. */
  async #place(at: LogEnd, { applied: expected }: Stand): Promise<void> {
    if (at.index > 0) await this.#layoutKnown(at.index);
    const { applied } = await this.#hello({ at, expected });
    if (applied === undefined || !sameEnd(applied, at)) {
      throw new Error('the peer has moved while its position was set');
    }
    // Should the log be trimmed past it meanwhile, that is news again.
    this.#become({ kind: 'connecting' });
    this.#logger.info({ index: at.index }, 'position set at the peer');
  }

  /** Waits no longer than the outbox runs. */
  async #layoutKnown(through: number): Promise<void> {
    const { partition } = this.#options;
    if (partition.layoutKnown === undefined) return;
    const { signal } = this.#stopping;
    const over = new AbortController();
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
    });
    try {
      await Promise.race([partition.layoutKnown(through), stopped]);
    } catch (cause) {
      const words = `this node does not know yet of all splits in log ${this.#log} up to entry ${through}`;
      throw new Error(`${words}: its copy is behind or being filled`, { cause });
    } finally {
      over.abort(WOKEN);
    }
  }

  async #streamFrom(from: LogEnd, durable: LogEnd | undefined): Promise<void> {
    const { partition, region, line, tables, clock, nowMs } = this.#options;
    this.#counter.start(from.index);
    this.#stands(from, durable);
    this.#become({ kind: 'streaming' });
    this.#stream = new ShipStream({
      partition,
      region,
      peer: line.peer,
      tables,
      clock,
      nowMs,
      from,
      logs: this.#helloLogs,
      ship: async (batch, signal) => this.#ship(batch, signal),
      onAcknowledged: (applied, safe) => {
        this.#failures = 0;
        this.#stands(applied, safe);
      },
    });
    if (this.#stopping.signal.aborted || this.#placement !== undefined) this.#stream.close();
    const end = await this.#stream.run();
    this.#stream = undefined;
    if (end.kind === 'waits') await this.#waitForTable(end.table);
    else if (end.kind === 'lost') await this.#failed(end.error);
    else if (end.kind === 'refused') await this.#pause();
    else if (end.kind === 'split') await this.#untilKnown(end.child);
  }

  /** What is behind a split is shipped once the next hello says that there is another log: see `ShipStreamOptions.logs`. */
  async #untilKnown(child: number): Promise<void> {
    const { clock, logs } = this.#options;
    while (logs() <= child && !this.#isWaitOver())
      await clock.sleep(BACKOFF.firstMs, this.#stopping.signal);
  }

  async #ship(batch: Batch, signal: AbortSignal): Promise<Stand> {
    const payload = encodeBatch(batch);
    const { gatherer } = this.#options;
    const stand = await this.#timed(async (timeoutMs) =>
      gatherer.ship({ bytes: payload, commits: batch.commits }, { timeoutMs, signal }),
    );
    const taken = stand.waitsFor === undefined && (stand.applied?.index ?? 0) >= batch.to.index;
    if (taken) this.#options.onShipped?.({ records: batch.records.length, bytes: payload.length });
    return stand;
  }

  #stands(applied: LogEnd, durable: LogEnd | undefined): void {
    this.#acknowledged = applied;
    this.#durable = durable;
    this.#options.lag.acknowledge(applied.index);
  }

  async #waitForTable(table: string): Promise<void> {
    this.#become({ kind: 'waiting', table });
    await this.#pause();
  }

  /** What the peer has is not known: all that the log still holds counts as pending. */
  async #awaitPlacement(reason: ResyncReason, { applied }: Stand): Promise<void> {
    this.#counter.start(Math.max(0, this.#options.partition.first - 1));
    this.#acknowledged = undefined;
    this.#durable = undefined;
    if (this.#become({ kind: 'RESYNC', reason })) {
      this.#options.onMismatch({ reason, peerHas: applied });
    }
    await this.#sleep(RESYNC_LOOK_MS);
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (error instanceof BusError && error.code === 'timeout') {
      this.#answerMs = Math.min(this.#answerMs * 2, ANSWER_MS_MAX);
    }
    if (this.#state.kind === 'streaming' || this.#state.kind === 'waiting') {
      this.#become({ kind: 'connecting' });
    }
    this.#options.onReach(error instanceof Error ? error.message : String(error));
    await this.#pause();
  }

  async #pause(): Promise<void> {
    this.#failures += 1;
    await this.#sleep(backoffMs(this.#options.random, this.#failures, BACKOFF));
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted || this.#placement !== undefined) {
      await this.#options.clock.sleep(BACKOFF.firstMs, this.#stopping.signal);
      return;
    }
    this.#wake = new AbortController();
    await this.#options.clock.sleep(ms, this.#wake.signal);
    this.#wake = undefined;
  }

  /** Whether that is news. One line per decision. */
  #become(state: OutboxState): boolean {
    const before = this.#state;
    this.#state = state;
    if (before.kind === state.kind) return false;
    if (state.kind === 'RESYNC')
      this.#logger.warn({ ...state }, 'the peer must be made equal by a scan');
    else this.#logger.debug({ ...state }, `outbox ${state.kind}`);
    if (state.kind !== 'connecting') this.#options.onReach(undefined);
    return true;
  }
}
