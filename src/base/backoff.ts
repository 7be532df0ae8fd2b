import { assert } from './assert.ts';
import type { Random } from './random.ts';

export interface BackoffBounds {
  /** The longest wait before the first repetition. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait in milliseconds after `failures` failures in a row (1 or more): doubled with each, never above
 * `maxMs`, and of that a random part between one half and the whole, so that those who failed together do not
 * come back together.
 */
export function backoffMs(random: Random, failures: number, bounds: BackoffBounds): number {
  assert(failures >= 1, 'backoff without a failure');
  const ceilingMs = Math.min(bounds.maxMs, bounds.firstMs * 2 ** (failures - 1));
  return ceilingMs * (0.5 + random.next() / 2);
}
