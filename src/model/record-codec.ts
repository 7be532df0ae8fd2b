import { assert, unreachable } from '../base/assert.ts';
import { imageDelta, imageOfDelta, type ImageDelta } from './image-delta.ts';
import type { Cause, ItemRecord, Previous, StoredItem } from './record.ts';
import type { Version } from './version.ts';

/*
 * The bytes of some records, numbers little endian:
 *
 *   format (1) | records (4) | regions (1) | per region: length (1), name | records
 *
 *   record:  flags (1) | table (4) | key length (2) | key | version (9) | [replaced (9)] | item bytes (4)
 *            | [image length (4) | image] | previous
 *   version: hybrid time (float64) | place among the regions (1)
 *   previous: nothing for `none` | digest (4 + 4), item bytes (4) for `item` | time (float64) for `tombstone`
 *             | digest (4 + 4), item bytes (4), old image for an item with its old image
 *   old image: length (4), image | with bit 31 of the length: length of what is its own (4), of what it begins with as
 *             the new image (4), of what it ends with as that (4), what is its own
 *
 * In format 3 each record begins with one byte more, which says what stands at its end: bit 0, `dueMs` (float64); bit 1,
 * that of `previous` (float64).
 *
 * Flags: bit 0, `replaced` is there; bit 1, the image is there; bits 2 and 3, the kind of `previous`; bits 4 to
 * 6, the cause; bit 7, the tombstone is kept. Checksums are the entry's, around all of it.
 *
 * Format history: 1, the first; 2, old images, and records of a backfill; 3, due times. What was written in 1 reads the
 * same in 2; what has no due time is still written in 2.
 * Bit 6 of the format: there are old images that are told by what they have otherwise than new ones.
 */
const FORMAT = 3;
const FORMAT_WITHOUT_DUE = 2;
const FORMAT_MIN = 1;
const HAS_DELTAS = 0x40;
/** In the length of an old image: it is told by what it has otherwise than the new one. */
const IS_DELTA = 0x8000_0000;

const HEAD_BYTES = 6;
const FLAGS_BYTES = 1;
const VERSION_BYTES = 9;
/** Flags, table, key length, version, item bytes. */
const RECORD_BYTES = FLAGS_BYTES + 4 + 2 + VERSION_BYTES + 4;
const IMAGE_LENGTH_BYTES = 4;
/** Three lengths. */
const DELTA_BYTES = 12;
const PREVIOUS_BYTES = { none: 0, item: 12, tombstone: 8 } as const;
/** The kind of `previous` that stands in the flags for an item with its old image. */
const ITEM_WITH_IMAGE = 3;

const HAS_DUE = 1;
const HAD_DUE = 2;
const DUE_BYTES = 8;

const HAS_REPLACED = 1;
const HAS_IMAGE = 2;
const PREVIOUS_SHIFT = 2;
const CAUSE_SHIFT = 4;
const CAUSE_MASK = 0b111;
const KEEPS_TOMBSTONE = 0x80;
/** Places are on disk: append only. */
const PREVIOUS_KINDS = ['none', 'item', 'tombstone'] as const;
const CAUSES: readonly Cause[] = [
  'user',
  'expiry',
  'replication',
  'transaction',
  'restore',
  'system',
  'backfill',
];

const REGIONS_MAX = 256;
const REGION_NAME_BYTES_MAX = 255;
const KEY_BYTES_MAX = 0xffff;

/** What was read is no payload of records: a disk, a link or a program has changed it. */
export class DamagedRecordsError extends Error {
  override readonly name = 'DamagedRecordsError';
}

/** One payload of all records, in order. Keys and images are copied into it. */
export const encodeRecords = (records: readonly ItemRecord[]): Uint8Array =>
  encodeWith(records, writeRecord);

/**
 * As `encodeRecords`; and from then on the keys and images of the records are views of the payload. Records live in memory for as long
 * as the entry that they stand in: what their bytes were cut from, which is mostly of no use to anybody any more, goes.
 */
export const encodeRecordsInPlace = (records: readonly ItemRecord[]): Uint8Array =>
  encodeWith(records, writeRecordInPlace);

function encodeWith(records: readonly ItemRecord[], write: typeof writeRecord): Uint8Array {
  const regions = new Map<string, number>();
  const isDated = records.some((record) => dueFlagsOf(record) !== 0);
  const deltas = deltasOf(records);
  let length = HEAD_BYTES;
  for (const record of records)
    length += recordBytes(record, { regions, deltas }) + (isDated ? dueBytes(record) : 0);
  for (const region of regions.keys()) length += 1 + Buffer.byteLength(region);
  assert(regions.size <= REGIONS_MAX, 'one payload names at most 256 regions');
  // Of its own: a part of what Node shares among small buffers would keep all of that in memory for as long as an entry stays.
  const bytes = Buffer.allocUnsafeSlow(length);
  let offset = writeHead(bytes, records.length, regions);
  bytes[0] = (isDated ? FORMAT : FORMAT_WITHOUT_DUE) | (deltas === undefined ? 0 : HAS_DELTAS);
  for (const record of records) {
    if (isDated) offset = bytes.writeUInt8(dueFlagsOf(record), offset);
    offset = write(bytes, offset, record, { regions, deltas });
    if (isDated) offset = writeDues(bytes, offset, record);
  }
  assert(offset === length, 'a payload is as long as was computed');
  return bytes;
}

const previousDue = ({ previous }: ItemRecord): number | undefined =>
  previous.kind === 'item' ? previous.dueMs : undefined;

const dueFlagsOf = (record: ItemRecord): number =>
  (record.dueMs === undefined ? 0 : HAS_DUE) | (previousDue(record) === undefined ? 0 : HAD_DUE);

/** What a record of format 3 takes besides that of format 2. */
const dueBytes = (record: ItemRecord): number =>
  1 +
  (record.dueMs === undefined ? 0 : DUE_BYTES) +
  (previousDue(record) === undefined ? 0 : DUE_BYTES);

function writeDues(bytes: Buffer, start: number, record: ItemRecord): number {
  const before = previousDue(record);
  const offset = record.dueMs === undefined ? start : bytes.writeDoubleLE(record.dueMs, start);
  return before === undefined ? offset : bytes.writeDoubleLE(before, offset);
}

/** What is known of a payload's records before they are written. */
interface Encoding {
  readonly regions: Map<string, number>;
  /** How old images are told by new ones; those that are not in it are told as they are. */
  readonly deltas: ReadonlyMap<ItemRecord, ImageDelta> | undefined;
}

/** Undefined where there are none. */
function deltasOf(records: readonly ItemRecord[]): ReadonlyMap<ItemRecord, ImageDelta> | undefined {
  let deltas: Map<ItemRecord, ImageDelta> | undefined;
  for (const record of records) {
    const { image, oldImage } = record;
    if (image === undefined || oldImage === undefined) continue;
    const delta = imageDelta(oldImage, image);
    if (delta !== undefined) (deltas ??= new Map()).set(record, delta);
  }
  return deltas;
}

function recordBytes(record: ItemRecord, { regions, deltas }: Encoding): number {
  const { key, version, replaced, image, previous, oldImage } = record;
  addRegion(regions, version.region);
  let length = RECORD_BYTES + key.length + PREVIOUS_BYTES[previous.kind];
  if (image !== undefined) length += IMAGE_LENGTH_BYTES + image.length;
  if (oldImage !== undefined) length += oldImageBytes(oldImage, deltas?.get(record));
  if (replaced === undefined) return length;
  addRegion(regions, replaced.region);
  return length + VERSION_BYTES;
}

function addRegion(regions: Map<string, number>, region: string): void {
  if (!regions.has(region)) regions.set(region, regions.size);
}

function writeHead(bytes: Buffer, count: number, regions: ReadonlyMap<string, number>): number {
  bytes.writeUInt32LE(count, 1);
  bytes[5] = regions.size % REGIONS_MAX;
  let offset = HEAD_BYTES;
  for (const region of regions.keys()) {
    const written = bytes.write(region, offset + 1, 'utf8');
    assert(written <= REGION_NAME_BYTES_MAX, 'the name of a region has at most 255 bytes');
    bytes[offset] = written;
    offset += 1 + written;
  }
  return offset;
}

function writeRecord(
  bytes: Buffer,
  start: number,
  record: ItemRecord,
  { regions, deltas }: Encoding,
): number {
  const { key, version, replaced, image, previous, oldImage } = record;
  assert(key.length <= KEY_BYTES_MAX, 'an item key has at most 65535 bytes');
  bytes[start] = flagsOf(record);
  let offset = bytes.writeUInt32LE(record.table, start + FLAGS_BYTES);
  offset = bytes.writeUInt16LE(key.length, offset);
  bytes.set(key, offset);
  offset = writeVersion(bytes, offset + key.length, version, regions);
  if (replaced !== undefined) offset = writeVersion(bytes, offset, replaced, regions);
  offset = bytes.writeUInt32LE(record.itemBytes, offset);
  if (image !== undefined) offset = writeImage(bytes, offset, image);
  offset = writePrevious(bytes, offset, previous);
  return oldImage === undefined
    ? offset
    : writeOldImage(bytes, offset, oldImage, deltas?.get(record));
}

const KEY_OFFSET = FLAGS_BYTES + 4 + 2;

function writeRecordInPlace(
  bytes: Buffer,
  start: number,
  record: ItemRecord,
  encoding: Encoding,
): number {
  const end = writeRecord(bytes, start, record, encoding);
  const moved: { -readonly [Member in keyof ItemRecord]: ItemRecord[Member] } = record;
  const { key, image, replaced } = record;
  const keyEnd = start + KEY_OFFSET + key.length;
  moved.key = bytes.subarray(keyEnd - key.length, keyEnd);
  if (image === undefined) return end;
  const versions = replaced === undefined ? VERSION_BYTES : 2 * VERSION_BYTES;
  // Item bytes and the image's length stand between.
  const imageStart = keyEnd + versions + 4 + IMAGE_LENGTH_BYTES;
  moved.image = bytes.subarray(imageStart, imageStart + image.length);
  return end;
}

function oldImageBytes(oldImage: Uint8Array, delta: ImageDelta | undefined): number {
  if (delta === undefined) return IMAGE_LENGTH_BYTES + oldImage.length;
  return DELTA_BYTES + oldImage.length - delta.prefixBytes - delta.suffixBytes;
}

function writeOldImage(
  bytes: Buffer,
  start: number,
  oldImage: Uint8Array,
  delta: ImageDelta | undefined,
): number {
  if (delta === undefined) return writeImage(bytes, start, oldImage);
  const { prefixBytes, suffixBytes } = delta;
  const own = oldImage.subarray(prefixBytes, oldImage.length - suffixBytes);
  let offset = bytes.writeUInt32LE(IS_DELTA + own.length, start);
  offset = bytes.writeUInt32LE(prefixBytes, offset);
  offset = bytes.writeUInt32LE(suffixBytes, offset);
  bytes.set(own, offset);
  return offset + own.length;
}

function writeImage(bytes: Buffer, start: number, image: Uint8Array): number {
  const offset = bytes.writeUInt32LE(image.length, start);
  bytes.set(image, offset);
  return offset + image.length;
}

function flagsOf(record: ItemRecord): number {
  const { replaced, image, previous, oldImage, cause, keepsTombstone } = record;
  assert(oldImage === undefined || previous.kind === 'item', 'an old image is of an item');
  const kind = oldImage === undefined ? PREVIOUS_KINDS.indexOf(previous.kind) : ITEM_WITH_IMAGE;
  return (
    (keepsTombstone ? KEEPS_TOMBSTONE : 0) |
    (replaced === undefined ? 0 : HAS_REPLACED) |
    (image === undefined ? 0 : HAS_IMAGE) |
    (kind << PREVIOUS_SHIFT) |
    (CAUSES.indexOf(cause) << CAUSE_SHIFT)
  );
}

function writeVersion(
  bytes: Buffer,
  offset: number,
  version: Version,
  regions: ReadonlyMap<string, number>,
): number {
  bytes.writeDoubleLE(version.time, offset);
  bytes[offset + 8] = regions.get(version.region) ?? 0;
  return offset + VERSION_BYTES;
}

function writePrevious(bytes: Buffer, start: number, previous: Previous): number {
  switch (previous.kind) {
    case 'none':
      return start;
    case 'item': {
      const [first, second] = previous.digest;
      let offset = bytes.writeUInt32LE(first, start);
      offset = bytes.writeUInt32LE(second, offset);
      return bytes.writeUInt32LE(previous.itemBytes, offset);
    }
    case 'tombstone':
      return bytes.writeDoubleLE(previous.time, start);
    default:
      return unreachable(previous);
  }
}

/** The records of a payload. Keys and images share its bytes. Throws `DamagedRecordsError`. */
export function decodeRecords(payload: Uint8Array): readonly ItemRecord[] {
  return new RecordReader(payload).readAll();
}

/**
 * Where a record lies in a payload whose bytes its key is a view of, as after `encodeRecordsInPlace` and `decodeRecords`: where the
 * key begins, in bytes.
 */
export function placeIn(payload: Uint8Array, { key }: Pick<ItemRecord, 'key'>): number {
  const place = key.byteOffset - payload.byteOffset;
  const isWithin = place >= 0 && place + key.length <= payload.length;
  assert(key.buffer === payload.buffer && isWithin, 'a record lies in its payload');
  return place;
}

/** What the record that lies there, by `placeIn`, says of its item. The image shares the payload's bytes. Throws `DamagedRecordsError`. */
export const decodeItemAt = (payload: Uint8Array, place: number): StoredItem =>
  new RecordReader(payload).readItem(place);

class RecordReader {
  readonly #bytes: Buffer;
  readonly #isDated: boolean;
  readonly #count: number;
  readonly #regions: readonly string[];
  #offset = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const head = this.#byte();
    const format = head & ~HAS_DELTAS;
    if (format < FORMAT_MIN || format > FORMAT)
      throw new DamagedRecordsError(`records have the unknown format ${head}`);
    this.#isDated = format === FORMAT;
    this.#count = this.#uint32();
    const regions: string[] = [];
    // 256 regions do not fit their byte and stand as 0, which records always rule out for none at all.
    const named = this.#byte();
    const regionCount = named === 0 && this.#count > 0 ? REGIONS_MAX : named;
    for (let i = 0; i < regionCount; i++) regions.push(this.#take(this.#byte()).toString('utf8'));
    this.#regions = regions;
  }

  /** Once, of a reader that has read nothing else. */
  readAll(): readonly ItemRecord[] {
    const records: ItemRecord[] = [];
    for (let i = 0; i < this.#count; i++)
      records.push(this.#isDated ? this.#datedRecord() : this.#record());
    if (this.#offset !== this.#bytes.length) throw new DamagedRecordsError('records end early');
    return records;
  }

  readItem(place: number): StoredItem {
    this.#offset = place - KEY_OFFSET - (this.#isDated ? 1 : 0);
    const dues = this.#isDated ? this.#byte() : 0;
    const flags = this.#byte();
    // The table.
    this.#advance(4);
    this.#advance(this.#uint16());
    const version = this.#version();
    const replaced = (flags & HAS_REPLACED) === 0 ? undefined : this.#version();
    const itemBytes = this.#uint32();
    const image = (flags & HAS_IMAGE) === 0 ? undefined : this.#take(this.#uint32());
    const dueMs = (dues & HAS_DUE) === 0 ? undefined : this.#timeBehind(flags);
    return { version, replaced, image, itemBytes, dueMs, digest: undefined };
  }

  /** The time behind what says what stood at a key before. */
  #timeBehind(flags: number): number {
    const kind = (flags >> PREVIOUS_SHIFT) & 0b11;
    const previous = kind === ITEM_WITH_IMAGE ? 'item' : PREVIOUS_KINDS[kind];
    if (previous !== undefined) this.#advance(PREVIOUS_BYTES[previous]);
    if (kind === ITEM_WITH_IMAGE) {
      const length = this.#uint32();
      this.#advance(
        length < IS_DELTA ? length : length - IS_DELTA + DELTA_BYTES - IMAGE_LENGTH_BYTES,
      );
    }
    return this.#time();
  }

  #datedRecord(): ItemRecord {
    const dues = this.#byte();
    const record = this.#record();
    const dueMs = (dues & HAS_DUE) === 0 ? undefined : this.#time();
    const dated = dueMs === undefined ? record : { ...record, dueMs };
    if ((dues & HAD_DUE) === 0) return dated;
    const { previous } = record;
    if (previous.kind !== 'item')
      throw new DamagedRecordsError('what a record replaces was due, and is no item');
    return { ...dated, previous: { ...previous, dueMs: this.#time() } };
  }

  #record(): ItemRecord {
    const flags = this.#byte();
    const table = this.#uint32();
    const key = this.#take(this.#uint16());
    const version = this.#version();
    const replaced = (flags & HAS_REPLACED) === 0 ? undefined : this.#version();
    const itemBytes = this.#uint32();
    const image = (flags & HAS_IMAGE) === 0 ? undefined : this.#take(this.#uint32());
    const kind = (flags >> PREVIOUS_SHIFT) & 0b11;
    const previous = this.#previous(kind);
    const oldImage = kind === ITEM_WITH_IMAGE ? this.#oldImage(image) : undefined;
    const cause = CAUSES[(flags >> CAUSE_SHIFT) & CAUSE_MASK];
    const keepsTombstone = (flags & KEEPS_TOMBSTONE) !== 0;
    if (cause === undefined) throw new DamagedRecordsError('a record has an unknown cause');
    const rest = { itemBytes, previous, oldImage, cause };
    return { table, key, version, replaced, image, keepsTombstone, ...rest };
  }

  #oldImage(image: Uint8Array | undefined): Uint8Array {
    const length = this.#uint32();
    if (length < IS_DELTA) return this.#take(length);
    const delta = { prefixBytes: this.#uint32(), suffixBytes: this.#uint32() };
    const own = this.#take(length - IS_DELTA);
    if (image === undefined || delta.prefixBytes + delta.suffixBytes > image.length)
      throw new DamagedRecordsError('an old image is told by a new one that is not there');
    return imageOfDelta(image, delta, own);
  }

  #version(): Version {
    const time = this.#time();
    const region = this.#regions[this.#byte()];
    if (region === undefined) throw new DamagedRecordsError('a version has an unknown region');
    return { time, region };
  }

  #previous(place: number): Previous {
    const kind = place === ITEM_WITH_IMAGE ? 'item' : PREVIOUS_KINDS[place];
    switch (kind) {
      case 'none':
        return { kind };
      case 'item':
        return { kind, digest: [this.#uint32(), this.#uint32()], itemBytes: this.#uint32() };
      case 'tombstone':
        return { kind, time: this.#time() };
      case undefined:
      default:
        throw new DamagedRecordsError('a record replaces something unknown');
    }
  }

  #time(): number {
    const time = this.#bytes.readDoubleLE(this.#advance(8));
    if (Number.isSafeInteger(time) && time >= 0) return time;
    throw new DamagedRecordsError('a time is a whole number');
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  #uint16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  #uint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  #take(length: number): Buffer {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** Where the next `length` bytes begin, which must be there. */
  #advance(length: number): number {
    const from = this.#offset;
    this.#offset = from + length;
    if (this.#offset > this.#bytes.length) throw new DamagedRecordsError('records are cut short');
    return from;
  }
}
