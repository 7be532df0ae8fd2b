import fc from 'fast-check';
import { expect, test } from 'vitest';

import { EMPTY_END, endOf } from '../../../src/log/chain.ts';
import { makeEntry } from '../../../src/log/entry-codec.ts';
import type { Entry } from '../../../src/log/entry.ts';
import {
  encodeEntryMessages,
  encodeProof,
  type Found,
  MessageReader,
} from '../../../src/log/jetstream/stream-message.ts';

const entryOf = (payload: Uint8Array): Entry =>
  makeEntry(EMPTY_END, { epoch: 1, logId: 'log', kind: 'open', partitionTime: 1, payload });

/** All that a reader finds in messages that stand one behind the other from a number on. */
function readFrom(first: number, messages: readonly Uint8Array[]): readonly Found[] {
  const reader = new MessageReader();
  return messages.flatMap((message, at) => reader.take(first + at, message) ?? []);
}

test('an entry of any size is found as it was, with the number of its first message', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.integer({ min: 0, max: 3 }),
      (payload, partBytes, sentFor, later) => {
        const entry = entryOf(payload);
        const messages = encodeEntryMessages(entry, sentFor, partBytes);
        const found = readFrom(sentFor + later, [...messages, encodeProof(1)]);
        expect(found).toHaveLength(2);
        const [first, second] = found;
        expect(first).toMatchObject({
          kind: 'entry',
          first: sentFor + later,
          isInPlace: later === 0,
        });
        const read = first?.kind === 'entry' ? first.entry : undefined;
        expect(read && endOf(read)).toEqual(endOf(entry));
        expect(Buffer.compare(read?.payload ?? Buffer.from('none'), payload)).toBe(0);
        expect(second).toEqual({ kind: 'proof' });
      },
    ),
  );
});

test('parts that are not all there, one behind the other, are nothing', () => {
  const entry = entryOf(new Uint8Array(100).fill(7));
  const other = entryOf(new Uint8Array(100).fill(8));
  const parts = encodeEntryMessages(entry, 1, 50);
  expect(parts.length).toBeGreaterThan(2);
  const [first, ...rest] = parts;
  if (first === undefined) throw new Error('no part');
  expect(readFrom(1, rest)).toEqual([]);
  expect(readFrom(1, [first, encodeProof(2), ...rest])).toEqual([{ kind: 'proof' }]);
  expect(readFrom(1, [first, Buffer.from('a stranger'), ...rest])).toEqual([]);
  const mixed = [first, ...encodeEntryMessages(other, 1, 50).slice(1)];
  expect(readFrom(1, mixed)).toEqual([]);
  expect(readFrom(1, [first, ...parts])).toMatchObject([{ kind: 'entry', first: 2 }]);
});

test('what is damaged, and what a newer program wrote, is told', () => {
  const [message] = encodeEntryMessages(entryOf(new Uint8Array(10)), 1);
  if (message === undefined) throw new Error('no message');
  const damaged = Uint8Array.from(message);
  damaged[damaged.length - 1] = 1;
  expect(() => readFrom(1, [damaged])).toThrow(expect.objectContaining({ code: 'damaged' }));
  const newer = Uint8Array.from(message);
  newer[1] = 9;
  expect(() => readFrom(1, [newer])).toThrow(expect.objectContaining({ code: 'format' }));
  expect(readFrom(1, [new Uint8Array(0), Buffer.from('Tx')])).toEqual([]);
});
