import type { Clock } from '../base/clock.ts';
import type { LogEnd } from '../log/entry.ts';
import type { Table } from '../model/table.ts';
import { advanceAll } from '../partition/advance-all.ts';
import type { Partition, TimeVector } from '../partition/partition.ts';
import type { OutboxState } from '../replication/outbox.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { TableCopy } from '../replication/table-copy.ts';
import type { Catalogue } from './catalogue.ts';
import { memberStart } from './member-starts.ts';
import { isComing, isShippedTo } from './membership.ts';
import type { CopyJob, ReplicationSeams } from './replication-seams.ts';

/** How often it is looked whether a copy may be sent. */
const lookMs = 50;

export interface ReplicationAdapterOptions {
  readonly peers: readonly string[];
  /** All of this region, by number. */
  readonly partitions: readonly Partition[];
  readonly replicator: Replicator;
  readonly tableCopy: TableCopy;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  /** See `ReplicationSeams`. Absent where all leaders are in this process. */
  readonly leadersKnow?: () => Promise<void>;
  /** Resolves once the transactions are finished that were under way; rejects when that takes too long. */
  readonly transactionsOver?: () => Promise<void>;
}

/** What the control of global tables needs of replication, from a region's replicator and its copies of tables. */
export class ReplicationAdapter implements ReplicationSeams {
  readonly #options: ReplicationAdapterOptions;
  readonly #unlisten: () => void;

  constructor(options: ReplicationAdapterOptions) {
    this.#options = options;
    this.#unlisten = options.catalogue.onChange((before, after) => {
      for (const peer of options.peers)
        if (isArriving(before, after, peer)) this.#placeIfFresh(peer);
    });
  }

  close(): void {
    this.#unlisten();
  }

  /**
   * Where this region's logs ended when it first knew of the replicas that are coming to the peer, if the two share
   * nothing else: what is older is in the copies that the peer gets.
   */
  freshEnds(peer: string): readonly LogEnd[] | undefined {
    const shared = this.#options.catalogue.all.filter(({ global }) => isShippedTo(global, peer));
    let ends: readonly LogEnd[] | undefined;
    for (const table of shared) {
      const start = memberStart(table, peer);
      if (!isComing(table.global?.members[peer]?.phase) || start === undefined) return undefined;
      ends = ends === undefined ? start : earlier(ends, start);
    }
    return ends;
  }

  async leadersKnow(): Promise<void> {
    await this.#options.leadersKnow?.();
  }

  ends(): readonly number[] {
    return this.#options.replicator.ends();
  }

  /** A no-op is logged behind everything that was under way. */
  async settledEnds(): Promise<readonly number[]> {
    await this.#options.transactionsOver?.();
    const ends = await advanceAll(this.#options.partitions);
    return ends.map(({ index }) => index);
  }

  async advancedEnds(peer: string, signal: AbortSignal): Promise<readonly number[]> {
    const positions = await this.#options.replicator.advancedPositions(peer, signal);
    return positions.map(({ index }) => index);
  }

  hasReceived(origin: string, ends: readonly number[]): boolean {
    return this.#options.replicator.hasReceived(origin, ends);
  }

  isAcknowledged(peer: string, ends: readonly number[]): boolean {
    return this.#options.replicator.isAcknowledged(peer, ends);
  }

  isPlaced(peer: string): boolean {
    return this.#options.replicator.isPlaced(peer);
  }

  watermarks(): TimeVector {
    return this.#options.replicator.watermarks();
  }

  nudge(peer: string): void {
    this.#options.replicator.nudge(peer);
  }

  /**
   * The copy of a table that the target never had in whole goes past what the target forgot of other tables: it is sent
   * by a region that is on the newest of its disks only, see `#isUpToDate`. What a lost region made is copied when
   * nothing more of it can come in: it is no member here any more, but records may still be on their way.
   */
  async sendCopy(job: CopyJob): Promise<void> {
    const { tableCopy, replicator, clock } = this.#options;
    const isWhole = job.only === undefined && !job.authoritative;
    if (job.only !== undefined) await replicator.inbox.landed(job.only.origin, job.signal);
    if (isWhole)
      while (!job.signal.aborted && !this.#isUpToDate(job)) await clock.sleep(lookMs, job.signal);
    return tableCopy.send({ ...job, via: isWhole ? 'bootstrap' : 'scan' });
  }

  /**
   * False while a peer is known to have seen a future of this region that its disk has not: what was deleted in it may
   * still stand here. A target that is a member already, and is owed a copy, must have been asked what it has seen.
   */
  #isUpToDate({ table, target }: CopyJob): boolean {
    const { peers, catalogue } = this.#options;
    const isBehind = peers.some(
      (peer) => this.#sharesWith(peer) && this.#states(peer).some(isOfOldDisk),
    );
    if (isBehind) return false;
    if (isComing(catalogue.byNumber(table)?.global?.members[target]?.phase)) return true;
    return this.#states(target).every(({ kind }) => kind === 'streaming');
  }

  #sharesWith(peer: string): boolean {
    return this.#options.catalogue.all.some(({ global }) => isShippedTo(global, peer));
  }

  #states(peer: string): readonly OutboxState[] {
    const { partitions, replicator } = this.#options;
    return partitions.map((_, log) => replicator.outbox(peer, log).state);
  }

  /**
   * A peer that shares nothing but what is coming to it needs nothing that is older than that: its outboxes go past it.
   * Whatever is not needed is not shipped either (`Tables.shared`), so this only saves reading it.
   */
  #placeIfFresh(peer: string): void {
    const { replicator } = this.#options;
    for (const [log, end] of (this.freshEnds(peer) ?? []).entries()) {
      const outbox = replicator.outbox(peer, log);
      const isBefore =
        outbox.state.kind !== 'RESYNC' && (outbox.acknowledged?.index ?? 0) < end.index;
      // Resolves when the peer has taken it, however late; nothing waits for it.
      if (isBefore) void outbox.placeAt(end);
    }
  }
}

/** Whether this change is the first by which the table is shipped to the peer. */
function isArriving(before: Table | undefined, after: Table | undefined, peer: string): boolean {
  const known = before?.global?.members[peer];
  const now = after?.global?.members[peer];
  if (now === undefined || !isComing(now.phase)) return false;
  return known?.tableId !== now.tableId || !isComing(known.phase);
}

/** By log. One that is missing in either came of a split since then: all of it is later. */
const earlier = (one: readonly LogEnd[], other: readonly LogEnd[]): readonly LogEnd[] =>
  one.slice(0, other.length).map((end, log) => {
    const second = other[log];
    return second !== undefined && second.index < end.index ? second : end;
  });

const isOfOldDisk = (state: OutboxState): boolean =>
  state.kind === 'RESYNC' && (state.reason === 'ahead' || state.reason === 'mismatch');
