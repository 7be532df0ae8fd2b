import { type Clock, yieldTo } from '../base/clock.ts';
import type { ItemRecord } from '../model/record.ts';
import { expiryOf } from '../model/version.ts';
import { dueMsOf, type ExpiryRule } from './due-time.ts';
import type { Leader } from './leader.ts';
import { overlayKey, type Commit } from './overlay.ts';
import { itemRunMax } from './received-items.ts';
import type { Standing } from './standing.ts';

/** What is to be looked at: items of one table that were due. */
export interface DueItems {
  readonly table: number;
  readonly keys: readonly Uint8Array[];
  /** What is due after this, wall time, is left alone. */
  readonly beforeMs: number;
}

export interface ExpiryOptions {
  readonly clock: Clock;
  readonly region: string;
  /** How items of a table expire; undefined where they do not. */
  readonly ruleOf: (table: number) => ExpiryRule | undefined;
  readonly keepsTombstones: (table: number) => boolean;
}

/** The end of items whose time to live is over, on its way into the queue of the partition's leader. */
export class Expiry {
  readonly #leader: Leader;
  readonly #options: ExpiryOptions;

  constructor(leader: Leader, options: ExpiryOptions) {
    this.#leader = leader;
    this.#options = options;
  }

  /**
   * Removes those of the items that are due as they stand now, by the table's rule of now: what was written since it was
   * found due is judged anew, and so is everything after another attribute has become the time to live. Resolves
   * with how many were removed, when that is durable.
   */
  async expire({ table, keys, beforeMs }: DueItems): Promise<number> {
    const leader = this.#leader;
    if (!leader.takesItems) await leader.readyForItems();
    const commits = new Set<Commit>();
    let expired = 0;
    for (const [place, itemKey] of keys.entries()) {
      if (place > 0 && place % itemRunMax === 0) await yieldTo(this.#options.clock);
      const rule = this.#options.ruleOf(table);
      if (rule === undefined) break;
      const key = overlayKey(table, itemKey);
      // What a transaction is at work on, or what is another partition's by now, is found due again.
      const isHeld = leader.intents.size > 0 && leader.intents.on(key) !== undefined;
      if (isHeld || !leader.held.holds(table, itemKey)) continue;
      const standing = leader.standing(key, table, itemKey);
      const dueMs = this.#dueMs(standing, rule, beforeMs);
      if (dueMs !== undefined && dueMs < beforeMs) {
        const record = this.#tombstone(table, itemKey, standing);
        if (record === undefined) continue;
        commits.add(leader.append(record, { key, standing, time: leader.partitionTime }));
        expired += 1;
      } else if (dueMs !== standing.stored?.dueMs) {
        const record = sameItem(table, itemKey, standing);
        if (record !== undefined)
          commits.add(leader.appendTogether([record], leader.partitionTime));
      }
    }
    for (const commit of commits) await commit.durable;
    return expired;
  }

  #dueMs({ stored }: Standing, rule: ExpiryRule, nowMs: number): number | undefined {
    if (stored?.image === undefined) return undefined;
    const { image, version } = stored;
    return dueMsOf({ image, version, region: this.#options.region, nowMs }, rule);
  }

  /** See `expiryOf`: what `stored` had seen, this has, and nothing else. */
  #tombstone(table: number, key: Uint8Array, standing: Standing): ItemRecord | undefined {
    const { stored } = standing;
    if (stored === undefined) return undefined;
    return {
      table,
      key,
      version: expiryOf(stored.version),
      replaced: stored.replaced,
      image: undefined,
      itemBytes: 0,
      keepsTombstone: this.#options.keepsTombstones(table),
      previous: standing.previous(),
      cause: 'expiry',
    };
  }
}

/** The item as it stands, said once more: the leader puts the due time to it that it has by now. */
export function sameItem(
  table: number,
  key: Uint8Array,
  standing: Standing,
): ItemRecord | undefined {
  const { stored } = standing;
  if (stored?.image === undefined) return undefined;
  return {
    table,
    key,
    version: stored.version,
    replaced: stored.replaced,
    image: stored.image,
    itemBytes: stored.itemBytes,
    keepsTombstone: false,
    previous: standing.previous(),
    cause: 'backfill',
  };
}
