import type { LogEnd } from '../log/entry.ts';

/** Where an inbox stands with one origin. */
export interface OriginPositions {
  /** How many logs the origin has: a watermark needs all of them. */
  readonly logs: number;
  readonly positions: ReadonlyMap<number, LogEnd>;
  /**
   * Where this region's own logs ended, by number, when it stood there: what was received is in them. Should a log turn
   * out to be shorter, as after a power cut when it is not synced, the positions say too much.
   */
  readonly ownEnds: readonly LogEnd[];
}

/** Keeps positions. They only save work: what was received again after a crash changes nothing. */
export interface PositionStore {
  /** Resolves when the positions survive a power cut. */
  save(origin: string, positions: OriginPositions): Promise<void>;
  load(origin: string): Promise<OriginPositions | undefined>;
}
