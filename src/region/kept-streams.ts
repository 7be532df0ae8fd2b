import { finite, list, members, oneOf, optional, text, type Shape } from '../base/shape.ts';
import {
  STREAM_VIEW_TYPES,
  type KeySchema,
  type LogPlace,
  type StreamEnd,
  type Table,
  type TableStream,
} from '../model/table.ts';
import { keyAttributeShape } from './definition-shape.ts';
import { placeOf, placesShape } from './member-starts.ts';

/** AWS's shards are followed by new ones about every four hours. Source: developer guide, "DynamoDB Streams". */
const SHARD_MS_DEFAULT = 4 * 60 * 60 * 1000;

export interface StreamSettings {
  readonly nowMs: () => number;
  /** How long the shards of new streams go on. */
  readonly shardMs: number;
  /**
   * Where the logs end behind all that was answered before the call, those of partitions that splits have made by then included:
   * there a stream ends. Rejects where that cannot be said now. Absent where all leaders are in this process: what they have
   * committed is known, and nobody leads a partition that is not.
   */
  readonly settledEnds?: () => Promise<readonly LogPlace[]>;
}

/** Of a catalogue that is only read. */
export const NO_STREAM_SETTINGS: StreamSettings = { nowMs: () => 0, shardMs: SHARD_MS_DEFAULT };

/** The streams of a deleted table. */
export interface GoneStreams {
  readonly tableName: string;
  readonly number: number;
  readonly tableId: string;
  readonly keySchema: KeySchema;
  readonly streams: readonly TableStream[];
}

/**
 * The stream that a table is to have, and that tells of nothing yet: see `StreamStarts`. Undefined when there is none, or it has
 * begun.
 */
export function beginningStream({
  definition: { stream: view },
  streamLabel: label,
  streams,
}: Table): Pick<TableStream, 'label' | 'view'> | undefined {
  if (view === undefined || label === undefined || streams?.at(-1)?.label === label)
    return undefined;
  return { label, view };
}

/** What a change does to the streams of a table. */
interface StreamsChange {
  readonly kept: readonly TableStream[];
  /** The one that is to follow them. */
  readonly next: Pick<TableStream, 'label' | 'view'> | undefined;
  /** The last of those that are kept ends by it. */
  readonly isOver: boolean;
  /** The table is new, and is born with `next`. */
  readonly isBornWith: boolean;
}

function changeOfStreams(before: Table | undefined, after: Table): StreamsChange {
  const isBorn = before?.number !== after.number;
  const known = isBorn ? [] : (before.streams ?? []);
  const kept = after.streams ?? known;
  const last = kept.at(-1);
  const isOn = after.definition.stream !== undefined && after.streamLabel !== undefined;
  const next = beginningStream({ ...after, streams: kept });
  const isLastOpen = last !== undefined && last.end === undefined;
  const isDisabling = after.updates?.some(({ kind }) => kind === 'stream') ?? false;
  const isOver = isLastOpen && (next !== undefined || (!isOn && !isDisabling));
  return { kept, next, isOver, isBornWith: isBorn && next !== undefined };
}

/** Whether a stream ends by a change of its table: see `StreamSettings.settledEnds`. */
export const endsStream = (before: Table | undefined, after: Table): boolean =>
  changeOfStreams(before, after).isOver;

/** The same of the table's removal. */
export const hasOpenStream = ({ streams = [] }: Table): boolean =>
  streams.some(({ end }) => end === undefined);

/**
 * The streams of `after`: those of `before`, the one that a new table is born with, and an end for one that is disabled. A
 * stream that is being disabled still tells of what is written, so that nothing that was answered before is missing where the
 * ends of logs are known late. The stream that a table gets later begins once leaders know of it: see `StreamStarts`.
 */
export function streamsOf(
  before: Table | undefined,
  after: Table,
  ends: () => readonly LogPlace[],
  { nowMs, shardMs }: Pick<StreamSettings, 'nowMs' | 'shardMs'>,
): readonly TableStream[] | undefined {
  const { kept, next, isOver, isBornWith } = changeOfStreams(before, after);
  if (!isBornWith && !isOver) return kept.length === 0 ? undefined : kept;
  const places = ends().map(placeOf);
  const end: StreamEnd = { atMs: nowMs(), places };
  const last = kept.at(-1);
  const old = isOver && last !== undefined ? [...kept.slice(0, -1), { ...last, end }] : kept;
  return isBornWith && next !== undefined ? [...old, { ...next, shardMs, starts: places }] : old;
}

/** What is kept of the streams of a table that goes; undefined when there is nothing. */
export function endedStreams(
  { name, number, tableId, definition, streams = [] }: Table,
  ends: () => readonly LogPlace[],
  { nowMs }: StreamSettings,
): GoneStreams | undefined {
  if (streams.length === 0) return undefined;
  const end: StreamEnd = { atMs: nowMs(), places: ends().map(placeOf) };
  return {
    tableName: name,
    number,
    tableId,
    keySchema: definition.keySchema,
    streams: streams.map((stream) => (stream.end === undefined ? { ...stream, end } : stream)),
  };
}

/** Those that go on, or had not ended by `timeMs`; the same list when it is all of them. */
export function forgottenStreams(
  streams: readonly TableStream[],
  timeMs: number,
): readonly TableStream[] {
  const kept = streams.filter(({ end }) => end === undefined || end.atMs > timeMs);
  return kept.length === streams.length ? streams : kept;
}

const streamShape: Shape<TableStream> = members<TableStream>({
  label: text,
  view: oneOf(...STREAM_VIEW_TYPES),
  shardMs: finite,
  starts: placesShape,
  end: optional(members<StreamEnd>({ atMs: finite, places: placesShape })),
});

export const tableStreamsShape: Shape<readonly TableStream[]> = list(streamShape);

export const goneStreamsShape: Shape<GoneStreams> = members<GoneStreams>({
  tableName: text,
  number: finite,
  tableId: text,
  keySchema: members<KeySchema>({
    partition: keyAttributeShape,
    sort: optional(keyAttributeShape),
  }),
  streams: tableStreamsShape,
});
