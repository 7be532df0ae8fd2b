import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import { EMPTY_END } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import type { Partition } from '../partition/partition.ts';
import type { Service } from '../base/service.ts';
import type { Mismatch } from '../replication/replicator.ts';
import { CopyError, type CopySending } from '../replication/table-copy.ts';
import type { MemberPhase, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ScanAnswer, ScanRequest } from './control-wire.ts';
import { memberStart } from './member-starts.ts';
import { isComing, isShippedTo } from './membership.ts';
import { whileMember } from './while-member.ts';

/** How long the mismatches of a peer's other logs are waited for. */
const gatherMs = 200;
const askMs = 100;
/** What the peer has already sent is awaited so long at the most: the peer itself may be waiting for this region. */
const receiveMsMax = 30_000;
const BACKOFF = { firstMs: 250, maxMs: 10_000 } as const;

/** How far a resync with one peer is. `items` of `table`, in the state that it is in. */
export interface ResyncStatus {
  readonly peer: string;
  readonly state: 'gathering' | 'awaiting' | 'receiving' | 'sending' | 'placing';
  readonly table: string | undefined;
  readonly items: number;
}

export interface ResyncOptions {
  readonly region: string;
  readonly partitions: readonly Partition[];
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Every later time of the region's hybrid clock is above `time`. */
  readonly moveClockTo: (time: HybridTime) => void;
  /** See `ReplicationAdapter.freshEnds`. */
  readonly freshEnds: (peer: string) => readonly LogEnd[] | undefined;
  /** See `Outbox.placeAt`. */
  readonly placeAt: (peer: string, log: number, at: LogEnd) => Promise<void>;
  /** Where the peer's logs end now. Rejects when it cannot be reached. */
  readonly peerEnds: (peer: string, signal: AbortSignal) => Promise<readonly LogEnd[]>;
  /** See `Inbox.receivedAtLeast`. */
  readonly receivedAtLeast: (
    origin: string,
    ends: readonly LogEnd[],
    signal: AbortSignal,
  ) => Promise<void>;
  /** Asks the peer to send a copy, or how far that is; undefined when it cannot be reached. */
  readonly askScan: (peer: string, request: ScanRequest) => Promise<ScanAnswer | undefined>;
  readonly sendCopy: (job: CopySending) => Promise<void>;
  /** Takes over what the peer knows of the tables that both share. Whether it has answered. */
  readonly hearOf: (peer: string, signal: AbortSignal) => Promise<boolean>;
  /** A resync towards the peer has begun. Must not throw. */
  readonly onBegun: (peer: string) => void;
}

type Logs = ReadonlyMap<number, Mismatch>;

/**
 * Makes this region and a peer equal when an outbox cannot go on: what the peer has of a log is not in it, or what comes
 * next is not kept. One job per peer; it ends with the outboxes placed where the copies began. A stop of either side
 * loses only work: the mismatch is found again.
 *
 * A peer that has more of a log than this region, or other entries, has seen a future of it that this disk has not: an
 * old disk is back. The log then goes on under a new id, with later times than any that the peer has seen; the peer
 * sends what it has, with deletions, before this region sends its own.
 */
export class Resync implements Service {
  readonly #options: ResyncOptions;
  readonly #stopped = new AbortController();
  readonly #pending = new Map<string, Map<number, Mismatch>>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #states = new Map<string, ResyncStatus>();
  /** The logs that have gone on under a new id since the start, or are about to. */
  readonly #forked = new Map<number, Promise<LogEnd>>();

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** Whether this region is being made equal with any peer: nothing may be forgotten meanwhile. */
  isResyncing(): boolean {
    return [...this.#running.keys()].some((peer) => this.#shared(peer).length > 0);
  }

  status(): readonly ResyncStatus[] {
    return [...this.#states.values()];
  }

  /** For `Replicator`'s `onMismatch`. */
  begin(mismatch: Mismatch): void {
    const { peer, log } = mismatch;
    const pending = this.#pending.get(peer) ?? new Map<number, Mismatch>();
    this.#pending.set(peer, pending.set(log, mismatch));
    if (this.#running.has(peer) || this.#stopped.signal.aborted) return;
    this.#is(peer, 'gathering');
    const running = this.#run(peer).finally(() => {
      this.#running.delete(peer);
      this.#states.delete(peer);
      if (this.#pending.get(peer)?.size !== 0 && !this.#stopped.signal.aborted)
        for (const again of this.#pending.get(peer)?.values() ?? []) this.begin(again);
    });
    this.#running.set(peer, running);
  }

  async #run(peer: string): Promise<void> {
    const { clock, logger, random } = this.#options;
    let failures = 0;
    while (!this.#isStopped()) {
      await clock.sleep(gatherMs, this.#stopped.signal);
      const logs = new Map(this.#pending.get(peer));
      if (logs.size === 0 || this.#isStopped()) return;
      try {
        await this.#resync(peer, logs);
        failures = 0;
        for (const [log, mismatch] of logs)
          if (this.#pending.get(peer)?.get(log) === mismatch) this.#pending.get(peer)?.delete(log);
      } catch (error) {
        if (this.#isStopped()) return;
        failures += 1;
        logger.warn({ peer, error }, 'resync interrupted; it begins anew');
        await clock.sleep(backoffMs(random, failures, BACKOFF), this.#stopped.signal);
      }
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #resync(peer: string, logs: Logs): Promise<void> {
    const { logger, onBegun, freshEnds, hearOf } = this.#options;
    const mismatches = [...logs.values()];
    const isOfOldDisk = mismatches.some(
      ({ reason }) => reason === 'ahead' || reason === 'mismatch',
    );
    // The catalogue is as old as the disk: a replica that is coming by it may be complete by now.
    if (isOfOldDisk && !(await hearOf(peer, this.#stopped.signal)))
      throw new Error(`${peer} does not say what it knows of the tables`);
    if (this.#shared(peer).length === 0) return this.#place(peer, logs, this.#ends());
    const fresh = freshEnds(peer);
    if (fresh !== undefined && mismatches.every((mismatch) => isBefore(mismatch, fresh)))
      return this.#place(peer, logs, fresh);
    const reasons = mismatches.map(({ log, reason }) => `${log}: ${reason}`);
    logger.warn({ peer, logs: reasons }, 'resync with a peer begun');
    onBegun(peer);
    if (isOfOldDisk) {
      await this.#fork(peer, mismatches);
      await this.#catchUp(peer);
      for (const table of this.#shared(peer)) await this.#receive(peer, table);
    }
    let ends = this.#ends();
    for (const table of this.#shared(peer)) ends = await this.#send(peer, table, ends);
    await this.#place(peer, logs, ends);
    logger.warn({ peer }, 'resync with a peer done');
  }

  #ends(): readonly LogEnd[] {
    return this.#options.partitions.map(({ committed }) => committed);
  }

  /** The tables that both have, or the peer is getting. */
  #shared(peer: string): readonly Table[] {
    const { catalogue, region } = this.#options;
    return catalogue.all.filter(({ global }) => {
      const own = global?.members[region]?.phase;
      return isShippedTo(global, peer) && (own === 'active' || own === 'draining');
    });
  }

  /** Each log of an old disk once: peers that have seen its future later find it under its new id. */
  async #fork(peer: string, mismatches: readonly Mismatch[]): Promise<void> {
    const { partitions, moveClockTo, random, logger } = this.#options;
    const time = Math.max(...mismatches.map(({ peerHas }) => peerHas?.partitionTime ?? 0)) + 1;
    moveClockTo(time);
    for (const { log, reason } of mismatches) {
      if (reason !== 'ahead' && reason !== 'mismatch') continue;
      const partition = partitions[log];
      if (partition === undefined) continue;
      const known = this.#forked.get(log);
      if (known !== undefined) {
        await known;
        if (partition.committed.partitionTime < time) await partition.advanceTime();
        continue;
      }
      const forked = partition.fork(randomUuid(random), time);
      this.#forked.set(log, forked);
      try {
        await forked;
      } catch (error) {
        this.#forked.delete(log);
        throw error;
      }
      logger.error(
        { peer, log, reason },
        'this region has lost writes that the peer has: its log goes on under a new id',
      );
    }
  }

  /** What the peer ships must be here before its copy, which tells what of that is deleted meanwhile. */
  async #catchUp(peer: string): Promise<void> {
    const { peerEnds, receivedAtLeast, clock, logger } = this.#options;
    this.#is(peer, 'awaiting');
    const ends = await peerEnds(peer, this.#stopped.signal);
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    this.#stopped.signal.addEventListener('abort', stop, { once: true });
    const isReceived = await Promise.race([
      receivedAtLeast(peer, ends, waiting.signal).then(() => true),
      clock.sleep(receiveMsMax, waiting.signal).then(() => false),
    ]);
    stop();
    this.#stopped.signal.removeEventListener('abort', stop);
    if (!isReceived) logger.warn({ peer }, 'resync goes on before all that the peer made has come');
  }

  /**
   * A replica that is not complete yet has nothing to say about what is deleted. But its copy, or the logs, may have brought
   * it what this region had made and has lost.
   */
  async #receive(peer: string, { globalId, name }: Table): Promise<void> {
    const { region, askScan, clock, random } = this.#options;
    const ticket = `resync ${randomUuid(random)}`;
    const base = { globalId, target: region, awaits: {} };
    const whole: ScanRequest = { ...base, ticket, only: undefined, authoritative: true };
    const own = { origin: region, after: 0 };
    const lost = { ...base, ticket: `${ticket} lost`, only: own, authoritative: false };
    while (!this.#stopped.signal.aborted) {
      const table = this.#shared(peer).find((shared) => shared.globalId === globalId);
      if (table === undefined) return;
      const isPart = isComing(phaseAt(table, peer));
      const answer = await askScan(peer, isPart ? lost : whole);
      this.#is(peer, 'receiving', { table: name, items: answer?.items ?? 0 });
      if (answer?.state === 'done' || (isPart && answer?.state === 'unknown')) return;
      await clock.sleep(askMs, this.#stopped.signal);
    }
    throw new Error('stopped');
  }

  /**
   * A table that the peer does not take does not hold up the others. It may have left the table unheard of: then there
   * is nothing to make equal. Or its replica is still coming: while it is prepared, its copy will wait for all that is
   * here by now; later its copy is only sure to hold what is older than its start, so the logs go on from there. Returns
   * where they go on at the latest.
   */
  async #send(peer: string, table: Table, ends: readonly LogEnd[]): Promise<readonly LogEnd[]> {
    try {
      await this.#copy(peer, table);
      return ends;
    } catch (error) {
      if (!(error instanceof CopyError) || this.#isStopped()) throw error;
      this.#options.logger.warn(
        { peer, table: table.name, error },
        'the peer does not take a table',
      );
      const now = this.#options.catalogue.byNumber(table.number)?.global?.members[peer]?.phase;
      const isLeftOut = now === undefined || now === 'preparing';
      if (isLeftOut || !isComing(table.global?.members[peer]?.phase)) return ends;
      const start = memberStart(table, peer);
      const isKept = this.#options.partitions.every(
        // A log that came of a split since then is later from its beginning on.
        ({ first }, log) => (start?.[log]?.index ?? 0) + 1 >= first,
      );
      if (start === undefined || !isKept) throw error;
      return ends.map((end, log) => earlierOf(end, start[log] ?? EMPTY_END));
    }
  }

  async #copy(peer: string, table: Table): Promise<void> {
    const { name, number, globalId, global } = table;
    this.#is(peer, 'sending', { table: name, items: 0 });
    const member = whileMember(
      this.#options.catalogue,
      { globalId, target: peer },
      this.#stopped.signal,
    );
    try {
      await this.#options.sendCopy({
        table: number,
        globalId,
        target: peer,
        only: undefined,
        authoritative: false,
        via: isComing(global?.members[peer]?.phase) ? 'bootstrap' : 'scan',
        signal: member.signal,
        onProgress: (items) => this.#is(peer, 'sending', { table: name, items }),
      });
    } finally {
      member.release();
    }
  }

  async #place(peer: string, logs: Logs, ends: readonly LogEnd[]): Promise<void> {
    this.#is(peer, 'placing');
    const placements = [...logs.keys()].map(async (log) => {
      const end = ends[log];
      if (end !== undefined) await this.#options.placeAt(peer, log, end);
    });
    const apart = this.#untilApart(peer);
    await Promise.race([Promise.all(placements), apart.promise]);
    apart.release();
  }

  /** A peer out of reach may take its position much later, or never: neither a stop nor its removal waits for that. */
  #untilApart(peer: string): { readonly promise: Promise<void>; readonly release: () => void } {
    const { signal } = this.#stopped;
    const apart = new AbortController();
    const end = (): void => apart.abort();
    const promise = new Promise<void>((resolve) => {
      apart.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const unlisten = this.#options.catalogue.onChange(() => {
      if (this.#shared(peer).length === 0) end();
    });
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted || this.#shared(peer).length === 0) end();
    return {
      promise,
      release: () => {
        unlisten();
        signal.removeEventListener('abort', end);
      },
    };
  }

  #is(
    peer: string,
    state: ResyncStatus['state'],
    at?: { readonly table: string; readonly items: number },
  ): void {
    this.#states.set(peer, { peer, state, table: at?.table, items: at?.items ?? 0 });
  }
}

/** Whether the peer needs nothing that lies before `ends`, and does not have more. */
const isBefore = ({ reason, log, peerHas }: Mismatch, ends: readonly LogEnd[]): boolean => {
  const end = ends[log];
  // A log that came of a split since then: what is not kept of it is later.
  if (end === undefined) return false;
  return reason === 'nothing' || (reason === 'trimmed' && (peerHas?.index ?? 0) < end.index);
};

const phaseAt = ({ global }: Table, peer: string): MemberPhase | undefined =>
  global?.members[peer]?.phase;

const earlierOf = (one: LogEnd, other: LogEnd): LogEnd => (other.index < one.index ? other : one);
