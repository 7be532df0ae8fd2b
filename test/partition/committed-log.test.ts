import { expect, test } from 'vitest';

import { endOf } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { LogEnd } from '../../src/log/entry.ts';
import { encodeRecordsInPlace } from '../../src/model/record-codec.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { CommittedLog, decodeCommitted, tailBytesMax } from '../../src/partition/committed-log.ts';
import type { CommittedEntry } from '../../src/partition/partition.ts';
import { bufferBytesHeld } from '../support/buffer-bytes.ts';
import { PartitionWorld } from '../support/partition-world.ts';

test('a follower misses nothing, from memory or from the log, and wakes for what comes', async () => {
  const world = await PartitionWorld.start();
  const follower = world.partition.follow(0);
  const seen: number[] = [];
  const following = (async () => {
    for (;;) {
      const entries = await follower.next(300);
      if (entries.length === 0) return;
      for (const { entry } of entries) seen.push(entry.index);
    }
  })();
  for (let at = 0; at < 40; at += 1) {
    const writes = [world.put(at, 'x'.repeat(100))];
    if (at % 3 === 0) writes.push(world.put(at + 100, 'y'));
    await world.run(Promise.all(writes));
  }
  await world.clock.settle();
  follower.close();
  await following;
  expect(seen).toEqual(world.log.entries.map(({ index }) => index));
});

test('who follows closely is given the records that were made, who comes later the same from memory', async () => {
  const world = await PartitionWorld.start([]);
  const pushed = entriesOf(3);
  const log = new CommittedLog(world.log, decodeCommitted);
  world.log.read = async () => Promise.reject(new Error('nothing is read'));
  const close = log.follow(0);
  for (const committed of pushed) log.push(committed);
  const [first, second, third] = await close.next(1024);
  expect([first, second, third]).toEqual(pushed);
  expect(first?.records).toBe(pushed[0]?.records);

  log.letGo(2);
  const late = await log.follow(0).next(1024);
  expect(late.map(({ entry }) => entry)).toEqual(pushed.map(({ entry }) => entry));
  expect(late.map(({ durableMs }) => durableMs)).toEqual([undefined, 1, 2]);
  const isSame = late.map(({ records }, place) => records === pushed[place]?.records);
  expect(isSame).toEqual([false, false, true]);
  const contents = late.map(({ records }) => records.map(contentOf));
  expect(contents).toEqual(pushed.map(({ records }) => records.map(contentOf)));
  // Once for whoever holds on to it.
  expect(late[0]?.records).toBe(late[0]?.records);
});

test('a follower moves back and forth, and learns what is trimmed', async () => {
  const world = await PartitionWorld.start();
  for (let at = 0; at < 5; at += 1) await world.run(world.put(at, 'x'));
  const follower = world.partition.follow(5);
  expect((await follower.next(1)).map(({ entry }) => entry.index)).toEqual([6]);
  const waiting = follower.next(1);
  follower.seek(1);
  expect((await waiting).map(({ entry }) => entry.index)).toEqual([2]);
  world.log.trim(3);
  expect(() => {
    follower.seek(1);
  }).toThrow('no longer kept');
  expect(() => world.partition.follow(2)).toThrow('no longer kept');
  expect(await world.partition.endAt(2)).toBeUndefined();
  expect((await world.partition.endAt(4))?.index).toBe(4);
});

test('an entry that should be in the log and is not is told, and not waited for', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'x'));
  const log = new CommittedLog(world.log, (entry) => ({
    entry,
    records: [],
    durableMs: undefined,
  }));
  const follower = log.follow(0);
  world.log.read = async () => [];
  await expect(follower.next(1)).rejects.toMatchObject({ code: 'damaged' });
});

test('it is known when an entry was durable, until it is read again', async () => {
  const world = await PartitionWorld.start();
  await world.clock.advance(500);
  await world.run(world.put(1, 'x'));
  const atMs = world.clock.monotonicMs();
  await world.clock.advance(500);
  const followed = await world.partition.follow(1).next(1);
  expect(followed.map(({ durableMs }) => durableMs)).toEqual([atMs]);
  const again = new CommittedLog(world.log, decodeCommitted);
  const read = await again.follow(1).next(1);
  expect(read.map(({ durableMs }) => durableMs)).toEqual([undefined]);
});

test('what is given up is not held', async () => {
  const world = await PartitionWorld.start([]);
  const log = new CommittedLog(world.log, decodeCommitted);
  const before = bufferBytesHeld();
  const push = (): void => {
    for (const committed of entriesOf(400, 128 * 1024)) log.push(committed);
  };
  push();
  log.letGo(400);
  expect(bufferBytesHeld() - before).toBeLessThan(3 * tailBytesMax);
  expect(log.end).toBe(400);
});

/** As a leader has them: the first entries of a log, of one record each. */
function entriesOf(count: number, imageBytes = 2): readonly CommittedEntry[] {
  let end: LogEnd | undefined;
  return Array.from({ length: count }, (_, at) => {
    const record: ItemRecord = {
      table: 1,
      key: Buffer.from(`item ${at}`),
      version: { time: at + 1, region: 'east' },
      replaced: undefined,
      image: Buffer.alloc(imageBytes),
      itemBytes: 6,
      keepsTombstone: false,
      previous: { kind: 'none' },
      oldImage: undefined,
      cause: 'user',
    };
    const records = [record];
    const payload = encodeRecordsInPlace(records);
    const entry = makeEntry(end, {
      epoch: 1,
      logId: 'log',
      kind: 'records',
      partitionTime: at + 1,
      payload,
    });
    end = endOf(entry);
    return { entry, records, durableMs: at === 0 ? undefined : at };
  });
}

const contentOf = ({ key, image, ...rest }: ItemRecord): object => ({
  ...rest,
  key: Buffer.from(key).toString(),
  image: image && Buffer.from(image).toString(),
});
