import type { HybridTime } from '../clock/hybrid-time.ts';

/** Names one write of one item for ever: when it was made, and in which region. */
export interface Version {
  readonly time: HybridTime;
  readonly region: string;
}

/** Last writer wins: hybrid time, then region name. Negative when `a` is older. 0 only for the same write. */
export function compareVersions(a: Version, b: Version): number {
  if (a.time !== b.time) return a.time - b.time;
  if (a.region === b.region) return 0;
  return a.region < b.region ? -1 : 1;
}

/** Stands behind the name of a region; before every character that a longer name can go on with, and in no name. */
const EXPIRY_MARK = '!';

/**
 * The version of the tombstone by which `version` expires: the very next one in the order of versions. No write ever
 * falls between the two, so whatever wins over the item wins over its expiry, seen or not, and whatever loses to the
 * item loses to it. Regions that expire the same version by themselves make the same tombstone.
 *
 * The same tick, not the next one: a write that the item had not seen, of the same tick in a region with a greater name
 * or of the next tick in one with a smaller name, is newer than the item and would be deleted with it.
 */
export const expiryOf = ({ time, region }: Version): Version => ({
  time,
  region: region + EXPIRY_MARK,
});

export const isExpiry = ({ region }: Version): boolean => region.endsWith(EXPIRY_MARK);

/** The region that made a write; of an expiry, the one that had made the item. */
export const originOf = (version: Version): string =>
  isExpiry(version) ? version.region.slice(0, -EXPIRY_MARK.length) : version.region;
