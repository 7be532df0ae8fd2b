import { afterEach, beforeEach, expect, test } from 'vitest';

import { assert } from '../../src/base/assert.ts';
import { decodeRecords } from '../../src/model/record-codec.ts';
import { unappliedWaitMs } from '../../src/partition/leader.ts';
import { appendsInFlightMax } from '../../src/partition/append-pipeline.ts';
import { randomBelow } from '../../src/base/random.ts';
import {
  foreign,
  keyOf,
  put,
  PartitionWorld,
  received,
  remove,
  TABLE,
} from '../support/partition-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
});

afterEach(async () => {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('unhandledRejection', onUnhandled);
  assert(unhandled.length === 0, `unhandled rejections: ${unhandled.join(', ')}`);
});

const SEEDS = Array.from({ length: 30 }, (_, seed) => seed + 1);
const FAR_MS = 3_600_000;

test('records gather while appends are in flight, and no more are than allowed', async () => {
  const world = await PartitionWorld.start();
  world.log.delayMs = 10;
  const before = world.log.entries.length;
  const writes: Promise<unknown>[] = [];
  for (let at = 0; at < 50; at += 1) {
    writes.push(world.put(at, `value ${at}`));
    await world.clock.advance(1);
  }
  await world.run(Promise.all(writes));
  expect(world.log.entries.length - before).toBeLessThan(15);
  expect(world.log.inFlightMost).toBe(appendsInFlightMax);
  for (let at = 0; at < 50; at += 1) expect(await world.run(world.read(at))).toBe(`value ${at}`);
});

test('an entry closes before it would pass 256 KB, and one large record stands alone', async () => {
  const world = await PartitionWorld.start();
  const text = 'x'.repeat(100_000);
  const writes = [text, text, text, 'y'.repeat(390_000), 'small'].map(async (value, at) =>
    world.put(at, value),
  );
  await world.run(Promise.all(writes));
  const counts = world.log.entries
    .filter(({ kind }) => kind === 'records')
    .map(({ payload }) => decodeRecords(payload).length);
  expect(counts).toEqual([2, 1, 1, 1]);
});

test('an empty log begins under the id it is given, also when its first append is lost', async () => {
  const world = new PartitionWorld();
  await world.startZone('a');
  world.log.fate = () => {
    world.log.fate = () => 'durable';
    return 'unknown-lost';
  };
  await world.run(world.partition.open('log-7').durable);
  expect(world.partition.committed).toMatchObject({ logId: 'log-7', index: 1 });
  await world.run(world.put(1, 'one'));
  expect(await world.run(world.read(1))).toBe('one');
});

test('an entry never claims a time that a later record of this region is at or below', async () => {
  for (const seed of SEEDS) {
    const random = new SeededRandom(seed);
    const world = await PartitionWorld.start();
    const farTime = (world.clock.wallMs() + FAR_MS) * 1024;
    const writes: Promise<unknown>[] = [world.partition.receive([received(0, farTime, 'far')])];
    for (let at = 0; at < 60; at += 1) {
      writes.push(
        random.next() < 0.1
          ? world.partition.advanceTime()
          : world.put(randomBelow(random, 5), `${at}`),
      );
      if (random.next() < 0.3) await world.clock.advance(random.next() * 3);
    }
    await world.run(Promise.all(writes));
    let claimed = 0;
    for (const { kind, partitionTime, payload } of world.log.entries) {
      const own =
        kind === 'records'
          ? decodeRecords(payload).filter(({ version }) => version.region === 'east')
          : [];
      for (const { version } of own) expect(version.time).toBeGreaterThan(claimed);
      expect(partitionTime).toBeGreaterThanOrEqual(claimed);
      claimed = partitionTime;
    }
    expect(claimed).toBeLessThan(farTime);
    const far = await world.run(world.partition.read(TABLE, keyOf(0)));
    expect(far?.version.time).toBeGreaterThanOrEqual(farTime);
  }
});

test('a strong read waits for the pending write it saw, and the other kind does not show it', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'old'));
  await world.clock.advance(50);
  world.log.delayMs = 10;
  const write = world.put(1, 'new');
  let answer: string | undefined;
  const read = world.read(1).then((text) => (answer = text));
  await world.clock.advance(5);
  expect([answer, world.readNearby(1)]).toEqual([undefined, 'old']);
  await world.run(Promise.all([write, read]));
  expect([answer, world.readNearby(1)]).toEqual(['new', 'new']);
});

test('a deletion that changes nothing, and a read, are answered only when the log confirms', async () => {
  const world = await PartitionWorld.start();
  world.log.confirms = false;
  await expect(world.run(world.partition.write(remove(1)))).rejects.toMatchObject({ status: 500 });
  await expect(world.run(world.read(1))).rejects.toMatchObject({ status: 500 });
});

test('of unknown appends what stands is answered, and the rest leaves no trace', async () => {
  const cases = [
    ['unknown-there', 'new'],
    ['unknown-lost', 'old'],
    ['unknown-late', 'old'],
    ['refused', 'old'],
  ] as const;
  for (const [fate, expected] of cases) {
    const world = await PartitionWorld.start();
    await world.run(world.put(1, 'old'));
    world.log.fate = () => {
      world.log.fate = () => 'durable';
      return fate;
    };
    const write = world.put(1, 'new');
    const [outcome] = await world.run(Promise.allSettled([write]));
    expect(outcome.status).toBe(expected === 'new' ? 'fulfilled' : 'rejected');
    expect(await world.run(world.read(1))).toBe(expected);
    expect(world.readNearby(1)).toBe(expected);
    await world.run(world.put(2, 'after'));
    expect(world.log.skipped).toBe(fate === 'unknown-late' ? 1 : 0);
    await world.clock.advance(100);
    await world.checkCounters();
  }
});

test('what another leader wrote in between is seen by whoever evaluates next', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(2, 'here'));
  const time = world.partition.committed.partitionTime + 1000;
  world.log.lead([foreign(1, time, 'theirs')], time);
  await expect(world.run(world.put(3, 'in doubt'))).rejects.toMatchObject({ status: 500 });
  expect(await world.run(world.read(1))).toBe('theirs');
  expect(await world.run(world.put(1, 'mine'))).toBe('theirs');
  await world.clock.advance(100);
  await world.checkCounters();
});

test('without two zones writers are told so at once, and what is pending shows when it is durable', async () => {
  const world = await PartitionWorld.start();
  world.log.delayMs = 10;
  const pending = world.put(1, 'pending');
  await world.clock.advance(1);
  world.log.setAvailable(false);
  await expect(pending).rejects.toMatchObject({ status: 500 });
  await expect(world.put(2, 'refused')).rejects.toMatchObject({ status: 500 });
  expect(world.readNearby(1)).toBeUndefined();
  world.log.setAvailable(true);
  const read = world.read(1);
  const next = world.put(1, 'next');
  expect(await world.run(read)).toBe('pending');
  expect(await world.run(next)).toBe('pending');
});

test('a log that can be neither appended to nor read is waited for, and nobody hangs', async () => {
  const world = await PartitionWorld.start();
  world.log.fate = () => 'unknown-lost';
  await expect(world.run(world.put(1, 'lost'))).rejects.toMatchObject({ status: 500 });
  await world.clock.advance(500);
  await expect(world.put(1, 'told')).rejects.toMatchObject({ status: 500 });
  world.log.fate = () => 'durable';
  world.log.failsReads = true;
  await world.clock.advance(500);
  expect(world.log.entries.length).toBeLessThan(4);
  world.log.failsReads = false;
  await world.clock.advance(500);
  await world.run(world.put(1, 'again'));
  expect(await world.run(world.read(1))).toBe('again');
});

test('a stopped zone never serves again, and its reader goes to another', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'one'));
  const stopping = world.stopZone('a');
  await world.run(stopping);
  await world.clock.advance(10);
  expect(world.partition.copies.serving.map(({ node }) => node.zone)).toEqual(['b', 'c']);
  expect(await world.run(world.read(1))).toBe('one');
  expect(world.damaged).toEqual([]);
  for (const zone of ['b', 'c']) await world.stopZone(zone);
  const page = {
    table: TABLE,
    from: undefined,
    to: undefined,
    forward: true,
    limit: undefined,
    startAfter: undefined,
    byteLimit: 1000,
  };
  await expect(world.run(world.partition.readPage(page, true))).rejects.toMatchObject({
    status: 500,
  });
});

test('a full store goes on serving, and is reported once', async () => {
  const world = await PartitionWorld.start(['a']);
  await world.run(world.put(1, 'one'));
  await world.clock.advance(10);
  world.disks.get('a')?.failWrites('full');
  await world.run(world.put(1, 'two'));
  await world.clock.advance(1000);
  expect(world.failures).toHaveLength(1);
  expect(await world.run(world.read(1))).toBe('two');
});

test('a tombstone that a forgetting takes away is not counted out twice', async () => {
  const world = await PartitionWorld.start();
  await world.run(world.put(1, 'one'));
  await world.run(world.partition.write(remove(1)));
  await world.clock.advance(100);
  const horizon = world.partition.committed.partitionTime + 1;
  const forgetting = world.partition.forget({
    vector: { east: horizon },
    horizons: { [TABLE]: horizon },
  });
  const write = world.put(1, 'again');
  await world.run(Promise.all([forgetting, write]));
  await world.clock.advance(100);
  expect(world.nodes.get('a')?.copy(0).counters(TABLE).tombstoneCount).toBe(0);
  await world.checkCounters();
  await world.run(world.partition.forget({ vector: { east: 1, west: 7 }, horizons: {} }));
  expect(world.partition.forgotten).toEqual({ east: horizon, west: 7 });
});

test('random runs with failures: one key at a time is linearizable and counters equal a recount', async () => {
  for (const seed of SEEDS) expect(await randomRun(new SeededRandom(seed))).toBeGreaterThan(20);
});

/**
 * One client per item, so that what may stand there is known: the last answered value, or one in doubt. Answers how
 * many writes were answered.
 */
async function randomRun(random: SeededRandom): Promise<number> {
  const world = await PartitionWorld.start();
  const possible = new Map<number, Set<string | undefined>>();
  const mayBe = (item: number): Set<string | undefined> =>
    possible.get(item) ?? new Set([undefined]);
  world.log.fate = (entry) => {
    if (entry.kind === 'open' || random.next() > 0.08) return 'durable';
    return (
      (['refused', 'unknown-there', 'unknown-lost', 'unknown-late'] as const)[
        randomBelow(random, 4)
      ] ?? 'refused'
    );
  };
  let count = 0;
  let answered = 0;
  const client = async (item: number): Promise<void> => {
    for (let turn = 0; turn < 25; turn += 1) {
      const value = random.next() < 0.3 ? undefined : `value ${(count += 1)}`;
      try {
        await world.partition.write(value === undefined ? remove(item) : put(item, value));
        possible.set(item, new Set([value]));
        answered += 1;
      } catch {
        possible.set(item, new Set([...mayBe(item), value]));
      }
      const text = await world.read(item).catch(() => 'no answer');
      if (text !== 'no answer') {
        assert(mayBe(item).has(text), `seed ${random.seed}: ${item} is ${text}`);
        possible.set(item, new Set([text]));
      }
      await world.clock.sleep(random.next() * 5);
    }
  };
  const nemesis = async (): Promise<void> => {
    for (let turn = 0; turn < 12; turn += 1) {
      await world.clock.sleep(random.next() * 20);
      const zone = ['a', 'b', 'c'][randomBelow(random, 3)] ?? 'a';
      const horizon = world.partition.committed.partitionTime;
      await Promise.all([
        world.partition
          .forget({ vector: { east: horizon }, horizons: { [TABLE]: horizon } })
          .catch(() => {}),
        world.appliers.has(zone) && world.appliers.size > 1 ? world.stopZone(zone) : undefined,
      ]);
      if (!world.appliers.has(zone)) await world.startZone(zone);
      world.log.setAvailable(random.next() > 0.2);
      await world.clock.sleep(random.next() * 20);
      world.log.setAvailable(true);
    }
  };
  await world.run(Promise.all([nemesis(), ...[0, 1, 2, 3].map(async (item) => client(item))]));
  await world.clock.advance(1000);
  await world.checkCounters();
  await world.restart();
  for (const [item, values] of possible)
    assert(values.has(await world.run(world.read(item))), `seed ${random.seed}: after a restart`);
  return answered;
}

test('received records: the last writer wins, a repetition is a duplicate, tombstones are kept', async () => {
  const world = await PartitionWorld.start();
  const receive = async (...records: Parameters<typeof received>[]): Promise<readonly string[]> => {
    const done = world.partition.receive(records.map((record) => received(...record)));
    return (await world.run(done)).map(({ kind }) => kind);
  };
  expect(await receive([1, 10, 'a'], [1, 20, 'b'], [1, 20, 'b'], [1, 15, 'late'])).toEqual([
    'won',
    'won',
    'duplicate',
    'lost',
  ]);
  expect(await world.run(world.read(1))).toBe('b');
  expect(await receive([1, 30, undefined], [1, 25, 'deleted before'])).toEqual(['won', 'lost']);
  await world.clock.advance(50);
  expect(await world.run(world.read(1))).toBeUndefined();
  const horizons = { [TABLE]: 31 };
  await world.run(world.partition.forget({ vector: { west: 31 }, horizons }));
  await world.clock.advance(50);
  expect(await receive([1, 25, 'forgotten'], [1, 40, 'news'])).toEqual(['forgotten', 'won']);
  await world.clock.advance(50);
  await world.checkCounters();
  await world.restart();
  expect(world.partition.forgotten).toEqual({ west: 31 });
  expect(await receive([2, 31, 'forgotten'])).toEqual(['forgotten']);
});

test('writers wait while copies lag, go on when one catches up, and are told when none does in time', async () => {
  const world = await PartitionWorld.start(['a']);
  const text = 'x'.repeat(390_000);
  world.disks.get('a')?.failWrites('full');
  const filled = Array.from({ length: 90 }, async (_, at) => world.put(at, text));
  await world.run(Promise.allSettled(filled));
  const startedMs = world.clock.monotonicMs();
  await expect(world.run(world.put(1, 'waits'))).rejects.toMatchObject({ status: 500 });
  expect(world.clock.monotonicMs() - startedMs).toBe(unappliedWaitMs);
  const waiting = world.put(1, 'waits');
  world.disks.get('a')?.failWrites(undefined);
  await world.run(world.stopZone('a').then(async () => world.startZone('a')));
  expect(await world.run(waiting)).toBe(text);
});

test('a copy that is stuck is left behind, and holds up nobody', async () => {
  const world = await PartitionWorld.start();
  const text = 'x'.repeat(390_000);
  world.disks.get('b')?.failWrites('full');
  for (let at = 0; at < 100; at += 1) await world.run(world.put(at % 10, text));
  expect(world.partition.copies.serving.map(({ node }) => node.zone)).toEqual(['a', 'c']);
  expect(world.clock.monotonicMs()).toBeLessThan(unappliedWaitMs);
});

test('what was evaluated without knowing of another leader is rejected, though nothing of this one was lost', async () => {
  const world = await PartitionWorld.start();
  world.log.fate = () => {
    world.log.fate = () => 'durable';
    return 'unknown-there';
  };
  const standing = Promise.allSettled([world.put(2, 'stands')]);
  await world.clock.advance(1);
  const stale = Promise.allSettled([world.put(1, 'stale')]);
  const time = world.log.end.partitionTime;
  world.log.lead([foreign(1, time, 'theirs')], time);
  await world.run(Promise.all([standing, stale]));
  await world.clock.advance(200);
  expect(await world.run(world.read(1))).toBe('theirs');
  expect(await world.run(world.read(2))).toBe('stands');
  await world.checkCounters();
});

test('a copy that is far behind catches up without a pause between full batches', async () => {
  const world = await PartitionWorld.start(['a', 'b']);
  const text = 'x'.repeat(300_000);
  const items = 60;
  for (let item = 0; item < items; item += 1) await world.run(world.put(item, text));
  await world.startZone('c');
  const startMs = world.clock.monotonicMs();
  const { index } = world.partition.committed;
  const isBehind = (): boolean => (world.nodes.get('c')?.copy(0).position.index ?? 0) < index;
  while (isBehind()) await world.run(world.clock.sleep(1));
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(items * 2);
});
