import { expect, test } from 'vitest';

import { makeEntry } from '../../../src/log/entry-codec.ts';
import { endOf } from '../../../src/log/chain.ts';
import { LogWriter, readAll, textOf } from '../../support/log-region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { replicatedLogSuite } from '../../suites/replicated-log-suite.ts';
import type { StreamBroker } from './stream-broker.ts';
import { StreamLog } from './stream-log.ts';
import { StreamModel } from './stream-model.ts';

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
    return StreamLog.open({ broker, partition: 0, clock: this.clock });
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntilSettled(promise);
  }
}

replicatedLogSuite('a log in a stream', async () => {
  const world = new StreamUnderTest();
  return {
    log: await world.open(),
    reopen: async () => world.open(),
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
  expect(await readAll(second)).toEqual(await readAll(first));
  expect(await other.append('two')).toBe('durable');
  await first.refresh();
  expect((await readAll(first)).map(textOf)).toEqual(['', 'one', '', 'two']);
});

test('whoever was overtaken confirms nothing until it has opened an epoch on what it then knows', async () => {
  const { first, second, writer } = await twoNodes();
  await expect(first.confirm()).resolves.toBeUndefined();
  expect(await new LogWriter(second).open()).toBe('durable');
  await expect(first.confirm()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await writer.append('late')).toBe('refused');
  const again = new LogWriter(first);
  expect(await again.open()).toBe('durable');
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
  expect(await fresh.open()).toBe('durable');
  expect(await fresh.append('another')).toBe('durable');
  expect(await writer.append('more')).toBe('refused');
  expect(first.lostBecause).toContain('another one than before');
  await second.refresh();
  expect(second.available).toBe(false);
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
  expect(await readAll(later)).toEqual(await readAll(first));
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
