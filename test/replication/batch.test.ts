import { expect, test } from 'vitest';

import type { ItemRecord } from '../../src/model/record.ts';
import { expiryOf, type Version } from '../../src/model/version.ts';
import { BatchBuilder } from '../../src/replication/batch.ts';
import type { Tables } from '../../src/replication/tables.ts';

const [US, EU] = ['us-east-1', 'eu-west-1'];

const record = (version: Version, cause: ItemRecord['cause'], text?: string): ItemRecord => ({
  table: 1,
  key: Buffer.from('key'),
  version,
  replaced: undefined,
  image: text === undefined ? undefined : Buffer.from(text),
  keepsTombstone: text === undefined,
  itemBytes: text?.length ?? 0,
  previous: { kind: 'none' },
  cause,
});

const START = { logId: 'log', epoch: 1, index: 0, checksum: 0, partitionTime: 0 };

const clocks = { clock: { monotonicMs: () => 500 }, nowMs: () => 1_000_000 };

function newBuilder(): BatchBuilder {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is asked of them
  const tables = { shared: () => 'global id' } as unknown as Tables;
  return new BatchBuilder({ region: US, peer: EU, tables, log: 0, from: START, clocks });
}

const committed = (index: number, records: readonly ItemRecord[], durableMs?: number) => ({
  entry: {
    ...START,
    index,
    kind: 'records' as const,
    previousChecksum: 0,
    payload: new Uint8Array(0),
  },
  records,
  durableMs,
});

/** What of the records of one entry goes to a peer that shares the table. */
function shipped(records: readonly ItemRecord[]): readonly unknown[] {
  const builder = newBuilder();
  builder.add(committed(1, records));
  return builder.take().records.map(({ time, expiredOf, image }) => ({
    time,
    expiredOf,
    image: image === undefined ? undefined : Buffer.from(image).toString(),
  }));
}

test('a region ships what it made, and not what it received', () => {
  const made = record({ time: 5, region: US }, 'user', 'x');
  const received = record({ time: 6, region: EU }, 'replication', 'y');
  expect(shipped([made, received])).toEqual([{ time: 5, expiredOf: undefined, image: 'x' }]);
});

test('it ships the expiries that it made, whosever the items were, and no others', () => {
  const own = expiryOf({ time: 5, region: US });
  const foreign = expiryOf({ time: 6, region: EU });
  const records = [own, foreign].flatMap((version) => [
    record(version, 'expiry'),
    record(version, 'replication'),
  ]);
  expect(shipped(records)).toEqual([
    { time: 5, expiredOf: US, image: undefined },
    { time: 6, expiredOf: EU, image: undefined },
  ]);
});

test('what is said once more, for an index or a due time, goes nowhere', () => {
  expect(shipped([record({ time: 5, region: US }, 'backfill', 'x')])).toEqual([]);
});

test('a batch says once for each entry when it was committed, where that is known', () => {
  const own = record({ time: 5, region: US }, 'user', 'x');
  const received = record({ time: 6, region: EU }, 'replication', 'y');
  const builder = newBuilder();
  builder.add(committed(1, [own, received, own], 480.5));
  builder.add(committed(2, [received], 490));
  builder.add(committed(3, [own]));
  const { commits } = builder.take();
  expect(commits).toEqual([
    { records: 2, committedMs: 999_980.5 },
    { records: 1, committedMs: undefined },
  ]);
  builder.add(committed(4, [own], 500));
  expect(builder.take().commits).toEqual([{ records: 1, committedMs: 1_000_000 }]);
});
