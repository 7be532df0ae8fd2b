import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { ZoneView } from './operations-target.ts';
import type { RegionCore } from './region-core.ts';

/**
 * What a zone as a whole can be in, better first: the worse of its log's state and its copies'. `live`: every copy serves
 * reads.
 */
export const zoneStates = [
  'live',
  'catching-up',
  'learner',
  'starting',
  'rebuilding',
  'full',
  'stopped',
  'failed',
  'damaged',
] as const;

export type WholeZoneState = (typeof zoneStates)[number];

export function zoneView(
  core: RegionCore,
  zone: Zone,
): ZoneView & { readonly state: WholeZoneState } {
  const applied = core.zones.applied(zone);
  return {
    zone,
    state: wholeState(core, zone),
    log: core.logs.zoneState(zone),
    copies: core.zones.state(zone),
    logBytes: core.logs.retainedBytes(zone),
    partitions: core.partitions.map(({ number, committed }) => ({
      partition: number,
      committed: committed.index,
      applied: applied?.[number],
    })),
  };
}

function wholeState(core: RegionCore, zone: Zone): WholeZoneState {
  const log = core.logs.zoneState(zone);
  const copies = copiesState(core, zone);
  return zoneStates.indexOf(log) > zoneStates.indexOf(copies) ? log : copies;
}

function copiesState(core: RegionCore, zone: Zone): WholeZoneState {
  const copies = core.zones.state(zone);
  if (copies !== 'applying') return copies;
  const isServing = core.partitions.every((partition) =>
    partition.copies.serving.some(({ node }) => node.zone === zone),
  );
  return isServing ? 'live' : 'catching-up';
}
