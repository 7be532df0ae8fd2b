import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeRecordsInPlace } from '../../src/model/record-codec.ts';
import type { ItemRecord, Previous, StoredItem } from '../../src/model/record.ts';
import type { Version } from '../../src/model/version.ts';
import {
  appliedBytesMax,
  COMMITTED,
  Overlay,
  overlayKey,
  type Commit,
  type OverlayItem,
} from '../../src/partition/overlay.ts';
import { bufferBytesHeld } from '../support/buffer-bytes.ts';

/** The append of one record. */
interface Append extends Commit {
  readonly records: readonly ItemRecord[];
  readonly keys: readonly string[];
  items: readonly OverlayItem[];
  readonly entry: { readonly payload: Uint8Array };
}

function recordOf(name: string, imageBytes?: number): ItemRecord {
  return {
    table: 1,
    key: Buffer.from(name),
    version: { time: 1, region: 'us-east-1' },
    replaced: undefined,
    image: imageBytes === undefined ? undefined : Buffer.alloc(imageBytes),
    itemBytes: imageBytes ?? 0,
    keepsTombstone: imageBytes === undefined,
    previous: { kind: 'none' },
    cause: 'user',
  };
}

/** As it is held in its entry's payload. */
const storedOf = ({
  version,
  replaced,
  image,
  itemBytes,
  dueMs,
  digest,
}: ItemRecord): StoredItem => ({
  version,
  replaced,
  image: image && Buffer.from(image),
  itemBytes,
  dueMs,
  digest,
});

const like = (image: Uint8Array): Uint8Array => Buffer.concat([image, Buffer.alloc(100)]);

const keyOf = (record: ItemRecord): string => overlayKey(record.table, record.key);

/** What is held of records that are appended together: from then on their bytes are views of the payload. */
function hold(overlay: Overlay, ...records: readonly ItemRecord[]): Append {
  const append: Append = {
    order: 1,
    done: false,
    durable: Promise.resolve(),
    records,
    keys: records.map(keyOf),
    items: [],
    entry: { payload: encodeRecordsInPlace(records) },
  };
  overlay.setEach(append);
  return append;
}

test('an item stays when every copy has applied it, and holds on to no append', () => {
  const overlay = new Overlay();
  const item = recordOf('a', 10);
  const pending = hold(overlay, item);
  expect(overlay.get(keyOf(item))).toMatchObject({ record: item, stored: item, commit: pending });
  overlay.applied(pending);
  const { record, stored, commit } = present(overlay.get(keyOf(item)), 'the item');
  expect({ record, commit }).toEqual({ record: undefined, commit: COMMITTED });
  expect(stored).toEqual(storedOf(item));
});

test('what an item was stays the same when its record goes, whatever stands in its entry', () => {
  const overlay = new Overlay();
  const { version } = recordOf('a');
  const other: Version = { time: 7, region: 'eu-central-1' };
  const image = Buffer.from('{"is":"new"}');
  const previous: Previous = { kind: 'item', digest: [2 ** 32 - 1, 3], itemBytes: 4 };
  const base = { ...recordOf('a', 10), image };
  const records: readonly ItemRecord[] = [
    base,
    { ...base, key: Buffer.from('b'), replaced: other, dueMs: 1234, digest: [2 ** 32 - 1, 5] },
    { ...base, key: Buffer.from('c'), previous: { ...previous, dueMs: 5 }, dueMs: 6 },
    { ...base, key: Buffer.from('d'), previous, oldImage: Buffer.from('{}'), dueMs: 7 },
    // Of which the old image is told by what it has otherwise.
    {
      ...base,
      key: Buffer.from('e'),
      previous,
      oldImage: like(Buffer.from('0')),
      image: like(image),
      dueMs: 8,
    },
    { ...base, key: Buffer.from('f'), previous: { kind: 'tombstone', time: 3 }, version: other },
    { ...base, key: Buffer.from('g'), version: { ...version, time: 2 ** 52 }, dueMs: 9 },
  ];
  overlay.applied(hold(overlay, ...records));
  for (const record of records)
    expect(overlay.get(keyOf(record))?.stored).toEqual(storedOf(record));
});

test('of two records of one key in one entry the last is held', () => {
  const overlay = new Overlay();
  const [first, last] = [recordOf('a', 10), recordOf('a', 20)];
  overlay.applied(hold(overlay, first, last));
  expect(overlay.get(keyOf(last))?.stored).toEqual(storedOf(last));
});

test('a removal goes when every copy has applied it: a copy may forget the tombstone without a record', () => {
  const overlay = new Overlay();
  overlay.applied(hold(overlay, recordOf('a')));
  expect(overlay.size).toBe(0);
});

test('what is applied and was overwritten since leaves the newer record as it is', () => {
  const overlay = new Overlay();
  const [older, newer] = [recordOf('a', 10), recordOf('a', 20)];
  const applied = hold(overlay, older);
  const pending = hold(overlay, newer);
  overlay.applied(applied);
  expect(overlay.get(keyOf(newer))).toMatchObject({ record: newer, commit: pending });
});

test('applied items are kept up to their bytes, the latest ones, and what is not applied beyond them', () => {
  const overlay = new Overlay();
  const imageBytes = 64 * 1024;
  const count = appliedBytesMax / imageBytes + 8;
  const records = Array.from({ length: count }, (_, at) => recordOf(`item ${at}`, imageBytes));
  const appends = records.map((record) => hold(overlay, record));
  expect(overlay.size).toBe(count);
  for (const append of appends) overlay.applied(append);
  const kept = records.filter((record) => overlay.get(keyOf(record)) !== undefined);
  expect(overlay.size).toBe(kept.length);
  expect(kept).toEqual(records.slice(-kept.length));
  expect(kept.length * imageBytes).toBeLessThan(appliedBytesMax);
  expect((kept.length + 2) * imageBytes).toBeGreaterThan(appliedBytesMax);
});

test('images that were replaced count as much as those that replaced them', () => {
  const overlay = new Overlay();
  const oldImage = Buffer.alloc(256 * 1024);
  for (let at = 0; at < 100; at += 1) {
    const previous: Previous = { kind: 'item', digest: [0, 0], itemBytes: 1 };
    overlay.applied(hold(overlay, { ...recordOf(`item ${at}`, 10), previous, oldImage }));
  }
  expect(overlay.size * oldImage.length).toBeLessThanOrEqual(appliedBytesMax);
  expect(overlay.size).toBeGreaterThan(0);
});

test('an item that is overwritten again and again costs no more than the bound', () => {
  const overlay = new Overlay();
  for (let round = 0; round < 200; round += 1) {
    const record = recordOf('hot', 64 * 1024);
    overlay.applied(hold(overlay, record));
    expect(overlay.get(keyOf(record))?.stored.itemBytes).toBe(64 * 1024);
  }
  expect(overlay.size).toBe(1);
});

test('what is no longer kept is not held', () => {
  const overlay = new Overlay();
  const before = bufferBytesHeld();
  for (let at = 0; at < 400; at += 1)
    overlay.applied(hold(overlay, recordOf(`item ${at}`, 128 * 1024)));
  expect(overlay.size).toBeGreaterThan(0);
  expect(bufferBytesHeld() - before).toBeLessThan(3 * appliedBytesMax);
});

test('nothing of what was applied comes back after everything was forgotten', () => {
  const overlay = new Overlay();
  const item = recordOf('a', 10);
  const before = hold(overlay, item);
  overlay.applied(before);
  overlay.clear();
  const pending = hold(overlay, recordOf('a', 10));
  overlay.applied(before);
  expect(overlay.get(keyOf(item))?.commit).toBe(pending);
});

test('a removal that was written over is not taken away with what came of it', () => {
  const overlay = new Overlay();
  const [removal, item] = [recordOf('a'), recordOf('a', 10)];
  const removing = hold(overlay, removal);
  overlay.applied(removing);
  hold(overlay, item);
  overlay.applied(removing);
  expect(overlay.get(keyOf(item))?.record).toBe(item);
});
