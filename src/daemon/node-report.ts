import type { Clock } from '../base/clock.ts';
import type { NodePartition } from '../partition/clustered/node-partition.ts';
import type { NodeReport, PartitionReport } from '../partition/clustered/region-nodes.ts';
import type { NodeCore } from './node-core.ts';
import { nodeState } from './node-state.ts';
import { release } from './release.ts';

/** Where a node is reached; undefined until it listens. */
export interface NodeAddresses {
  readonly endpoint: string | undefined;
  readonly operations: string | undefined;
}

export interface NodeReportOptions {
  readonly clock: Clock;
  readonly addresses: () => NodeAddresses;
  readonly seat: () => NodeReport['seat'];
}

/** What a node tells the others of itself, and of its part in every partition. */
export function nodeReport(
  core: NodeCore,
  { clock, addresses, seat }: NodeReportOptions,
): NodeReport {
  const { endpoint, operations } = addresses();
  return {
    zone: core.zone,
    release: release(),
    wallMs: clock.wallMs(),
    endpoint,
    operations,
    state: nodeState(core),
    isDraining: core.isDraining,
    isBlank: core.isBlank,
    trouble: core.node.failure?.message,
    partitions: core.partitions.map((partition) =>
      partitionReport(partition, core.synced.get(partition.number) ?? 0),
    ),
    readsSplits: true,
    seat: seat(),
  };
}

const partitionReport = (
  { copy, leading, log }: NodePartition,
  synced: number,
): PartitionReport => ({
  leads: leading?.isHindered === false,
  epoch: log.end.epoch,
  applied: copy.position.index,
  synced,
  isRebuilding: copy.rebuilding,
  held: copy.origin === undefined ? undefined : { ...copy.hashes, origin: copy.origin },
});
