import type { KeyValuePair, StoreErrorCode } from '../../storage/key-value-store.ts';

/** What a node asks of another that keeps a view of its store open for it. Plain data with bytes in it. */
export type CopyRequest =
  | {
      readonly kind: 'open';
      /** Chosen by the asker, at random: a request that comes twice opens one view. */
      readonly ticket: string;
      readonly zone: string;
      readonly partition: number;
    }
  | {
      readonly kind: 'page';
      readonly ticket: string;
      /** From inclusive to exclusive. */
      readonly from: Uint8Array;
      readonly to: Uint8Array;
      readonly pairsMax: number;
    }
  /** `keep`: the asker is at work still. */
  | { readonly kind: 'keep' | 'close'; readonly ticket: string };

/**
 * `pairs`: see `packPairs`; `own` is what the partition keeps of itself. `busy`: nothing was opened, because enough others are
 * being served. `gone`: the ticket is of nothing, or of nothing any more.
 */
export type CopyAnswer =
  | {
      readonly kind: 'opened';
      readonly partitionCount: number;
      readonly own: Uint8Array;
    }
  | { readonly kind: 'page'; readonly pairs: Uint8Array; readonly isLast: boolean }
  | { readonly kind: 'done' | 'busy' | 'gone' }
  | { readonly kind: 'failed'; readonly code: StoreErrorCode; readonly message: string };

const LENGTHS_BYTES = 8;

/** Pairs as one string of bytes: of each the two lengths (4 bytes each, little-endian), the key and the value. */
export function packPairs(pairs: readonly KeyValuePair[]): Uint8Array {
  let length = 0;
  for (const pair of pairs) length += packedBytes(pair);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const [key, value] of pairs) {
    bytes.writeUInt32LE(key.length, at);
    bytes.writeUInt32LE(value.length, at + 4);
    bytes.set(key, at + LENGTHS_BYTES);
    bytes.set(value, at + LENGTHS_BYTES + key.length);
    at += LENGTHS_BYTES + key.length + value.length;
  }
  return bytes;
}

/** What a pair takes of what `packPairs` makes. */
export const packedBytes = ([key, value]: KeyValuePair): number =>
  LENGTHS_BYTES + key.length + value.length;

/** The pairs, which share the bytes. Throws `RangeError` for what `packPairs` did not make. */
export function unpackPairs(packed: Uint8Array): readonly KeyValuePair[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const pairs: KeyValuePair[] = [];
  for (let at = 0; at < bytes.length;) {
    const keyEnd = at + LENGTHS_BYTES + bytes.readUInt32LE(at);
    const valueEnd = keyEnd + bytes.readUInt32LE(at + 4);
    if (valueEnd > bytes.length) throw new RangeError('packed pairs end before they are whole');
    pairs.push([bytes.subarray(at + LENGTHS_BYTES, keyEnd), bytes.subarray(keyEnd, valueEnd)]);
    at = valueEnd;
  }
  return pairs;
}
