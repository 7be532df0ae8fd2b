import { itemKeyHash } from '../model/item-key.ts';
import { PARTITION_TABLE, type HashRange } from '../storage/key-layout.ts';
import type { Partition } from './partition.ts';
import {
  decodeDecision,
  decodeIntent,
  documentKind,
  isStale,
  type DecisionDocument,
  type IntentDocument,
} from './transaction-documents.ts';
import { decisionKeptMs } from './transaction-limits.ts';

/** How much of the partition's own table is read at a time. */
const pageBytes = 256 * 1024;

/** All intents that a copy has which has applied everything committed before the call. They lie at the first hash. */
export async function readIntents(
  partition: Partition,
  { from }: HashRange,
): Promise<readonly IntentDocument[]> {
  const intents: IntentDocument[] = [];
  let after: Uint8Array | undefined;
  for (;;) {
    const items = await partition.scan(PARTITION_TABLE, after, pageBytes);
    for (const { key, image } of items)
      if (image !== undefined && documentKind(key) === 'intent') intents.push(decodeIntent(image));
    after = items.at(-1)?.key;
    if (after === undefined || itemKeyHash(after) > from) return intents;
  }
}

export interface StaleDecisions {
  /** Commitments of long ago: once every participant has finished they can be closed. */
  readonly decisions: readonly DecisionDocument[];
  /** Keys of what nobody asks for any more. */
  readonly keys: readonly Uint8Array[];
  /** Where the next page goes on; undefined after the last. */
  readonly next: Uint8Array | undefined;
}

/** See `LocalPartition.staleDecisions`. */
export async function staleDecisions(
  partition: Partition,
  after: Uint8Array | undefined,
  nowMs: number,
): Promise<StaleDecisions> {
  const items = await partition.scan(PARTITION_TABLE, after, pageBytes);
  const decisions: DecisionDocument[] = [];
  const keys: Uint8Array[] = [];
  for (const { key, image } of items) {
    if (image === undefined) continue;
    if (isStale(key, image, nowMs)) keys.push(key);
    else if (documentKind(key) === 'decision') {
      const decision = decodeDecision(image);
      const isOld = nowMs - decision.decidedMs > decisionKeptMs;
      if (isOld && decision.verdict === 'committed') decisions.push(decision);
    }
  }
  return { decisions, keys, next: items.at(-1)?.key };
}
