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
