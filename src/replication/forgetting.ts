import type { HybridTime } from '../clock/hybrid-time.ts';
import type { ForgetDecision, TimeVector } from '../partition/partition.ts';
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
  /** What the peer has said of itself last. */
  readonly report: ForgettingReport | undefined;
}

/** What a region tells its peers, so that they can forget. */
export interface ForgettingReport {
  /** Per region, itself included, the time up to which everything that it made is applied and durable there. */
  readonly vector: TimeVector;
  /** Global ids of tables that it is copying, owes copies of, or knows a changing member of. */
  readonly unsettled: readonly string[];
}

/**
 * What may be forgotten now; undefined when nothing. Of a table with members the horizon is the smallest time of any
 * member at any member: a tombstone below it is applied wherever the item could be, whether or not the region that
 * made it is ever heard of again, and no record still on its way can bring the item back. A table that is not settled
 * here or at a member, or has a member not heard of, forgets nothing. A report may be old: whatever a member sends
 * later is read from a table in which all of that is applied.
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
  { globalId, members, settled }: SharedTable,
): HybridTime | undefined {
  let horizon = view.own;
  if (!settled) return undefined;
  for (const member of members) {
    if (member === view.region) continue;
    const times = view.peers.get(member);
    const report = times?.report;
    if (times?.watermark === undefined || report === undefined) return undefined;
    if (report.unsettled.includes(globalId)) return undefined;
    horizon = Math.min(horizon, times.watermark);
    for (const origin of members) horizon = Math.min(horizon, report.vector[origin] ?? 0);
  }
  return horizon;
}
