import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { HashRange } from '../storage/key-layout.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import type { LocalPartition } from './local-partition.ts';

/** A zone's copies, as another zone sees them that lacks something. */
export interface CopyHolder {
  readonly zone: Zone;
  /** Undefined while its store is not open. */
  readonly node: StorageNode | undefined;
  /** Whether damage was found in its copy of a partition. */
  isDamaged(partition: number): boolean;
}

/** No other zone has a copy of a partition that is known to be usable. */
export class NoCopyError extends Error {
  override readonly name = 'NoCopyError';
}

/** From where in the region a copy can be had. */
export class CopySources {
  readonly #holders: () => Iterable<CopyHolder>;

  constructor(holders: () => Iterable<CopyHolder>) {
    this.#holders = holders;
  }

  /** Rejects with `NoCopyError`, and with `LogError` when it cannot be told now. */
  async find(zone: Zone, partition: LocalPartition): Promise<StorageNode> {
    for (const holder of this.#holders()) {
      const { node } = holder;
      if (holder.zone === zone || node?.state !== 'open') continue;
      if (holder.isDamaged(partition.number)) continue;
      if (await canFollow(node, partition)) return node;
    }
    throw new NoCopyError(
      `zone ${zone} lacks partition ${partition.number}, and no other zone has a whole copy of it`,
    );
  }

  /** Whether a copy that is not known to be damaged serves reads, elsewhere than in `zone`. */
  isServed(zone: Zone, { number, copies }: LocalPartition): boolean {
    const holders = [...this.#holders()];
    return copies.serving.some(
      ({ node }) =>
        node.zone !== zone &&
        holders.some((holder) => holder.node === node && !holder.isDamaged(number)),
    );
  }
}

/**
 * Whether a node that has no copy of a partition will get one, whole, by applying what its parent's log has: it stands before the
 * split, and all that follows is there.
 */
export function comesBySplit(
  node: StorageNode,
  { number, hashes, first }: LocalPartition,
): boolean {
  if (node.copies.has(number) || first > 1) return false;
  return holderBefore(node, hashes) !== undefined;
}

/** The partition of the copy that holds another one's hashes, because it stands before the split that gives them away. */
export function holderBefore(node: StorageNode, hashes: HashRange): number | undefined {
  for (const { partition, hashes: held } of node.copies.values())
    if (held.from < hashes.from && hashes.to <= held.to) return partition;
  return undefined;
}

/** Whether the log has all that a copy lacks, and what the copy has is of this log. */
export async function canFollow(node: StorageNode, partition: LocalPartition): Promise<boolean> {
  const copy = node.copies.get(partition.number);
  if (copy === undefined) return false;
  const { position, rebuilding } = copy;
  if (rebuilding || position.index + 1 < partition.first) return false;
  if (position.index > partition.committed.index) return false;
  if (position.index === 0 || position.index < partition.first) return true;
  const logged = await partition.endAt(position.index);
  return logged?.checksum === position.checksum && logged.epoch === position.epoch;
}
