import { crc32 } from 'node:zlib';

import { assert } from '../base/assert.ts';
import type { StoredItem } from './record.ts';
import type { Version } from './version.ts';

/**
 * The bytes of a `StoredItem`, numbers big endian:
 *
 * | part       | bytes                                                                   |
 * | ---------- | ----------------------------------------------------------------------- |
 * | checksum   | 4: CRC-32 of the key that the value stands under and all that follows   |
 * | format     | 1                                                                       |
 * | flags      | 1: bit 0, `replaced` is there; bit 1, the image is; bit 2, a due time   |
 * | item bytes | 4                                                                       |
 * | version    | 8 of time, 1 of length, the region's name in ASCII                      |
 * | replaced   | the same, when there                                                    |
 * | due        | 8: `dueMs`, when there                                                  |
 * | image      | the rest                                                                |
 *
 * The key is in the checksum because a store may hold it damaged, and then answers it as another's.
 *
 * Format history: 1, the first; 2, the checksum covers the key; 3, a due time. What has none is still written in 2.
 */
const FORMAT = 3;
const FORMAT_WITHOUT_DUE = 2;

const HAS_REPLACED = 1;
const HAS_IMAGE = 2;
const HAS_DUE = 4;
const DUE_BYTES = 8;
const HEAD_BYTES = 10;
const VERSION_HEAD_BYTES = 9;
const UINT32 = 2 ** 32;

/** What was read is not what was written there: a disk or a memory has changed it. */
export class DamagedValueError extends Error {
  override readonly name = 'DamagedValueError';
}

/** `key`: all bytes of the key that the value will stand under. */
export function encodeStoredItem(item: StoredItem, key: Uint8Array): Uint8Array {
  const { version, replaced, image, dueMs } = item;
  const length =
    HEAD_BYTES +
    versionBytes(version) +
    (replaced === undefined ? 0 : versionBytes(replaced)) +
    (dueMs === undefined ? 0 : DUE_BYTES) +
    (image?.length ?? 0);
  const bytes = Buffer.allocUnsafe(length);
  bytes[4] = dueMs === undefined ? FORMAT_WITHOUT_DUE : FORMAT;
  bytes[5] =
    (replaced === undefined ? 0 : HAS_REPLACED) |
    (image === undefined ? 0 : HAS_IMAGE) |
    (dueMs === undefined ? 0 : HAS_DUE);
  bytes.writeUInt32BE(item.itemBytes, 6);
  let offset = writeVersion(bytes, HEAD_BYTES, version);
  if (replaced !== undefined) offset = writeVersion(bytes, offset, replaced);
  if (dueMs !== undefined) offset = writeUint64(bytes, offset, dueMs);
  if (image !== undefined) bytes.set(image, offset);
  bytes.writeUInt32BE(checksumOf(bytes, key), 0);
  return bytes;
}

/** The image shares the bytes given. `key`: that under which they were found. Throws `DamagedValueError`. */
export function decodeStoredItem(value: Uint8Array, key: Uint8Array): StoredItem {
  const bytes = verifiedBytes(value, key);
  const flags = bytes[5] ?? 0;
  const version = readVersion(bytes, HEAD_BYTES);
  let offset = HEAD_BYTES + versionBytes(version);
  const replaced = (flags & HAS_REPLACED) === 0 ? undefined : readVersion(bytes, offset);
  if (replaced !== undefined) offset += versionBytes(replaced);
  const itemBytes = bytes.readUInt32BE(6);
  if ((flags & HAS_DUE) === 0) {
    const image = (flags & HAS_IMAGE) === 0 ? undefined : bytes.subarray(offset);
    return { version, replaced, image, itemBytes };
  }
  const dueMs = readUint64(bytes, offset);
  const image = (flags & HAS_IMAGE) === 0 ? undefined : bytes.subarray(offset + DUE_BYTES);
  return { version, replaced, image, itemBytes, dueMs };
}

/** What a page shows of a stored item. */
export type StoredImage = Pick<StoredItem, 'image' | 'itemBytes'>;

/** As `decodeStoredItem`, for who asks for no more: a page of 1 MB may have thousands of them. */
export function decodeStoredImage(value: Uint8Array, key: Uint8Array): StoredImage {
  const bytes = verifiedBytes(value, key);
  const itemBytes = bytes.readUInt32BE(6);
  const flags = bytes[5] ?? 0;
  if ((flags & HAS_IMAGE) === 0) return { image: undefined, itemBytes };
  let offset = afterVersion(bytes, HEAD_BYTES);
  if ((flags & HAS_REPLACED) !== 0) offset = afterVersion(bytes, offset);
  if ((flags & HAS_DUE) !== 0) offset += DUE_BYTES;
  // Made so, and not by `subarray`, in half the time.
  const image = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset);
  return { image, itemBytes };
}

const afterVersion = (bytes: Buffer, offset: number): number =>
  offset + VERSION_HEAD_BYTES + (bytes[offset + 8] ?? 0);

/** Throws `DamagedValueError`. */
function verifiedBytes(value: Uint8Array, key: Uint8Array): Buffer {
  const bytes =
    value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  if (bytes.length < HEAD_BYTES || bytes.readUInt32BE(0) !== checksumOf(bytes, key)) {
    throw new DamagedValueError(
      `a stored item of ${bytes.length} bytes fails its checksum${formatHint(bytes)}`,
    );
  }
  if (bytes[4] !== FORMAT && bytes[4] !== FORMAT_WITHOUT_DUE) {
    throw new DamagedValueError(`a stored item is of another format${formatHint(bytes)}`);
  }
  return bytes;
}

const checksumOf = (bytes: Buffer, key: Uint8Array): number =>
  crc32(new Uint8Array(bytes.buffer, bytes.byteOffset + 4, bytes.length - 4), crc32(key));

/** An older format has another checksum too, so that a value of one fails its checksum first. */
const formatHint = (bytes: Buffer): string =>
  bytes.length < HEAD_BYTES || bytes[4] === FORMAT || bytes[4] === FORMAT_WITHOUT_DUE
    ? ''
    : `: it says format ${bytes[4]}, and this program reads ${FORMAT}`;

const versionBytes = (version: Version): number => VERSION_HEAD_BYTES + version.region.length;

function writeVersion(bytes: Buffer, offset: number, version: Version): number {
  const { time, region } = version;
  assert(region.length < 256, 'the name of a region has at most 255 characters');
  writeUint64(bytes, offset, time);
  bytes[offset + 8] = region.length;
  bytes.write(region, offset + VERSION_HEAD_BYTES, 'latin1');
  return offset + VERSION_HEAD_BYTES + region.length;
}

function readVersion(bytes: Buffer, offset: number): Version {
  const from = offset + VERSION_HEAD_BYTES;
  return {
    time: readUint64(bytes, offset),
    region: bytes.toString('latin1', from, from + (bytes[offset + 8] ?? 0)),
  };
}

function writeUint64(bytes: Buffer, offset: number, value: number): number {
  bytes.writeUInt32BE(Math.floor(value / UINT32), offset);
  return bytes.writeUInt32BE(value % UINT32, offset + 4);
}

const readUint64 = (bytes: Buffer, offset: number): number =>
  bytes.readUInt32BE(offset) * UINT32 + bytes.readUInt32BE(offset + 4);
