import { AssertionError } from '../../base/assert.ts';
import { backoffMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { LogError } from '../replicated-log.ts';
import { entryFrame } from './frame.ts';
import type { PartitionLog } from './partition-log.ts';
import { alignWithPartition, COPY_BYTES_MAX, type PartitionRebuild } from './recovery.ts';
import type { StorageNodes } from './storage-nodes.ts';
import type { Zone } from './storage-node-identity.ts';
import type { ZoneLog } from './zone-log.ts';

const RETRY = { firstMs: 50, maxMs: 2_000 } as const;

export interface ZoneJoinOptions {
  readonly zone: ZoneLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: StorageNodes;
  readonly partitions: () => readonly PartitionLog[];
  readonly openZones: () => readonly Zone[];
  /** What its store lacks; the join adds to it. */
  readonly rebuild: PartitionRebuild[];
}

/**
 * One zone's way back: its log is aligned with the partitions' (a forked tail cut, or begun anew), filled up from the
 * other zones in bounded steps while appends go on, and attached, partition by partition, in one step
 * each that leaves no gap. It ends when the zone holds everything, or is closed.
 */
export class ZoneJoin {
  readonly #options: ZoneJoinOptions;
  readonly #zone: ZoneLog;
  /** Resolves when it is known what the zone's store lacks, or that it cannot be found out for now. */
  readonly aligned: Promise<void>;
  done: Promise<void> = Promise.resolve();
  #markAligned: () => void = () => undefined;
  #running = false;
  /** The store was complete once since this zone was opened. */
  #storeRebuilt = false;
  #onEnd: () => void = () => undefined;
  #reported: unknown;

  constructor(options: ZoneJoinOptions) {
    this.#options = options;
    this.#zone = options.zone;
    this.aligned = new Promise((resolve) => {
      this.#markAligned = resolve;
    });
  }

  get isRunning(): boolean {
    return this.#running;
  }

  start(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.#running = true;
    this.done = this.#run().finally(() => {
      this.#running = false;
      this.#markAligned();
      // Its store became whole in the very moment in which it was left waiting for that.
      if (this.#mayVote()) this.start(onEnd);
      onEnd();
    });
  }

  /**
   * The store holds everything up to what `applied` says of each partition, or, without it, all that it was said to lack. The
   * zone votes from now on, or as soon as it has caught up, unless there is more that it lacks.
   */
  async storeRebuilt(applied?: (partition: number) => number): Promise<void> {
    const { rebuild } = this.#options;
    const lacking = rebuild.filter(
      (each) => each.startsAfter > (applied?.(each.partition) ?? Infinity),
    );
    rebuild.splice(0, rebuild.length, ...lacking);
    if (lacking.length === 0) this.#storeRebuilt = true;
    if (this.#running || !this.#mayVote()) return;
    try {
      await this.#promote();
    } catch {
      // A disk does not take it now: it is tried until one does, and the reason is told.
      this.start(this.#onEnd);
    }
  }

  #mayVote(): boolean {
    return this.#zone.isOpen() && !this.#zone.voter && this.#options.rebuild.length === 0;
  }

  async #run(): Promise<void> {
    const zone = this.#zone;
    for (let failures = 1; zone.isOpen(); failures += 1) {
      zone.setState(zone.voter ? 'catching-up' : 'learner');
      try {
        await zone.settle();
        await this.#align();
        this.#markAligned();
        if (!(await this.#catchUp())) continue;
        await this.#finish();
        return;
      } catch (error) {
        // Nobody who holds what it lacks can be read now, or its own disk is full, or failed and it is closed.
        if (!zone.isOpen()) return;
        if (error instanceof AssertionError) await zone.close('failed', error);
        else this.#report(error);
        // Whoever waits may have to start the very zone that can be read.
        this.#markAligned();
        for (const partition of this.#options.partitions()) partition.detach(zone);
        zone.dropQueue();
        await this.#options.clock.sleep(
          backoffMs(this.#options.random, failures, RETRY),
          zone.closing,
        );
      }
    }
  }

  /** Why the way back takes long, once while the reason is the same. */
  #report(error: unknown): void {
    const reason = error instanceof Error ? error.message : error;
    if (reason === this.#reported) return;
    this.#reported = reason;
    this.#zone.announce(error);
  }

  async #align(): Promise<void> {
    const { rebuild, nodes } = this.#options;
    const lackingBefore = rebuild.length;
    for (const partition of this.#options.partitions()) {
      if (partition.isAttached(this.#zone)) continue;
      const lacks = await alignWithPartition(this.#zone, partition, async () => {
        // What it held of this partition is void from now on: it must not vote on it.
        this.#zone.voter = false;
        this.#zone.setState('learner');
        await nodes.demote(this.#zone.zone);
      });
      rebuild.push(...lacks);
      this.#reportBase(partition.partition);
    }
    if (rebuild.length > lackingBefore) this.#zone.announce();
  }

  /** A zone without a vote may have been stopped before its store was rebuilt: nobody remembers, so say it again. */
  #reportBase(partition: number): void {
    const { rebuild } = this.#options;
    const startsAfter = this.#zone.files.index.base(partition).index;
    if (this.#zone.voter || this.#storeRebuilt || startsAfter === 0) return;
    if (!rebuild.some((each) => each.partition === partition))
      rebuild.push({ partition, startsAfter });
  }

  /** True when every partition is attached and synced; false when the zone fell behind too far, or is closed. */
  async #catchUp(): Promise<boolean> {
    const zone = this.#zone;
    while (zone.isOpen() && !zone.isStale()) {
      const lacking = this.#options.partitions().filter((each) => !each.isAttached(zone));
      for (const partition of lacking) {
        if (zone.isStale() || !zone.isOpen()) return false;
        if (!partition.attach(zone)) await this.#copy(partition);
      }
      await zone.drained();
      if (lacking.length === 0) return zone.isOpen() && !zone.isStale();
    }
    return false;
  }

  async #copy(partition: PartitionLog): Promise<void> {
    const zone = this.#zone;
    const entries = await partition.read(zone.tail(partition.partition).index, COPY_BYTES_MAX);
    if (zone.isStale() || !zone.isOpen()) return;
    if (entries.length === 0) throw new LogError('unavailable', 'nobody has what the zone lacks');
    for (const entry of entries) zone.enqueue(entryFrame(partition.partition, entry));
    await zone.drained();
  }

  async #finish(): Promise<void> {
    const zone = this.#zone;
    if (zone.voter) zone.setState('live');
    else if (this.#options.rebuild.length === 0) await this.#promote();
    for (const partition of this.#options.partitions()) partition.advance();
  }

  async #promote(): Promise<void> {
    await this.#options.nodes.promote(this.#zone.zone, this.#options.openZones());
    if (!this.#zone.isOpen()) return;
    this.#zone.voter = true;
    this.#zone.setState('live');
    for (const partition of this.#options.partitions()) partition.advance();
  }
}
