import { createHash } from 'node:crypto';

import { hybridTimeOf, TICKS_PER_MS, wallMsOf, type HybridTime } from '../clock/hybrid-time.ts';
import type { TableStream } from '../model/table.ts';
import type { Era } from './eras.ts';
import type { StreamLog } from './log-source.ts';
import { INDEX_MAX, ORDINAL_MAX, sequenceText } from './sequence-number.ts';
import type { Shard, StreamOfTable } from './table-streams.ts';

/** When a stream was enabled, in ms since 1970. */
export const streamCreatedMs = ({ label }: Pick<TableStream, 'label'>): number =>
  Date.parse(`${label}Z`);

/** In which span of time of a stream's shards a moment lies, from 0. What is before the stream is in its first. */
export function spanOf(stream: TableStream, time: HybridTime): number {
  const created = hybridTimeOf(streamCreatedMs(stream));
  return Math.max(0, Math.floor((time - created) / spanTicks(stream)));
}

/** The first moment of a span. */
export const spanStart = (stream: TableStream, span: number): HybridTime =>
  hybridTimeOf(streamCreatedMs(stream)) + span * spanTicks(stream);

const spanTicks = ({ shardMs }: TableStream): number =>
  Math.max(1, Math.floor(shardMs * TICKS_PER_MS));

/**
 * The shards of one era: of every span of time in which its partition has logged something, and the one in which it begins.
 * They follow from the log alone, so every node, and every start, finds the same ones. A shard is open until its partition
 * logs something in a later span, or its era ends. Those of which nothing is kept since `horizon` are left out.
 */
export async function shardsOfEra(
  of: StreamOfTable,
  {
    era,
    at,
    log,
    horizon,
  }: {
    readonly era: Era;
    /** The era's place among the stream's. */
    readonly at: number;
    readonly log: StreamLog;
    readonly horizon: HybridTime;
  },
): Promise<readonly Shard[]> {
  const { stream } = of;
  const end = era.to ?? endOfLog(log);
  if (end === undefined) return [];
  const begin = await firstKept(era, log, horizon);
  if (era.to !== undefined && begin > era.to.index && era.to.time < horizon) return [];
  const shards: Shard[] = [];
  let span = await firstSpan(stream, { era, begin, end, log });
  let parentId: string | undefined;
  for (;;) {
    const next = await nextIndex(log, spanStart(stream, span + 1), end.index);
    const place = { partition: era.partition, era: at, span };
    const id = shardId(of, place, era);
    const first = firstSequence(stream, era, span);
    const last = next === undefined ? lastOfEra(era) : lastOfSpan(stream, span);
    // One that was closed with nothing in it ends where it begins.
    shards.push({
      id,
      parentId,
      first,
      last: last === undefined || last > first ? last : first,
      place,
    });
    if (next === undefined) return shards;
    parentId = id;
    span = spanOf(stream, next.time);
  }
}

const endOfLog = (log: StreamLog): { index: number; time: HybridTime } | undefined =>
  log.committed && { index: log.committed.index, time: log.committed.partitionTime };

/** The first entry of an era that is kept. */
export async function firstKept(era: Era, log: StreamLog, horizon: HybridTime): Promise<number> {
  const begin = await firstOf(era, log);
  if (era.from.time >= horizon) return Math.max(begin, log.first);
  const kept = (await log.firstAt(horizon)) ?? (log.committed?.index ?? 0) + 1;
  return Math.max(begin, log.first, kept);
}

/** Of a log that goes on from older disks, whose entries came to other places, the time tells where the era begins. */
export async function firstOf({ from }: Era, log: StreamLog): Promise<number> {
  const stands = from.index === 0 ? undefined : await log.endAt(from.index);
  const isMoved =
    (stands !== undefined && stands.partitionTime > from.time) ||
    from.index > (log.committed?.index ?? from.index);
  if (!isMoved) return from.index + 1;
  return (await log.firstAt(from.time + 1)) ?? (log.committed?.index ?? 0) + 1;
}

async function firstSpan(
  stream: TableStream,
  {
    era,
    begin,
    end,
    log,
  }: {
    readonly era: Era;
    readonly begin: number;
    readonly end: { readonly index: number; readonly time: HybridTime };
    readonly log: StreamLog;
  },
): Promise<number> {
  if (begin === era.from.index + 1) return spanOf(stream, era.from.time);
  if (begin > end.index) return spanOf(stream, end.time);
  return spanOf(stream, (await log.endAt(begin))?.partitionTime ?? end.time);
}

/** The first entry at `time` or later, up to and with `last`. */
async function nextIndex(
  log: StreamLog,
  time: HybridTime,
  last: number,
): Promise<{ readonly time: HybridTime } | undefined> {
  const index = await log.firstAt(time);
  if (index === undefined || index > last) return undefined;
  const end = await log.endAt(index);
  return end === undefined ? undefined : { time: end.partitionTime };
}

/** At or before the first record of a span of an era. */
function firstSequence(stream: TableStream, era: Era, span: number): string {
  const isBegin = span <= spanOf(stream, era.from.time);
  return isBegin
    ? sequenceText({ time: era.from.time, index: era.from.index + 1, ordinal: 0 })
    : sequenceText({ time: spanStart(stream, span), index: 0, ordinal: 0 });
}

const lastOfSpan = (stream: TableStream, span: number): string =>
  sequenceText({
    time: spanStart(stream, span + 1) - 1,
    index: INDEX_MAX,
    ordinal: ORDINAL_MAX,
  });

const lastOfEra = ({ to }: Era): string | undefined =>
  to && sequenceText({ time: to.time, index: to.index, ordinal: ORDINAL_MAX });

/** `shardId-`, when it began in ms, and eight digits that tell it from all others: texts order as the shards do. */
function shardId(
  { tableId, stream }: StreamOfTable,
  { partition, era: at, span }: Shard['place'],
  era: Era,
): string {
  const isBegin = span <= spanOf(stream, era.from.time);
  const beganMs = Math.floor(wallMsOf(isBegin ? begunAt(stream, era) : spanStart(stream, span)));
  const name = [tableId, stream.label, partition, at, span].join('/');
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `shardId-${String(beganMs).padStart(20, '0')}-${hash}`;
}

/** The first eras begin with the stream, wherever their logs stood then. */
const begunAt = (stream: TableStream, era: Era): HybridTime =>
  Math.max(era.from.time, hybridTimeOf(streamCreatedMs(stream)));
