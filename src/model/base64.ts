import { serializationError } from './errors.ts';
import { BASE64_DAMAGED, base64Length } from './messages.ts';

const PAD = 0x3d;
const INVALID = 0xff;

/** The six bits of every character of the alphabet of RFC 4648 section 4. */
const SIX_BITS = sixBits();

function sixBits(): Uint8Array {
  const table = new Uint8Array(128).fill(INVALID);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  for (let i = 0; i < alphabet.length; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
}

const sixBitsOf = (code: number): number => SIX_BITS[code] ?? INVALID;

/** Throws `SerializationException` unless `text` is the one base64 text of its bytes, padding included. */
export function checkBase64(text: string): void {
  if (text.length % 4 !== 0) throw serializationError(base64Length(text.length));
  const end = text.length - base64Padding(text);
  for (let i = 0; i < end; i++) {
    if (sixBitsOf(text.charCodeAt(i)) === INVALID) throw serializationError(BASE64_DAMAGED);
  }
  const unused = [0, 0b11, 0b1111][text.length - end] ?? 0;
  if ((sixBitsOf(text.charCodeAt(end - 1)) & unused) !== 0 && end > 0) {
    throw serializationError(BASE64_DAMAGED);
  }
}

/** How many bytes a valid base64 text stands for. */
export const base64ByteLength = (text: string): number =>
  (text.length / 4) * 3 - base64Padding(text);

function base64Padding(text: string): number {
  if (text.charCodeAt(text.length - 1) !== PAD) return 0;
  return text.charCodeAt(text.length - 2) === PAD ? 2 : 1;
}
