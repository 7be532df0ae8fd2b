import { expect, test } from 'vitest';

import { EMPTY_END, endOf } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { Entry } from '../../src/log/entry.ts';
import type { VersionedChange } from '../../src/partition/partition.ts';
import { TargetBatches } from '../../src/region/index-batches.ts';

/** Entries 1 to `count` of a log. */
function entriesOf(count: number): readonly Entry[] {
  const entries: Entry[] = [];
  let end = EMPTY_END;
  for (let time = 1; time <= count; time += 1) {
    const made = makeEntry(end, {
      logId: 'log',
      epoch: 1,
      kind: entries.length === 0 ? 'open' : 'noop',
      partitionTime: time,
      payload: new Uint8Array(0),
    });
    entries.push(made);
    end = endOf(made);
  }
  return entries;
}

const change = (key: number, text: string, bytes = 10): VersionedChange => ({
  table: 7,
  key: Uint8Array.of(key >>> 8, key),
  entry: { image: Buffer.from(text.padEnd(bytes)), itemBytes: bytes },
  version: { time: 1, region: 'east' },
});

const textsOf = (changes: readonly VersionedChange[]): string[] =>
  changes.map(({ entry }) =>
    Buffer.from(entry?.image ?? [])
      .toString()
      .trim(),
  );

test('of several changes of a key only the last is sent, in the order of the last ones', () => {
  const [first, second] = entriesOf(2);
  if (first === undefined || second === undefined) throw new Error('two entries');
  const batches = new TargetBatches();
  batches.add(first, [change(1, 'old'), change(2, 'other')]);
  batches.add(second, [change(1, 'new')]);
  const [batch, ...rest] = batches.take();
  expect(rest).toEqual([]);
  expect(batch?.to?.index).toBe(2);
  expect(textsOf(batch?.changes ?? [])).toEqual(['other', 'new']);
  expect(batches.take()).toEqual([]);
});

test('a batch ends between two entries before it would pass 256 KB', () => {
  const entries = entriesOf(6);
  const batches = new TargetBatches();
  for (const [place, entry] of entries.entries())
    batches.add(entry, [change(place, `item ${place}`, 100 * 1024)]);
  const taken = batches.take();
  expect(taken.map(({ to, changes }) => [to?.index, changes.length])).toEqual([
    [2, 2],
    [4, 2],
    [6, 2],
  ]);
});

test('what follows from one entry and is too much comes in parts, of which the last moves the position', () => {
  const [only] = entriesOf(1);
  if (only === undefined) throw new Error('an entry');
  const batches = new TargetBatches();
  batches.add(
    only,
    Array.from({ length: 300 }, (_, key) => change(key, `item ${key}`)),
  );
  const taken = batches.take();
  expect(taken.map(({ to, changes }) => [to?.index, changes.length])).toEqual([
    [undefined, 128],
    [undefined, 128],
    [1, 44],
  ]);
  expect(taken.flatMap(({ changes }) => textsOf(changes))).toHaveLength(300);
});
