import type { Throughput, ThroughputHistory } from './table.ts';

export const isDecrease = (from: Throughput, to: Throughput): boolean =>
  to.read < from.read || to.write < from.write;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Decreases on the UTC day of `nowMs`. */
export function decreasesToday(history: ThroughputHistory | undefined, nowMs: number): number {
  if (history?.decreasedAtMs === undefined) return 0;
  const isToday = Math.floor(history.decreasedAtMs / DAY_MS) === Math.floor(nowMs / DAY_MS);
  return isToday ? history.decreases : 0;
}
