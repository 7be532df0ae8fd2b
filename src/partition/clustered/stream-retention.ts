import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/service.ts';
import { hybridTimeOf, type HybridTime } from '../../clock/hybrid-time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { endAt } from './log-follower.ts';
import type { NodePartition } from './node-partition.ts';
import type { RegionNodes } from './region-nodes.ts';

const intervalMs = 3000;

/** Copies of the region that must have synced an entry before it may go: this node's and another's. */
const syncedCopiesMin = 2;

const keptEntriesDefault = 2048;

export interface StreamRetentionOptions {
  readonly partitions: () => readonly NodePartition[];
  readonly nodes: Pick<RegionNodes, 'report' | 'others'>;
  /** Up to where this node's own copies are synced, by partition. */
  readonly synced: () => ReadonlyMap<number, number>;
  /** Per partition, up to where no follower of the region's seat needs the log; undefined while that is not known. */
  readonly released: () => readonly number[] | undefined;
  readonly clock: Clock;
  readonly now: () => HybridTime;
  readonly logger: Logger;
  /** How long the log is kept for whoever is away. */
  readonly hours: () => number;
  /** Entries behind the last that every log keeps, for a node that was away for a moment. */
  readonly keptEntries?: number | undefined;
}

/**
 * Trims the logs of the partitions that this node leads. What copies in reach have not synced is never trimmed, nor anything
 * while one is being filled; what a node or a peer that is away still needs is kept for a time.
 */
export class StreamRetention implements Service {
  readonly #options: StreamRetentionOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: StreamRetentionOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(intervalMs, this.#stopped.signal);
      try {
        await this.trimNow();
      } catch (error) {
        logger.warn({ error }, 'a log could not be trimmed now');
      }
    }
  }

  /** One round; by itself it happens every few seconds. */
  async trimNow(): Promise<void> {
    for (const partition of this.#options.partitions())
      if (partition.leading !== undefined) await this.#trim(partition);
  }

  async #trim({ number, log }: NodePartition): Promise<void> {
    const { nodes, synced, released, keptEntries = keptEntriesDefault } = this.#options;
    const reports = nodes.others.map((zone) => nodes.report(zone)?.partitions[number]);
    const inReach = reports.filter((report) => report !== undefined);
    if (inReach.some(({ isRebuilding }) => isRebuilding)) return;
    const positions = [synced().get(number) ?? 0, ...inReach.map((report) => report.synced)];
    if (positions.length < syncedCopiesMin) return;
    const most = Math.min(...positions, log.end.index - keptEntries);
    if (most < log.first) return;
    const wanted = reports.includes(undefined) ? 0 : (released()?.[number] ?? 0);
    const aged = await this.#endedBefore(log);
    const through = Math.min(most, Math.max(wanted, aged));
    if (through >= log.first) log.trim(through);
  }

  /** The last index whose entry was logged before the oldest time that is kept; 0 when there is none. */
  async #endedBefore(log: NodePartition['log']): Promise<number> {
    const { now, hours } = this.#options;
    const time = now() - hybridTimeOf(hours() * 3_600_000);
    let [low, high] = [log.first - 1, log.end.index];
    const oldest = await endAt(log, log.first);
    if (oldest === undefined || oldest.partitionTime >= time) return 0;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const end = await endAt(log, middle);
      if (end !== undefined && end.partitionTime < time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
