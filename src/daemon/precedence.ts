import type { NodeReport } from '../partition/clustered/region-nodes.ts';
import { ZONES } from '../log/embedded/storage-node-identity.ts';

/** Partitions are spread over the zones: how many of them should lead one rather than this. */
export const precedenceOf = (zone: string, partition: number): number =>
  (ZONES.findIndex((each) => each === zone) - (partition % ZONES.length) + ZONES.length) %
  ZONES.length;

/**
 * How many of the zones that should lead the partition rather than this one could: see `NodePartitionOptions.precedence`. Nobody waits
 * for a node that is out of reach, or leads nothing.
 */
export const precedingOf = (
  zone: string,
  partition: number,
  reportOf: (other: string) => Pick<NodeReport, 'isDraining'> | undefined,
): number =>
  ZONES.filter(
    (other) =>
      precedenceOf(other, partition) < precedenceOf(zone, partition) &&
      reportOf(other)?.isDraining === false,
  ).length;
