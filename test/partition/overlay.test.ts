import { expect, test } from 'vitest';

import type { ItemRecord } from '../../src/model/record.ts';
import {
  appliedBytesMax,
  COMMITTED,
  Overlay,
  overlayKey,
  type Commit,
  type OverlayItem,
} from '../../src/partition/overlay.ts';

const pending: Commit = { order: 1, done: false, durable: Promise.resolve() };

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

const keyOf = (record: ItemRecord): string => overlayKey(record.table, record.key);

const places = new WeakMap<ItemRecord, OverlayItem>();

function hold(overlay: Overlay, record: ItemRecord): void {
  places.set(record, overlay.set(keyOf(record), record, pending));
}

function apply(overlay: Overlay, record: ItemRecord): void {
  const item = places.get(record);
  if (item !== undefined) overlay.applied(item, record);
}

test('an item stays when every copy has applied it, and holds on to no append', () => {
  const overlay = new Overlay();
  const item = recordOf('a', 10);
  hold(overlay, item);
  expect(overlay.get(keyOf(item))).toMatchObject({ record: item, commit: pending });
  apply(overlay, item);
  expect(overlay.get(keyOf(item))).toMatchObject({ record: item, commit: COMMITTED });
});

test('a removal goes when every copy has applied it: a copy may forget the tombstone without a record', () => {
  const overlay = new Overlay();
  const removal = recordOf('a');
  hold(overlay, removal);
  apply(overlay, removal);
  expect(overlay.size).toBe(0);
});

test('what is applied and was overwritten since leaves the newer record as it is', () => {
  const overlay = new Overlay();
  const [older, newer] = [recordOf('a', 10), recordOf('a', 20)];
  hold(overlay, older);
  hold(overlay, newer);
  apply(overlay, older);
  expect(overlay.get(keyOf(newer))).toMatchObject({ record: newer, commit: pending });
});

test('applied items are kept up to their bytes, the latest ones, and what is not applied beyond them', () => {
  const overlay = new Overlay();
  const imageBytes = 64 * 1024;
  const count = appliedBytesMax / imageBytes + 8;
  const records = Array.from({ length: count }, (_, at) => recordOf(`item ${at}`, imageBytes));
  for (const record of records) hold(overlay, record);
  expect(overlay.size).toBe(count);
  for (const record of records) apply(overlay, record);
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
    const record: ItemRecord = { ...recordOf(`item ${at}`, 10), oldImage };
    hold(overlay, record);
    apply(overlay, record);
  }
  expect(overlay.size * oldImage.length).toBeLessThanOrEqual(appliedBytesMax);
  expect(overlay.size).toBeGreaterThan(0);
});

test('an item that is overwritten again and again costs no more than the bound', () => {
  const overlay = new Overlay();
  for (let round = 0; round < 200; round += 1) {
    const record = recordOf('hot', 64 * 1024);
    hold(overlay, record);
    apply(overlay, record);
    expect(overlay.get(keyOf(record))?.record).toBe(record);
  }
  expect(overlay.size).toBe(1);
});

test('nothing of what was applied comes back after everything was forgotten', () => {
  const overlay = new Overlay();
  const item = recordOf('a', 10);
  hold(overlay, item);
  apply(overlay, item);
  overlay.clear();
  hold(overlay, item);
  const held = places.get(item);
  if (held !== undefined) overlay.applied(held, recordOf('a', 10));
  expect(overlay.get(keyOf(item))?.commit).toBe(pending);
});

test('a removal that was written over is not taken away with what came of it', () => {
  const overlay = new Overlay();
  const [removal, item] = [recordOf('a'), recordOf('a', 10)];
  hold(overlay, removal);
  apply(overlay, removal);
  hold(overlay, item);
  apply(overlay, removal);
  expect(overlay.get(keyOf(item))?.record).toBe(item);
});
