import { expect, test } from 'vitest';

import { EMPTY_END } from '../../../src/log/chain.ts';
import { encodedEntryBytes, makeEntry } from '../../../src/log/entry-codec.ts';
import type { Entry } from '../../../src/log/entry.ts';
import { entryFrame, FRAME_BODY_BYTES_MAX } from '../../../src/log/embedded/frame.ts';

const entryOf = (payload: Uint8Array): Entry =>
  makeEntry(EMPTY_END, { logId: 'log', epoch: 1, kind: 'open', partitionTime: 1, payload });

test('an entry that a reader would take for damage is not written', () => {
  const restBytes = encodedEntryBytes(entryOf(new Uint8Array(0)));
  const largest = entryOf(new Uint8Array(FRAME_BODY_BYTES_MAX - restBytes));
  expect(entryFrame(0, largest).end.checksum).toBe(largest.checksum);
  const larger = entryOf(new Uint8Array(FRAME_BODY_BYTES_MAX - restBytes + 1));
  expect(() => entryFrame(0, larger)).toThrow('larger than a frame');
});
