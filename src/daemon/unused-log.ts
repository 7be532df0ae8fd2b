import type { BornPartition } from '../partition/clustered/node-partitions.ts';
import type { RegionNodes } from '../partition/clustered/region-nodes.ts';

/**
 * Whether nothing was ever logged in a stream that is empty: one stands in the place of a lost one where any node has something of it.
 * Of a child that came up in this process nobody can have logged anything before. Of any other partition all nodes must be
 * in reach and say so; of a child, one that has not applied the split yet has nothing, and one that is away may have all that a
 * stream had which is empty now: it is waited for, unless an operator says that it is not to be. `first`: how many partitions
 * there were before any split.
 */
export function isUnused(
  { number, isNew }: Pick<BornPartition, 'number' | 'isNew'>,
  {
    first,
    nodes,
    withoutMissing,
  }: {
    readonly first: number;
    readonly nodes: Pick<RegionNodes, 'others' | 'report'>;
    /** The operator's word: see `StreamRecoveryOptions`. */
    readonly withoutMissing: () => boolean;
  },
): boolean {
  const isChild = number >= first;
  const reports = nodes.others.map((zone) => nodes.report(zone));
  const mayBeAway = isChild && (isNew || withoutMissing());
  if (!mayBeAway && reports.includes(undefined)) return false;
  return reports.every((report) => {
    if (report === undefined) return true;
    const copy = report.partitions[number];
    if (copy === undefined) return isChild;
    return copy.applied === 0 && (isChild || !copy.isRebuilding);
  });
}
