import { crc32 } from 'node:zlib';

import type { ItemDigest, StoredItem } from './record.ts';
import type { Version } from './version.ts';

export const NO_DIGEST: ItemDigest = [0, 0];

/**
 * What an item adds to its table's digest. The lanes are independent hashes, CRC-32 and MurmurHash3 (Appleby), of
 * the key, the version and the image, so that what collides in one does not in the other.
 */
export function itemDigest(key: Uint8Array, version: Version, image: Uint8Array): ItemDigest {
  const name = `${version.time} ${version.region}`;
  let crc = crc32(key, key.length);
  crc = crc32(name, crc);
  crc = crc32(image, crc);
  let mixed = murmur(key, key.length);
  for (let at = 0; at < name.length; at++) mixed = mix(mixed, name.charCodeAt(at));
  return [crc, murmur(image, mixed)];
}

/**
 * The digest of an item with its image, which stands at `key`: found once, and kept with the item, because it is asked for when the
 * item is applied and when it is replaced.
 */
export const digestOf = (
  key: Uint8Array,
  item: Pick<StoredItem, 'version' | 'digest'>,
  image: Uint8Array,
): ItemDigest => (item.digest ??= itemDigest(key, item.version, image));

export const addDigests = (a: ItemDigest, b: ItemDigest): ItemDigest => [
  (a[0] + b[0]) >>> 0,
  (a[1] + b[1]) >>> 0,
];

export const subtractDigests = (a: ItemDigest, b: ItemDigest): ItemDigest => [
  (a[0] - b[0]) >>> 0,
  (a[1] - b[1]) >>> 0,
];

/** MurmurHash3, 32 bits, over little-endian words; the length is part of it. */
function murmur(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  const whole = bytes.length & ~3;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 4) hash = mix(hash, words.getInt32(at, true));
  if (whole < bytes.length) hash = mix(hash, lastWord(bytes, whole));
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Up to three bytes, as if zeros followed. */
const lastWord = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);

/** Stays within 32 bits, signed: with any other number each step of the loop takes four times as long. */
function mix(hash: number, word: number): number {
  let piece = Math.imul(word, 0xcc9e2d51);
  piece = Math.imul((piece << 15) | (piece >>> 17), 0x1b873593);
  const turned = hash ^ piece;
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0;
}
