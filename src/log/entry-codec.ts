import { crc32 } from 'node:zlib';

import { assert } from '../base/assert.ts';
import { EMPTY_END } from './chain.ts';
import type { Entry, EntryKind, LogEnd } from './entry.ts';
import { LogError } from './replicated-log.ts';

/**
 * The format of an encoded entry. History: 1, the first. All numbers little-endian:
 *
 *     0 checksum u32, over everything behind it     16 partition time f64
 *     4 format u8, kind u8, log id length u16       24 previous checksum u32
 *     8 index f64                                   28 payload length u32
 *                                                   32 epoch u32, log id latin1, payload
 */
const ENTRY_FORMAT = 1;

/** A kind's number on disk is its place here: only ever add at the end. */
const KINDS: readonly EntryKind[] = ['open', 'records', 'noop', 'resign', 'forget', 'split'];

const FIXED_BYTES = 36;
const LOG_ID_BYTES_MAX = 255;

export type EntryContent = Pick<Entry, 'epoch' | 'logId' | 'kind' | 'partitionTime' | 'payload'>;

/** The entry that says `content` right behind `end`; undefined is the end of an empty log. */
export function makeEntry(end: LogEnd | undefined, content: EntryContent): Entry {
  const { index, checksum: previousChecksum } = end ?? EMPTY_END;
  const { epoch, logId, kind, partitionTime, payload } = content;
  const entry = {
    logId,
    epoch,
    index: index + 1,
    kind,
    previousChecksum,
    partitionTime,
    payload,
    checksum: 0,
  };
  const head = Buffer.allocUnsafe(FIXED_BYTES + logId.length);
  writeHead(head, 0, entry);
  entry.checksum = crc32(payload, crc32(head.subarray(4)));
  return entry;
}

/** How many bytes `encodeEntryInto` writes. */
export const encodedEntryBytes = (entry: Entry): number =>
  FIXED_BYTES + entry.logId.length + entry.payload.length;

/** Writes the entry at `offset`. Trusts `entry.checksum`, which `makeEntry` or `decodeEntry` computed. */
export function encodeEntryInto(target: Buffer, offset: number, entry: Entry): void {
  writeHead(target, offset, entry);
  target.set(entry.payload, offset + FIXED_BYTES + entry.logId.length);
}

export function encodeEntry(entry: Entry): Uint8Array {
  const bytes = Buffer.allocUnsafe(encodedEntryBytes(entry));
  encodeEntryInto(bytes, 0, entry);
  return bytes;
}

/**
 * The entry in `bytes`, whose payload is a view of them. Throws `LogError`: `damaged` unless the checksum
 * and every field hold, `format` when they do and another version of this program wrote it.
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  const view = bufferOf(bytes);
  if (view.length < FIXED_BYTES) throw damaged('it is too short');
  const checksum = view.readUInt32LE(0);
  if (crc32(view.subarray(4)) !== checksum) throw damaged('its checksum does not hold');
  if (view[4] !== ENTRY_FORMAT)
    throw newer(`has format ${String(view[4])}; this program reads format ${ENTRY_FORMAT}`);
  const kind = KINDS[view[5] ?? KINDS.length];
  const payloadAt = FIXED_BYTES + view.readUInt16LE(6);
  if (kind === undefined)
    throw newer(`is of kind ${String(view[5])}, which this program does not know`);
  if (payloadAt + view.readUInt32LE(28) !== view.length) throw damaged('its lengths disagree');
  return {
    logId: view.toString('latin1', FIXED_BYTES, payloadAt),
    epoch: view.readUInt32LE(32),
    index: view.readDoubleLE(8),
    kind,
    previousChecksum: view.readUInt32LE(24),
    partitionTime: view.readDoubleLE(16),
    payload: view.subarray(payloadAt),
    checksum,
  };
}

/** The index of an encoded entry, unverified; undefined when the bytes are too short to hold one. */
export const peekIndex = (bytes: Buffer): number | undefined =>
  bytes.length < FIXED_BYTES ? undefined : bytes.readDoubleLE(8);

function writeHead(target: Buffer, offset: number, entry: Entry): void {
  const { logId } = entry;
  assert(logId.length <= LOG_ID_BYTES_MAX, 'a log id has at most 255 characters');
  target.writeUInt32LE(entry.checksum, offset);
  target[offset + 4] = ENTRY_FORMAT;
  target[offset + 5] = KINDS.indexOf(entry.kind);
  target.writeUInt16LE(logId.length, offset + 6);
  target.writeDoubleLE(entry.index, offset + 8);
  target.writeDoubleLE(entry.partitionTime, offset + 16);
  target.writeUInt32LE(entry.previousChecksum, offset + 24);
  target.writeUInt32LE(entry.payload.length, offset + 28);
  target.writeUInt32LE(entry.epoch, offset + 32);
  target.write(logId, offset + FIXED_BYTES, 'latin1');
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

const damaged = (why: string): LogError =>
  new LogError('damaged', `a log entry cannot be read: ${why}`);

const newer = (what: string): LogError => new LogError('format', `a log entry ${what}`);
