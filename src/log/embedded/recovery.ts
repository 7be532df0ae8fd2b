import { present } from '../../base/assert.ts';
import { endOf } from '../chain.ts';
import type { Entry, LogEnd } from '../entry.ts';
import { LogError } from '../replicated-log.ts';
import { endFrame, entryFrame } from './frame.ts';
import type { ReadRange } from './log-file-set.ts';
import type { PartitionLog } from './partition-log.ts';
import type { ZoneLog } from './zone-log.ts';

/** How much is copied from one zone's log to another's in one go. */
export const COPY_BYTES_MAX = 4 * 1024 * 1024;

/** The zone's log of this partition starts after this index, so its store must be rebuilt to at least that. */
export interface PartitionRebuild {
  readonly partition: number;
  readonly startsAfter: number;
}

export interface PartitionRecovery {
  readonly end: LogEnd;
  /** The two zones that have all of it. */
  readonly holders: readonly ZoneLog[];
  /** The holder that was filled up, and what its store lacks. */
  readonly second: ZoneLog;
  readonly rebuild: readonly PartitionRebuild[];
}

/** One telling of a partition's chain: what stands between its base and its end. */
interface ChainView {
  readonly base: LogEnd;
  readonly end: LogEnd;
  readonly endAt: (index: number) => Promise<LogEnd>;
}

/**
 * Decides where a partition's log ends, among the logs of voters: at the highest (epoch, index). The second
 * most advanced voter's log is cut back to where it left that chain and filled up from it, so that two zones
 * have the whole when this resolves. Returns the end, and what the second's store lacks.
 */
export async function recoverPartition(
  voters: readonly ZoneLog[],
  partition: number,
): Promise<PartitionRecovery> {
  const [first, second] = [...voters].toSorted((a, b) =>
    compareEnds(b.tail(partition), a.tail(partition)),
  );
  const winner = present(first, 'a voter');
  const other = present(second, 'a second voter');
  const { end } = zoneView(winner, partition);
  const rebuild = await align(other, zoneView(winner, partition), { partition });
  while (other.isOpen() && other.tail(partition).index < end.index) {
    const after = other.tail(partition).index;
    const range = { after, through: end.index, limitBytes: COPY_BYTES_MAX };
    const entries = await readZone(winner, partition, range);
    for (const entry of entries) other.enqueue(entryFrame(partition, entry));
    await other.drained();
  }
  await other.drained();
  if (!other.isOpen() || !winner.isOpen())
    throw new LogError('unavailable', 'a zone was closed while the logs were recovered');
  winner.agree(partition, end.index);
  other.agree(partition, end.index);
  return { end, holders: [winner, other], second: other, rebuild };
}

/** Makes a zone's log a part of the partition's: a forked tail is cut, a log too far behind starts anew. */
export async function alignWithPartition(
  zone: ZoneLog,
  log: PartitionLog,
  beforeRebase: () => Promise<void>,
): Promise<PartitionRebuild[]> {
  return align(zone, partitionView(log), { partition: log.partition, beforeRebase });
}

async function align(
  zone: ZoneLog,
  reference: ChainView,
  options: { readonly partition: number; readonly beforeRebase?: () => Promise<void> },
): Promise<PartitionRebuild[]> {
  const { partition, beforeRebase } = options;
  const own = zoneView(zone, partition);
  const common = await commonEnd(own, reference);
  if (common === undefined) await beforeRebase?.();
  if (zone.isStale() || !zone.isOpen())
    throw new LogError('unavailable', `zone ${zone.zone} was taken out while it was aligned`);
  if (common === undefined) {
    zone.enqueue(endFrame('rebase', partition, reference.base));
    zone.agree(partition, 0);
    return [{ partition, startsAfter: reference.base.index }];
  }
  zone.agree(partition, common.index);
  if (common.index < own.end.index) zone.enqueue(endFrame('cut', partition, common));
  return [];
}

/**
 * The last place at which two tellings of a chain agree. Because each entry carries the checksum of the one
 * before it, they agree everywhere before that too. Undefined when they have no such place.
 */
async function commonEnd(a: ChainView, b: ChainView): Promise<LogEnd | undefined> {
  let low = Math.max(a.base.index, b.base.index);
  let high = Math.min(a.end.index, b.end.index);
  if (low > high) return undefined;
  const agreed = async (index: number): Promise<LogEnd | undefined> => {
    const [ours, theirs] = [await a.endAt(index), await b.endAt(index)];
    return ours.checksum === theirs.checksum ? ours : undefined;
  };
  const atHigh = await agreed(high);
  if (atHigh !== undefined) return atHigh;
  let common = await agreed(low);
  if (common === undefined) return undefined;
  high -= 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const there = await agreed(middle);
    if (there === undefined) high = middle - 1;
    else {
      common = there;
      low = middle;
    }
  }
  return common;
}

/** A zone whose log turns out to be damaged is closed, so that others go on without it. */
async function readZone(zone: ZoneLog, partition: number, range: ReadRange): Promise<Entry[]> {
  try {
    return await zone.files.read(partition, range);
  } catch (error) {
    if (error instanceof LogError && error.code === 'damaged') await zone.close('damaged', error);
    throw error;
  }
}

function zoneView(zone: ZoneLog, partition: number): ChainView {
  const { index } = zone.files;
  const base = index.base(partition);
  const end = index.end(partition);
  const endAt = async (at: number): Promise<LogEnd> => {
    if (at === end.index) return end;
    if (at === base.index) return base;
    const range = { after: at - 1, through: at, limitBytes: 1 };
    return endOf(
      present((await readZone(zone, partition, range))[0], 'the entry that was asked for'),
    );
  };
  return { base, end, endAt };
}

function partitionView(log: PartitionLog): ChainView {
  const { base, appended: end } = log;
  const endAt = async (at: number): Promise<LogEnd> => {
    const known = at === base.index ? base : log.knownEndAt(at);
    return known ?? endOf(present((await log.read(at - 1, 1))[0], 'the entry that was asked for'));
  };
  return { base, end, endAt };
}

const compareEnds = (a: LogEnd, b: LogEnd): number => a.epoch - b.epoch || a.index - b.index;
