import { type Clock, WOKEN } from '../../base/clock.ts';
import type { NodePartition } from './node-partition.ts';

/** How long is waited for a copy that does not keep up. */
const caughtUpMsMax = 2000;

/**
 * Resolves once this node's copies have applied all that was durable at the time of the call, as far as they can be had within two
 * seconds: one that is being filled, or cannot be read now, is not waited for.
 */
export async function caughtUp(partitions: readonly NodePartition[], clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([
    Promise.allSettled(partitions.map(async (partition) => catchUp(partition))),
    clock.sleep(caughtUpMsMax, over.signal),
  ]);
  over.abort(WOKEN);
}

async function catchUp(partition: NodePartition): Promise<void> {
  if (partition.leading === undefined) await partition.log.refresh();
  await partition.appliedThrough(partition.log.end.index);
}
