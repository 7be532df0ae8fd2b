import type { Clock } from '../../base/clock.ts';
import type { StreamLog } from '../../log/jetstream/stream-log.ts';
import { LogError } from '../../log/replicated-log.ts';
import { ClientError } from '../../model/errors.ts';
import type { Position } from '../../storage/apply.ts';
import { withSnapshot } from '../../storage/key-ranges.ts';
import { StoreError } from '../../storage/key-value-store.ts';
import { RebuildError } from '../../storage/rebuild.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ReceivedRecord } from '../partition.ts';
import { partingOf, surplusOf, type KnownTables, type Parting } from './copy-surplus.ts';
import type { CopyTransfer } from './copy-transfer.ts';
import type { AskLeader } from './partition-client.ts';
import type { RemoteSnapshot } from './remote-snapshot.ts';

/** Pause before whoever leads is asked once more. */
const askAgainMs = 500;

export interface CopyRefillOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: () => StorageNode;
  readonly transfer: CopyTransfer;
  /** Asks whoever leads a partition. */
  readonly ask: AskLeader;
  /** As this node's own copy of the catalogue has them. */
  readonly tables: () => Promise<KnownTables>;
}

/** What a copy is filled from, and why. */
export interface Refill {
  readonly partition: number;
  readonly log: StreamLog;
  /** The zone of the source. */
  readonly from: string;
  readonly signal: AbortSignal;
}

/**
 * Replaces a copy by another node's, which is of the log. Never one that stands further than that; and what it holds beyond the
 * point at which they have parted is with the leader before.
 */
export class CopyRefill {
  readonly #options: CopyRefillOptions;

  constructor(options: CopyRefillOptions) {
    this.#options = options;
  }

  /**
   * Why it was not done, in words; undefined when it was. Rejects with `RebuildError` of side `target`, or with the signal's
   * reason.
   */
  async refill(refill: Refill): Promise<string | undefined> {
    const { transfer } = this.#options;
    const { partition, from, signal } = refill;
    try {
      const source = await transfer.open(partition, from, signal);
      try {
        return await this.#fillFrom(source, refill);
      } finally {
        await source.close();
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error instanceof RebuildError && error.side === 'target') throw error;
      return `the copy of zone ${from} cannot be had: ${error.message}`;
    }
  }

  async #fillFrom(source: RemoteSnapshot, refill: Refill): Promise<string | undefined> {
    const { transfer, node } = this.#options;
    const { partition, log, signal } = refill;
    if (!(await isOfLog(source.position, log)))
      return `the copy of zone ${source.zone} is not of the log either`;
    const { position, epochEnds, epochStarts, rebuilding } = node().copy(partition);
    if (!rebuilding && position.index > 0) {
      if (source.position.epoch < position.epoch)
        return `the copy of zone ${source.zone} stands in epoch ${source.position.epoch}, before this one's ${position.epoch}`;
      const parting = partingOf({ position, epochEnds, epochStarts }, source);
      if (parting.kind === 'foreign')
        return `the copy of zone ${source.zone} has nothing in common with this one`;
      if (parting.kind !== 'behind' && node().copy(0).rebuilding)
        return 'what the copy holds beyond cannot be told without the catalogue, which is being filled';
      await this.#handIn(parting, refill);
    }
    await transfer.fillFrom(source, partition, signal);
    return undefined;
  }

  /** Resolves once the leader has all of it, however long nobody leads. */
  async #handIn(parting: Parting, { partition, signal }: Refill): Promise<void> {
    const { node: nodeNow, logger, region } = this.#options;
    if (parting.kind === 'behind') return;
    const { zone, store, partitionCount } = nodeNow();
    const fields = { zone, partition, behind: parting.kind === 'forked' ? parting.at.index : -1 };
    logger.error(fields, 'a copy is not of the log: what it holds beyond is handed in');
    const tables = await this.#options.tables();
    let unreadable = 0;
    let items = 0;
    await withSnapshot(store, async (snapshot) => {
      const surplus = surplusOf({
        snapshot,
        partition,
        partitionCount,
        region,
        parting,
        tables,
        onDamage: () => {
          unreadable += 1;
        },
      });
      for await (const records of surplus) {
        await this.#tell(partition, records, signal);
        items += records.length;
      }
    });
    logger.error({ zone, partition, items, unreadable }, 'what a copy held beyond was handed in');
  }

  async #tell(
    partition: number,
    records: readonly ReceivedRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const { ask, clock } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        await ask(partition, { name: 'receive', request: records });
        return;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        await clock.sleep(askAgainMs, signal);
      }
    }
  }
}

/** Whether a copy that stands there can go on by the log, as far as that is known here. */
async function isOfLog({ index, checksum }: Position, log: StreamLog): Promise<boolean> {
  if (index > log.end.index) await log.refresh();
  if (index > log.end.index || index + 1 < log.first) return false;
  if (index === log.end.index) return checksum === log.end.checksum;
  try {
    const [next] = await log.read(index, 1);
    return next?.previousChecksum === checksum;
  } catch (error) {
    if (error instanceof LogError) return false;
    throw error;
  }
}
