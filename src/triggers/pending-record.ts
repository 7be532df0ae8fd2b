import { createHash } from 'node:crypto';

import type { SourceRecord, StreamPosition } from './stream-source.ts';

/** A record that was read and is not handled yet. */
export interface PendingRecord {
  /** JSON, as it stands in an event. */
  readonly text: string;
  /** What it takes of an event. */
  readonly bytes: number;
  readonly sequenceNumber: string;
  readonly createdMs: number;
  readonly position: StreamPosition;
  /** Which of the shard's lanes takes it. */
  readonly lane: number;
}

export interface PendingRecordOptions {
  readonly streamArn: string;
  readonly lanes: number;
  /** Whether a record passes the filters; undefined when there is none. */
  readonly passes: ((record: unknown) => boolean) | undefined;
}

/** Undefined for a record that does not pass. It is read only where somebody looks into it. */
export function pendingRecordOf(
  { json, sequenceNumber, position, createdMs }: SourceRecord,
  { streamArn, lanes, passes }: PendingRecordOptions,
): PendingRecord | undefined {
  const isLookedInto = lanes > 1 || passes !== undefined || json.includes(IDENTITY);
  const record = isLookedInto ? functionRecord(JSON.parse(json), streamArn) : undefined;
  if (passes !== undefined && !passes(record)) return undefined;
  const text = eventText(json, record, streamArn);
  const bytes = Buffer.byteLength(text) + 1;
  const lane = lanes > 1 ? laneOf(record, lanes) : 0;
  return { text, bytes, sequenceNumber, createdMs, position, lane };
}

const IDENTITY = '"userIdentity"';

/**
 * A record as a function gets it, and as filters see it: with the stream's ARN, and who made it in small letters, as Lambda has
 * it (see `DynamoDBUserIdentity` of `aws-lambda-go`).
 */
function functionRecord(record: unknown, streamArn: string): unknown {
  if (!isObject(record)) return record;
  const { userIdentity: identity } = record;
  const eventSourceARN = streamArn;
  if (!isObject(identity)) return { ...record, eventSourceARN };
  const { PrincipalId: principalId, Type: type } = identity;
  return { ...record, userIdentity: { principalId, type }, eventSourceARN };
}

/** The text is taken as it came where nothing in it is otherwise for a function. */
function eventText(json: string, record: unknown, streamArn: string): string {
  return isObject(memberOf(record, 'userIdentity'))
    ? JSON.stringify(record)
    : `${json.slice(0, -1)},"eventSourceARN":${JSON.stringify(streamArn)}}`;
}

/** The same for all records of one item, whatever the order of its key's members. */
function laneOf(record: unknown, lanes: number): number {
  const keys = memberOf(memberOf(record, 'dynamodb'), 'Keys');
  const members = isObject(keys) ? Object.entries(keys) : [];
  const key = JSON.stringify(members.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return createHash('sha256').update(key).digest().readUInt32BE(0) % lanes;
}

const memberOf = (value: unknown, name: string): unknown =>
  isObject(value) ? value[name] : undefined;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** What is around the records of an event. */
export const EVENT_BYTES = '{"Records":[]}'.length;

export const eventOf = (records: readonly PendingRecord[]): string =>
  `{"Records":[${records.map(({ text }) => text).join(',')}]}`;
