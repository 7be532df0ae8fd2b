import type { Clock } from '../base/clock.ts';
import { PARTITION_TABLE, SYSTEM_TABLE } from '../storage/key-layout.ts';
import { withSnapshot } from '../storage/key-ranges.ts';
import type { LocalPartition } from './local-partition.ts';
import { loadSplitPoint, sizeSplitPoint } from './split-point.ts';
import { SplitRefused } from './split-refused.ts';

/**
 * Where a partition is split because an operator says so: where its load is divided best, else what it holds, else in the middle of
 * its hashes. Rejects with `SplitRefused` where nothing divides it.
 */
export async function forcedSplitPoint(
  partition: LocalPartition,
  sample: readonly number[],
  clock: Clock,
): Promise<number> {
  const { from, to } = partition.hashes;
  const middle =
    loadSplitPoint(sample, partition.hashes) ??
    (await sizeDividing(partition, 0, clock)) ??
    (isEmpty(partition) ? Math.floor((from + to) / 2) : undefined);
  if (middle === undefined)
    throw new SplitRefused(
      `what partition ${partition.number} holds is of one partition key, or none can be read: no split divides it`,
    );
  return middle;
}

/** See `sizeSplitPoint`; undefined too where no copy serves. */
export async function sizeDividing(
  { copies }: LocalPartition,
  shareMin: number,
  clock: Clock,
): Promise<number | undefined> {
  const [serving] = copies.serving;
  if (serving === undefined) return undefined;
  const { node, copy } = serving;
  return withSnapshot(node.store, async (snapshot) =>
    sizeSplitPoint(snapshot, { copy, shareMin }, clock),
  );
}

/** Of all tables; undefined while that is not counted. */
export function heldBytes({ copies }: LocalPartition): number | undefined {
  const copy = copies.serving[0]?.copy;
  let bytes = 0;
  for (const table of copy?.tables ?? []) {
    const contents = copy?.contents(table);
    if (contents === undefined) return undefined;
    bytes += contents.sizeBytes;
  }
  return copy === undefined ? undefined : bytes;
}

/** Whether it holds no item of any table, as far as is known. */
function isEmpty({ copies }: LocalPartition): boolean {
  const copy = copies.serving[0]?.copy;
  return (
    copy?.tables.every(
      (table) =>
        table === SYSTEM_TABLE ||
        table === PARTITION_TABLE ||
        copy.contents(table)?.itemCount === 0,
    ) ?? false
  );
}
