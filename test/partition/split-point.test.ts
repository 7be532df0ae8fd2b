import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { ItemRecord } from '../../src/model/record.ts';
import {
  loadSplitPoint,
  LoadSample,
  SPLIT_SAMPLES_MIN,
  SPLIT_SHARE_MIN,
} from '../../src/partition/split-point.ts';
import { SYSTEM_TABLE } from '../../src/storage/key-layout.ts';

const ALL = { from: 0, to: 2 ** 32 };

function record(hash: number, change: Partial<ItemRecord> = {}): ItemRecord {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(hash);
  return {
    table: 1,
    key,
    version: { time: 1, region: 'east' },
    replaced: undefined,
    image: undefined,
    keepsTombstone: false,
    itemBytes: 0,
    previous: { kind: 'none' },
    cause: 'user',
    ...change,
  };
}

test('a load that is spread is divided about in the middle', () => {
  const hashes = Array.from({ length: 400 }, (_, at) => at * 1000);
  const middle = loadSplitPoint(hashes, ALL) ?? 0;
  expect(middle).toBeGreaterThan(190_000);
  expect(middle).toBeLessThan(210_000);
});

test('no split for one hot item, which has one hash, nor for what little is beside it', () => {
  const hot = Array.from({ length: 400 }, () => 77);
  expect(loadSplitPoint(hot, ALL)).toBeUndefined();
  expect(loadSplitPoint([...hot, ...Array.from({ length: 40 }, (_, at) => at)], ALL)).toBe(
    undefined,
  );
});

test('no split from too few samples, nor from those of another partition', () => {
  const hashes = Array.from({ length: SPLIT_SAMPLES_MIN }, (_, at) => at);
  expect(loadSplitPoint(hashes.slice(1), ALL)).toBeUndefined();
  expect(loadSplitPoint(hashes, ALL)).toBeDefined();
  expect(loadSplitPoint(hashes, { from: 10, to: 2 ** 32 })).toBeUndefined();
});

test('a split point leaves a share of the load on both sides, whatever the load is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { minLength: SPLIT_SAMPLES_MIN, maxLength: 300 }),
      (hashes) => {
        const middle = loadSplitPoint(hashes, ALL);
        const shareBelow = (at: number): number =>
          hashes.filter((hash) => hash < at).length / hashes.length;
        const shares = hashes.map((hash) => Math.min(shareBelow(hash), 1 - shareBelow(hash)));
        const best = Math.max(...shares);
        expect(middle !== undefined).toBe(best >= SPLIT_SHARE_MIN);
        const share = middle === undefined ? best : shareBelow(middle);
        expect(Math.min(share, 1 - share)).toBeCloseTo(best);
      },
    ),
  );
});

test('a sample holds the latest, is bounded, and has nothing of what the region keeps for itself', () => {
  const sample = new LoadSample();
  for (let at = 0; at < 10_000; at += 1) sample.add([record(at)]);
  expect(sample.records).toBe(10_000);
  expect(sample.hashes.length).toBeLessThan(1000);
  expect(Math.min(...sample.hashes)).toBeGreaterThan(5000);
  sample.add([record(1, { table: SYSTEM_TABLE }), record(1, { cause: 'system' })]);
  expect(sample.records).toBe(10_000);
  sample.clear();
  expect(sample.hashes).toEqual([]);
});
