/**
 * An image told by what it has otherwise than another one: most writes leave most of an item as it was, and what is not
 * written three times need not be synced three times.
 */
export interface ImageDelta {
  /** How many bytes both begin with. */
  readonly prefixBytes: number;
  /** How many bytes behind those both end with. */
  readonly suffixBytes: number;
}

/** Below so many bytes that are the same, an image is told as it is. */
const SAVED_BYTES_MIN = 32;

/** What is compared at once, before single bytes are. */
const BLOCK_BYTES = 1024;

/** Undefined where it is not worth it. */
export function imageDelta(image: Uint8Array, other: Uint8Array): ImageDelta | undefined {
  const [a, b] = [bufferOf(image), bufferOf(other)];
  const bytesMax = Math.min(a.length, b.length);
  const prefixBytes = samePrefix(a, b, bytesMax);
  const suffixBytes = sameSuffix(a, b, bytesMax - prefixBytes);
  return prefixBytes + suffixBytes < SAVED_BYTES_MIN ? undefined : { prefixBytes, suffixBytes };
}

function samePrefix(a: Buffer, b: Buffer, bytesMax: number): number {
  let same = 0;
  while (same + BLOCK_BYTES <= bytesMax && isSame(a, b, same, same)) same += BLOCK_BYTES;
  while (same < bytesMax && a[same] === b[same]) same += 1;
  return same;
}

function sameSuffix(a: Buffer, b: Buffer, bytesMax: number): number {
  const [aEnd, bEnd] = [a.length, b.length];
  let same = 0;
  while (
    same + BLOCK_BYTES <= bytesMax &&
    isSame(a, b, aEnd - same - BLOCK_BYTES, bEnd - same - BLOCK_BYTES)
  )
    same += BLOCK_BYTES;
  while (same < bytesMax && a[aEnd - same - 1] === b[bEnd - same - 1]) same += 1;
  return same;
}

const isSame = (a: Buffer, b: Buffer, aFrom: number, bFrom: number): boolean =>
  a.compare(b, bFrom, bFrom + BLOCK_BYTES, aFrom, aFrom + BLOCK_BYTES) === 0;

/** The image that has `middle` between what it shares with `other`, which must be long enough. */
export function imageOfDelta(
  other: Uint8Array,
  { prefixBytes, suffixBytes }: ImageDelta,
  middle: Uint8Array,
): Uint8Array {
  const image = new Uint8Array(prefixBytes + middle.length + suffixBytes);
  image.set(other.subarray(0, prefixBytes));
  image.set(middle, prefixBytes);
  image.set(other.subarray(other.length - suffixBytes), prefixBytes + middle.length);
  return image;
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
