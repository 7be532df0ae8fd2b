import { type Clock, yieldTo } from '../base/clock.ts';
import type { ItemRecord } from '../model/record.ts';
import { compareVersions } from '../model/version.ts';
import type { Leader } from './leader.ts';
import { overlayKey, type Commit } from './overlay.ts';
import type { DiscardedItem, ReceivedRecord, Resolution, Resolve } from './partition.ts';

/** Items handled in one synchronous run. */
export const itemRunMax = 64;

/** What other regions say of a partition's items, on its way into the queue of the partition's leader. */
export class ReceivedItems {
  readonly #leader: Leader;
  readonly #clock: Clock;
  readonly #resolve: Resolve;

  constructor(leader: Leader, clock: Clock, resolve: Resolve) {
    this.#leader = leader;
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /** See `Partition.receive`. */
  async receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]> {
    const leader = this.#leader;
    const ahead = leader.readAhead(records);
    if (ahead !== undefined) await ahead;
    if (!leader.takesItems) await leader.readyForItems();
    const { timesOvertaken } = leader;
    const resolutions = Array.from<Resolution>({ length: records.length });
    const commits = new Set<Commit>();
    const take = (place: number, received: ReceivedRecord): void => {
      const { resolution, commit } = this.#receiveOne(received);
      resolutions[place] = resolution;
      if (!commit.done) commits.add(commit);
    };
    const held: (readonly [number, ReceivedRecord])[] = [];
    for (const [place, received] of records.entries()) {
      if (place > 0 && place % itemRunMax === 0) await yieldTo(this.#clock);
      if (this.#isPrepared(received)) held.push([place, received]);
      else take(place, received);
    }
    for (const [place, received] of held) {
      // Another one may come to the item until this goes on: it is looked at in the run in which it is taken.
      while (this.#isPrepared(received))
        await leader.intents.clearOf(overlayKey(received.table, received.key));
      take(place, received);
    }
    for (const commit of commits) await commit.durable;
    await leader.confirm(timesOvertaken);
    return resolutions;
  }

  /** A transaction is under way on the item: the record waits for its end, alone. */
  #isPrepared({ table, key }: ReceivedRecord): boolean {
    const { intents } = this.#leader;
    return intents.size > 0 && intents.on(overlayKey(table, key)) !== undefined;
  }

  #receiveOne(received: ReceivedRecord): { resolution: Resolution; commit: Commit } {
    const leader = this.#leader;
    const key = overlayKey(received.table, received.key);
    const standing = leader.standing(key, received.table, received.key);
    const resolution = this.#resolve(standing.stored, received, leader.forgotten);
    if (resolution.kind !== 'won') return { resolution, commit: standing.commit };
    const record: ItemRecord = {
      table: received.table,
      key: received.key,
      version: received.version,
      replaced: received.replaced,
      image: received.image,
      itemBytes: received.itemBytes,
      keepsTombstone: received.image === undefined,
      previous: standing.previous(),
      cause: 'replication',
    };
    const time = leader.partitionTime;
    return { resolution, commit: leader.append(record, { key, standing, time }) };
  }

  /** See `Partition.discard`. A record one tick after what it removes, so that the same item coming again loses to it. */
  async discard(table: number, items: readonly DiscardedItem[]): Promise<void> {
    const leader = this.#leader;
    if (!leader.takesItems) await leader.readyForItems();
    const commits = new Set<Commit>();
    for (const [place, { key: itemKey, version }] of items.entries()) {
      if (place > 0 && place % itemRunMax === 0) await yieldTo(this.#clock);
      const key = overlayKey(table, itemKey);
      while (leader.intents.on(key) !== undefined) await leader.intents.clearOf(key);
      const standing = leader.standing(key, table, itemKey);
      const { stored } = standing;
      if (stored?.image === undefined || compareVersions(stored.version, version) !== 0) continue;
      const record: ItemRecord = {
        table,
        key: itemKey,
        version: { time: version.time + 1, region: version.region },
        replaced: version,
        image: undefined,
        itemBytes: 0,
        keepsTombstone: false,
        previous: standing.previous(),
        cause: 'replication',
      };
      commits.add(leader.append(record, { key, standing, time: leader.partitionTime }));
    }
    for (const commit of commits) await commit.durable;
  }
}
