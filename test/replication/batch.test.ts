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

/** What of the records of one entry goes to a peer that shares the table. */
function shipped(records: readonly ItemRecord[]): readonly unknown[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is asked of them
  const tables = { shared: () => 'global id' } as unknown as Tables;
  const builder = new BatchBuilder({ region: US, peer: EU, tables, log: 0, from: START });
  const entry = {
    ...START,
    index: 1,
    kind: 'records' as const,
    previousChecksum: 0,
    payload: new Uint8Array(0),
  };
  builder.add({ entry, records });
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
