import type { Clock } from '../base/clock.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import type { ReplicatedLog } from '../log/replicated-log.ts';
import type { ItemRecord } from '../model/record.ts';
import type { HashRange } from '../storage/key-layout.ts';
import type { CommitGate } from './commit-gate.ts';
import type { Copies } from './copies.ts';
import type { IndexedTable } from './index-entries.ts';

/** What a `Leader` is made with. */
export interface LeaderOptions {
  readonly region: string;
  readonly log: ReplicatedLog;
  readonly copies: Copies;
  readonly clock: Clock;
  /** The region's hybrid clock: each call later than the one before. */
  readonly now: () => HybridTime;
  /** Whether a tombstone of that table must be kept: it has, or is getting, a replica elsewhere. */
  readonly keepsTombstones: (table: number) => boolean;
  /** What is to be known of a table with secondary indexes or with a time to live; undefined of any other. */
  readonly indexed?: (table: number) => IndexedTable | undefined;
  /** The hashes that the partition holds. They change by a split: see `HeldHashes.handedOver`. */
  readonly hashes: () => HashRange;
  /** Records were committed: what a sample of the load is taken from. Must not throw. */
  readonly onLoad?: ((records: readonly ItemRecord[]) => void) | undefined;
  readonly onFailure: (error: unknown) => void;
  /** See `PipelineOwner.openPayload`. */
  readonly openPayload?: Uint8Array;
  /**
   * Copies elsewhere apply what stands in the log, which this leader may hear of later than they do: what is read there is not
   * committed here yet; and another node may lead a child as soon as the entry that splits stands in the log, so that from its
   * append on nothing is answered of what it gives away.
   */
  readonly othersApplyLog?: boolean;
  /** How long the log took with an entry. */
  readonly onAppended?: (durationMs: number) => void;
  /** Where clients' writes wait for each other, in all partitions of a region. */
  readonly gate?: CommitGate;
}
