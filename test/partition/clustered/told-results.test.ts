import fc from 'fast-check';
import { expect, test } from 'vitest';

import { assert } from '../../../src/base/assert.ts';
import { decodeMessage, encodeMessage } from '../../../src/base/message-codec.ts';
import { ClientError, internalError } from '../../../src/model/errors.ts';
import {
  heardResults,
  inMessages,
  isToldResults,
  toldResults,
  writeEachBytesMax,
} from '../../../src/partition/clustered/told-results.ts';
import type { PlainWrite, WriteResult } from '../../../src/partition/item-write.ts';
import { MovedError } from '../../../src/partition/moved-error.ts';

const putOf = (table: number, bytes: number): PlainWrite => ({
  table,
  key: new Uint8Array(8),
  change: { kind: 'put', image: new Uint8Array(bytes), itemBytes: bytes },
  condition: undefined,
  cause: 'user',
});

test('results arrive at another node as they were, errors of their kinds included', () => {
  const results: readonly WriteResult[] = [
    { kind: 'applied', beforeBytes: 3, afterBytes: 0 },
    { kind: 'failed', error: new MovedError() },
    { kind: 'failed', error: new ClientError('TransactionConflictException', 'under way') },
    { kind: 'failed', error: internalError() },
  ];
  const arrived = decodeMessage(encodeMessage(toldResults(results)));
  assert(isToldResults(arrived), 'they are results');
  expect(heardResults(arrived)).toEqual(results);
});

test('what is wrong with the program is not told: it fails the call, which is logged', () => {
  const wrong = new TypeError('undefined');
  expect(() => toldResults([{ kind: 'failed', error: wrong }])).toThrow(wrong);
});

const countsOf = (messages: readonly (readonly PlainWrite[])[]): readonly number[] =>
  messages.map(({ length }) => length);

test('writes go in as few messages as they fit in, each of one table', () => {
  const third = Math.floor(writeEachBytesMax / 3);
  const small = putOf(1, 10);
  expect(countsOf(inMessages([]))).toEqual([]);
  expect(countsOf(inMessages([small, small, small]))).toEqual([3]);
  expect(countsOf(inMessages([small, putOf(2, 10), putOf(2, 10)]))).toEqual([1, 2]);
  expect(countsOf(inMessages([putOf(1, third), putOf(1, third), putOf(1, third)]))).toEqual([2, 1]);
  expect(countsOf(inMessages([small, putOf(1, 2 * writeEachBytesMax), small]))).toEqual([1, 1, 1]);
});

test('messages hold every write once, in order', () => {
  const writes = fc.array(
    fc.record({ table: fc.integer({ min: 1, max: 2 }), bytes: fc.nat(writeEachBytesMax) }),
    { maxLength: 25 },
  );
  fc.assert(
    fc.property(writes, (each) => {
      const asked = each.map(({ table, bytes }) => putOf(table, bytes));
      expect(inMessages(asked).flat()).toEqual(asked);
    }),
    { numRuns: 50 },
  );
});
