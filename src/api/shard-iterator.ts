import { createHmac, timingSafeEqual } from 'node:crypto';

import { ClientError, validationError } from '../model/errors.ts';
import { finite, list, members, optional, text } from '../base/shape.ts';
import type { Region, ShardPlace, ShardPosition, StreamOfTable } from '../region/region.ts';
import { streamOf } from './stream-arn.ts';
import { ITERATOR_EXPIRED, SHARD_ITERATOR_INVALID } from './stream-messages.ts';

/** How long an iterator can be used. Source: the API's reference, GetShardIterator. */
export const SHARD_ITERATOR_MS = 15 * 60 * 1000;

/** What an iterator says. */
export interface ShardIterator {
  readonly place: ShardPlace;
  readonly position: ShardPosition;
  readonly madeAtMs: number;
}

/**
 * The text of an iterator: the stream's ARN, a number, and what only this program reads, as AWS has it. It is sealed, so that
 * what no GetShardIterator has made is refused; every node and every later program reads it.
 */
export function encodeShardIterator(stream: StreamOfTable, iterator: ShardIterator): string {
  const { place, position, madeAtMs } = iterator;
  const after = position.kind === 'after' ? position.sequenceNumber : undefined;
  const { partition, era, span } = place;
  const content = JSON.stringify({ place: [partition, era, span], after, madeAtMs });
  const sealed = Buffer.concat([sealOf(stream, content), Buffer.from(content)]);
  return `${stream.arn}|${FORMAT}|${sealed.toString('base64')}`;
}

const FORMAT = 1;
const SEAL_BYTES = 12;

const sealOf = ({ tableId }: StreamOfTable, content: string): Uint8Array =>
  createHmac('sha256', tableId).update(content).digest().subarray(0, SEAL_BYTES);

/**
 * The stream and the place of an iterator. Throws `ValidationException` for what is none, `ResourceNotFoundException` where its
 * stream is gone, `ExpiredIteratorException`.
 */
export function parseShardIterator(
  region: Region,
  sent: string,
  nowMs: number,
): { readonly stream: StreamOfTable; readonly iterator: ShardIterator } {
  const [arn = '', format, encoded, ...rest] = sent.split('|');
  if (format !== String(FORMAT) || encoded === undefined || rest.length > 0) throw invalid();
  const stream = streamOf(region, arn);
  const sealed = Buffer.from(encoded, 'base64');
  const content = sealed.subarray(SEAL_BYTES).toString();
  const seal = sealed.subarray(0, SEAL_BYTES);
  if (seal.length !== SEAL_BYTES || !timingSafeEqual(seal, sealOf(stream, content)))
    throw invalid();
  const iterator = readContent(content);
  if (nowMs - iterator.madeAtMs > SHARD_ITERATOR_MS)
    throw new ClientError('ExpiredIteratorException', ITERATOR_EXPIRED);
  return { stream, iterator };
}

const contentShape = members<{
  readonly place: readonly number[];
  readonly after: string | undefined;
  readonly madeAtMs: number;
}>({ place: list(finite), after: optional(text), madeAtMs: finite });

function readContent(content: string): ShardIterator {
  const { place, after, madeAtMs } = contentShape(JSON.parse(content), 'iterator');
  const [partition, era, span] = place;
  if (partition === undefined || era === undefined || span === undefined) throw invalid();
  const position: ShardPosition =
    after === undefined ? { kind: 'horizon' } : { kind: 'after', sequenceNumber: after };
  return { place: { partition, era, span }, position, madeAtMs };
}

const invalid = (): ClientError => validationError(SHARD_ITERATOR_INVALID);
