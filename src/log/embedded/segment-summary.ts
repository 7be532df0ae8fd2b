import { crc32 } from 'node:zlib';

import type { Disk } from '../../base/disk.ts';
import { DiskError } from '../../base/disk.ts';
import type { LogEnd } from '../entry.ts';

/**
 * The format of a segment's summary: a checksum in hexadecimal, a line feed, JSON. History: 1, the first.
 * It stands beside a segment that is complete, so that opening a zone need not read all of its log; a segment without
 * a sound one is read.
 */
const SUMMARY_FORMAT = 1;

type ByPartition<T> = readonly (readonly [partition: number, value: T])[];

export interface SegmentSummary {
  readonly format: number;
  readonly segment: number;
  readonly sizeBytes: number;
  readonly bases: ByPartition<LogEnd>;
  readonly ends: ByPartition<LogEnd>;
  readonly last: ByPartition<number>;
  readonly points: ByPartition<{ readonly indexes: number[]; readonly offsets: number[] }>;
  /** In their order. The index is that of the end to which it was cut, or -1 when all before is void. */
  readonly cuts: readonly {
    readonly partition: number;
    readonly offset: number;
    readonly index: number;
    readonly end: LogEnd;
  }[];
}

export const summaryName = (segment: number): string =>
  `log-${String(segment).padStart(8, '0')}.idx`;

/** Without space, or on a disk that is about to fail, there is no summary, and nothing is lost. */
export async function writeSummary(
  disk: Disk,
  summary: Omit<SegmentSummary, 'format'>,
): Promise<void> {
  const json = JSON.stringify({ format: SUMMARY_FORMAT, ...summary });
  try {
    await disk.replace(
      summaryName(summary.segment),
      Buffer.from(`${crc32(json).toString(16)}\n${json}`),
    );
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** Deletes a segment's summary, so that the next opening reads the segment itself. As far as the disk lets it. */
export async function deleteSummary(disk: Disk, segment: number): Promise<void> {
  try {
    await disk.delete(summaryName(segment));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** The summary of a segment of this size, or undefined when there is none that is sound. */
export async function readSummary(
  disk: Disk,
  segment: number,
  sizeBytes: number,
): Promise<SegmentSummary | undefined> {
  const bytes = await disk.readAll(summaryName(segment));
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const lineEnd = text.indexOf('\n');
  const json = text.slice(lineEnd + 1);
  if (lineEnd < 0 || crc32(json).toString(16) !== text.slice(0, lineEnd)) return undefined;
  const summary: unknown = JSON.parse(json);
  if (!isSummary(summary) || summary.segment !== segment) return undefined;
  return summary.sizeBytes === sizeBytes ? summary : undefined;
}

/** What has the checksum was written by this program; the format says by which version of it. */
const isSummary = (value: unknown): value is SegmentSummary =>
  typeof value === 'object' &&
  value !== null &&
  'format' in value &&
  value.format === SUMMARY_FORMAT;
