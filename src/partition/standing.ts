import { digestOf } from '../model/item-digest.ts';
import type { Previous, StoredItem } from '../model/record.ts';
import type { Commit } from './overlay.ts';

/** What stands at a key, and how sure that is. */
export class Standing {
  readonly stored: StoredItem | undefined;
  readonly commit: Commit;
  readonly #itemKey: Uint8Array;
  readonly #keepsTombstone: boolean;

  /** `keepsTombstone`: a copy holds a tombstone at the key when it comes to apply what is appended next. */
  constructor(
    itemKey: Uint8Array,
    found: {
      readonly stored: StoredItem | undefined;
      readonly commit: Commit;
      readonly keepsTombstone: boolean;
    },
  ) {
    this.#itemKey = itemKey;
    this.stored = found.stored;
    this.commit = found.commit;
    this.#keepsTombstone = found.keepsTombstone;
  }

  previous(): Previous {
    const { stored } = this;
    if (stored?.image !== undefined) {
      const digest = digestOf(this.#itemKey, stored, stored.image);
      const { itemBytes, dueMs } = stored;
      return dueMs === undefined
        ? { kind: 'item', digest, itemBytes }
        : { kind: 'item', digest, itemBytes, dueMs };
    }
    return this.#keepsTombstone && stored !== undefined
      ? { kind: 'tombstone', time: stored.version.time }
      : { kind: 'none' };
  }
}
