import type { StorageNode } from '../../storage/storage-node.ts';
import type { RegionNodes } from './region-nodes.ts';

/**
 * Whether this node's copy of a partition has applied its log up to `index`, and so has that of another node, as it said last. Where
 * no other whole copy is in reach this node's is enough.
 */
export function isCopied(
  { partition, index }: { readonly partition: number; readonly index: number },
  {
    node,
    nodes,
  }: {
    readonly node: Pick<StorageNode, 'copies'>;
    readonly nodes: Pick<RegionNodes, 'others' | 'report'>;
  },
): boolean {
  const own = node.copies.get(partition);
  if (own === undefined || own.rebuilding || own.position.index < index) return false;
  const others = nodes.others
    .flatMap((zone) => nodes.report(zone)?.partitions[partition] ?? [])
    .filter(({ isRebuilding }) => !isRebuilding);
  return others.length === 0 || others.some(({ applied }) => applied >= index);
}
