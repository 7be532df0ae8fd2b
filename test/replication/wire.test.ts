import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Batch } from '../../src/replication/batch.ts';
import { WireError } from '../../src/replication/byte-codec.ts';
import {
  type CopyAnswer,
  decodeCopyAnswer,
  decodeCopyPage,
  encodeCopyAnswer,
  encodeCopyPage,
} from '../../src/replication/copy-wire.ts';
import * as wire from '../../src/replication/wire.ts';

const whole = fc.nat().map((value) => value * 4_000_000);
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));
const region = fc.constantFrom('us-east-1', 'eu-west-1');
const version = fc.record({ time: whole, region });
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const end = fc.record({
  logId: fc.string({ maxLength: 36, unit: 'grapheme' }),
  epoch: fc.nat(),
  index: whole,
  checksum: fc.integer({ min: 0, max: 0xffff_ffff }),
  partitionTime: whole,
});

const written = fc.record({
  table: fc.constantFrom('t1', 't2', 't3'),
  key: bytes,
  time: whole,
  replaced: optional(version),
  image: optional(bytes),
  itemBytes: fc.nat(),
});
const expired = fc
  .tuple(written, region)
  .map(([made, expiredOf]) => ({ ...made, image: undefined, expiredOf }));
const record = fc.oneof(written, expired);

const batch: fc.Arbitrary<Batch> = fc
  .record({ origin: region, log: fc.nat(100), from: end, to: end, records: fc.array(record) })
  .map((value) => ({ ...value, to: { ...value.to, index: value.from.index + 1 } }));

const item = fc.record({
  key: bytes,
  version,
  replaced: optional(version),
  image: optional(bytes),
  itemBytes: fc.nat(),
});

const hello = fc.record({
  log: fc.nat(9),
  logs: fc.constant(10),
  end,
  place: optional(fc.record({ at: end, expected: optional(end) })),
});
const stand = fc.record({
  applied: optional(end),
  durable: optional(end),
  waitsFor: optional(fc.string({ maxLength: 36 })),
});
const outcome = fc.oneof(
  fc.record({ kind: fc.constant('stand' as const), stand }),
  fc.constant({ kind: 'late' } as const),
  fc.record({
    kind: fc.constant('failed' as const),
    code: optional(fc.string({ maxLength: 20 })),
    words: fc.string({ maxLength: 100 }),
  }),
);
const report = fc.record({
  vector: fc.dictionary(region, whole, { noNullPrototype: true }),
  unsettled: fc.array(fc.uuid()),
});
const page = fc.record({
  scanId: fc.uuid(),
  table: fc.uuid(),
  page: fc.nat(),
  after: optional(bytes),
  last: optional(bytes),
  via: fc.constantFrom('scan' as const, 'bootstrap' as const),
  vector: optional(fc.dictionary(region, whole, { noNullPrototype: true })),
  items: fc.array(item),
});
const run = fc.record({
  records: fc.nat(),
  committedMs: optional(fc.double({ min: 1, max: 1e13, noNaN: true })),
});
const answers = fc.constantFrom<CopyAnswer>('durable', 'not known', 'not a member', 'not begun');

const returns = <T>(
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (message: Uint8Array) => T,
): void => {
  fc.assert(
    fc.property(values, (value) => {
      expect(decode(encode(value))).toEqual(value);
    }),
  );
};

test('every message comes back as it was', () => {
  returns(hello, wire.encodeHello, wire.decodeHello);
  returns(stand, wire.encodeStand, wire.decodeStand);
  returns(batch, wire.encodeBatch, wire.decodeBatch);
  returns(
    fc.array(batch),
    (batches) => wire.encodeBatches(batches.map(wire.encodeBatch)),
    (message) => wire.decodeBatches(message).map(wire.decodeBatch),
  );
  fc.assert(
    fc.property(fc.array(fc.array(run)), (commits) => {
      const message = wire.encodeCommits(commits);
      expect(wire.saysCommits(message)).toBe(true);
      expect(wire.decodeCommits(message, commits.length)).toEqual(commits);
      expect(() => wire.decodeCommits(message, commits.length + 1)).toThrow(WireError);
    }),
  );
  fc.assert(
    fc.property(fc.array(outcome), (outcomes) => {
      const message = wire.encodeStands(outcomes);
      expect(wire.decodeStands(message, outcomes.length)).toEqual(outcomes);
      expect(() => wire.decodeStands(message, outcomes.length + 1)).toThrow(WireError);
    }),
  );
  returns(report, wire.encodeReport, wire.decodeReport);
  returns(page, encodeCopyPage, decodeCopyPage);
  returns(answers, encodeCopyAnswer, decodeCopyAnswer);
  returns(
    fc.array(end),
    (ends) => wire.encodePositions(ends),
    (message) => [...wire.decodePositions(message)],
  );
  returns(whole, wire.encodeTime, wire.decodeTime);
  const reading = { receivedWallMs: 1.5, answeredWallMs: 2.25 };
  expect(wire.decodeClockReading(wire.encodeClockReading(reading))).toEqual(reading);
  expect(wire.decodeNothing(wire.encodeNothing())).toBeUndefined();
});

const decoders = [
  wire.decodeHello,
  wire.decodeStand,
  wire.decodeBatch,
  wire.decodeReport,
  decodeCopyPage,
  decodeCopyAnswer,
  wire.decodePositions,
  wire.decodeTime,
  wire.decodeClockReading,
  wire.decodeNothing,
  wire.decodeBatches,
  (message: Uint8Array) => wire.decodeStands(message, 2),
  (message: Uint8Array) => wire.decodeCommits(message, 2),
] as const;

function outcomeOf(decode: () => unknown): string {
  try {
    decode();
    return 'value';
  } catch (error) {
    return error instanceof WireError ? 'WireError' : String(error);
  }
}

test('whatever else arrives is refused with a WireError, and asks for no memory', () => {
  const kind = fc.integer({ min: 0, max: 13 });
  fc.assert(
    fc.property(kind, fc.uint8Array({ maxLength: 200 }), (tag, rest) => {
      const message = Buffer.from([wire.REPLICATION_WIRE_VERSION, tag, ...rest]);
      for (const decode of decoders) {
        expect(['value', 'WireError']).toContain(outcomeOf(() => decode(message)));
      }
    }),
  );
});

test('a batch that is cut short or has something behind it is damaged', () => {
  fc.assert(
    fc.property(batch, fc.nat(), (value, cut) => {
      const message = wire.encodeBatch(value);
      const short = message.subarray(0, cut % message.length);
      expect(() => wire.decodeBatch(short)).toThrow(WireError);
      expect(() => wire.decodeBatch(Buffer.concat([message, Buffer.from([0])]))).toThrow(WireError);
    }),
  );
});

test('a batch is the same bytes with and without commit times, and no such times: an earlier release reads it', () => {
  fc.assert(
    fc.property(batch, fc.array(run), (value, commits) => {
      const message = wire.encodeBatch({ ...value, commits });
      expect(message).toEqual(wire.encodeBatch(value));
      expect(wire.saysCommits(message)).toBe(false);
    }),
  );
});

test('another version is told apart from damage', () => {
  const message = Buffer.from(wire.encodeNothing());
  message[0] = wire.REPLICATION_WIRE_VERSION + 1;
  expect(() => wire.decodeNothing(message)).toThrow(expect.objectContaining({ code: 'version' }));
});

test('records without an entry, and ranges that run backwards, are damaged', () => {
  const at = { logId: 'x', epoch: 1, index: 5, checksum: 1, partitionTime: 9 };
  const one = {
    table: 't',
    key: Buffer.from('k'),
    time: 1,
    replaced: undefined,
    image: undefined,
    itemBytes: 0,
  };
  const empty = { origin: 'a', log: 0, from: at, to: at, records: [one] };
  expect(() => wire.decodeBatch(wire.encodeBatch(empty))).toThrow(WireError);
  const backwards = { ...empty, to: { ...at, index: 4 }, records: [] };
  expect(() => wire.decodeBatch(wire.encodeBatch(backwards))).toThrow(WireError);
});
