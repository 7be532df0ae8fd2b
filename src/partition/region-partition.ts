import type { Awaitable } from '../base/awaitable.ts';
import type { StoredItem } from '../model/record.ts';
import type { TableCounters } from '../storage/apply.ts';
import type { HashRange } from '../storage/key-layout.ts';
import type { PageRequest, StoredPage } from '../storage/read.ts';
import type { ItemPlace, PlainWrite, WriteResult } from './item-write.ts';
import type { IndexedPartition } from './partition.ts';
import type { StepAnswer, StepRequest, TransactionStepName } from './transaction-steps.ts';

/** A partition as its region sees it, wherever its leader is. */
export interface RegionPartition extends IndexedPartition {
  readonly hashes: HashRange;
  /** Why it will take no write until the process is started again; undefined while nothing is wrong. */
  readonly failure: unknown;

  /** Writes of different items, in their order: each as `write` would do it. Does not reject. */
  writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]>;
  /** `read` of several items, in their order. Rejects where that of one of them does. */
  readEach(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredItem | undefined)[]>;
  /** A step of a transaction at the leader: see `TransactionSteps`. Rejects as `write` does. */
  transact<Name extends TransactionStepName>(
    step: Name,
    request: StepRequest<Name>,
  ): Promise<StepAnswer<Name>>;
  /** As the nearest copy has them. Zeros when no copy serves. */
  counters(table: number): TableCounters;
  /** Before `readNearby`: undefined where there is nothing to be read ahead. See `KeyValueStore.readAhead`. */
  readAhead(place: ItemPlace): Promise<void> | undefined;
  /** What a copy in reach has, without asking the leader. */
  readNearby(table: number, key: Uint8Array): StoredItem | undefined;
  /** One page in key order. A `consistent` one holds all that was committed before the call. */
  readPage(request: PageRequest, consistent: boolean): Awaitable<StoredPage>;
}
