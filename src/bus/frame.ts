import { Buffer } from 'node:buffer';
import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

import { PAYLOAD_BYTES_MAX } from './bus.ts';

/**
 * The frame around every payload between regions. All numbers are little-endian.
 *
 *     0  2  magic, "Tm"
 *     2  1  version
 *     3  1  flags: 1 = the body is deflated (raw)
 *     4  4  length of the payload as it was before deflating
 *     8  4  CRC-32 of bytes 0 to 8 and of the body
 *    12     body
 *
 * History of the version:
 * - 1: the first.
 */
export const FRAME_VERSION = 1;

export const FRAME_HEADER_BYTES = 12;

/** What fits into a frame that still fits into a message. */
export const FRAME_PAYLOAD_BYTES_MAX = PAYLOAD_BYTES_MAX - FRAME_HEADER_BYTES;

/** Shorter payloads gain nothing. */
const DEFLATE_BYTES_MIN = 1024;

/** Longer ones would hold the event loop for more than a few milliseconds. */
const DEFLATE_BYTES_MAX = 256 * 1024;

/** Of a payload from 16 times as long on, so much is deflated first, from its middle, to see how it is to be deflated. */
const SAMPLE_BYTES = 4096;
const SAMPLED_BYTES_MIN = 16 * SAMPLE_BYTES;

/** Where a sample keeps more than this, matches are worth less than the time to look for them. */
const MATCHING_RATIO_MAX = 0.42;

/** The least that zlib works with. */
const CHUNK_BYTES_MIN = 64;

const FLAG_DEFLATED = 1;
const MAGIC_0 = 0x54;
const MAGIC_1 = 0x6d;

/**
 * `foreign`: not a frame at all. `version`: a frame of another version of Tidemark, which is never guessed at.
 * `damaged`: the checksum or a length does not hold. `too-large`: more than a frame may carry.
 */
export type FrameErrorCode = 'foreign' | 'version' | 'damaged' | 'too-large';

export class FrameError extends Error {
  readonly code: FrameErrorCode;

  constructor(code: FrameErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FrameError';
    this.code = code;
  }
}

/**
 * The payload in a frame of its own (no bytes are shared). Deflated at level 1 when it has 1 KB to 256 KB and
 * becomes shorter by an eighth at least; where little in it comes twice, by its letters alone, in a third of the time. Throws
 * `FrameError` `too-large`.
 */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > FRAME_PAYLOAD_BYTES_MAX) throw tooLarge(payload.length);
  const deflated = deflateIfItHelps(payload);
  const body = deflated ?? payload;
  const frame = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + body.length);
  frame[0] = MAGIC_0;
  frame[1] = MAGIC_1;
  frame[2] = FRAME_VERSION;
  frame[3] = deflated === undefined ? 0 : FLAG_DEFLATED;
  frame.writeUInt32LE(payload.length, 4);
  frame.set(body, FRAME_HEADER_BYTES);
  frame.writeUInt32LE(checksumOf(frame), 8);
  return frame;
}

/** The payload, which shares the frame's bytes when it was not deflated. Throws `FrameError`. */
export function decodeFrame(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (frame.length < 3 || frame[0] !== MAGIC_0 || frame[1] !== MAGIC_1) {
    throw new FrameError('foreign', `${frame.length} bytes that are no Tidemark frame`);
  }
  if (frame[2] !== FRAME_VERSION) {
    const versions = `version ${frame[2]}, and this daemon speaks version ${FRAME_VERSION}`;
    throw new FrameError(
      'version',
      `the frame has ${versions}: run the same release in both regions`,
    );
  }
  if (frame.length < FRAME_HEADER_BYTES) throw damaged(`a frame of ${frame.length} bytes`);
  if (frame.readUInt32LE(8) !== checksumOf(frame)) throw damaged('the checksum does not hold');
  const lengthBytes = frame.readUInt32LE(4);
  if (lengthBytes > FRAME_PAYLOAD_BYTES_MAX) throw tooLarge(lengthBytes);
  const flags = frame.readUInt8(3);
  if ((flags & ~FLAG_DEFLATED) !== 0) throw damaged(`unknown flags ${flags}`);
  const body = frame.subarray(FRAME_HEADER_BYTES);
  const payload = (flags & FLAG_DEFLATED) === 0 ? body : inflate(body, lengthBytes);
  if (payload.length !== lengthBytes) {
    throw damaged(`it promises ${lengthBytes} bytes and holds ${payload.length}`);
  }
  return payload;
}

function deflateIfItHelps(payload: Uint8Array): Uint8Array | undefined {
  if (payload.length < DEFLATE_BYTES_MIN || payload.length > DEFLATE_BYTES_MAX) return undefined;
  const strategy = strategyFor(payload);
  if (strategy === undefined) return undefined;
  const deflated = deflate(payload, strategy);
  return isWorthIt(deflated, payload) ? deflated : undefined;
}

const deflate = (bytes: Uint8Array, strategy: number): Uint8Array =>
  deflateRawSync(bytes, { level: constants.Z_BEST_SPEED, strategy, chunkSize: bytes.length });

const isWorthIt = (deflated: Uint8Array, bytes: Uint8Array): boolean =>
  deflated.length <= bytes.length - bytes.length / 8;

/** Undefined for what does not become shorter. Batches are of a kind throughout: their middle tells of them. */
function strategyFor(payload: Uint8Array): number | undefined {
  if (payload.length < SAMPLED_BYTES_MIN) return constants.Z_DEFAULT_STRATEGY;
  const from = (payload.length - SAMPLE_BYTES) >>> 1;
  const sample = payload.subarray(from, from + SAMPLE_BYTES);
  const deflated = deflate(sample, constants.Z_DEFAULT_STRATEGY);
  if (!isWorthIt(deflated, sample)) return undefined;
  const isMatching = deflated.length <= SAMPLE_BYTES * MATCHING_RATIO_MAX;
  return isMatching ? constants.Z_DEFAULT_STRATEGY : constants.Z_RLE;
}

/** Never yields more than `lengthBytes`, whatever the body says. */
function inflate(body: Uint8Array, lengthBytes: number): Uint8Array {
  try {
    // In one piece, as far as a frame of ours is deflated at all: putting pieces together costs a third more.
    const chunkSize = Math.max(CHUNK_BYTES_MIN, Math.min(lengthBytes, DEFLATE_BYTES_MAX) + 1);
    return inflateRawSync(body, { maxOutputLength: Math.max(1, lengthBytes), chunkSize });
  } catch (error) {
    throw new FrameError('damaged', 'the frame is damaged: it does not inflate', { cause: error });
  }
}

const checksumOf = (frame: Buffer): number =>
  crc32(frame.subarray(FRAME_HEADER_BYTES), crc32(frame.subarray(0, 8)));

const damaged = (how: string): FrameError =>
  new FrameError('damaged', `the frame is damaged: ${how}`);

const tooLarge = (lengthBytes: number): FrameError =>
  new FrameError(
    'too-large',
    `a payload of ${lengthBytes} bytes, and a frame carries ${FRAME_PAYLOAD_BYTES_MAX} at most`,
  );
