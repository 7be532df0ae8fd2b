import { createHash } from 'node:crypto';

import { wallMsOf } from '../clock/hybrid-time.ts';
import type { Entry } from '../log/entry.ts';
import { decodeItemKey } from '../model/item-key.ts';
import { itemSizeBytes } from '../model/item-size.ts';
import type { ItemRecord } from '../model/record.ts';
import type { StreamViewType } from '../model/table.ts';
import { isShown } from './log-source.ts';
import { isSameItem } from './same-item.ts';
import { sequenceText } from './sequence-number.ts';
import type { StreamOfTable, StreamRecord } from './table-streams.ts';

/** The version of the record's form. Source: developer guide, "DynamoDB Streams Record". */
const EVENT_VERSION = '1.1';
const EVENT_SOURCE = 'aws:dynamodb';

/** Who deletes what has expired, in the region that does it. Source: developer guide, "DynamoDB Streams and Time to Live". */
const EXPIRY_IDENTITY = { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' } as const;

type EventName = 'INSERT' | 'MODIFY' | 'REMOVE';

/** What happened to an item; undefined when nothing did. */
function eventOf(record: ItemRecord): EventName | undefined {
  const { image, oldImage, previous } = record;
  if (!isShown(record)) return undefined;
  if (image === undefined) return previous.kind === 'item' ? 'REMOVE' : undefined;
  if (previous.kind !== 'item') return 'INSERT';
  return oldImage !== undefined && isSameItem(oldImage, image) ? undefined : 'MODIFY';
}

export interface RecordPlace {
  readonly entry: Entry;
  /** The record's place in the entry, from 1. */
  readonly ordinal: number;
}

/**
 * A record of a log as a stream tells it; undefined for what it does not tell. `metadata`: see `ReadBounds`. What an earlier
 * program wrote while the stream was being enabled may have no old image.
 */
export function streamRecord(
  of: StreamOfTable,
  record: ItemRecord,
  {
    entry,
    ordinal,
    region,
    metadata,
  }: RecordPlace & {
    readonly region: string;
    readonly metadata: boolean;
  },
): StreamRecord | undefined {
  const eventName = eventOf(record);
  if (eventName === undefined) return undefined;
  const { view } = of.stream;
  const sequenceNumber = sequenceText({
    time: entry.partitionTime,
    index: entry.index,
    ordinal,
  });
  const keys = decodeItemKey(of.keySchema, record.key);
  const sizeBytes = itemSizeBytes(keys) + imageBytes(view, record);
  const writtenAtMs = wallMsOf(Math.max(entry.partitionTime, record.version.time));
  const dynamodb = [
    `"ApproximateCreationDateTime":${Math.floor(writtenAtMs / 1000)}`,
    `"Keys":${JSON.stringify(keys)}`,
    ...imageMembers(view, record),
    `"SequenceNumber":"${sequenceNumber}"`,
    `"SizeBytes":${sizeBytes}`,
    `"StreamViewType":"${view}"`,
  ];
  const members = [
    `"eventID":"${eventId(of.arn, sequenceNumber, record.key)}"`,
    `"eventName":"${eventName}"`,
    `"eventVersion":"${EVENT_VERSION}"`,
    `"eventSource":"${EVENT_SOURCE}"`,
    `"awsRegion":${JSON.stringify(region)}`,
    `"dynamodb":{${dynamodb.join(',')}}`,
    ...(record.cause === 'expiry' ? [`"userIdentity":${JSON.stringify(EXPIRY_IDENTITY)}`] : []),
    ...(metadata ? [`"tidemark":${metadataOf(record)}`] : []),
  ];
  return { sequenceNumber, sizeBytes, writtenAtMs, json: `{${members.join(',')}}` };
}

const hasNew = (view: StreamViewType): boolean =>
  view === 'NEW_IMAGE' || view === 'NEW_AND_OLD_IMAGES';
export const hasOld = (view: StreamViewType): boolean =>
  view === 'OLD_IMAGE' || view === 'NEW_AND_OLD_IMAGES';

function imageBytes(
  view: StreamViewType,
  { image, oldImage, itemBytes, previous }: ItemRecord,
): number {
  const after = hasNew(view) && image !== undefined ? itemBytes : 0;
  const isOldShown = hasOld(view) && oldImage !== undefined && previous.kind === 'item';
  return after + (isOldShown ? previous.itemBytes : 0);
}

function imageMembers(view: StreamViewType, { image, oldImage }: ItemRecord): readonly string[] {
  const members: string[] = [];
  if (hasNew(view) && image !== undefined) members.push(`"NewImage":${textOf(image)}`);
  if (hasOld(view) && oldImage !== undefined) members.push(`"OldImage":${textOf(oldImage)}`);
  return members;
}

const textOf = (image: Uint8Array): string =>
  Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('utf8');

/**
 * The same for a record each time that it is read, and for no other record: partitions that two nodes lead may have written something
 * in the same moment, at the same place of their logs, and what they have written then has one sequence number in two shards.
 */
const eventId = (arn: string, sequenceNumber: string, key: Uint8Array): string =>
  createHash('sha256').update(`${arn}/${sequenceNumber}/`).update(key).digest('hex').slice(0, 32);

/** Where an item's state comes from. Of a delete too, which otherwise tells only that the item is gone. */
const metadataOf = ({ version, cause }: ItemRecord): string =>
  JSON.stringify({ originRegion: version.region, version: String(version.time), cause });
