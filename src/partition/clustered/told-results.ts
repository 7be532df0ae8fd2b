import { ClientError } from '../../model/errors.ts';
import type { PlainWrite, WriteResult } from '../item-write.ts';
import { MovedError } from '../moved-error.ts';
import { recordOverheadBytes } from '../append-pipeline.ts';
import { errorOf, refusalOf, type Refusal } from './node-calls.ts';

/** A `WriteResult` as plain data. `moved`: the write met a `MovedError`. */
export type ToldResult =
  | Extract<WriteResult, { kind: 'applied' }>
  | { readonly kind: 'moved' }
  | Refusal;

/** What one node tells another of its writes. Throws what one of them failed with that no client is told. */
export const toldResults = (results: readonly WriteResult[]): readonly ToldResult[] =>
  results.map((result) => {
    if (result.kind === 'applied') return result;
    if (result.error instanceof MovedError) return { kind: 'moved' };
    if (result.error instanceof ClientError) return refusalOf(result.error);
    throw result.error;
  });

/** Whether an answer is one at all. */
export const isToldResults = (answer: unknown): answer is readonly ToldResult[] =>
  Array.isArray(answer);

/** What `toldResults` was made of. */
export const heardResults = (told: readonly ToldResult[]): readonly WriteResult[] =>
  told.map((result) => {
    if (result.kind === 'applied') return result;
    return {
      kind: 'failed',
      error: result.kind === 'moved' ? new MovedError() : errorOf(result),
    };
  });

/** Bytes of keys and images that go to a leader in one message, about; one write alone may have more. */
export const writeEachBytesMax = 256 * 1024;

/** The writes in as few messages as may be, in order: each of one table, and of no more than `writeEachBytesMax`. */
export function inMessages(writes: readonly PlainWrite[]): readonly (readonly PlainWrite[])[] {
  const messages: PlainWrite[][] = [];
  let last: PlainWrite[] = [];
  let lastBytes = 0;
  for (const write of writes) {
    const bytes = bytesOf(write);
    if (last[0]?.table !== write.table || lastBytes + bytes > writeEachBytesMax) {
      last = [];
      lastBytes = 0;
      messages.push(last);
    }
    last.push(write);
    lastBytes += bytes;
  }
  return messages;
}

const bytesOf = ({ key, change }: PlainWrite): number =>
  key.length + (change.kind === 'put' ? change.image.length : 0) + recordOverheadBytes;
