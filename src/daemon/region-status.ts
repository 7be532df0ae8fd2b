import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import type { HashRange } from '../storage/key-layout.ts';
import type { OutboxState } from '../replication/outbox.ts';
import type { PeerStatus } from '../replication/replicator.ts';
import type {
  ClockView,
  CopyView,
  NodeView,
  PartitionView,
  PeerView,
  StatusView,
} from './operations-target.ts';
import type { RegionCore } from './region-core.ts';
import type { RegionEngine } from './region-engine.ts';
import { zoneView } from './zone-view.ts';

const MS_PER_SECOND = 1000;

/** What does not depend on whether the region runs. */
export interface StatusHead {
  readonly region: string;
  readonly release: string;
  readonly problems: readonly string[];
  readonly node: NodeView;
}

/** See `ServedOperations.status`, of a region of one node. `engine`: undefined while the region is stopped. */
export function regionStatus(head: StatusHead, engine: RegionEngine | undefined): StatusView {
  const { region, release, problems, node } = head;
  const said = { region, release, problems, nodes: [node] };
  if (engine === undefined) {
    const zones = ZONES.map((zone) => ({ zone, state: 'stopped' }));
    return {
      ...said,
      zones,
      partitions: [],
      replication: [],
      clock: { alarm: undefined, offsets: [] },
    };
  }
  const { peers } = engine.links.status();
  return {
    ...said,
    zones: ZONES.map((zone) => zoneView(engine.core, zone)),
    partitions: engine.core.partitions.map((partition) => partitionView(engine.core, partition)),
    replication: peers.map((peer) => peerView(peer)),
    clock: clockView(engine.clockAlarm, peers),
  };
}

function partitionView(core: RegionCore, partition: LocalPartition): PartitionView {
  const { number, committed, first } = partition;
  return {
    number,
    leader: 'here',
    epoch: committed.epoch,
    committed: committed.index,
    first,
    hashes: hashesText(partition.hashes),
    parent: core.splits.child(number)?.parent,
    isSplitting: partition.splitState !== 'none',
    copies: ZONES.map((zone) => copyView(core, partition, zone)),
  };
}

export const hashesText = ({ from, to }: HashRange): string => `${hex(from)}-${hex(to - 1)}`;

const hex = (hash: number): string => hash.toString(16).padStart(8, '0');

function copyView(core: RegionCore, { number, copies }: LocalPartition, zone: Zone): CopyView {
  const isServing = copies.serving.some(({ node }) => node.zone === zone);
  return {
    zone,
    applied: core.zones.applied(zone)?.[number],
    state: isServing ? 'serving' : core.zones.state(zone),
  };
}

/** States of outboxes, the furthest from streaming first. */
const SHIPPING: readonly OutboxState['kind'][] = [
  'RESYNC',
  'waiting',
  'connecting',
  'stopped',
  'streaming',
];

/** What is pending to a peer is not known while it is not known for some table. */
/** What of a peer's replication is worth a line. */
export function peerView({ peer, outboxes, tables }: PeerStatus): PeerView {
  const kinds = outboxes.map(({ state }) => state.kind);
  const shipping = SHIPPING.find((kind) => kinds.includes(kind)) ?? 'connecting';
  const pending = tables.flatMap((table) => (table.pending === undefined ? [] : [table.pending]));
  const isKnown = pending.length > 0 && pending.length === tables.length;
  return {
    peer,
    shipping,
    lagSeconds: isKnown
      ? Math.max(...pending.map(({ ageMs }) => ageMs)) / MS_PER_SECOND
      : undefined,
    pendingRecords: isKnown ? sum(pending.map(({ records }) => records)) : undefined,
    pendingBytes: isKnown ? sum(pending.map(({ bytes }) => bytes)) : undefined,
  };
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

/** What is known of clocks. */
export function clockView(alarm: string | undefined, peers: readonly PeerStatus[]): ClockView {
  return {
    alarm,
    offsets: peers.flatMap(({ peer, clock }) =>
      clock === undefined ? [] : [{ peer, offsetMs: clock.offsetMs, errorMs: clock.errorMs }],
    ),
  };
}
