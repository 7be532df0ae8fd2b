import type { Entry, LogEnd } from './entry.ts';

/** Where a log without entries stands. Its first entry opens an epoch. */
export const EMPTY_END: LogEnd = {
  logId: '',
  epoch: 0,
  index: 0,
  checksum: 0,
  partitionTime: 0,
};

/**
 * Whether `entry` is valid on `end`: it continues the chain in the current epoch, or opens a higher one
 * on the chain's end. Readers skip every other entry.
 */
export function continues(end: LogEnd, entry: Entry): boolean {
  if (entry.index !== end.index + 1 || entry.previousChecksum !== end.checksum) return false;
  if (entry.kind === 'open') return entry.epoch > end.epoch;
  return entry.epoch === end.epoch && entry.logId === end.logId;
}

/** Where a log stands behind `entry`; holds on to no payload. */
export const endOf = (entry: Entry): LogEnd => ({
  logId: entry.logId,
  epoch: entry.epoch,
  index: entry.index,
  checksum: entry.checksum,
  partitionTime: entry.partitionTime,
});
