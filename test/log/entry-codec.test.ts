import fc from 'fast-check';
import { expect, test } from 'vitest';

import { randomBelow } from '../../src/base/random.ts';
import { decodeEntry, encodeEntry, makeEntry } from '../../src/log/entry-codec.ts';
import type { Entry, EntryKind } from '../../src/log/entry.ts';
import { LogError } from '../../src/log/replicated-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const kinds: readonly EntryKind[] = ['open', 'records', 'noop', 'resign', 'forget'];

const entries: fc.Arbitrary<Entry> = fc
  .record({
    index: fc.nat(Number.MAX_SAFE_INTEGER - 1),
    checksum: fc.nat(0xffffffff),
    epoch: fc.nat(0xffffffff),
    logId: fc.stringMatching(/^[a-z0-9-]{0,40}$/),
    kind: fc.constantFrom(...kinds),
    partitionTime: fc.nat(Number.MAX_SAFE_INTEGER),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ index, checksum, ...content }) =>
    makeEntry({ logId: 'before', epoch: 1, index, checksum, partitionTime: 0 }, content),
  );

test('an entry is the same after it was encoded and decoded', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const decoded = decodeEntry(encodeEntry(entry));
      expect({ ...decoded, payload: Uint8Array.from(decoded.payload) }).toEqual({
        ...entry,
        payload: Uint8Array.from(entry.payload),
      });
    }),
  );
});

test('any flipped bit and any missing byte is found', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (entry, seed) => {
      const random = new SeededRandom(seed);
      const bytes = encodeEntry(entry);
      const bit = randomBelow(random, bytes.length * 8);
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeEntry(flipped)).toThrow(LogError);
      expect(() => decodeEntry(bytes.subarray(0, randomBelow(random, bytes.length)))).toThrow(
        LogError,
      );
    }),
    { numRuns: 500 },
  );
});

test('the first entry of a log stands on nothing', () => {
  const content = { epoch: 1, logId: 'x', kind: 'open', partitionTime: 5 } as const;
  const entry = makeEntry(undefined, { ...content, payload: new Uint8Array(0) });
  expect(entry).toMatchObject({ index: 1, previousChecksum: 0 });
});
