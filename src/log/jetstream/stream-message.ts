import { assert } from '../../base/assert.ts';
import { decodeEntry, encodedEntryBytes, encodeEntry, encodeEntryInto } from '../entry-codec.ts';
import type { Entry } from '../entry.ts';
import { LogError } from '../replicated-log.ts';

/**
 * What a log's stream carries. History: 1, the first. Numbers little-endian:
 *
 *     0 mark u8, format u8, kind u8, zero     entry: 12 the encoded entry
 *     4 number that it was sent for f64       part:  12 checksum of the entry u32, part u16, parts u16, 20 its bytes
 *                                             proof: nothing more
 *
 * A message that does not begin with the mark is a stranger's, and is passed over.
 */
const FORMAT = 1;
const MARK = 0x54;
const HEAD_BYTES = 12;
const PART_HEAD_BYTES = 20;
const KINDS = { proof: 1, entry: 2, part: 3 } as const;

/** The largest piece of an entry in one message; well below the least `max_payload`, which counts headers too. */
const partBytesDefault = 4 * 1024 * 1024;

/** An entry of more parts is refused when it is made: no request makes one. */
const partsMax = 1024;

/** A message that says nothing: to have stored it proves that nobody else stored anything before it. */
export const encodeProof = (sentFor: number): Uint8Array => head(KINDS.proof, sentFor, HEAD_BYTES);

/**
 * The messages of one entry, the first of which is sent for number `sentFor`: one, or parts with count and checksum
 * where it is larger than `partBytes`.
 */
export function encodeEntryMessages(
  entry: Entry,
  sentFor: number,
  partBytes = partBytesDefault,
): readonly Uint8Array[] {
  const entryBytes = encodedEntryBytes(entry);
  if (entryBytes <= partBytes) {
    const message = head(KINDS.entry, sentFor, HEAD_BYTES + entryBytes);
    encodeEntryInto(message, HEAD_BYTES, entry);
    return [message];
  }
  const bytes = encodeEntry(entry);
  const count = Math.ceil(bytes.length / partBytes);
  assert(count <= partsMax, 'an entry fits the largest number of parts');
  return Array.from({ length: count }, (_, part) => {
    const piece = bytes.subarray(part * partBytes, (part + 1) * partBytes);
    const message = head(KINDS.part, sentFor + part, PART_HEAD_BYTES + piece.length);
    message.writeUInt32LE(entry.checksum, 12);
    message.writeUInt16LE(part, 16);
    message.writeUInt16LE(count, 18);
    message.set(piece, PART_HEAD_BYTES);
    return message;
  });
}

function head(kind: number, sentFor: number, lengthBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  bytes[0] = MARK;
  bytes[1] = FORMAT;
  bytes[2] = kind;
  bytes[3] = 0;
  bytes.writeDoubleLE(sentFor, 4);
  return bytes;
}

/** What a reader has found once it has read the message with that number. */
export type Found =
  | { readonly kind: 'proof' }
  /** `first`: the number of the entry's first message. */
  | {
      readonly kind: 'entry';
      readonly entry: Entry;
      readonly first: number;
      readonly isInPlace: boolean;
    };

/**
 * Puts together what a stream's messages say, in their order. Parts count when they stand one behind the other and are
 * all there; anything in between takes them apart for ever.
 */
export class MessageReader {
  #parts: Uint8Array[] = [];
  #checksum = 0;
  #count = 0;
  #sentFor = 0;

  /**
   * Undefined for a part that is not the last one, and for a stranger's message. Throws `LogError`: `damaged` or `format`,
   * as `decodeEntry`.
   */
  take(sequence: number, payload: Uint8Array): Found | undefined {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    const parts = this.#parts;
    this.#parts = [];
    if (bytes.length < HEAD_BYTES || bytes[0] !== MARK) return undefined;
    if (bytes[1] !== FORMAT)
      throw new LogError(
        'format',
        `message ${sequence} of a log has format ${String(bytes[1])}; this program reads ${FORMAT}`,
      );
    const sentFor = bytes.readDoubleLE(4);
    const kind = bytes[2] ?? 0;
    switch (kind) {
      case KINDS.proof:
        return { kind: 'proof' };
      case KINDS.entry:
        return found(bytes.subarray(HEAD_BYTES), sequence, sentFor);
      case KINDS.part:
        return bytes.length < PART_HEAD_BYTES
          ? undefined
          : this.#takePart(bytes, { parts, sequence, sentFor });
      default:
        return undefined;
    }
  }

  #takePart(
    bytes: Buffer,
    { parts, sequence, sentFor }: { parts: Uint8Array[]; sequence: number; sentFor: number },
  ): Found | undefined {
    const [checksum, part] = [bytes.readUInt32LE(12), bytes.readUInt16LE(16)];
    const piece = bytes.subarray(PART_HEAD_BYTES);
    if (part === 0) {
      this.#checksum = checksum;
      this.#count = bytes.readUInt16LE(18);
      this.#sentFor = sentFor;
      this.#parts = [piece];
      return undefined;
    }
    if (part !== parts.length || checksum !== this.#checksum) return undefined;
    parts.push(piece);
    if (parts.length < this.#count) {
      this.#parts = parts;
      return undefined;
    }
    return found(Buffer.concat(parts), sequence - part, this.#sentFor);
  }
}

const found = (bytes: Uint8Array, first: number, sentFor: number): Found => ({
  kind: 'entry',
  entry: decodeEntry(bytes),
  first,
  isInPlace: sentFor === first,
});
