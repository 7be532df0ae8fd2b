import { expect, test } from 'vitest';

import { ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import type { AppendOutcome } from '../../../src/log/replicated-log.ts';
import { LogRegion, LogWriter, readAll, textOf } from '../../support/log-region.ts';

/** Collects outcomes, so that what is still pending can be told from what is not. */
class Outcomes {
  readonly seen: AppendOutcome[] = [];

  add(outcome: Promise<AppendOutcome>): void {
    void outcome.then((each) => this.seen.push(each));
  }
}

test('a zone stops and returns while appends go on, and then has everything', async () => {
  const region = new LogRegion(1, 1);
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await region.clock.runUntilSettled(writer.open());
  const outcomes = new Outcomes();
  await region.clock.runUntilSettled(logs.stopZone('b'));
  expect(logs.zoneState('b')).toBe('stopped');
  for (let at = 0; at < 100; at += 1) {
    outcomes.add(writer.append(`value ${at}`));
    await region.clock.advance(1);
    if (at === 50) void logs.startZone('b');
  }
  await region.clock.advance(100);
  expect(outcomes.seen).toEqual(Array.from({ length: 100 }, () => 'durable'));
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['live', 'live', 'live']);
  await region.clock.runUntilSettled(logs.stop());
  const again = await region.open({ except: ['a'] });
  expect(await region.clock.runUntilSettled(readAll(again.log(0)))).toHaveLength(101);
  await region.clock.runUntilSettled(again.stop());
});

test('with one zone appends wait, and become durable in order when a second one returns', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('a');
  expect(logs.available).toBe(true);
  await logs.stopZone('b');
  expect(logs.available).toBe(false);
  await expect(logs.confirm()).rejects.toMatchObject({ code: 'unavailable' });
  const outcomes = new Outcomes();
  for (let at = 0; at < 5; at += 1) outcomes.add(writer.append(`value ${at}`));
  await region.clock.settle();
  expect(outcomes.seen).toEqual([]);
  await logs.startZone('a');
  await region.clock.settle();
  expect(logs.available).toBe(true);
  expect(outcomes.seen).toHaveLength(5);
  expect(await readAll(logs.log(0))).toHaveLength(6);
  await logs.stop();
});

test('full disks hold appends back, reads go on, and all goes on by itself when there is space', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await writer.append('before');
  for (const zone of ZONES) region.disks[zone].setFull(true);
  const outcomes = new Outcomes();
  for (let at = 0; at < 5; at += 1) outcomes.add(writer.append(`value ${at}`));
  await region.clock.advance(10_000);
  expect(outcomes.seen).toEqual([]);
  expect(logs.zoneState('a')).toBe('full');
  expect(logs.available).toBe(false);
  await expect(logs.confirm()).resolves.toBeUndefined();
  expect(await readAll(logs.log(0))).toHaveLength(2);
  for (const zone of ZONES) region.disks[zone].setFull(false);
  await region.clock.advance(5_000);
  expect(outcomes.seen).toHaveLength(5);
  expect(logs.available).toBe(true);
  await logs.stop();
  const again = await region.open();
  expect((await readAll(again.log(0))).slice(1).map(textOf)[5]).toBe('value 4');
  await again.stop();
});

test('disks that are full at the start hold nothing up but appends', async () => {
  const region = new LogRegion();
  const first = await region.open({ segmentBytes: 1 });
  await new LogWriter(first.log(0)).open();
  await first.stop();
  const two = await region.open({ except: ['c'] });
  await new LogWriter(two.log(0)).open();
  await two.stop();
  for (const zone of ZONES) region.disks[zone].setFull(true);
  const logs = await region.open({ except: ['a'] });
  expect(logs.available).toBe(false);
  for (const zone of ZONES) region.disks[zone].setFull(false);
  await region.clock.advance(5_000);
  expect(logs.available).toBe(true);
  expect(await readAll(logs.log(0))).toHaveLength(2);
  await logs.stop();
});

test('a sync that fails stops the zone until it is started again', async () => {
  const region = new LogRegion();
  const states: string[] = [];
  const logs = await region.open({
    onZoneChange: (zone, state) => states.push(`${zone} ${state}`),
  });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  region.disks.a.setFailSyncs(true);
  expect(await writer.append('one')).toBe('durable');
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('failed');
  region.disks.a.setFailSyncs(false);
  expect(await writer.append('two')).toBe('durable');
  await region.clock.advance(60_000);
  expect(logs.zoneState('a')).toBe('failed');
  await logs.startZone('a');
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('live');
  expect(states).toContain('a failed');
  await logs.stop();
  const again = await region.open({ except: ['b'] });
  expect(await readAll(again.log(0))).toHaveLength(3);
  await again.stop();
});

test('a zone too far behind is taken out, and catches up by itself', async () => {
  const region = new LogRegion();
  const states: string[] = [];
  const logs = await region.open({
    backlogBytesMax: 20_000,
    segmentBytes: 50_000,
    onZoneChange: (zone, state) => states.push(`${zone} ${state}`),
  });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  region.disks.c.setLatencyMs(50);
  for (let at = 0; at < 3000; at += 1) await writer.append('x'.repeat(1000));
  expect(states).toContain('c catching-up');
  expect(logs.available).toBe(true);
  region.disks.c.setLatencyMs(0);
  await region.clock.advance(10_000);
  expect(logs.zoneState('c')).toBe('live');
  await logs.stop();
  const again = await region.open({ except: ['a'] });
  expect(again.log(0).end.index).toBe(3001);
  expect(await readAll(again.log(0), 100_000)).toHaveLength(3001);
  await again.stop();
});

test('a damaged entry is read from another zone, and the damaged zone has no say until it is started again', async () => {
  const region = new LogRegion();
  const first = await region.open();
  const writer = new LogWriter(first.log(0));
  await writer.open();
  for (let at = 0; at < 50; at += 1) await writer.append(`value ${at}`);
  await first.stop();
  const logs = await region.open();
  for (const zone of ['a', 'b'] as const) region.disks[zone].corrupt('log-00000001.seg', 1000);
  const entries = await readAll(logs.log(0), 1_000_000);
  expect(entries).toHaveLength(51);
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('damaged');
  expect(logs.available).toBe(false);
  await logs.startZone('a');
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('live');
  expect(logs.available).toBe(true);
  await logs.stop();
});

test('segments go when all they hold is trimmed, and a zone that lacks that begins behind it', async () => {
  const region = new LogRegion();
  const options = { segmentBytes: 2000 };
  const logs = await region.open(options);
  const writer = new LogWriter(logs.log(0));
  const idle = new LogWriter(logs.log(1));
  await writer.open();
  await idle.open();
  await logs.stopZone('c');
  for (let at = 0; at < 100; at += 1) await writer.append(`value ${at}`.padEnd(100));
  const before = logs.retainedBytes('a');
  logs.log(0).trim(60);
  await region.clock.settle();
  expect(logs.retainedBytes('a')).toBe(before);
  logs.log(1).trim(1);
  await region.clock.settle();
  expect(logs.retainedBytes('a')).toBeLessThan(before);
  const { first } = logs.log(0);
  expect(first).toBeGreaterThan(20);
  expect(first).toBeLessThanOrEqual(61);
  expect((await logs.log(0).read(60, 100))[0]?.index).toBe(61);

  const { rebuild, caughtUp } = await logs.startZone('c');
  await caughtUp;
  expect(rebuild).toEqual([{ partition: 0, startsAfter: first - 1 }]);
  expect(logs.zoneState('c')).toBe('learner');
  await writer.append('while it is a learner');
  await region.clock.settle();
  await logs.stopZone('b');
  expect(logs.available).toBe(false);
  await logs.startZone('b');
  await logs.storeRebuilt('c');
  await region.clock.settle();
  expect(logs.zoneState('c')).toBe('live');
  await logs.stop();

  const again = await region.open({ ...options, except: ['a'] });
  expect(again.available).toBe(true);
  expect(again.log(0).first).toBe(first);
  expect(again.log(0).end).toEqual(writer.end);
  await expect(again.log(0).read(first - 3, 100)).rejects.toMatchObject({ code: 'trimmed' });
  await again.stop();
});

test('a learner that was stopped before its store was rebuilt says again what it lacks', async () => {
  const region = new LogRegion();
  const options = { segmentBytes: 500 };
  const logs = await region.open(options);
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('c');
  for (let at = 0; at < 30; at += 1) await writer.append(`value ${at}`.padEnd(100));
  logs.log(0).trim(20);
  await region.clock.settle();
  const { rebuild } = await logs.startZone('c');
  await region.clock.settle();
  await logs.stop();
  const again = await region.open(options);
  await region.clock.settle();
  expect(again.zoneState('c')).toBe('learner');
  expect(again.rebuilds('c')).toEqual(rebuild);
  await again.stop();
});

test('one group takes what all partitions appended together, with one sync in each zone', async () => {
  const region = new LogRegion();
  const groups: number[] = [];
  const logs = await region.open({
    observe: ({ zone, entries }) => {
      if (zone === 'a') groups.push(entries);
    },
  });
  const writers = Array.from({ length: 8 }, (_, partition) => new LogWriter(logs.log(partition)));
  const syncs = region.disks.a.syncs;
  await Promise.all(writers.map(async (writer) => writer.open()));
  await region.clock.settle();
  expect(groups).toEqual([8]);
  expect(region.disks.a.syncs).toBe(syncs + 1);
  await logs.stop();
});

test('appends that wait when the logs are stopped end as unknown', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('a');
  await logs.stopZone('b');
  const pending = writer.append('waits');
  await logs.stop();
  expect(await pending).toBe('unknown');
  expect(await writer.append('late')).toBe('refused');
});
