import type { LogEnd } from '../log/entry.ts';
import type { TimeVector } from '../partition/partition.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { TableCopy } from '../replication/table-copy.ts';
import type { Catalogue } from './catalogue.ts';
import { isShippedTo } from './membership.ts';
import type { CopyJob, ReplicationSeams } from './replication-seams.ts';

export interface ReplicationAdapterOptions {
  readonly peers: readonly string[];
  readonly replicator: Replicator;
  readonly tableCopy: TableCopy;
  readonly catalogue: Catalogue;
}

/** What the control of global tables needs of replication, from a region's replicator and its copies of tables. */
export class ReplicationAdapter implements ReplicationSeams {
  readonly #options: ReplicationAdapterOptions;
  /** Per peer that a new replica is coming to, where this region's logs ended when that was first known here. */
  readonly #fresh = new Map<string, readonly LogEnd[]>();
  readonly #unlisten: () => void;

  constructor(options: ReplicationAdapterOptions) {
    this.#options = options;
    this.#unlisten = options.catalogue.onChange(() => {
      for (const peer of options.peers) this.#noteIfFresh(peer);
    });
  }

  close(): void {
    this.#unlisten();
  }

  /**
   * Where this region's logs ended when it first heard of the replicas that are coming to the peer, if the two share
   * nothing else: what is older is in the copy that the peer gets.
   */
  freshEnds(peer: string): readonly LogEnd[] | undefined {
    return this.#isAllFresh(peer) ? this.#fresh.get(peer) : undefined;
  }

  ends(): readonly number[] {
    return this.#options.replicator.ends();
  }

  hasReceived(origin: string, ends: readonly number[]): boolean {
    return this.#options.replicator.hasReceived(origin, ends);
  }

  isAcknowledged(peer: string, ends: readonly number[]): boolean {
    return this.#options.replicator.isAcknowledged(peer, ends);
  }

  watermarks(): TimeVector {
    return this.#options.replicator.watermarks();
  }

  nudge(peer: string): void {
    this.#options.replicator.nudge(peer);
  }

  async sendCopy(job: CopyJob): Promise<void> {
    const isWhole = job.only === undefined && !job.authoritative;
    return this.#options.tableCopy.send({ ...job, via: isWhole ? 'bootstrap' : 'scan' });
  }

  /**
   * A table is visible before its end is noted, so that what comes after is shipped. The first noted end stays until
   * no replica is coming to the peer any more. A peer that shares nothing else starts there: what is older would
   * bring back what was deleted and forgotten since.
   */
  #noteIfFresh(peer: string): void {
    if (!this.#isAllFresh(peer)) {
      if (!this.#hasGrowing(peer)) this.#fresh.delete(peer);
      return;
    }
    if (this.#fresh.has(peer)) return;
    const { replicator } = this.#options;
    const ends = replicator.notePositions();
    this.#fresh.set(peer, ends);
    for (const [log, end] of ends.entries()) {
      const outbox = replicator.outbox(peer, log);
      const isBefore =
        outbox.state.kind !== 'RESYNC' && (outbox.acknowledged?.index ?? 0) < end.index;
      // Resolves when the peer has taken it, however late; nothing waits for it.
      if (isBefore) void outbox.placeAt(end);
    }
  }

  #isAllFresh(peer: string): boolean {
    const shared = this.#options.catalogue.all.filter(({ global }) => isShippedTo(global, peer));
    return (
      shared.length > 0 &&
      shared.every(({ global }) => COMING.has(global?.members[peer]?.phase ?? ''))
    );
  }

  #hasGrowing(peer: string): boolean {
    return this.#options.catalogue.all.some(({ global }) =>
      COMING.has(global?.members[peer]?.phase ?? ''),
    );
  }
}

const COMING: ReadonlySet<string> = new Set(['preparing', 'copying']);
