import type { TimeVector } from '../partition/partition.ts';

/** What the control of global tables needs of replication: positions, and copies of whole tables. */
export interface ReplicationSeams {
  /** Resolves once all leaders of this region know of its tables what is known here. */
  leadersKnow(): Promise<void>;
  /** The index of the last committed entry of each of this region's logs. */
  ends(): readonly number[];
  /** The same once everything is committed that was under way at the call. */
  settledEnds(): Promise<readonly number[]>;
  /** Like `ends`, of a peer: see `Replicator.advancedPositions`. Rejects when it cannot be reached. */
  advancedEnds(peer: string, signal: AbortSignal): Promise<readonly number[]>;
  /** Whether everything of `origin` up to those ends, per log of it, is applied and durable here. */
  hasReceived(origin: string, ends: readonly number[]): boolean;
  /** Whether the peer has said that it applied everything of this region up to those ends. */
  isAcknowledged(peer: string, ends: readonly number[]): boolean;
  /**
   * Whether the peer has said, in this life of the process, where it stands with each of this region's logs, and that is
   * in them: what it has is no future of theirs that an older disk has lost.
   */
  isPlaced(peer: string): boolean;
  /** Per region, this one included, the time up to which everything that it made is applied here. */
  watermarks(): TimeVector;
  /** The peer may have something new to say, or to hear: outboxes try at once. */
  nudge(peer: string): void;
  /** Sends a table's items and tombstones, with versions, to a peer. Resolves when all are durable there. */
  sendCopy(job: CopyJob): Promise<void>;
}

export interface CopyJob {
  readonly table: number;
  readonly globalId: string;
  readonly target: string;
  /** Send only what this region made after this time; everything when undefined. */
  readonly only: { readonly origin: string; readonly after: number } | undefined;
  /** The peer removes what the copy lacks though this region had heard of it: the peer is on an old disk. */
  readonly authoritative: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (items: number) => void;
}
