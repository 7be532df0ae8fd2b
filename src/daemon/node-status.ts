import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import type { NodePartition } from '../partition/clustered/node-partition.ts';
import type { NodeEngine } from './node-engine.ts';
import { replicationOf } from './node-gauges.ts';
import { nodeState } from './node-state.ts';
import type {
  CopyView,
  NodeView,
  PartitionView,
  StatusView,
  ZoneName,
  ZoneView,
} from './operations-target.ts';
import { clockView, hashesText, peerView } from './region-status.ts';

/** What does not depend on whether the node runs. */
export interface NodeStatusHead {
  readonly region: string;
  readonly release: string;
  readonly problems: readonly string[];
  readonly zone: Zone;
  readonly endpoint: string;
  readonly operations: string;
}

/** See `ServedOperations.status`. `engine`: undefined while the node is stopped. */
export function nodeStatus(
  head: NodeStatusHead,
  engine: NodeEngine | undefined,
  zones: readonly ZoneView[],
): StatusView {
  const { region, release, problems } = head;
  const nodes = ZONES.map((zone) => nodeView(head, engine, zone));
  const said = { region, release, problems, nodes, zones };
  if (engine === undefined)
    return { ...said, partitions: [], replication: [], clock: { alarm: undefined, offsets: [] } };
  const { peers } = replicationOf(engine);
  return {
    ...said,
    partitions: engine.core.partitions.map((partition) => partitionView(engine, partition)),
    replication: peers.map((peer) => peerView(peer)),
    clock: clockView(engine.clockAlarm, peers),
  };
}

function nodeView(head: NodeStatusHead, engine: NodeEngine | undefined, zone: Zone): NodeView {
  const { endpoint, operations } = head;
  if (zone === head.zone) {
    const isDraining = engine?.core.isDraining === true;
    const state = engine === undefined ? 'stopped' : isDraining ? 'draining' : 'running';
    return { zone, state, isThisNode: true, endpoint, operations };
  }
  const report = engine?.core.nodes.report(zone);
  return {
    zone,
    state: report === undefined ? 'out of reach' : report.isDraining ? 'draining' : 'running',
    isThisNode: false,
    endpoint: report?.endpoint,
    operations: report?.operations,
  };
}

function partitionView(engine: NodeEngine, partition: NodePartition): PartitionView {
  const { number, leader, log } = partition;
  const end = partition.leading?.committed ?? log.end;
  return {
    number,
    parent: engine.core.splits.child(number)?.parent,
    hashes: hashesText(engine.core.layout.hashesOf(number)),
    isSplitting: (partition.leading?.splitState ?? 'none') !== 'none',
    leader: ZONES.find((zone) => zone === leader),
    epoch: end.epoch,
    committed: end.index,
    first: log.first,
    copies: ZONES.map((zone) => copyView(engine, partition, zone)),
  };
}

function copyView({ core }: NodeEngine, partition: NodePartition, zone: ZoneName): CopyView {
  if (zone === core.zone) {
    const { position, rebuilding } = partition.copy;
    const state = rebuilding ? 'rebuilding' : nodeState(core) === 'failed' ? 'failed' : 'serving';
    return { zone, applied: position.index, state };
  }
  const report = core.nodes.report(zone)?.partitions[partition.number];
  return {
    zone,
    applied: report?.applied,
    state: report === undefined ? 'out of reach' : report.isRebuilding ? 'rebuilding' : 'serving',
  };
}
