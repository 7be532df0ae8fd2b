import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { StoredItem } from '../../src/model/record.ts';
import {
  compareVersions,
  expiryOf,
  isExpiry,
  originOf,
  type Version,
} from '../../src/model/version.ts';
import type { ReceivedRecord } from '../../src/partition/partition.ts';
import { resolve } from '../../src/replication/resolve.ts';

const at = (time: number, region: string): Version => ({ time, region });

const record = (
  version: Version,
  options: Partial<Pick<ReceivedRecord, 'replaced' | 'image' | 'via'>> = {},
): ReceivedRecord => ({
  table: 1,
  key: Buffer.from('k'),
  version,
  replaced: undefined,
  image: Buffer.from('x'),
  itemBytes: 1,
  via: 'ship',
  ...options,
});

/** What a fold keeps of a record that won. */
const stored = ({ version, replaced, image, itemBytes }: ReceivedRecord): StoredItem => ({
  version,
  replaced,
  image,
  itemBytes,
});

const fold = (records: readonly ReceivedRecord[]): StoredItem | undefined => {
  let current: StoredItem | undefined;
  for (const next of records) if (resolve(current, next, {}).kind === 'won') current = stored(next);
  return current;
};

const anyRecord = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom('a', 'b', 'c'),
    fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined }),
  )
  .map(([time, region, image]) => record(at(time, region), { image }));

/** What any region makes of a write whose time to live is over. */
const expired = (of: ReceivedRecord): ReceivedRecord => ({
  ...of,
  version: expiryOf(of.version),
  image: undefined,
  itemBytes: 0,
});

test('an expiry wins over its item and loses to all that wins over the item', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (item, other) => {
      const end = expired(item);
      expect(fold([item, end])).toEqual(stored(end));
      const isNewer = compareVersions(other.version, item.version) > 0;
      const isSame = compareVersions(other.version, item.version) === 0;
      fc.pre(!isSame);
      const left = stored(isNewer ? other : end);
      for (const order of [
        [item, end, other],
        [item, other, end],
        [other, end, item],
        [end, other],
      ])
        expect(fold(order)).toEqual(left);
    }),
  );
});

test('no name of a region comes between an item and its expiry', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}[a-z0-9]$/u);
  fc.assert(
    fc.property(name, name, (one, other) => {
      const item = at(5, one);
      expect(originOf(expiryOf(item))).toBe(one);
      expect(isExpiry(item)).toBe(false);
      expect(compareVersions(expiryOf(item), item)).toBeGreaterThan(0);
      const isBetween = other > one && compareVersions(at(5, other), expiryOf(item)) <= 0;
      expect(isBetween).toBe(false);
    }),
  );
});

test('regions that expire the same item make no conflict, whoever hears of whom', () => {
  const item = record(at(1, 'b'));
  const end = expired(item);
  expect(resolve(stored(end), end, {})).toEqual({ kind: 'duplicate', conflict: undefined });
  expect(resolve(stored(item), end, {})).toEqual({ kind: 'won', conflict: undefined });
  expect(resolve(stored(end), item, {})).toEqual({ kind: 'lost', conflict: undefined });
});

test('an expiry that loses is no conflict; what its item had not seen still is', () => {
  const item = record(at(5, 'b'));
  const end = expired(item);
  const unseen = record(at(6, 'a'), { replaced: undefined });
  expect(resolve(stored(end), unseen, {}).conflict).toBeUndefined();
  expect(resolve(stored(unseen), end, {}).conflict).toBeUndefined();
  const earlier = record(at(4, 'a'));
  expect(resolve(stored(end), earlier, {}).conflict).toMatchObject({ alarm: false });
});

test('what was forgotten of a region covers the expiries of its items', () => {
  const end = expired(record(at(5, 'b')));
  expect(resolve(undefined, end, { b: 5 }).kind).toBe('forgotten');
  expect(resolve(undefined, end, { b: 4 }).kind).toBe('won');
});

test('any order and any repetition of the same records leaves the same item', () => {
  const shuffled = fc
    .array(anyRecord, { minLength: 1, maxLength: 8 })
    .chain((records) =>
      fc.tuple(
        fc.constant(records),
        fc.shuffledSubarray([...records, ...records], { minLength: records.length * 2 }),
      ),
    );
  fc.assert(
    fc.property(shuffled, ([records, others]) => {
      expect(fold(others)).toEqual(fold(records));
    }),
  );
});

test('what wins against each of two others is what is left of all three: the order is total', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, anyRecord, (a, b, c) => {
      const [left, right] = [fold([a, b, c]), fold([c, b, a])];
      expect(left).toEqual(right);
      for (const one of [a, b, c]) {
        expect(['lost', 'duplicate']).toContain(resolve(left, one, {}).kind);
      }
    }),
  );
});

test('the later time wins, then the greater region name', () => {
  expect(resolve(stored(record(at(5, 'a'))), record(at(6, 'a')), {}).kind).toBe('won');
  expect(resolve(stored(record(at(5, 'b'))), record(at(5, 'a')), {}).kind).toBe('lost');
  expect(resolve(stored(record(at(5, 'a'))), record(at(5, 'b')), {}).kind).toBe('won');
});

test('a tombstone is a write like any other', () => {
  const tombstone = record(at(6, 'b'), { image: undefined });
  expect(resolve(stored(record(at(5, 'a'))), tombstone, {}).kind).toBe('won');
  expect(resolve(stored(tombstone), record(at(5, 'a')), {}).kind).toBe('lost');
});

test('equal versions with different images raise an alarm and keep the larger', () => {
  const small = record(at(5, 'a'), { image: Buffer.from('a') });
  const large = record(at(5, 'a'), { image: Buffer.from('b') });
  const alarm = { winner: at(5, 'a'), loser: at(5, 'a'), alarm: true };
  expect(resolve(stored(small), large, {})).toEqual({ kind: 'won', conflict: alarm });
  expect(resolve(stored(large), { ...small, via: 'scan' }, {})).toEqual({
    kind: 'lost',
    conflict: alarm,
  });
});

test('a loser that its winner had not seen is a conflict, whichever came first', () => {
  const mine = record(at(5, 'a'));
  const theirs = record(at(6, 'b'));
  const conflict = { winner: at(6, 'b'), loser: at(5, 'a'), alarm: false };
  expect(resolve(stored(mine), theirs, {})).toEqual({ kind: 'won', conflict });
  expect(resolve(stored(theirs), mine, {})).toEqual({ kind: 'lost', conflict });
});

test('a loser that its winner had seen is none', () => {
  const seen = record(at(6, 'b'), { replaced: at(5, 'a') });
  expect(resolve(stored(record(at(5, 'a'))), seen, {})).toEqual({
    kind: 'won',
    conflict: undefined,
  });
  expect(resolve(stored(seen), record(at(5, 'a')), {})).toEqual({
    kind: 'lost',
    conflict: undefined,
  });
});

test('a chain of local overwrites hides no conflict', () => {
  // b saw a's write of 5, wrote at 7, and over that at 9, while a wrote at 6.
  const chained = record(at(9, 'b'), { replaced: at(5, 'a') });
  expect(resolve(stored(chained), record(at(6, 'a')), {}).conflict).toEqual({
    winner: at(9, 'b'),
    loser: at(6, 'a'),
    alarm: false,
  });
});

test('one region overwriting itself, a redelivery and a scan are no conflicts', () => {
  const first = record(at(5, 'a'));
  expect(resolve(stored(first), record(at(6, 'a')), {}).conflict).toBeUndefined();
  expect(resolve(stored(record(at(6, 'a'))), first, {}).conflict).toBeUndefined();
  expect(resolve(stored(first), first, {})).toEqual({ kind: 'duplicate', conflict: undefined });
  for (const via of ['scan', 'bootstrap'] as const) {
    expect(resolve(stored(first), record(at(6, 'b'), { via }), {}).conflict).toBeUndefined();
  }
});

test('what was forgotten does not come back, and what is newer does', () => {
  const forgotten = { a: 10 };
  expect(resolve(undefined, record(at(10, 'a')), forgotten).kind).toBe('forgotten');
  expect(resolve(undefined, record(at(10, 'a'), { via: 'scan' }), forgotten).kind).toBe(
    'forgotten',
  );
  expect(resolve(undefined, record(at(11, 'a')), forgotten).kind).toBe('won');
  expect(resolve(undefined, record(at(1, 'b')), forgotten).kind).toBe('won');
  expect(resolve(stored(record(at(5, 'a'))), record(at(10, 'a')), forgotten).kind).toBe('won');
});

test('a bootstrap brings old items into a replica that has forgotten nothing of them', () => {
  const old = record(at(5, 'a'), { via: 'bootstrap' });
  expect(resolve(undefined, old, { a: 10 }).kind).toBe('won');
});

test('conflicts name winner and loser in the order of versions', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (a, b) => {
      const { conflict } = resolve(stored(a), b, {});
      if (conflict === undefined || conflict.alarm) return;
      expect(compareVersions(conflict.winner, conflict.loser)).toBeGreaterThan(0);
    }),
  );
});
