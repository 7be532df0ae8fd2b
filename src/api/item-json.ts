import type { AttributeMap } from '../model/attribute-value.ts';

/** The item whose wire JSON `image` is. Images are canonical, so nothing is checked. */
export const parseImage = (image: Uint8Array): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- images are items' JSON
  JSON.parse(bufferOf(image).toString()) as AttributeMap;

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Several answers share an allocation of so many bytes: one for each costs more than what is copied into it. */
const SHARED_BYTES = 64 * 1024;

/** Longer answers are allocated by themselves, so that little of what is shared is left unused. */
const SHARING_BYTES_MAX = 16 * 1024;

let shared = new Uint8Array(0);
let sharedUsedBytes = 0;

/** Bytes of an answer, with anything in them. */
function answerBytes(lengthBytes: number): Buffer {
  // The shorter ones share what Node sets aside for such.
  if (lengthBytes < Buffer.poolSize >>> 1 || lengthBytes > SHARING_BYTES_MAX) {
    return Buffer.allocUnsafe(lengthBytes);
  }
  if (sharedUsedBytes + lengthBytes > shared.length) {
    shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
    sharedUsedBytes = 0;
  }
  const bytes = Buffer.from(shared.buffer, sharedUsedBytes, lengthBytes);
  sharedUsedBytes += lengthBytes;
  return bytes;
}

/** A part of an answer's JSON: text, or an image that goes out as it is. */
export type JsonPart = string | Uint8Array;

/** The parts one after the other, copied once. Texts must be ASCII only, or `Buffer.byteLength` is paid for each. */
export function joinJson(parts: readonly JsonPart[]): Uint8Array {
  let lengthBytes = 0;
  for (const part of parts) {
    lengthBytes += typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength;
  }
  const joined = Buffer.allocUnsafe(lengthBytes);
  let offset = 0;
  for (const part of parts) {
    if (typeof part === 'string') {
      offset += joined.write(part, offset);
    } else {
      joined.set(part, offset);
      offset += part.byteLength;
    }
  }
  return joined;
}

/** What stands before a list, its members with commas between, and what stands after, copied once. */
export function joinJsonList(
  before: string,
  members: readonly JsonPart[],
  after: string,
): Uint8Array {
  let lengthBytes = Buffer.byteLength(before) + Buffer.byteLength(after);
  for (const part of members) {
    lengthBytes += 1 + (typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength);
  }
  const joined = answerBytes(members.length === 0 ? lengthBytes : lengthBytes - 1);
  let offset = joined.write(before);
  let isFirst = true;
  for (const part of members) {
    if (!isFirst) {
      joined[offset] = COMMA;
      offset += 1;
    }
    isFirst = false;
    if (typeof part === 'string') {
      offset += joined.write(part, offset);
    } else {
      joined.set(part, offset);
      offset += part.byteLength;
    }
  }
  joined.write(after, offset);
  return joined;
}

const COMMA = 0x2c;

/**
 * An object of one member that is an image, and further members: `{"Item":...,"ConsumedCapacity":...}`. Members that
 * are undefined are left out; `others` undefined is the same as none. `member` is ASCII.
 */
export function imageAnswer(
  member: string,
  image: Uint8Array | undefined,
  others: Readonly<Record<string, unknown>> | undefined,
): string | Uint8Array {
  const rest = others === undefined ? '{}' : JSON.stringify(others);
  if (image === undefined) return rest;
  if (rest !== '{}') return joinJson([`{"${member}":`, image, `,${rest.slice(1)}`]);
  const head = `{"${member}":`;
  const answer = Buffer.allocUnsafe(head.length + image.byteLength + 1);
  // Quicker than to call into Node for a few characters.
  for (let at = 0; at < head.length; at += 1) answer[at] = head.charCodeAt(at);
  answer.set(image, head.length);
  answer[answer.length - 1] = BRACE;
  return answer;
}

const BRACE = 0x7d;
