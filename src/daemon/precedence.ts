import { ZONES } from '../log/embedded/storage-node-identity.ts';

/** Partitions are spread over the zones: see `NodePartitionOptions.precedence`. */
export const precedenceOf = (zone: string, partition: number): number =>
  (ZONES.findIndex((each) => each === zone) - (partition % ZONES.length) + ZONES.length) %
  ZONES.length;
