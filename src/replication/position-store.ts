import type { LogEnd } from '../log/entry.ts';

/** Where an inbox stands with one origin. */
export interface OriginPositions {
  /** How many logs the origin has: a watermark needs all of them. */
  readonly logs: number;
  readonly positions: ReadonlyMap<number, LogEnd>;
}

/** Keeps positions. They only save work: what was received again after a crash changes nothing. */
export interface PositionStore {
  /** Resolves when the positions survive a power cut. */
  save(origin: string, positions: OriginPositions): Promise<void>;
  load(origin: string): Promise<OriginPositions | undefined>;
}
