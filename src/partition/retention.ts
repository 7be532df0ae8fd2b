import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { hybridTimeOf, type HybridTime } from '../clock/hybrid-time.ts';
import type { EmbeddedLogs } from '../log/embedded/embedded-logs.ts';
import { ZONES } from '../log/embedded/storage-node-identity.ts';
import type { Position } from '../storage/apply.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LocalPartition } from './local-partition.ts';
import type { Zones } from './zones.ts';

const intervalMs = 5000;

/** Copies of this region that must have synced an entry before it may go. */
const syncedCopiesMin = 2;

/** By partition. */
type Positions = ReadonlyMap<number, Position>;

export interface RetentionOptions {
  readonly logs: EmbeddedLogs;
  readonly zones: Zones;
  readonly partitions: readonly LocalPartition[];
  readonly clock: Clock;
  readonly now: () => HybridTime;
  readonly logger: Logger;
  /** How long, and up to how many bytes in a zone, the log is kept for whoever is away. */
  readonly hours: () => number;
  readonly bytes: number;
  /** Per partition, up to where no peer, and no global index of this region, needs the log any more. */
  readonly releasedByFollowers: (partition: number) => number;
}

/**
 * Trims the logs. What a running copy of this region has not synced is never trimmed, even when its disk is full, nor
 * anything while a copy is rebuilt; a full zone that is to hold up nothing is stopped. What a peer, a global index, or a zone
 * that is stopped or has failed, still needs is kept for a time and up to a size: whoever is away for longer is resynced, filled
 * anew or rebuilt.
 */
export class Retention implements Service {
  readonly #options: RetentionOptions;
  readonly #stopped = new AbortController();
  /** By partition. */
  readonly #givenUpThrough = new Map<number, number>();
  /** Where each running storage node stood when it was last synced. */
  readonly #syncedAt = new WeakMap<StorageNode, Positions>();
  #running: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
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
        logger.warn({ error }, 'the log could not be trimmed now');
      }
    }
  }

  /** One round; by itself it happens every few seconds. */
  async trimNow(): Promise<void> {
    const { partitions, logs, zones } = this.#options;
    const isNeeded = partitions.some(({ first, committed }) => committed.index > first);
    if (!isNeeded || zones.isRebuilding) return;
    const synced = await this.#syncedCopies();
    if (synced.length < syncedCopiesMin) return;
    const held = this.#heldByFullZones();
    const allUp = synced.length === ZONES.length;
    for (const partition of partitions) {
      const { number } = partition;
      const applied = Math.min(
        ...[...synced, ...held].map((positions) => positions.get(number)?.index ?? 0),
      );
      const released = await this.#released(partition, { applied, allUp });
      const through = Math.min(applied, released);
      if (through >= partition.first) logs.log(number).trim(through);
    }
  }

  /** Where the copies stand that could be synced. */
  async #syncedCopies(): Promise<readonly Positions[]> {
    const { logs, zones, logger } = this.#options;
    // A store that survives a power cut and a log that does not would leave copies that no log can be followed from.
    await logs.sync();
    const synced = await Promise.all(
      zones.nodes.map(async (node) => {
        try {
          const positions = await node.sync();
          this.#syncedAt.set(node, positions);
          return positions;
        } catch (error) {
          logger.warn({ zone: node.zone, error }, 'the log is trimmed without a copy');
          return undefined;
        }
      }),
    );
    return synced.filter((positions) => positions !== undefined);
  }

  /** Where the copies stand that take no more for want of space. One that was never synced stands at the beginning. */
  #heldByFullZones(): readonly Positions[] {
    const { zones } = this.#options;
    return zones.nodes
      .filter(({ zone, state }) => state === 'failed' && zones.isFull(zone))
      .map((node) => this.#syncedAt.get(node) ?? new Map());
  }

  /** Up to where nobody who is away needs the log, or has been away for too long. */
  async #released(
    partition: LocalPartition,
    { applied, allUp }: { readonly applied: number; readonly allUp: boolean },
  ): Promise<number> {
    const { logs, bytes, releasedByFollowers } = this.#options;
    const wanted = allUp ? releasedByFollowers(partition.number) : 0;
    const retained = Math.max(...ZONES.map((zone) => logs.retainedBytes(zone)));
    const bySize = retained > bytes ? this.#givenUp(partition, applied) : 0;
    return Math.max(wanted, bySize, await this.#endedBefore(partition, this.#oldestKept()));
  }

  /**
   * The older half of what is kept, round by round. What is given up frees space only when it is a whole segment, so a
   * round begins where the last one ended.
   */
  #givenUp({ number, first }: LocalPartition, applied: number): number {
    const from = Math.max(first, this.#givenUpThrough.get(number) ?? 0);
    const through = Math.min(applied, from + Math.ceil((applied - from) / 2));
    this.#givenUpThrough.set(number, through);
    return through;
  }

  #oldestKept(): HybridTime {
    return this.#options.now() - hybridTimeOf(this.#options.hours() * 3_600_000);
  }

  /** The last index whose entry was logged before `time`; 0 when there is none. */
  async #endedBefore(partition: LocalPartition, time: HybridTime): Promise<number> {
    let [low, high] = [partition.first - 1, partition.committed.index];
    const oldest = await partition.endAt(partition.first);
    if (oldest === undefined || oldest.partitionTime >= time) return 0;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const end = await partition.endAt(middle);
      if (end !== undefined && end.partitionTime < time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
