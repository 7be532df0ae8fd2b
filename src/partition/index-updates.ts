import { type Clock, yieldTo } from '../base/clock.ts';
import type { LogEnd } from '../log/entry.ts';
import type { ItemRecord } from '../model/record.ts';
import { compareVersions } from '../model/version.ts';
import { PARTITION_TABLE, type HashRange } from '../storage/key-layout.ts';
import { sameItem } from './expiry.ts';
import { entryRecord } from './index-records.ts';
import { decodeLogEnd, encodeLogEnd, indexStandKey, isSameEnd } from './index-stand.ts';
import type { Leader } from './leader.ts';
import { overlayKey, type Commit } from './overlay.ts';
import type { IndexBatch, ItemVersion } from './partition.ts';
import { itemRunMax } from './received-items.ts';
import type { Standing } from './standing.ts';

/** What the upkeep of secondary indexes puts into the queue of a partition's leader, aside from its writes. */
export class IndexUpdates {
  readonly #leader: Leader;
  readonly #clock: Clock;
  readonly #region: string;

  constructor(leader: Leader, clock: Clock, region: string) {
    this.#leader = leader;
    this.#clock = clock;
    this.#region = region;
  }

  /** See `IndexedPartition.reemit`. */
  async reemit(table: number, items: readonly ItemVersion[]): Promise<void> {
    const leader = this.#leader;
    if (!leader.isReady) await leader.ready();
    const commits = new Set<Commit>();
    for (const [place, { key: itemKey, version }] of items.entries()) {
      if (place > 0 && place % itemRunMax === 0) await yieldTo(this.#clock);
      // Another partition says it again, with all that was split off: known to whoever asks by the time this resolves.
      if (!leader.held.holds(table, itemKey)) await leader.held.splitOver(table, itemKey);
      if (!leader.held.holds(table, itemKey)) continue;
      const key = overlayKey(table, itemKey);
      const standing = leader.standing(key, table, itemKey);
      const { stored } = standing;
      if (stored?.image === undefined || compareVersions(stored.version, version) !== 0) {
        commits.add(standing.commit);
        continue;
      }
      const record = sameItem(table, itemKey, standing);
      if (record !== undefined) commits.add(leader.appendTogether([record], leader.partitionTime));
    }
    for (const commit of commits) await commit.durable;
  }

  /**
   * See `IndexedPartition.takeIndexBatch`. `standKey`: under which the position of the batch's source is kept. One
   * synchronous run and one entry, so that neither is ever without the other.
   */
  async take(batch: IndexBatch, standKey: Uint8Array): Promise<LogEnd | undefined> {
    const leader = this.#leader;
    if (!leader.isReady) await leader.ready();
    const standing = leader.standing(
      overlayKey(PARTITION_TABLE, standKey),
      PARTITION_TABLE,
      standKey,
    );
    const { stored, commit } = standing;
    const end = stored?.image === undefined ? undefined : decodeLogEnd(stored.image);
    if (!isSameEnd(end, batch.after)) {
      await leader.certain(commit);
      return end;
    }
    const records: ItemRecord[] = [];
    // All or nothing: the position stands for all of it. Where one is of another partition by now, `standing` throws.
    for (const { version, ...change } of batch.changes) {
      const key = overlayKey(change.table, change.key);
      const record = entryRecord(change, version, leader.standing(key, change.table, change.key));
      if (record !== undefined) records.push(record);
    }
    if (batch.to !== undefined) records.push(this.#standRecord(standKey, standing, batch.to));
    if (records.length > 0) await leader.appendTogether(records, leader.partitionTime).durable;
    return batch.to ?? end;
  }

  /**
   * The records by which a partition that begins with the hash `middle` stands with all logs where this one, which holds
   * `hashes`, does. Throws `MovedError` where `middle` is not held here.
   */
  standsOf(
    hashes: HashRange,
    { middle, sources }: { readonly middle: number; readonly sources: number },
  ): readonly ItemRecord[] {
    const standing = (key: Uint8Array): Standing =>
      this.#leader.standing(overlayKey(PARTITION_TABLE, key), PARTITION_TABLE, key);
    const records: ItemRecord[] = [];
    for (let source = 0; source < sources; source += 1) {
      const { stored } = standing(indexStandKey(hashes, source));
      if (stored?.image === undefined) continue;
      const key = indexStandKey({ from: middle }, source);
      records.push(this.#standRecord(key, standing(key), decodeLogEnd(stored.image)));
    }
    return records;
  }

  #standRecord(key: Uint8Array, standing: Standing, end: LogEnd): ItemRecord {
    const image = encodeLogEnd(end);
    return {
      table: PARTITION_TABLE,
      key,
      version: { time: this.#leader.stamp(), region: this.#region },
      replaced: undefined,
      image,
      itemBytes: image.length,
      keepsTombstone: false,
      previous: standing.previous(),
      cause: 'system',
    };
  }
}
