/**
 * One append to a partition's log.
 *
 * The chain: an entry is *valid* if it continues the chain in the current epoch, or opens a higher epoch
 * on the chain's end. Every reader skips the rest. The log does not look into `payload`; `kind` tells the
 * partition what is in it, and the log itself only knows `open`.
 */
export interface Entry {
  /** A random id of the chain. A partition that forked from what its peers have seen goes on under a new id. */
  readonly logId: string;
  readonly epoch: number;
  /** Counts valid entries from 1, through changes of epoch and of log id. */
  readonly index: number;
  readonly kind: EntryKind;
  /** The checksum of the valid entry before. 0 for the first. */
  readonly previousChecksum: number;
  /** The latest hybrid time that the partition has logged, this entry's records included. */
  readonly partitionTime: number;
  readonly payload: Uint8Array;
  /** Over all of the above. */
  readonly checksum: number;
}

/**
 * `open` starts an epoch; `resign` ends it at once; `noop` carries only the time; `forget` a vector; `split` gives the upper
 * part of the partition's hashes to another one.
 */
export type EntryKind = 'open' | 'records' | 'noop' | 'resign' | 'forget' | 'split';

/** Where a log stands: enough to continue the chain. */
export interface LogEnd {
  readonly logId: string;
  readonly epoch: number;
  readonly index: number;
  readonly checksum: number;
  readonly partitionTime: number;
}
