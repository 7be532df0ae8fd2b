import type { HybridTime } from '../clock/hybrid-time.ts';
import type { ForgetDecision } from '../partition/partition.ts';
import type { SharedTable } from './tables.ts';

/** All that a decision to forget depends on. */
export interface ForgettingView {
  readonly region: string;
  /** The smallest committed time of this region's partitions. */
  readonly own: HybridTime;
  readonly peers: ReadonlyMap<string, PeerTimes>;
  readonly tables: readonly SharedTable[];
}

export interface PeerTimes {
  /** Everything that the peer made up to this time is applied here. */
  readonly watermark: HybridTime | undefined;
  /** Everything that this region made up to this time is known to be applied and durable at the peer. */
  readonly acknowledged: HybridTime | undefined;
}

/**
 * What may be forgotten now; undefined when nothing. Of a table with members the horizon is the smallest of every
 * member's time here and of what every other member has acknowledged: below it, no record that is still on its way
 * can bring a deleted item back. A table that is not settled, or has a member not heard of, forgets nothing.
 */
export function decideForgetting(view: ForgettingView): ForgetDecision | undefined {
  const horizons: Record<number, HybridTime> = {};
  for (const table of view.tables) {
    const horizon = horizonOf(view, table);
    if (horizon !== undefined && horizon > 0) horizons[table.number] = horizon;
  }
  if (Object.keys(horizons).length === 0) return undefined;
  const vector: Record<string, HybridTime> = { [view.region]: view.own };
  for (const [peer, { watermark }] of view.peers) {
    if (watermark !== undefined) vector[peer] = watermark;
  }
  return { vector, horizons };
}

function horizonOf(
  view: ForgettingView,
  { members, settled }: SharedTable,
): HybridTime | undefined {
  let horizon = view.own;
  if (!settled) return undefined;
  for (const member of members) {
    if (member === view.region) continue;
    const times = view.peers.get(member);
    if (times?.watermark === undefined || times.acknowledged === undefined) return undefined;
    horizon = Math.min(horizon, times.watermark, times.acknowledged);
  }
  return horizon;
}
