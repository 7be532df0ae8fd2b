import { Buffer } from 'node:buffer';

import { assert } from './assert.ts';

/** Stands for a byte string in the JSON part; no member of what is sent has this name. */
const BYTES = '\u0000bytes';

/**
 * Plain data with byte strings in it as one message: the length of a JSON text, the text, then the bytes that it refers to, one
 * after the other. What JSON leaves out is left out: members that are undefined.
 */
export function encodeMessage(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  const json = Buffer.from(JSON.stringify({ value: detached(value, parts) }));
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32LE(json.length);
  return Buffer.concat([head, json, ...parts]);
}

/** The value without its byte strings, which go to `parts`. */
function detached(value: unknown, parts: Uint8Array[]): unknown {
  if (value instanceof Uint8Array) {
    parts.push(value);
    return { [BYTES]: value.length };
  }
  if (Array.isArray(value)) return value.map((element) => detached(element, parts));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, detached(member, parts)]),
  );
}

/** The value; its byte strings share the message's bytes. Throws for what `encodeMessage` has not made. */
export function decodeMessage(bytes: Uint8Array): unknown {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const jsonEnd = 4 + message.readUInt32LE(0);
  const decoded: unknown = JSON.parse(message.toString('utf8', 4, jsonEnd));
  const reader = new PartReader(message, jsonEnd);
  const whole = reader.restored(decoded);
  assert(reader.at === message.length, 'a message ends with its last bytes');
  return isObject(whole) ? whole['value'] : undefined;
}

class PartReader {
  readonly #message: Buffer;
  at: number;

  constructor(message: Buffer, at: number) {
    this.#message = message;
    this.at = at;
  }

  /** In the order of the text, which is that of the parts. */
  restored(value: unknown): unknown {
    if (Array.isArray(value)) {
      for (const [place, element] of value.entries()) value[place] = this.restored(element);
      return value;
    }
    if (!isObject(value)) return value;
    const length = value[BYTES];
    if (typeof length === 'number') return this.#take(length);
    for (const [name, member] of Object.entries(value)) {
      const restored = this.restored(member);
      if (restored !== member) value[name] = restored;
    }
    return value;
  }

  #take(length: number): Uint8Array {
    const from = this.at;
    this.at += length;
    assert(this.at <= this.#message.length, 'a message holds the bytes that it names');
    return this.#message.subarray(from, this.at);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
