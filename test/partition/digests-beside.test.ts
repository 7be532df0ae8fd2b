import { expect, test } from 'vitest';

import type { Clock } from '../../src/base/clock.ts';
import { itemDigest } from '../../src/model/item-digest.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { digestsBeside } from '../../src/partition/digests-beside.ts';

const recordOf = (image: Uint8Array | undefined): ItemRecord => ({
  table: 1,
  key: Buffer.from('a'),
  version: { time: 1, region: 'us-east-1' },
  replaced: undefined,
  image,
  itemBytes: 10,
  keepsTombstone: false,
  previous: { kind: 'none' },
  cause: 'user',
});

const deferred: (() => void)[] = [];
const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  sleep: async () => {},
  defer: (task) => deferred.push(task),
};

test('digests are found behind what is sent, of items alone', () => {
  const image = Buffer.from('{}');
  const [item, removal] = [recordOf(image), recordOf(undefined)];
  digestsBeside(clock)({ writers: 1, records: [item, removal] });
  expect(item.digest).toBeUndefined();
  for (const task of deferred.splice(0)) task();
  expect(item.digest).toEqual(itemDigest(item.key, item.version, image));
  expect(removal.digest).toBeUndefined();
});

test('what nobody waits for is left until it is asked for', () => {
  digestsBeside(clock)({ writers: 0, records: [recordOf(Buffer.from('{}'))] });
  expect(deferred).toEqual([]);
});
