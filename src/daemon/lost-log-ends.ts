import type { EmbeddedLogs } from '../log/embedded/embedded-logs.ts';
import type { Position } from '../storage/apply.ts';
import { Copy } from '../storage/copy.ts';
import { withSnapshot } from '../storage/key-ranges.ts';
import { type KeyValueStore, StoreError } from '../storage/key-value-store.ts';
import { splitPartitions } from '../storage/split-copy.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface LostLogEndsOptions {
  /** Recovered, with two zones that vote; nothing has been appended yet. */
  readonly logs: EmbeddedLogs;
  /** The stores that could be opened. */
  readonly stores: readonly KeyValueStore[];
  /** How many partitions the region had before any was split. */
  readonly partitions: number;
  readonly logger: Logger;
}

/**
 * Where no copy of a partition can follow its log because the copies hold more than the log does, lets the log go on behind the
 * most advanced copy. A power cut leaves that with `durability: relaxed`, when stores reach the disk before logs. The log
 * lacks what stood between, so peers that had not received it are resynced. Rejects with `LogError`.
 */
export async function restoreLostLogEnds(options: LostLogEndsOptions): Promise<void> {
  const { logs, stores, partitions, logger } = options;
  const split = await Promise.all(
    stores.map(async (store) => withSnapshot(store, splitPartitions).catch(() => [])),
  );
  const count = Math.max(partitions, ...split.flat().map((partition) => partition + 1));
  for (let partition = 0; partition < count; partition += 1) {
    const { end, first } = logs.log(partition);
    const positions: Position[] = [];
    for (const store of stores) {
      const position = await positionOf(store, partition, partitions);
      if (position !== undefined) positions.push(position);
    }
    const canFollow = positions.some(({ index }) => index <= end.index && index + 1 >= first);
    const [best] = positions.toSorted((a, b) => b.epoch - a.epoch || b.index - a.index);
    if (canFollow || best === undefined || best.index <= end.index) continue;
    logger.error(
      { partition, logEnd: end.index, copyEnd: best.index },
      'the log of a partition lost its end, and goes on behind its most advanced copy',
    );
    await logs.continueBehind(partition, best);
  }
}

/** Where the store's copy stands; undefined when it is of no use, and will be mended from another. */
async function positionOf(
  store: KeyValueStore,
  partition: number,
  partitionCount: number,
): Promise<Position | undefined> {
  try {
    const copy = await withSnapshot(store, async (snapshot) =>
      Copy.load(snapshot, partition, partitionCount),
    );
    return copy.rebuilding ? undefined : copy.position;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}
