import type { ZoneName } from '../daemon/operations-target.ts';

/** What the lab's screen shows of all regions at one moment. */
export interface LabState {
  readonly regions: readonly RegionState[];
  readonly pairs: readonly PairState[];
}

export interface RegionState {
  readonly region: string;
  readonly endpoint: string;
  /** Not while it is stopped. */
  readonly running: boolean;
  /** Whether it answers clients. */
  readonly ready: boolean;
  readonly zones: readonly ZoneState[];
}

export interface ZoneState {
  readonly zone: ZoneName;
  readonly state: string;
}

/** One direction between two regions. */
export interface PairState {
  readonly source: string;
  readonly target: string;
  readonly up: boolean;
  readonly delayMs: number;
  /** What the outboxes do, in one word: that of the one that is furthest from shipping. */
  readonly shipping: string;
  /** Of the table that lags most; undefined before the first contact and while nothing is shared. */
  readonly lagMs: number | undefined;
  /** Records of all tables; undefined as `lagMs`. */
  readonly pendingRecords: number | undefined;
  readonly recordsPerSecond: number;
  /** Writes of the source that lost in the target, since the target's process started. */
  readonly conflicts: number;
}

export const pairName = (source: string, target: string): string => `${source} -> ${target}`;
