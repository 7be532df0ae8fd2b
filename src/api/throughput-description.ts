import type { OnDemandThroughput, Throughput, ThroughputHistory } from '../model/table.ts';
import { decreasesToday, isDecrease } from '../model/throughput-history.ts';

/** Throughput of a table or an index, as it is described. */

export interface ThroughputView {
  readonly shown: Throughput;
  /** What it is to be, or is. */
  readonly next: Throughput;
  readonly history: ThroughputHistory | undefined;
}

/** A decrease is counted once it is over. Source: measured, DDB-TABLE-060 and 184 of api-quirks. */
export function describeThroughput(
  { shown, next, history }: ThroughputView,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const { increasedAtMs, decreasedAtMs } = history ?? {};
  const decreases = decreasesToday(history, nowMs);
  return {
    ...(increasedAtMs !== undefined && { LastIncreaseDateTime: increasedAtMs / 1000 }),
    ...(decreasedAtMs !== undefined && { LastDecreaseDateTime: decreasedAtMs / 1000 }),
    NumberOfDecreasesToday: isDecrease(shown, next) && decreases > 0 ? decreases - 1 : decreases,
    ReadCapacityUnits: shown.read,
    WriteCapacityUnits: shown.write,
  };
}

/** Absent without any bound. */
export function describeOnDemand(
  bound: OnDemandThroughput | undefined,
): Readonly<Record<string, unknown>> | undefined {
  const { read, write } = bound ?? {};
  if (read === undefined && write === undefined) return undefined;
  return {
    OnDemandThroughput: {
      ...(read !== undefined && { MaxReadRequestUnits: read }),
      ...(write !== undefined && { MaxWriteRequestUnits: write }),
    },
  };
}

export const describeWarm = (
  { read, write }: Throughput,
  status: 'UPDATING' | 'ACTIVE',
): Readonly<Record<string, unknown>> => ({
  ReadUnitsPerSecond: read,
  WriteUnitsPerSecond: write,
  Status: status,
});
