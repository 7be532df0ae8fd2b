import { expect, test } from 'vitest';

import { DiskError, type Disk } from '../../../src/base/disk.ts';
import type { EmbeddedLogs } from '../../../src/log/embedded/embedded-logs.ts';
import { type Zone, ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import { LogRegion, LogWriter, readAll } from '../../support/log-region.ts';

const ORDERS: readonly (readonly Zone[])[] = [
  ['a', 'b', 'c'],
  ['a', 'c', 'b'],
  ['b', 'a', 'c'],
  ['b', 'c', 'a'],
  ['c', 'a', 'b'],
  ['c', 'b', 'a'],
];

/** Three zones that were closed one by one while the process ran: a lags far behind, b and c have everything. */
async function closedRegion(): Promise<{
  readonly region: LogRegion;
  readonly logs: EmbeddedLogs;
}> {
  const region = new LogRegion(4);
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('a');
  for (let at = 0; at < 12; at += 1) await writer.append('x'.repeat(400_000));
  await logs.stopZone('b');
  await logs.stopZone('c');
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['stopped', 'stopped', 'stopped']);
  return { region, logs };
}

/** The zones' states once they had time, and how many entries the one that lagged has by itself. */
async function outcomeOf(region: LogRegion, logs: EmbeddedLogs): Promise<readonly unknown[]> {
  await region.clock.advance(10_000);
  const states = ZONES.map((zone) => logs.zoneState(zone));
  for (const zone of ['b', 'c'] as const) await logs.stopZone(zone);
  const { length } = await region.clock.runUntilSettled(readAll(logs.log(0), 1_000_000));
  await region.clock.runUntilSettled(logs.stop());
  return [...states, length];
}

test('three closed zones come back in whatever order they are started, each start waiting for no other', async () => {
  for (const order of ORDERS) {
    const { region, logs } = await closedRegion();
    for (const zone of order) await region.clock.runUntilSettled(logs.startZone(zone));
    expect(await outcomeOf(region, logs)).toEqual(['live', 'live', 'live', 13]);
  }
});

test('three closed zones come back when all are started at once', async () => {
  for (const order of ORDERS) {
    const { region, logs } = await closedRegion();
    const starts = Promise.all(order.map(async (zone) => logs.startZone(zone)));
    await region.clock.runUntilSettled(starts);
    expect(await outcomeOf(region, logs)).toEqual(['live', 'live', 'live', 13]);
  }
});

test('a zone whose disk cannot take the note that it has no vote holds up no other, and says why', async () => {
  const region = new LogRegion();
  const options = { segmentBytes: 500 };
  let noteFails = false;
  const news: string[] = [];
  const wrap = (disk: Disk, zone: Zone): Disk =>
    zone === 'c' ? withFailingReplace(disk, () => noteFails) : disk;
  const logs = await region.open(
    {
      ...options,
      onZoneChange: (zone, state, error) => {
        if (error instanceof Error) news.push(`${zone} ${state}: ${error.message}`);
      },
    },
    wrap,
  );
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('c');
  for (let at = 0; at < 30; at += 1) await writer.append(`value ${at}`.padEnd(100));
  logs.log(0).trim(20);
  await region.clock.settle();
  noteFails = true;
  await region.clock.runUntilSettled(logs.startZone('c'));
  await region.clock.advance(10_000);
  expect(logs.zoneState('c')).toBe('learner');
  expect(news).toEqual(['c learner: no space for a note']);
  await logs.stopZone('b');
  await region.clock.runUntilSettled(logs.startZone('b'));
  await region.clock.settle();
  expect(logs.zoneState('b')).toBe('live');
  noteFails = false;
  await region.clock.advance(10_000);
  expect(logs.rebuilds('c')).toHaveLength(1);
  await logs.storeRebuilt('c');
  await region.clock.settle();
  expect(logs.zoneState('c')).toBe('live');
  await logs.stop();
});

test('a zone that falls behind what is kept tells that its store lacks something, and votes once it has it', async () => {
  const region = new LogRegion();
  const told: (readonly { readonly startsAfter: number }[])[] = [];
  let logs: EmbeddedLogs | undefined;
  logs = await region.open({
    segmentBytes: 2000,
    backlogBytesMax: 5000,
    onZoneChange: (zone, state) => {
      const lacking = logs?.rebuilds(zone) ?? [];
      if (zone === 'c' && state === 'learner' && lacking.length > 0) told.push([...lacking]);
    },
  });
  const log = logs.log(0);
  const writer = new LogWriter(log);
  await writer.open();
  region.disks.c.setLatencyMs(5000);
  for (let at = 0; at < 100; at += 1) await writer.append(`value ${at}`.padEnd(200));
  log.trim(90);
  await region.clock.settle();
  expect(log.first).toBeGreaterThan(50);
  region.disks.c.setLatencyMs(0);
  await region.clock.advance(30_000);
  expect(logs.zoneState('c')).toBe('learner');
  const startsAfter = log.first - 1;
  expect(told).toEqual([[{ partition: 0, startsAfter }]]);
  await logs.storeRebuilt('c', () => startsAfter - 1);
  await region.clock.settle();
  expect(logs.zoneState('c')).toBe('learner');
  await logs.storeRebuilt('c', () => startsAfter);
  await region.clock.settle();
  expect(logs.zoneState('c')).toBe('live');
  expect(logs.rebuilds('c')).toEqual([]);
  await logs.storeRebuilt('c');
  expect(logs.zoneState('c')).toBe('live');
  await logs.stop();
});

function withFailingReplace(disk: Disk, fails: () => boolean): Disk {
  return {
    open: async (name) => disk.open(name),
    list: async () => disk.list(),
    delete: async (name) => disk.delete(name),
    readAll: async (name) => disk.readAll(name),
    replace: async (name, bytes) => {
      if (fails()) throw new DiskError('full', 'no space for a note');
      await disk.replace(name, bytes);
    },
  };
}
