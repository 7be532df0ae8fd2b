import { LogError } from '../../src/log/replicated-log.ts';
import { compareVersions, type Version } from '../../src/model/version.ts';
import type { LocalPartition } from '../../src/partition/local-partition.ts';
import { valueOf } from './client-item.ts';
import type { Running, SimRegion } from './sim-region.ts';

/** One record that some region has committed. */
export interface TrueRecord {
  /** The region's number of the table: another one for each incarnation of a replica. */
  readonly table: number;
  readonly key: string;
  readonly version: Version;
  /** Undefined for a deletion. */
  readonly value: string | undefined;
  readonly partition: number;
  readonly index: number;
  /** A deletion that leaves no tombstone: the table is the region's own, and nobody else is to hear of it. */
  readonly leavesNothing: boolean;
  /** The region's own making, or another's that it has received. */
  readonly isOwn: boolean;
  /** The end of an item's time to live, as the region has made it itself. */
  readonly isExpiry: boolean;
  /** Wall time of the world when it was read. */
  readonly readAtMs: number;
}

/** How often it is looked whether a parent's log is read up to its split. */
const PARENT_LOOK_MS = 5;

/**
 * What each region's logs have committed, as a follower of them reads it. Nobody forgets here: it is what all that a region
 * says of itself is held against.
 */
export class Truth {
  readonly region: string;
  readonly records: TrueRecord[] = [];
  /** Per table and key, `3 x1`, the latest record. */
  readonly latest = new Map<string, TrueRecord>();
  readonly values = new Set<string>();
  /** Per partition, up to where it was read, and the checksum there. */
  readonly #read = new Map<number, number>();
  readonly #checksums = new Map<number, number>();
  readonly #nowMs: () => number;
  #rebuilt = false;

  constructor(region: string, nowMs: () => number) {
    this.region = region;
    this.#nowMs = nowMs;
  }

  /** The region has lost what is behind these indexes: an old disk came back. */
  rollBack(ends: readonly number[]): readonly TrueRecord[] {
    const lost = this.records.filter(({ partition, index }) => index > (ends[partition] ?? 0));
    const kept = this.records.filter((record) => !lost.includes(record));
    this.records.length = 0;
    this.latest.clear();
    this.values.clear();
    for (const record of kept) this.#add(record);
    // What a lost split had made may come again under the same number, as another one.
    this.#read.clear();
    for (const [partition, index] of ends.entries()) this.#read.set(partition, index);
    this.#checksums.clear();
    this.#rebuilt = true;
    return lost;
  }

  get wasRolledBack(): boolean {
    return this.#rebuilt;
  }

  /** Whether all that the process has committed was read. */
  isCaughtUp({ engine }: Running): boolean {
    return engine.core.partitions.every(
      ({ number, committed }) => (this.#read.get(number) ?? 0) >= committed.index,
    );
  }

  /** Reads what the region commits, from where the process before ended. */
  follow(region: SimRegion, running: Running, onFailure: (error: unknown) => void): void {
    const { partitions, splits } = running.engine.core;
    for (const partition of partitions) this.#followOne(region, running, { partition, onFailure });
    splits.onChild(({ partition }) => {
      this.#followOne(region, running, { partition, onFailure });
    });
  }

  /** What a child has of a key is read behind all that its parent had of it. */
  async #untilParentRead(number: number, { engine, life }: Running): Promise<void> {
    const child = engine.core.splits.child(number);
    if (child === undefined) return;
    while (!life.isDead && (this.#read.get(child.parent) ?? 0) < child.splitIndex)
      await life.sleep(PARENT_LOOK_MS);
  }

  #followOne(
    region: SimRegion,
    running: Running,
    { partition, onFailure }: { partition: LocalPartition; onFailure: (error: unknown) => void },
  ): void {
    const { life } = running;
    const { number } = partition;
    const read = this.#read.get(number) ?? 0;
    const { index: end } = partition.committed;
    if (read > end) onFailure(new Error(`partition ${number} ended at ${read}, and now at ${end}`));
    const from = Math.max(read, partition.first - 1);
    const follower = partition.follow(Math.min(from, partition.committed.index));
    const run = async (): Promise<void> => {
      const checksum = this.#checksums.get(number);
      const now = await partition.endAt(read);
      if (checksum !== undefined && now !== undefined && now.checksum !== checksum)
        onFailure(new Error(`partition ${number} has another entry ${read} than before`));
      await this.#untilParentRead(number, running);
      while (!life.isDead) {
        for (const { entry, records } of await follower.next(1 << 20)) {
          if (entry.index <= (this.#read.get(number) ?? 0)) continue;
          this.#read.set(number, entry.index);
          this.#checksums.set(number, entry.checksum);
          for (const record of records) {
            // What follows from items, and what says them once more, is none of the users' own.
            if (record.cause === 'system' || record.cause === 'backfill') continue;
            this.#add({
              table: record.table,
              key: keyText(record.key),
              version: record.version,
              value: valueOf(record.image),
              partition: number,
              index: entry.index,
              leavesNothing: record.image === undefined && !record.keepsTombstone,
              isOwn: record.version.region === region.name && record.cause !== 'replication',
              isExpiry: record.cause === 'expiry',
              readAtMs: this.#nowMs(),
            });
          }
        }
      }
    };
    run().catch((error: unknown) => {
      if (!life.isDead && !(error instanceof LogError)) onFailure(error);
    });
  }

  #add(record: TrueRecord): void {
    this.records.push(record);
    const place = `${record.table} ${record.key}`;
    const standing = this.latest.get(place);
    const isLatest =
      standing === undefined || compareVersions(record.version, standing.version) > 0;
    if (isLatest && record.leavesNothing) this.latest.delete(place);
    else if (isLatest) this.latest.set(place, record);
    if (record.value !== undefined) this.values.add(record.value);
  }
}

/** The partition key of tables with a partition key alone. */
export const keyText = (key: Uint8Array): string => Buffer.from(key.subarray(6)).toString();
