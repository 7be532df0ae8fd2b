import type { BornPartition } from '../partition/clustered/node-partitions.ts';
import type { RegionNodes } from '../partition/clustered/region-nodes.ts';

/**
 * Whether nothing was ever logged in a stream that is empty: one stands in the place of a lost one where any node has something of it.
 * Of a child that came up in this process nobody can have logged anything before. Of any other partition all nodes must be
 * in reach and say so; of a child, one that has not applied the split yet has nothing. `first`: how many partitions there
 * were before any split.
 */
export function isUnused(
  { number, isNew }: Pick<BornPartition, 'number' | 'isNew'>,
  {
    first,
    nodes,
  }: { readonly first: number; readonly nodes: Pick<RegionNodes, 'others' | 'report'> },
): boolean {
  const isChild = number >= first;
  const reports = nodes.others.map((zone) => nodes.report(zone));
  if (!(isChild && isNew) && reports.includes(undefined)) return false;
  return reports.every((report) => {
    if (report === undefined) return true;
    const copy = report.partitions[number];
    if (copy === undefined) return isChild;
    return copy.applied === 0 && (isChild || !copy.isRebuilding);
  });
}
