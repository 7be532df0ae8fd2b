import fc from 'fast-check';
import { expect, test } from 'vitest';
import { present } from '../../src/base/assert.ts';
import {
  DamagedRecordsError,
  decodeRecords,
  encodeRecords,
  encodeRecordsInPlace,
} from '../../src/model/record-codec.ts';
import type { ItemRecord } from '../../src/model/record.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const time = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 30 });
const version = fc.record({
  time,
  region: fc.constantFrom('us-east-1', 'eu-west-1', 'ap-northeast-1', 'région'),
});

const undatedRecord: fc.Arbitrary<ItemRecord> = fc.record({
  table: uint32,
  key: bytes,
  version,
  replaced: fc.option(version, { nil: undefined }),
  image: fc.option(bytes, { nil: undefined }),
  keepsTombstone: fc.boolean(),
  itemBytes: uint32,
  previous: fc.oneof(
    fc.constant({ kind: 'none' } as const),
    fc.record({
      kind: fc.constant('item' as const),
      digest: fc.tuple(uint32, uint32),
      itemBytes: uint32,
    }),
    fc.record({ kind: fc.constant('tombstone' as const), time }),
  ),
  cause: fc.constantFrom(
    'user',
    'expiry',
    'replication',
    'transaction',
    'restore',
    'system',
    'backfill',
  ),
});

/** In tables with a time to live. */
const datedRecord = fc
  .tuple(undatedRecord, time, fc.option(time))
  .map(([made, dueMs, previousMs]): ItemRecord => ({
    ...made,
    dueMs,
    ...(made.previous.kind === 'item' &&
      previousMs !== null && { previous: { ...made.previous, dueMs: previousMs } }),
  }));

const plainRecord = fc.oneof({ weight: 4, arbitrary: undatedRecord }, datedRecord);

/** Some of those that replace an item hold its image; some of those have much in common with the new one. */
const record = fc
  .tuple(plainRecord, fc.option(bytes, { nil: undefined }), fc.nat({ max: 3000 }))
  .map(([made, oldImage, sameBytes]): ItemRecord => {
    if (made.previous.kind !== 'item') return made;
    const { image } = made;
    if (oldImage === undefined || image === undefined) return { ...made, oldImage };
    const same = Buffer.alloc(sameBytes, 'same');
    return {
      ...made,
      image: Buffer.concat([same, image, same]),
      oldImage: Buffer.concat([same, oldImage, same]),
    };
  });

/** Plain arrays for bytes, so that only content is compared. */
const plain = (records: readonly ItemRecord[]): unknown =>
  records.map(({ key, image, oldImage, ...rest }) => ({
    ...rest,
    key: [...key],
    image: image === undefined ? undefined : [...image],
    oldImage: oldImage === undefined ? undefined : [...oldImage],
  }));

test('records come back as they were', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), (records) => {
      expect(plain(decodeRecords(encodeRecords(records)))).toEqual(plain(records));
    }),
  );
});

test('what has no due times is still written as programs before this one did', () => {
  const [made] = many(1);
  if (made === undefined) throw new Error('one record');
  expect(encodeRecords([made])[0]).toBe(2);
  expect(encodeRecords([made, { ...made, dueMs: 5 }])[0]).toBe(3);
});

test('an old image that is much like the new one takes little', () => {
  const [made] = fc.sample(plainRecord, { numRuns: 1, seed: 7 });
  const image = Buffer.from(`{"id":{"S":"a"},"n":{"N":"1"},"x":{"S":"${'x'.repeat(4000)}"}}`);
  const oldImage = Buffer.from(image.toString().replace('"1"', '"2345"'));
  const previous = { kind: 'item', digest: [1, 2], itemBytes: 7 } as const;
  const records = [{ ...present(made, 'a record'), image, previous, oldImage }];
  const payload = encodeRecords(records);
  expect(payload.length).toBeLessThan(image.length + 150);
  expect(plain(decodeRecords(payload))).toEqual(plain(records));
  // Half a new image is none that an old one can be told by.
  expect(() => decodeRecords(payload.subarray(0, payload.length - 10))).toThrow(
    DamagedRecordsError,
  );
});

test('a payload that begins inside a larger buffer is read where it stands, without a copy', () => {
  const payload = encodeRecords(fc.sample(record, { numRuns: 3, seed: 7 }));
  const larger = new Uint8Array(payload.length + 10);
  larger.set(payload, 5);
  const [first] = decodeRecords(larger.subarray(5, 5 + payload.length));
  expect(first?.key.buffer).toBe(larger.buffer);
});

/** Each from a region of its own. */
const many = (count: number): ItemRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    table: i,
    key: Uint8Array.of(i),
    version: { time: i, region: `r${i}` },
    replaced: undefined,
    image: undefined,
    keepsTombstone: true,
    itemBytes: 0,
    previous: { kind: 'none' },
    cause: 'user',
  }));

test('up to 256 regions fit', () => {
  expect(plain(decodeRecords(encodeRecords(many(256))))).toEqual(plain(many(256)));
  expect(() => encodeRecords(many(257))).toThrow('one payload names at most 256 regions');
});

test('a payload cut short or grown is damage', () => {
  const payload = encodeRecords(fc.sample(record, { numRuns: 4, seed: 3 }));
  for (let length = 0; length < payload.length; length++) {
    expect(() => decodeRecords(payload.subarray(0, length))).toThrow(DamagedRecordsError);
  }
  expect(() => decodeRecords(Buffer.concat([payload, Buffer.of(0)]))).toThrow(DamagedRecordsError);
});

test('any bytes are read or are damage', () => {
  const payload = encodeRecords(fc.sample(record, { numRuns: 4, seed: 5 }));
  fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
      const changed = Uint8Array.from(payload);
      changed[at] = byte;
      expect(['read', 'damaged']).toContain(outcomeOf(changed));
    }),
    { numRuns: 2000 },
  );
});

function outcomeOf(payload: Uint8Array): string {
  try {
    decodeRecords(payload);
    return 'read';
  } catch (error) {
    return error instanceof DamagedRecordsError ? 'damaged' : `broken: ${String(error)}`;
  }
}

test('what was written before old images were is read', () => {
  const records = fc.sample(undatedRecord, { numRuns: 5, seed: 11 });
  const payload = Uint8Array.from(encodeRecords(records));
  payload[0] = 1;
  expect(plain(decodeRecords(payload))).toEqual(plain(records));
});

test('another format is refused by its number', () => {
  const payload = Uint8Array.from(encodeRecords([]));
  payload[0] = 9;
  expect(() => decodeRecords(payload)).toThrow('records have the unknown format 9');
});

test('records that are encoded in place say what they said, and keep nothing but the payload in memory', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (made) => {
      const records = made.map((each) => ({ ...each }));
      const before = structuredClone(records);
      const payload = encodeRecordsInPlace(records);
      expect(Buffer.compare(payload, encodeRecords(made))).toBe(0);
      expect(plain(records)).toEqual(plain(before));
      for (const { key, image } of records) {
        expect(key.buffer).toBe(payload.buffer);
        expect(image?.buffer ?? payload.buffer).toBe(payload.buffer);
      }
    }),
  );
});

test('a payload shares its memory with nothing else, however small it is', () => {
  expect(encodeRecords([]).buffer.byteLength).toBe(encodeRecords([]).length);
});
