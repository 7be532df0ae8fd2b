import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';

/** Where a region keeps the stores of its zones. Rejects with `StoreError`, or with whatever the place itself fails with. */
export interface ZoneStores {
  /** The zone's store, which begins blank where there is none. */
  open(zone: Zone): Promise<KeyValueStore>;
  /** A blank store beside the zone's own, in place of one that was begun there and not taken. */
  openNext(zone: Zone): Promise<KeyValueStore>;
  /**
   * Puts the next store in the place of the zone's own, durably; only then is the old one deleted. Both are closed. A
   * crash in between leaves one of the two whole where `open` finds it.
   */
  takeNext(zone: Zone): Promise<void>;
  /** Whether a store can be expected to take a few megabytes. */
  hasSpace(zone: Zone): Promise<boolean>;
}
