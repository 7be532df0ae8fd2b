import { expect, test } from 'vitest';

import { makeEntry } from '../../../src/log/entry-codec.ts';
import { endOf } from '../../../src/log/chain.ts';
import { LogWriter, readAll, textOf } from '../../support/log-region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { AppendPipeline } from '../../../src/partition/append-pipeline.ts';
import { replicatedLogSuite } from '../../suites/replicated-log-suite.ts';
import type { StreamBroker } from '../../../src/log/jetstream/stream-broker.ts';
import { StreamLog } from '../../../src/log/jetstream/stream-log.ts';
import { StreamModel } from '../../sim/stream/stream-model.ts';

/** A stream without delays, and logs over it. */
class StreamUnderTest {
  readonly clock = new VirtualClock();
  readonly faults = { refused: 0, unknown: 0, straggler: 0, notFound: 0 };
  readonly stream = new StreamModel('log-0', {
    clock: this.clock,
    random: new SeededRandom(1),
    faults: this.faults,
    count: () => {},
    wayMs: { least: 0, spread: 0 },
  });

  connect(name: string): StreamBroker {
    return this.stream.connect({ name, isCut: false });
  }

  async open(broker = this.connect('a')): Promise<StreamLog> {
    return StreamLog.open({ broker, partition: 0, clock: this.clock, missesMax: 10 });
  }

  /** So long that the lease of whoever led is over. */
  async silence(): Promise<void> {
    await this.clock.advance(3000);
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise);
  }
}

replicatedLogSuite('a log in a stream', async () => {
  const world = new StreamUnderTest();
  return {
    log: await world.open(),
    reopen: async () => {
      const again = await world.open();
      await world.silence();
      return again;
    },
    remove: async () => {},
  };
});

/** Two nodes with the log of one stream; the first has an epoch and one entry in it. */
async function twoNodes(): Promise<{
  readonly world: StreamUnderTest;
  readonly first: StreamLog;
  readonly second: StreamLog;
  readonly writer: LogWriter;
}> {
  const world = new StreamUnderTest();
  const [first, second] = [await world.open(), await world.open(world.connect('b'))];
  const writer = new LogWriter(first);
  expect(await writer.open()).toBe('durable');
  expect(await writer.append('one')).toBe('durable');
  await second.refresh();
  return { world, first, second, writer };
}

test('a follower of a refused append that lands behind the epoch of another leader is in no log', async () => {
  const { world, first, second, writer } = await twoNodes();
  await world.silence();
  const other = new LogWriter(second);
  const opened = other.open();
  // Both are on their way when the other's epoch comes first; the second of them then fits its number.
  const late = [writer.append('late'), writer.append('straggler')];
  expect(await opened).toBe('durable');
  expect(await Promise.all(late)).toEqual(['refused', 'refused']);
  expect(world.stream.last).toBe(4);
  expect(first.isOvertaken).toBe(true);
  await second.refresh();
  expect((await readAll(first)).map(({ kind }) => kind)).toEqual(['open', 'records', 'open']);
  expect((await readAll(second)).map(endOf)).toEqual((await readAll(first)).map(endOf));
  expect(await other.append('two')).toBe('durable');
  await first.refresh();
  expect((await readAll(first)).map(textOf)).toEqual(['', 'one', '', 'two']);
});

test('whoever was overtaken confirms nothing until it has opened an epoch on what it then knows', async () => {
  const { world, first, second, writer } = await twoNodes();
  await expect(first.confirm()).resolves.toBeUndefined();
  await world.silence();
  expect(await new LogWriter(second).open()).toBe('durable');
  await expect(first.confirm()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await writer.append('late')).toBe('refused');
  const again = new LogWriter(first);
  expect(await again.open()).toBe('refused');
  await world.silence();
  expect(await new LogWriter(first).open()).toBe('durable');
  await expect(first.confirm()).resolves.toBeUndefined();
  await expect(second.confirm()).rejects.toMatchObject({ code: 'unavailable' });
});

test('an append without an answer is unknown, whether it stands or not, and nothing goes on behind it', async () => {
  const { world, first, writer } = await twoNodes();
  world.faults.unknown = 1;
  const outcomes = [writer.append('in doubt'), writer.append('behind it')];
  const [inDoubt, behindIt] = await world.run(Promise.all(outcomes));
  expect(inDoubt).toBe('unknown');
  expect(behindIt).not.toBe('durable');
  world.faults.unknown = 0;
  const barrier = new LogWriter(first);
  expect(await world.run(barrier.open())).toBe('durable');
  expect(await readAll(first)).toHaveLength(barrier.end.index);
});

test('what is appended on an entry of unknown outcome is not durable, though the entry stands', async () => {
  const { world, first, writer } = await twoNodes();
  const broker = world.connect('a');
  const log = await world.open({
    ...broker,
    publish: async (payload, expectedLast) => {
      await broker.publish(payload, expectedLast);
      return { kind: 'unknown' };
    },
  });
  await world.silence();
  const inDoubt = new LogWriter(log);
  const opened = inDoubt.open();
  await world.clock.settle();
  expect(await inDoubt.append('on top')).toBe('refused');
  expect(await opened).toBe('unknown');
  expect(log.end.epoch).toBe(2);
  expect(await writer.append('late')).toBe('refused');
  expect(first.end).toEqual(log.end);
});

test('a stream that has lost what is known of it takes nothing, and is taken for lost after a while', async () => {
  const { world, first, writer } = await twoNodes();
  world.stream.goBack(1);
  expect(await world.run(writer.append('more'))).toBe('refused');
  expect(first.available).toBe(true);
  for (let looks = 0; looks < 30; looks += 1) {
    await world.clock.advance(100);
    await first.refresh();
  }
  expect(first.available).toBe(false);
  expect(first.lostBecause).toContain('it ends at 1');
  await expect(first.confirm()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a stream that went back and has grown since is not taken for what it was', async () => {
  const { world, first, second, writer } = await twoNodes();
  world.stream.goBack(1);
  const fresh = new LogWriter(await world.open(world.connect('c')));
  await world.silence();
  expect(await fresh.open()).toBe('durable');
  expect(await fresh.append('another')).toBe('durable');
  expect(await writer.append('more')).toBe('refused');
  expect(first.lostBecause).toContain('another one than before');
  await second.refresh();
  expect(second.available).toBe(false);
});

test('a leader at rest finds out by what it is told that its stream went back and was filled up by another', async () => {
  const { world, first } = await twoNodes();
  world.stream.goBack(1);
  const fresh = new LogWriter(await world.open(world.connect('c')));
  await world.silence();
  expect(await fresh.open()).toBe('durable');
  expect(await fresh.append('another')).toBe('durable');
  await world.clock.advance(100);
  expect(first.lostBecause).toContain('another one than before');
});

test('a stream that does not answer for a moment is not lost', async () => {
  const { world, first, writer } = await twoNodes();
  world.faults.notFound = 1;
  for (let looks = 0; looks < 20; looks += 1) {
    await world.clock.advance(50);
    expect(await first.refresh()).toBe(false);
  }
  world.faults.notFound = 0;
  expect(await writer.append('more')).toBe('durable');
});

test('a trimmed log begins at an entry, for those who come later too, and a new stream goes on behind another', async () => {
  const { world, first, writer } = await twoNodes();
  for (let at = 0; at < 40; at += 1) await writer.append(`value ${at}`);
  first.trim(30);
  await world.clock.settle();
  expect(first.first).toBeGreaterThan(20);
  const later = await world.open();
  expect(later.first).toBe(first.first);
  expect((await readAll(later)).map(endOf)).toEqual((await readAll(first)).map(endOf));
  await expect(later.read(later.first - 2, 1000)).rejects.toMatchObject({ code: 'trimmed' });

  const next = new StreamUnderTest();
  const broker = next.connect('a');
  const base = later.end;
  const log = await StreamLog.open({ broker, partition: 0, clock: next.clock, base });
  expect(log.end).toEqual(base);
  const entry = makeEntry(base, {
    epoch: base.epoch + 1,
    logId: 'log-2',
    kind: 'open',
    partitionTime: base.partitionTime,
    payload: new Uint8Array(0),
  });
  expect(await log.append(entry)).toBe('durable');
  expect((await next.open()).end).toEqual(endOf(entry));
});

test('within its lease a leader confirms without the broker, and then by a proof that renews it', async () => {
  const { world, first } = await twoNodes();
  const { last } = world.stream;
  await world.clock.advance(1999);
  expect(first.holdsLease).toBe(true);
  await expect(first.confirm()).resolves.toBeUndefined();
  expect(world.stream.last).toBe(last);
  await world.clock.advance(1);
  expect(first.holdsLease).toBe(false);
  await expect(Promise.all([first.confirm(), first.confirm()])).resolves.toHaveLength(2);
  expect(world.stream.last).toBe(last + 1);
  expect(first.holdsLease).toBe(true);
});

test('nobody else opens an epoch until the lease is over, and a proof that was heard counts', async () => {
  const { world, first, second } = await twoNodes();
  expect(second.leaseMs).toBe(2000);
  expect(second.mayChallenge).toBe(false);
  expect(await new LogWriter(second).open()).toBe('refused');
  await world.clock.advance(2100);
  await first.confirm();
  await second.refresh();
  await world.clock.advance(2100);
  expect(second.mayChallenge).toBe(false);
  expect(second.challengeInMs).toBeCloseTo(100);
  await world.clock.advance(100);
  expect(second.lastHeardMs).toBe(world.clock.monotonicMs() - 2200);
  expect(await new LogWriter(second).open()).toBe('durable');
  expect(second.holdsLease).toBe(true);
});

test('whoever resigns answers no more, and another leads at once', async () => {
  const { world, first, second, writer } = await twoNodes();
  const resigned = writer.resign();
  await expect(first.confirm()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await resigned).toBe('durable');
  expect(await writer.append('late')).toBe('refused');
  await world.run(second.refresh());
  expect(second.isResigned).toBe(true);
  expect(await new LogWriter(second).open()).toBe('durable');
  await expect(second.confirm()).resolves.toBeUndefined();
  await expect(first.confirm()).rejects.toMatchObject({ code: 'unavailable' });
});

test('an epoch that the broker puts behind what its opener did not know is none', async () => {
  const { world, first } = await twoNodes();
  const broker = world.connect('c');
  const held = new AbortController();
  const third = await world.open({
    ...broker,
    publish: async (payload) => {
      await world.clock.sleep(60_000, held.signal);
      return broker.publish(payload, world.stream.last);
    },
  });
  await world.silence();
  const opened = new LogWriter(third).open();
  await world.clock.settle();
  await first.confirm();
  held.abort('let go');
  expect(await world.run(opened)).toBe('unknown');
  expect(third.end.epoch).toBe(1);
  await first.refresh();
  expect(first.isOvertaken).toBe(false);
  expect(first.holdsLease).toBe(true);
});

test('where all that a node knew has been trimmed, its log begins where the stream does', async () => {
  const { world, first, writer } = await twoNodes();
  const link = { name: 'd', isCut: false };
  const away = await world.open(world.stream.connect(link));
  link.isCut = true;
  for (let at = 0; at < 40; at += 1) await writer.append(`value ${at}`);
  first.trim(30);
  await world.clock.settle();
  link.isCut = false;
  expect(await away.refresh()).toBe(true);
  expect(away.end).toEqual(first.end);
  expect(away.first).toBe(first.first);
  await expect(away.read(2, 1000)).rejects.toMatchObject({ code: 'trimmed' });
  expect((await readAll(away)).map(endOf)).toEqual((await readAll(first)).map(endOf));
});

test('an entry in parts stands where its first one does, whether it is kept at hand or read again', async () => {
  const world = new StreamUnderTest();
  const broker = world.connect('a');
  const options = { broker, partition: 0, clock: world.clock, partBytes: 60, missesMax: 10 };
  const log = await StreamLog.open({ ...options, recentBytes: 0 });
  const writer = new LogWriter(log);
  await writer.open();
  const outcomes = ['one', 'x'.repeat(500), 'two', 'y'.repeat(300)].map(async (text) =>
    writer.append(text),
  );
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['durable']));
  expect(await log.refresh()).toBe(true);
  const other = await StreamLog.open(options);
  expect(other.end).toEqual(log.end);
  for (const reader of [log, other])
    expect((await readAll(reader)).map(textOf).map((text) => text.length)).toEqual([
      0, 3, 500, 3, 300,
    ]);
  world.stream.goBack(1);
  for (let looks = 0; looks < 30; looks += 1) {
    await world.clock.advance(100);
    await log.refresh();
  }
  expect(log.available).toBe(false);
});

test('whoever opens an epoch says its name', async () => {
  const { world, first, second } = await twoNodes();
  expect(second.leader).toBeUndefined();
  await world.silence();
  const pipeline = new AppendPipeline(second, world.clock, {
    openPayload: Buffer.from('node b'),
    committed: () => {},
    committedIndex: () => 0,
    lost: () => {},
    failed: () => {},
  });
  await world.run(pipeline.open(9, 'log-2').durable);
  await first.refresh();
  expect(first.leader).toBe('node b');
  expect(second.leader).toBe('node b');
  pipeline.stop();
});

test('each node knows when entries were durable that it appended or was told of, and of no others', async () => {
  const world = new StreamUnderTest();
  const [first, second] = [await world.open(), await world.open(world.connect('b'))];
  const writer = new LogWriter(first);
  await writer.open();
  await world.clock.advance(500);
  expect(await writer.append('one')).toBe('durable');
  const appendedMs = world.clock.monotonicMs();
  await world.clock.advance(500);
  expect(second.end).toEqual(first.end);
  expect([first, second].map((log) => log.durableMs(2))).toEqual([appendedMs, appendedMs]);
  // It only reads what stands.
  const third = await world.open(world.connect('c'));
  expect(third.end).toEqual(first.end);
  expect([1, 2, 3].map((index) => third.durableMs(index))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
