import type { Clock } from '../../base/clock.ts';
import { ClientError, internalError } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { errorOf, refusalOf, type NodeCalls, type Refusal } from './node-calls.ts';
import type { LocalPartition } from '../local-partition.ts';
import type { NodePartition } from './node-partition.ts';
import { MovedError } from '../moved-error.ts';
import { carryOut, type AnswerOf, type LeaderCall, type SplitCalls } from './partition-calls.ts';

/** How long a leader may take to answer; what it has not answered by then may have been done. */
const answerMs = 8000;

/** How long somebody who leads is looked for before a client is told to try again. */
const lookMs = 6000;

/** Pause before it is looked again, where nothing tells sooner who leads. */
const pauseMs = 40;

/** How long it is waited in one go for this node's copy to have applied a split that a leader tells of. */
const movedWaitMs = 1000;
/** So many nodes are asked one after the other, as each says who leads, before that pause. */
const hopsMax = 2;

/** What gives a call of the region's own services its right: see `LeaderLineOptions.catalogueThrough`. */
export interface SeatMark {
  /** The caller's. */
  readonly zone: string;
  /** The epoch of partition 0 in which the caller took the region's seat. */
  readonly term: number;
  /** Up to where partition 0's log must be known to whoever carries the call out. */
  readonly catalogueIndex: number;
}

export interface LeaderLineOptions {
  readonly zone: string;
  readonly partitions: readonly NodePartition[];
  readonly calls: NodeCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the call may be carried out as this node's catalogue stands; throws `ClientError` otherwise. */
  readonly admit: (call: LeaderCall) => void;
  /**
   * Resolves once this node's catalogue has what partition 0 committed up to there. A leader must know of a table what the
   * region's services know that ask it.
   */
  readonly catalogueThrough: (index: number) => Promise<void>;
  /** Where partitions may be split. */
  readonly splits?: LineSplits;
}

export interface LineSplits extends SplitCalls {
  /** See `NodePartitions.hasMoved`. */
  readonly hasMoved: (partition: number, to: number, waitMs: number) => Promise<boolean>;
  /** See `Neighbours.leaderOf`. */
  readonly leaderOf: (partition: number) => string | undefined;
}

interface Envelope {
  readonly partition: number;
  readonly call: LeaderCall;
  readonly seat: SeatMark | undefined;
}

/**
 * `elsewhere`: not carried out, because this node does not lead. `stale`: nor here, because another node has the seat. `moved`: nor
 * here, because what it is of was split off: the partition's hashes end at `to`, or soon will.
 */
type Reply =
  | { readonly kind: 'done'; readonly value?: unknown }
  | { readonly kind: 'elsewhere'; readonly leader?: string | undefined }
  | { readonly kind: 'stale' }
  | { readonly kind: 'moved'; readonly to: number }
  | Refusal;

/** The way from a node to whoever leads a partition, and back: calls are carried out here, or sent where the leader is. */
export class LeaderLine {
  readonly #options: LeaderLineOptions;
  /** The latest term in which a call came: what an older seat asks for is not done any more. */
  #term = 0;
  /** Who leads with the catalogue as it stood when the epoch was opened here; and who is to know it soon. */
  readonly #briefed = new WeakSet<LocalPartition>();
  readonly #briefings = new WeakMap<LocalPartition, Promise<void>>();

  constructor(options: LeaderLineOptions) {
    this.#options = options;
  }

  start(): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#send` of the same wire version
    this.#options.calls.serve('node.call', async (request) => this.#replyTo(request as Envelope));
  }

  /**
   * Rejects with `ClientError`: the leader's, or `InternalServerError` when nobody leads or it is not known what became of it; with
   * `MovedError`, once this node's layout says so too, where another partition is to be asked.
   */
  async ask<Call extends LeaderCall>(
    partition: number,
    call: Call,
    seat?: SeatMark,
  ): Promise<AnswerOf<Call['name']>> {
    const { clock, calls, partitions, zone } = this.#options;
    const endMs = clock.monotonicMs() + lookMs;
    const known = partitions[partition];
    let hint: string | undefined;
    for (let hops = 1; ; hops += 1) {
      if (calls.isStopped) throw internalError();
      const asked = hint ?? known?.called;
      const reply = await this.#tryOnce({ partition, call, seat }, asked);
      // A call's name says what its answer is; only leaders make replies.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      if (reply.kind === 'done') return reply.value as AnswerOf<Call['name']>;
      if (reply.kind === 'refused') throw errorOf(reply);
      if (reply.kind === 'stale' || clock.monotonicMs() >= endMs) throw internalError();
      if (reply.kind === 'moved') {
        const hasMoved = await this.#options.splits?.hasMoved(partition, reply.to, movedWaitMs);
        if (hasMoved === true) throw new MovedError();
        if (clock.monotonicMs() >= endMs) throw internalError();
        // At a node that stops it is not waited for any more.
        await clock.sleep(pauseMs, calls.signal);
        continue;
      }
      hint = reply.leader === asked ? undefined : reply.leader;
      if (hint !== undefined && hops < hopsMax) continue;
      hops = 0;
      await (known?.untilNews(pauseMs) ?? clock.sleep(pauseMs, calls.signal));
      // What this node has come to know is newer.
      if (known?.called !== undefined && known.called !== zone) hint = undefined;
    }
  }

  /** Here if this node leads, else where the log, or the one asked last, says that the leader is. */
  async #tryOnce(envelope: Envelope, asked: string | undefined): Promise<Reply> {
    const { zone, partitions } = this.#options;
    const partition = partitions[envelope.partition];
    const leader =
      partition === undefined
        ? // Of one that this node has not applied the split of only others know.
          (asked ?? this.#options.splits?.leaderOf(envelope.partition))
        : asked;
    if (partition?.leading !== undefined || leader === zone) return this.#replyTo(envelope);
    return leader === undefined ? { kind: 'elsewhere' } : this.#send(leader, envelope);
  }

  async #send(zone: string, envelope: Envelope): Promise<Reply> {
    const { calls } = this.#options;
    try {
      const said = await calls.ask(zone, 'node.call', { request: envelope, timeoutMs: answerMs });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#replyTo` of the same wire version
      return said === 'unreachable' ? { kind: 'elsewhere' } : (said.answer as Reply);
    } catch (error) {
      // What changes nothing may be asked of the next leader, whatever became of it here.
      if (error instanceof ClientError && envelope.call.name === 'readIndex')
        return { kind: 'elsewhere' };
      throw error;
    }
  }

  async #replyTo({ partition: number, call, seat }: Envelope): Promise<Reply> {
    const { partitions, admit, catalogueThrough, logger } = this.#options;
    const partition = partitions[number];
    try {
      const leading = partition?.leading ?? (await partition?.soonLeading());
      if (seat !== undefined) {
        if (this.#isStale(seat)) return { kind: 'stale' };
        this.#term = seat.term;
        await catalogueThrough(seat.catalogueIndex);
        if (this.#isStale(seat)) return { kind: 'stale' };
      }
      if (leading === undefined) return { kind: 'elsewhere', leader: partition?.called };
      // One that does not come to lead has carried nothing out: another will, or this one a little later.
      if (call.name !== 'readIndex' && !this.#briefed.has(leading) && !(await this.#brief(leading)))
        return { kind: 'elsewhere', leader: partition?.called };
      if (!this.#isAdmitted(call)) {
        // Perhaps by an older catalogue than the asker's.
        await this.#knowCatalogue();
        admit(call);
      }
      if (partition?.leading !== leading) return { kind: 'elsewhere', leader: partition?.called };
      return await this.#carryOut(leading, call);
    } catch (error) {
      if (!(error instanceof ClientError))
        logger.error({ partition: number, call: call.name, error }, 'a call of a node failed');
      return refusalOf(error);
    }
  }

  async #carryOut(leading: LocalPartition, call: LeaderCall): Promise<Reply> {
    try {
      return { kind: 'done', value: await carryOut(leading, call, this.#options.splits) };
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      return { kind: 'moved', to: leading.heldEnd };
    }
  }

  /** Another node has taken the seat since: it has called here, or partition 0's log says that it leads. */
  #isStale({ zone, term }: SeatMark): boolean {
    if (term < this.#term) return true;
    const log = this.#options.partitions[0]?.log;
    return log?.leader !== undefined && log.leader !== zone && log.end.epoch > term;
  }

  /**
   * This node is about to lead, behind an entry in which the leader before has given up: that has carried out its last call, so
   * what it knew of the catalogue can be taken in while the epoch is being opened.
   */
  succeed(leading: LocalPartition): void {
    // Else it is done at the first call.
    this.#briefedBy(this.#briefSuccessor(leading), leading).catch(() => {});
  }

  async #briefSuccessor(leading: LocalPartition): Promise<void> {
    const { epoch } = leading.committed;
    await Promise.all([leading.readIndex(), this.#knowCatalogue()]);
    // Another has led between the two.
    if (leading.committed.epoch !== epoch + 1) throw internalError();
  }

  /**
   * What the leader before was told of the catalogue is in partition 0's log, but this node may not have read it yet: that a
   * table has an index, is shared, takes no writes. Nothing is carried out without it.
   */
  async #brief(leading: LocalPartition): Promise<boolean> {
    try {
      await (this.#briefings.get(leading) ?? this.#briefedBy(this.#briefNow(leading), leading));
      return true;
    } catch (error) {
      if (error instanceof ClientError) return false;
      throw error;
    }
  }

  async #briefedBy(brief: Promise<void>, leading: LocalPartition): Promise<void> {
    const briefing = this.#noteBriefed(brief, leading);
    this.#briefings.set(leading, briefing);
    return briefing;
  }

  async #noteBriefed(brief: Promise<void>, leading: LocalPartition): Promise<void> {
    try {
      await brief;
      this.#briefed.add(leading);
    } finally {
      this.#briefings.delete(leading);
    }
  }

  async #briefNow(leading: LocalPartition): Promise<void> {
    // Once the epoch is open, whoever led before has carried out its last call.
    await leading.readIndex();
    await this.#knowCatalogue();
  }

  /** Resolves once this node's catalogue has what partition 0 had committed at the time of the call. */
  async #knowCatalogue(): Promise<void> {
    const { partitions, catalogueThrough } = this.#options;
    const [first] = partitions;
    if (first === undefined) return;
    const leading = first.leading ?? (await first.soonLeading());
    if (leading === undefined && !(await first.log.refresh())) throw internalError();
    await catalogueThrough((first.leading?.committed ?? first.log.end).index);
  }

  #isAdmitted(call: LeaderCall): boolean {
    try {
      this.#options.admit(call);
      return true;
    } catch (error) {
      if (error instanceof ClientError) return false;
      throw error;
    }
  }
}
