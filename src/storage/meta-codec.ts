import { crc32 } from 'node:zlib';

import type { HybridTime } from '../clock/hybrid-time.ts';
import type { Position, TableCounters } from './apply.ts';
import { StoreError } from './key-value-store.ts';

/**
 * What a partition keeps of itself: a CRC-32 (4 bytes) of the rest, which is JSON of an array. Members of a vector
 * stand in code point order, so that equal contents are equal bytes.
 */
export type TimeVector = Readonly<Record<string, number>>;

export const encodePosition = (position: Position): Uint8Array => seal(membersOf(position));

/** Throws `StoreError` `damaged`, as all decoders here. */
export const decodePosition = (value: Uint8Array): Position => positionIn(unseal(value), 0);

export const encodePositions = (positions: readonly Position[]): Uint8Array =>
  seal(positions.flatMap(membersOf));

export function decodePositions(value: Uint8Array): readonly Position[] {
  const members = unseal(value);
  const positions: Position[] = [];
  for (let at = 0; at < members.length; at += POSITION_MEMBERS)
    positions.push(positionIn(members, at));
  return positions;
}

const POSITION_MEMBERS = 5;

const membersOf = (position: Position): readonly (string | number)[] => [
  position.logId,
  position.epoch,
  position.index,
  position.checksum,
  position.partitionTime,
];

function positionIn(members: readonly unknown[], at: number): Position {
  const [logId, epoch, index, checksum, partitionTime] = members.slice(at, at + POSITION_MEMBERS);
  return {
    logId: text(logId),
    epoch: whole(epoch),
    index: whole(index),
    checksum: whole(checksum),
    partitionTime: whole(partitionTime),
  };
}

export const encodeCounters = (counters: TableCounters): Uint8Array =>
  seal([counters.itemCount, counters.sizeBytes, counters.tombstoneCount, ...counters.digest]);

export function decodeCounters(value: Uint8Array): TableCounters {
  const [itemCount, sizeBytes, tombstoneCount, first, second] = unseal(value);
  return {
    itemCount: whole(itemCount),
    sizeBytes: whole(sizeBytes),
    tombstoneCount: whole(tombstoneCount),
    digest: [whole(first), whole(second)],
  };
}

/** Which hashes a partition holds since a split, and from which entry of which partition's log on, if it is a child. */
export interface HeldHashes {
  readonly from: number;
  readonly to: number;
  /** Of a child. Everything of its hashes up to the entry at `index` stands in the log of `parent`. */
  readonly origin: SplitOrigin | undefined;
}

export interface SplitOrigin {
  readonly parent: number;
  readonly index: number;
  /** The partition time of that entry. */
  readonly time: HybridTime;
}

export const encodeHeldHashes = ({ from, to, origin }: HeldHashes): Uint8Array =>
  seal(origin === undefined ? [from, to] : [from, to, origin.parent, origin.index, origin.time]);

export function decodeHeldHashes(value: Uint8Array): HeldHashes {
  const [from, to, parent, index, time] = unseal(value);
  const origin =
    parent === undefined
      ? undefined
      : { parent: whole(parent), index: whole(index), time: whole(time) };
  return { from: whole(from), to: whole(to), origin };
}

export const encodeNumbers = (numbers: readonly number[]): Uint8Array => seal(numbers);

export const decodeNumbers = (value: Uint8Array): readonly number[] => unseal(value).map(whole);

export const encodeTimeVector = (vector: TimeVector): Uint8Array =>
  seal(
    Object.keys(vector)
      .toSorted()
      .flatMap((region) => [region, vector[region] ?? 0]),
  );

export function decodeTimeVector(value: Uint8Array): TimeVector {
  const members = unseal(value);
  const vector: Record<string, number> = {};
  for (let at = 0; at < members.length; at += 2) {
    vector[text(members[at])] = whole(members[at + 1]);
  }
  return vector;
}

function seal(members: readonly (string | number)[]): Uint8Array {
  const json = JSON.stringify(members);
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(json));
  bytes.write(json, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

function unseal(value: Uint8Array): readonly unknown[] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < 4 || bytes.readUInt32BE(0) !== crc32(bytes.subarray(4))) {
    throw new StoreError('damaged', "a partition's own data fails its checksum");
  }
  const members: unknown = JSON.parse(bytes.toString('utf8', 4));
  if (!Array.isArray(members)) throw misshapen();
  return members;
}

function text(member: unknown): string {
  if (typeof member !== 'string') throw misshapen();
  return member;
}

function whole(member: unknown): number {
  if (typeof member !== 'number' || !Number.isSafeInteger(member)) throw misshapen();
  return member;
}

const misshapen = (): StoreError =>
  new StoreError('damaged', "a partition's own data is not what was written");
