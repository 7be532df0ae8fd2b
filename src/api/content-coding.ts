import { deflate, gunzip, gzip, inflate } from 'node:zlib';

import { internalError } from '../model/errors.ts';
import { REQUEST_BODY_BYTES_MAX } from '../model/limits.ts';

/** The codings that DynamoDB reads and writes; `deflate` is the zlib format of RFC 1950. */
export type Coding = 'gzip' | 'deflate';

/** Shorter answers go out as they are, whatever the client accepts. Source: the threshold that DynamoDB has. */
const CODED_BYTES_MIN = 4096;

/**
 * A request's body without its `Content-Encoding`. Undefined when it would be larger than a body may be. Rejects
 * with `InternalServerError`, as DynamoDB answers, for a coding that it does not know and for a body that is not
 * in the coding named.
 */
export async function decodeBody(body: Buffer, coding: string): Promise<Buffer | undefined> {
  const name = coding.trim().toLowerCase();
  if (name === 'identity') return body;
  if (!isCoding(name)) throw internalError();
  const decode = name === 'gzip' ? gunzip : inflate;
  return new Promise((resolve, reject) => {
    decode(body, { maxOutputLength: REQUEST_BODY_BYTES_MAX }, (error, content) => {
      if (error === null) resolve(content);
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') resolve(undefined);
      else reject(internalError());
    });
  });
}

/** The coding in which to answer a body of this length to what `Accept-Encoding` says; undefined: as it is. */
export const answerCoding = (
  accepted: string | string[] | undefined,
  bodyBytes: number,
): Coding | undefined =>
  accepted === undefined || bodyBytes < CODED_BYTES_MIN
    ? undefined
    : preferredCoding(String(accepted));

export async function encodeBody(body: string | Uint8Array, coding: Coding): Promise<Buffer> {
  const encode = coding === 'gzip' ? gzip : deflate;
  return new Promise((resolve, reject) => {
    encode(body, (error, coded) => {
      if (error === null) resolve(coded);
      else reject(error);
    });
  });
}

const CODINGS = ['gzip', 'deflate'] as const satisfies readonly Coding[];

const isCoding = (name: string): name is Coding => name === 'gzip' || name === 'deflate';

/**
 * The coding of greatest quality. Of equals the one named first, and what is named before what only `*` allows.
 * `identity` does not count. Source: DynamoDB's answers to all sorts of such headers.
 */
export function preferredCoding(accepted: string): Coding | undefined {
  const named = new Map<Coding, number>();
  let others = 0;
  for (const entry of accepted.split(',')) {
    const [name = '', ...parameters] = entry.split(';');
    const coding = name.trim().toLowerCase();
    const quality = qualityIn(parameters.join(';'));
    if (isCoding(coding)) named.set(coding, Math.max(quality, named.get(coding) ?? 0));
    else if (coding === '*') others = Math.max(others, quality);
  }
  const ranked = [...named, ...CODINGS.map((coding) => [coding, others] as const)];
  let best: { readonly coding: Coding; readonly quality: number } | undefined;
  for (const [index, [coding, quality]] of ranked.entries()) {
    if (index >= named.size && named.has(coding)) continue;
    if (quality > (best?.quality ?? 0)) best = { coding, quality };
  }
  return best?.coding;
}

/** What follows the first `q=`, wherever that stands; 1 for none, for what is no number, and for more than 1. */
function qualityIn(parameters: string): number {
  const at = parameters.indexOf('q=');
  if (at < 0) return 1;
  const text =
    parameters
      .slice(at + 2)
      .split(';', 1)[0]
      ?.trim() ?? '';
  const quality = text === '' ? Number.NaN : Number(text);
  return Number.isNaN(quality) ? 1 : Math.min(1, quality);
}
