import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

import { PAYLOAD_BYTES_MAX } from './bus.ts';

/** Longer messages are cut also where a server takes more, so that small ones and pings pass between their parts. */
export const PART_BYTES_MAX = 512 * 1024;

/** Shorter parts would make more of them than this of the longest message. */
const PART_BYTES_MIN = 512;

/** Room for the subjects and headers of a message, which a server counts as its payload. */
const HEAD_BYTES_MAX = 1024;

/** How a message was cut: every part has `partBytes`, the last one what is left. */
export interface Cut {
  readonly count: number;
  readonly totalBytes: number;
  readonly partBytes: number;
  /** CRC-32 of the whole message. */
  readonly checksum: number;
}

/** How long the parts are, where a server takes messages of `serverBytesMax`. */
export const partBytesFor = (serverBytesMax: number): number =>
  Math.max(PART_BYTES_MIN, Math.min(PART_BYTES_MAX, serverBytesMax - HEAD_BYTES_MAX));

/** Undefined when the message goes in one piece. */
export function cutOf(payload: Uint8Array, partBytes: number): Cut | undefined {
  if (payload.length <= partBytes) return undefined;
  const count = Math.ceil(payload.length / partBytes);
  return { count, totalBytes: payload.length, partBytes, checksum: crc32(payload) };
}

/** Shares the payload's bytes. */
export const partOf = (payload: Uint8Array, partBytes: number, index: number): Uint8Array =>
  payload.subarray(index * partBytes, (index + 1) * partBytes);

/** `3 1200000 524288 1839203`, as it goes into a header. */
export const cutText = ({ count, totalBytes, partBytes, checksum }: Cut): string =>
  `${count} ${totalBytes} ${partBytes} ${checksum}`;

/** Undefined for what no `cutOf` has made. */
export function cutFrom(text: string): Cut | undefined {
  const numbers = text.split(' ').map(Number);
  const [count = 0, totalBytes = 0, partBytes = 0, checksum = 0] = numbers;
  const isWhole = numbers.length === 4 && numbers.every((number) => Number.isSafeInteger(number));
  if (!isWhole || partBytes < PART_BYTES_MIN || totalBytes > PAYLOAD_BYTES_MAX) return undefined;
  if (totalBytes <= partBytes || count !== Math.ceil(totalBytes / partBytes)) return undefined;
  return { count, totalBytes, partBytes, checksum };
}

/** The parts of one message, in whatever order they come. */
export class Assembly {
  readonly #cut: Cut;
  readonly #whole: Buffer;
  readonly #isThere: boolean[] = [];
  #missing: number;

  constructor(cut: Cut) {
    this.#cut = cut;
    this.#whole = Buffer.allocUnsafeSlow(cut.totalBytes);
    this.#missing = cut.count;
  }

  /** False for a part that is not one of this message; the same one again is none the worse. */
  put(index: number, part: Uint8Array): boolean {
    const { count, totalBytes, partBytes } = this.#cut;
    if (!Number.isSafeInteger(index) || index < 0 || index >= count) return false;
    const start = index * partBytes;
    if (part.length !== Math.min(partBytes, totalBytes - start)) return false;
    if (this.#isThere[index] === true) return true;
    this.#whole.set(part, start);
    this.#isThere[index] = true;
    this.#missing -= 1;
    return true;
  }

  get isComplete(): boolean {
    return this.#missing === 0;
  }

  /** Of a complete one; undefined when the checksum does not hold. */
  get message(): Uint8Array | undefined {
    return crc32(this.#whole) === this.#cut.checksum ? this.#whole : undefined;
  }
}
