import { Buffer } from 'node:buffer';

/** A message from another region that cannot be read: damaged, or of another version. Never guessed at. */
export class WireError extends Error {
  readonly code: 'version' | 'damaged';

  constructor(code: 'version' | 'damaged', message: string) {
    super(message);
    this.name = 'WireError';
    this.code = code;
  }
}

/** Writes little-endian numbers, strings and byte strings one after the other. */
export class ByteWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(expectedBytes = 256) {
    this.#buffer = Buffer.allocUnsafeSlow(expectedBytes);
  }

  u8(value: number): this {
    this.#at = this.#room(1).writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#room(2).writeUInt16LE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#room(4).writeUInt32LE(value, this.#at);
    return this;
  }

  /** A whole number up to 2^53, 0 or more. */
  whole(value: number): this {
    this.#at = this.#room(8).writeDoubleLE(value, this.#at);
    return this;
  }

  /** Any number that is not a NaN. */
  real(value: number): this {
    this.#at = this.#room(8).writeDoubleLE(value, this.#at);
    return this;
  }

  /** Up to 65,535 bytes. */
  short(bytes: Uint8Array): this {
    return this.u16(bytes.length).#raw(bytes);
  }

  long(bytes: Uint8Array): this {
    return this.u32(bytes.length).#raw(bytes);
  }

  text(text: string): this {
    return this.short(Buffer.from(text));
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  #raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#at + bytes, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#at);
      this.#buffer = grown;
    }
    return this.#buffer;
  }
}

/** Reads what a `ByteWriter` wrote; anything else throws `WireError` `damaged`. Byte strings share the input. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#step(1));
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#step(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#step(4));
  }

  whole(): number {
    const value = this.#buffer.readDoubleLE(this.#step(8));
    if (!Number.isSafeInteger(value) || value < 0) throw damaged(`${value} is no whole number`);
    return value;
  }

  real(): number {
    const value = this.#buffer.readDoubleLE(this.#step(8));
    if (!Number.isFinite(value)) throw damaged(`${value} is no number`);
    return value;
  }

  short(): Uint8Array {
    return this.#raw(this.u16());
  }

  long(): Uint8Array {
    return this.#raw(this.u32());
  }

  text(): string {
    const length = this.u16();
    const at = this.#step(length);
    return this.#buffer.toString('utf8', at, at + length);
  }

  /** A count of things of at least `eachBytes`, so that a damaged count cannot ask for memory. */
  count(eachBytes: number): number {
    const count = this.u32();
    if (count * eachBytes > this.#buffer.length - this.#at) throw damaged(`a count of ${count}`);
    return count;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#buffer.length) throw damaged('bytes after the end');
  }

  #raw(length: number): Uint8Array {
    const at = this.#step(length);
    return this.#buffer.subarray(at, at + length);
  }

  #step(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#buffer.length) throw damaged('it ends too soon');
    this.#at = at + bytes;
    return at;
  }
}

export const damaged = (how: string): WireError =>
  new WireError('damaged', `a message of another region is damaged: ${how}`);
