import type { Clock } from '../base/clock.ts';
import type { CommittedEntry } from '../partition/partition.ts';

/** When the records of a batch were committed, in their order: neighbours of one time are one run. */
export interface CommitRun {
  readonly records: number;
  /**
   * When the origin knew them durable in two of its zones, by its clock in milliseconds since 1970, fractional. Undefined where it does not
   * know any more, as after a start, or of what is read again for a peer that was away.
   */
  readonly committedMs: number | undefined;
}

/** The clocks by which a commit is told: `nowMs` is the region's, by which versions are given too. */
export interface CommitClocks {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly nowMs: () => number;
}

/** When an entry was committed, by the region's clock; undefined where that is not known. */
export function committedMsOf(
  { durableMs }: Pick<CommittedEntry, 'durableMs'>,
  { clock, nowMs }: CommitClocks,
): number | undefined {
  return durableMs === undefined ? undefined : nowMs() - (clock.monotonicMs() - durableMs);
}

/** Whether any of them is known. */
export const knowsCommits = (runs: readonly CommitRun[]): boolean =>
  runs.some(({ committedMs }) => committedMs !== undefined);

/** The time of each of `count` records; empty where the runs are not of so many, and say nothing. */
export function commitTimes(
  runs: readonly CommitRun[],
  count: number,
): readonly (number | undefined)[] {
  if (runs.reduce((sum, { records }) => sum + records, 0) !== count) return [];
  const times: (number | undefined)[] = [];
  for (const { records, committedMs } of runs)
    for (let each = 0; each < records; each += 1) times.push(committedMs);
  return times;
}
