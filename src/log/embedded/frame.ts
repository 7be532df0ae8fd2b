import { crc32 } from 'node:zlib';

import { assert } from '../../base/assert.ts';
import type { DiskFile } from '../../base/disk.ts';
import { encodedEntryBytes, encodeEntryInto } from '../entry-codec.ts';
import { endOf } from '../chain.ts';
import type { Entry, LogEnd } from '../entry.ts';
import { LogError } from '../replicated-log.ts';

/**
 * The format of a segment file. History: 1, the first. A segment is a row of frames, all numbers little-endian:
 *
 *     0 body length u32                 8 partition u32
 *     4 'TMF', kind u8                 12 body checksum u32 (an entry's own)
 *                                      16 checksum u32 over the 16 bytes before
 *
 * The first frame is the segment's own: format and number. Then a `base` for every partition: where its log
 * stands before this segment. Then groups, each one append: a `group` frame that says up to where the
 * log was synced when it was written, and what the group holds. So a valid group frame proves that a
 * bad frame which stands before its synced place is damage, and not what a power cut left.
 */
export const SEGMENT_FORMAT = 1;

/** A kind's number on disk is its place here: only ever add at the end. */
const KINDS = ['segment', 'group', 'entry', 'cut', 'base', 'rebase'] as const;

/**
 * `cut`: the partition's log goes back to the end that the body says. `base`: it stands there. `rebase`: it
 * starts anew there, and all that came before is void.
 */
export type FrameKind = (typeof KINDS)[number];

const FRAME_HEAD_BYTES = 20;
/** Above every entry that a partition makes: a length beyond it is damage. */
export const FRAME_BODY_BYTES_MAX = 64 * 1024 * 1024;
const MARK = Buffer.from('TMF');
const BLOCK_BYTES = 256 * 1024;

/** A place in a zone's log. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
}

export const isBefore = (a: Place, b: Place): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);

/** What a writer appends for a partition. The bytes are shared by the three zones. */
export interface LogFrame {
  readonly kind: 'entry' | 'cut' | 'rebase';
  readonly partition: number;
  /** Where the partition's log stands behind this frame. */
  readonly end: LogEnd;
  readonly bytes: Uint8Array;
}

export interface Frame {
  readonly kind: FrameKind;
  readonly partition: number;
  readonly offset: number;
  readonly body: Buffer;
}

/** An entry that a reader would take for damage is not written: the append fails, and whoever waits for it is told so. */
export function entryFrame(partition: number, entry: Entry): LogFrame {
  const bodyBytes = encodedEntryBytes(entry);
  assert(bodyBytes <= FRAME_BODY_BYTES_MAX, 'an entry is not larger than a frame may be');
  // Of its own: a zone that lags would keep with it all that it shares with others.
  const bytes = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + bodyBytes);
  encodeEntryInto(bytes, FRAME_HEAD_BYTES, entry);
  writeFrameHead(bytes, { kind: 'entry', partition, checksum: entry.checksum });
  return { kind: 'entry', partition, end: endOf(entry), bytes };
}

export function endFrame(kind: 'cut' | 'rebase', partition: number, end: LogEnd): LogFrame {
  return { kind, partition, end, bytes: frameOf(kind, partition, encodeEnd(end)) };
}

export const baseFrame = (partition: number, end: LogEnd): Uint8Array =>
  frameOf('base', partition, encodeEnd(end));

export function segmentFrame(number: number): Uint8Array {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(SEGMENT_FORMAT, 0);
  body.writeUInt32LE(number, 4);
  return frameOf('segment', 0, body);
}

export function decodeSegment(body: Buffer): { readonly format: number; readonly number: number } {
  return { format: body.readUInt32LE(0), number: body.readUInt32LE(4) };
}

export function groupFrame(synced: Place): Uint8Array {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(synced.segment, 0);
  body.writeUInt32LE(synced.offset, 4);
  return frameOf('group', 0, body);
}

const decodeGroup = (body: Buffer): Place => ({
  segment: body.readUInt32LE(0),
  offset: body.readUInt32LE(4),
});

export const decodeEnd = (body: Buffer): LogEnd => ({
  checksum: body.readUInt32LE(0),
  epoch: body.readUInt32LE(4),
  index: body.readDoubleLE(8),
  partitionTime: body.readDoubleLE(16),
  logId: body.toString('latin1', 24),
});

/**
 * The frame at the front of `bytes`, of which `offset` is the place in the file. `short`: not all of it is
 * there. `bad`: a checksum does not hold. The body of an entry is not verified here.
 */
function parseFrame(bytes: Buffer, at: number, offset: number): Frame | 'short' | 'bad' {
  if (bytes.length - at < FRAME_HEAD_BYTES) return 'short';
  if (crc32(bytes.subarray(at, at + 16)) !== bytes.readUInt32LE(at + 16)) return 'bad';
  const bodyBytes = bytes.readUInt32LE(at);
  const kind = KINDS[bytes[at + 7] ?? KINDS.length];
  if (kind === undefined || bodyBytes > FRAME_BODY_BYTES_MAX) return 'bad';
  if (bytes.length - at < FRAME_HEAD_BYTES + bodyBytes) return 'short';
  const start = at + FRAME_HEAD_BYTES;
  const body = bytes.subarray(start, start + bodyBytes);
  const checksum = bytes.readUInt32LE(at + 12);
  const sound =
    kind === 'entry'
      ? body.length >= 4 && body.readUInt32LE(0) === checksum
      : crc32(body) === checksum;
  return sound ? { kind, partition: bytes.readUInt32LE(at + 8), offset, body } : 'bad';
}

/** Whether the front of `bytes` is the sound head of a frame that a later version of this program wrote. */
export const isOfUnknownKind = (bytes: Buffer): boolean =>
  bytes.length >= FRAME_HEAD_BYTES &&
  crc32(bytes.subarray(0, 16)) === bytes.readUInt32LE(16) &&
  KINDS[bytes[7] ?? KINDS.length] === undefined;

/** Whether a valid group frame in `bytes` says that the log was synced beyond `place`. */
export function provesSynced(bytes: Buffer, place: Place): boolean {
  for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + 1)) {
    if (at < 4) continue;
    const frame = parseFrame(bytes, at - 4, 0);
    if (typeof frame === 'string' || frame.kind !== 'group') continue;
    if (isBefore(place, decodeGroup(frame.body))) return true;
  }
  return false;
}

/** Walks the frames of one file. `next` gives `more` when `fill` must be awaited first. */
export class FrameCursor {
  readonly #file: DiskFile;
  readonly #endBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #blockOffset: number;
  #at = 0;
  #wantBytes = BLOCK_BYTES;

  constructor(file: DiskFile, offset: number) {
    this.#file = file;
    this.#endBytes = file.sizeBytes;
    this.#blockOffset = offset;
  }

  get offset(): number {
    return this.#blockOffset + this.#at;
  }

  next(): Frame | 'end' | 'more' | 'bad' {
    const { offset } = this;
    if (offset >= this.#endBytes) return 'end';
    const frame = parseFrame(this.#block, this.#at, offset);
    if (frame === 'bad') return 'bad';
    if (frame !== 'short') {
      this.#at += FRAME_HEAD_BYTES + frame.body.length;
      return frame;
    }
    const headHere = this.#block.length - this.#at >= FRAME_HEAD_BYTES;
    const need = FRAME_HEAD_BYTES + (headHere ? this.#block.readUInt32LE(this.#at) : 0);
    if (offset + need > this.#endBytes) return 'bad';
    this.#wantBytes = Math.max(BLOCK_BYTES, need);
    return 'more';
  }

  async fill(): Promise<void> {
    const { offset } = this;
    const lengthBytes = Math.min(this.#wantBytes, this.#endBytes - offset);
    const bytes = await this.#file.read(offset, lengthBytes);
    if (bytes.length < lengthBytes)
      throw new LogError('damaged', `${this.#file.name} is shorter than it was`);
    this.#block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#blockOffset = offset;
    this.#at = 0;
  }
}

function encodeEnd(end: LogEnd): Buffer {
  const body = Buffer.alloc(24 + end.logId.length);
  body.writeUInt32LE(end.checksum, 0);
  body.writeUInt32LE(end.epoch, 4);
  body.writeDoubleLE(end.index, 8);
  body.writeDoubleLE(end.partitionTime, 16);
  body.write(end.logId, 24, 'latin1');
  return body;
}

function frameOf(kind: FrameKind, partition: number, body: Buffer): Uint8Array {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + body.length);
  bytes.set(body, FRAME_HEAD_BYTES);
  writeFrameHead(bytes, { kind, partition, checksum: crc32(body) });
  return bytes;
}

interface FrameHead {
  readonly kind: FrameKind;
  readonly partition: number;
  readonly checksum: number;
}

function writeFrameHead(bytes: Buffer, head: FrameHead): void {
  bytes.writeUInt32LE(bytes.length - FRAME_HEAD_BYTES, 0);
  bytes.set(MARK, 4);
  bytes[7] = KINDS.indexOf(head.kind);
  bytes.writeUInt32LE(head.partition, 8);
  bytes.writeUInt32LE(head.checksum, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
}
