import type { NodeCore } from './node-core.ts';
import type { WholeZoneState } from './zone-view.ts';

/** A copy that has so little to apply keeps up. */
const behindEntries = 64;

/** What the node's copies are in as a whole. */
export function nodeState(core: Pick<NodeCore, 'node' | 'partitions'>): WholeZoneState {
  if (core.node.state === 'failed') return 'failed';
  if (core.partitions.length === 0) return 'starting';
  if (core.partitions.some(({ copy }) => copy.rebuilding)) return 'rebuilding';
  const isBehind = core.partitions.some(
    ({ copy, log }) => copy.position.index + behindEntries < log.end.index,
  );
  return isBehind ? 'catching-up' : 'live';
}
