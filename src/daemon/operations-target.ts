import type { TriggerOperations } from './operations-triggers.ts';

/** What the operations port shows and switches: a region, whether it runs or is stopped. */
export interface OperationsTarget {
  readonly region: string;
  /** The regions that this one has links to. */
  peers(): readonly string[];
  /** A scrape, also while the region is stopped. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether the process can go on: false only when a restart of it is the remedy. */
  health(): HealthView;
  /** Whether the region answers clients. Not while it is stopped. */
  readiness(): HealthView;
  /** Everything about this region's replication, as JSON: outboxes, inboxes, tables, clocks. */
  replication(): JsonObject;
  zones(): readonly ZoneView[];
  links(): readonly LinkView[];
  /** Sets the link from this region to `peer`, one of `peers()`. */
  setLink(peer: string, change: LinkChange): void;
  /** Stopping what is stopped and starting what runs is no error. */
  stopRegion(): Promise<void>;
  startRegion(): Promise<void>;
  stopZone(zone: ZoneName): Promise<void>;
  startZone(zone: ZoneName): Promise<void>;
}

/** Everything that the operations port serves: the region, and its nodes. */
export interface ServedOperations extends OperationsTarget {
  /** What this node knows of its region at this moment, stopped or not. */
  status(): StatusView;
  /** Hands a partition over to the node of another zone. Rejects with `OperationRefused` where that cannot be. */
  moveLeader(partition: number, node: ZoneName): Promise<void>;
  /**
   * Splits a partition, and answers the number of the new one, which has the upper part. Rejects with `OperationRefused` where
   * that cannot be.
   */
  splitPartition(partition: number): Promise<number>;
  /** This node hands over every partition and takes none until `undrain`. Rejects with `OperationRefused`. */
  drain(): Promise<void>;
  undrain(): Promise<void>;
  /**
   * The operator's word, until the process ends: a stream that is lost goes on behind the copies in reach, though one is missing.
   * What only that one had is received when it is back. Rejects with `OperationRefused`.
   */
  goOnWithoutMissing(): Promise<void>;
  /** The region's triggers. Throws `OperationRefused` where the region or the node is stopped. */
  triggers(): TriggerOperations;
}

export const ZONE_NAMES = ['a', 'b', 'c'] as const;

export type ZoneName = (typeof ZONE_NAMES)[number];

export interface HealthView {
  readonly ok: boolean;
  /** Why not, in words; empty when `ok`. */
  readonly reasons: readonly string[];
}

/** A zone as its storage node sees it, with what else is worth knowing (applied positions, progress of a rebuild). */
export interface ZoneView extends JsonObject {
  readonly zone: ZoneName;
  readonly state: string;
}

export interface StatusView extends JsonObject {
  readonly region: string;
  readonly release: string;
  /** What is wrong with this node, in words; empty when nothing is. */
  readonly problems: readonly string[];
  readonly nodes: readonly NodeView[];
  readonly zones: readonly ZoneView[];
  readonly partitions: readonly PartitionView[];
  /** To each peer. */
  readonly replication: readonly PeerView[];
  readonly clock: ClockView;
}

/** A node by its zone; `here` is the only node of a region, which holds all zones. */
export type NodeName = ZoneName | 'here';

export interface NodeView extends JsonObject {
  readonly zone: NodeName;
  /** `running`, `stopped`, or what a region of several nodes says of one. */
  readonly state: string;
  /** Whether it is the node that answers this. */
  readonly isThisNode: boolean;
  /** Where clients reach it; undefined where this node does not know. */
  readonly endpoint: string | undefined;
  /** Its operations port. */
  readonly operations: string | undefined;
}

export interface PartitionView extends JsonObject {
  readonly number: number;
  /** The node that leads it; undefined while none is known. */
  readonly leader: NodeName | undefined;
  readonly epoch: number;
  /** The index of the last committed entry, as far as this node knows. */
  readonly committed: number;
  /** The first index that the log still has. */
  readonly first: number;
  /** The first and the last of its hashes, `40000000-7fffffff`; undefined where no partition is ever split. */
  readonly hashes?: string | undefined;
  /** The partition that it was split off; undefined of one that was there at the beginning. */
  readonly parent?: number | undefined;
  /** Whether it is being split. */
  readonly isSplitting?: boolean | undefined;
  readonly copies: readonly CopyView[];
}

export interface CopyView extends JsonObject {
  readonly zone: ZoneName;
  /** The index of the last entry that it has applied; undefined while that is not known here. */
  readonly applied: number | undefined;
  /** `serving`: reads use it. Else what its zone is in. */
  readonly state: string;
}

export interface PeerView extends JsonObject {
  readonly peer: string;
  /** What the outboxes do, in one word: that of the one that is furthest from streaming. */
  readonly shipping: string;
  /** Of the table that lags most; undefined before the first contact and while nothing is shared. */
  readonly lagSeconds: number | undefined;
  /** Of all tables; undefined as `lagSeconds`. */
  readonly pendingRecords: number | undefined;
  readonly pendingBytes: number | undefined;
}

export interface ClockView extends JsonObject {
  /** Why the wall clock is not believed; undefined when it is. */
  readonly alarm: string | undefined;
  readonly offsets: readonly OffsetView[];
}

/** A peer's wall clock less this node's, and the bound of the error. */
export interface OffsetView extends JsonObject {
  readonly peer: string;
  readonly offsetMs: number;
  readonly errorMs: number;
}

export interface LinkView {
  readonly peer: string;
  readonly up: boolean;
  readonly delayMs: number;
}

export interface LinkChange {
  readonly up?: boolean;
  readonly delayMs?: number;
}

export type Json = string | number | boolean | null | undefined | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}
