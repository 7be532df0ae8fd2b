import {
  dueMsIn,
  dueRange,
  holdsKey,
  itemKeyInTimeKey,
  type HashRange,
} from '../storage/key-layout.ts';
import { withSnapshot } from '../storage/key-ranges.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';

/** How many keys are read for one page at the most: a store lists other partitions' items among them. */
export const dueKeysReadMax = 2048;

const keysPerRead = 256;

export interface DueRead {
  readonly table: number;
  /** Wall time. */
  readonly beforeMs: number;
  /** At most so many items. */
  readonly limit: number;
  /** `DuePage.next` of the page before; undefined to begin with what has been due longest. */
  readonly after: Uint8Array | undefined;
}

export interface DuePage {
  /** `ItemKey` bytes, in the order of their due times. */
  readonly keys: readonly Uint8Array[];
  /** When the first of them was due. */
  readonly firstDueMs: number | undefined;
  /** Where the next page goes on; undefined at the end. */
  readonly next: Uint8Array | undefined;
}

/** One page of the items with these hashes that are due in a table. Rejects with `StoreError`. */
export async function readDue(
  store: KeyValueStore,
  { table, beforeMs, limit, after }: DueRead,
  of: { readonly partition: number; readonly hashes: HashRange },
): Promise<DuePage> {
  return withSnapshot(store, async (snapshot) => {
    const iterator = snapshot.iterate(dueRange(table, beforeMs, after));
    const keys: Uint8Array[] = [];
    let firstDueMs: number | undefined;
    let read = 0;
    try {
      for (;;) {
        const pairs = await iterator.next(Math.min(keysPerRead, limit));
        if (pairs.length === 0) return { keys, firstDueMs, next: undefined };
        read += pairs.length;
        for (const [key] of pairs) {
          const itemKey = itemKeyInTimeKey(key);
          if (!holdsKey(of, table, itemKey)) continue;
          firstDueMs ??= dueMsIn(key);
          keys.push(itemKey);
          if (keys.length === limit) return { keys, firstDueMs, next: key };
        }
        const last = pairs.at(-1);
        if (read >= dueKeysReadMax) return { keys, firstDueMs, next: last?.[0] };
      }
    } finally {
      await iterator.close();
    }
  });
}
