import type { OnDemandThroughput, Throughput, ThroughputHistory } from '../model/table.ts';
import { decreasesToday, isDecrease } from '../model/throughput-history.ts';
import type { WarmThroughputChange } from './region.ts';
import { decreasesExceeded, throughputUnchanged, warmDecreased } from './table-errors.ts';

/** Rules of throughput that a table and each of its indexes have in common. */

/** Decreases of a provisioned throughput that a UTC day has at once; later ones come one an hour. */
const decreasesAtOnce = 4;
const DECREASE_PAUSE_MS = 60 * 60 * 1000;
const DAY_MS = 24 * DECREASE_PAUSE_MS;

export interface ThroughputOwner {
  readonly index: string | undefined;
  readonly history: ThroughputHistory | undefined;
  readonly nowMs: number;
}

/** Of the table, or of one of its indexes: each has its own decreases. DDB-TABLE-057, 164, 184, 326 of api-quirks. */
export function assertThroughputChanges(
  from: Throughput,
  to: Throughput,
  { index, history, nowMs }: ThroughputOwner,
): void {
  if (from.read === to.read && from.write === to.write)
    throw throughputUnchanged({ current: from, index });
  if (!isDecrease(from, to) || history?.decreasedAtMs === undefined) return;
  if (decreasesToday(history, nowMs) < decreasesAtOnce) return;
  const nextDayMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  const nextMs = Math.min(history.decreasedAtMs + DECREASE_PAUSE_MS, nextDayMs);
  if (nowMs < nextMs) throw decreasesExceeded(history, nextMs);
}

/** The first member that a request has, in the order in which DynamoDB looks. */
export const firstOf = ({ read }: OnDemandThroughput): string =>
  read === undefined ? 'MaxWriteRequestUnits' : 'MaxReadRequestUnits';

/** Bounds merged with those that stand; undefined when none is left. DDB-TABLE-178 and 182 of api-quirks. */
export function changedOnDemand(
  standing: OnDemandThroughput | undefined,
  change: OnDemandThroughput,
): OnDemandThroughput | undefined {
  const read = bound(standing?.read, change.read);
  const write = bound(standing?.write, change.write);
  return read === undefined && write === undefined ? undefined : { read, write };
}

/** -1 takes a bound away. */
function bound(from: number | undefined, to: number | undefined): number | undefined {
  const units = to ?? from;
  return units === -1 ? undefined : units;
}

/** It never falls. Source: measured, DDB-TABLE-155 and 179 of api-quirks. */
export function changedWarm(
  current: Throughput,
  { read = current.read, write = current.write }: WarmThroughputChange,
  index: string | undefined,
): Throughput {
  if (read < current.read) throw warmDecreased('ReadUnitsPerSecond', index);
  if (write < current.write) throw warmDecreased('WriteUnitsPerSecond', index);
  return { read, write };
}
