import { Buffer } from 'node:buffer';

import type { StoredItem } from '../model/record.ts';
import { compareVersions, isExpiry, originOf, type Version } from '../model/version.ts';
import type { Conflict, ReceivedRecord, Resolution, Resolve } from '../partition/partition.ts';

/**
 * Last writer wins for the whole item: the later hybrid time, then the greater region name, then the larger
 * image. A total order, so records may arrive in any order, any number of times, and leave the same item.
 *
 * A conflict is a loser from another region that the winner had not seen: `loser.version > winner.replaced`.
 * `replaced` is inherited along one region's writes, so local overwrites do not hide one. Of what a scan
 * brings, losing is no conflict; equal versions with different images are one always, with an alarm.
 */
export const resolve: Resolve = (current, incoming, forgotten) => {
  if (current === undefined)
    return { kind: isForgotten(incoming, forgotten) ? 'forgotten' : 'won', conflict: undefined };
  const order = compareVersions(incoming.version, current.version);
  if (order === 0) return resolveSameVersion(current, incoming);
  if (order > 0) return { kind: 'won', conflict: conflictOf(incoming, current, incoming) };
  return { kind: 'lost', conflict: conflictOf(current, incoming, incoming) };
};

/**
 * What is forgotten had been applied here, and then deleted. A bootstrap fills a table that has forgotten
 * nothing yet, so the partition's vector says nothing about it.
 */
const isForgotten = (
  incoming: ReceivedRecord,
  forgotten: Readonly<Record<string, number>>,
): boolean =>
  incoming.via !== 'bootstrap' &&
  incoming.version.time <= (forgotten[originOf(incoming.version)] ?? 0);

function resolveSameVersion(current: StoredItem, incoming: ReceivedRecord): Resolution {
  const order = compareImages(incoming.image, current.image);
  if (order === 0) return { kind: 'duplicate', conflict: undefined };
  const conflict = { winner: current.version, loser: incoming.version, alarm: true };
  return { kind: order > 0 ? 'won' : 'lost', conflict };
}

/** A tombstone is smaller than any image. */
function compareImages(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined || b === undefined)
    return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1);
  return Buffer.compare(a, b);
}

interface Written {
  readonly version: Version;
  readonly replaced: Version | undefined;
}

function conflictOf(
  winner: Written,
  loser: Written,
  incoming: ReceivedRecord,
): Conflict | undefined {
  if (incoming.via !== 'ship' || originOf(winner.version) === originOf(loser.version))
    return undefined;
  // Whoever wins over an expiry has lost nothing by it, nor has whoever made the item: that had come to its end.
  if (isExpiry(loser.version)) return undefined;
  const { replaced } = winner;
  if (replaced !== undefined && compareVersions(loser.version, replaced) <= 0) return undefined;
  return { winner: winner.version, loser: loser.version, alarm: false };
}
