import { expect, test } from 'vitest';

import { ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import { endOf } from '../../../src/log/chain.ts';
import { LogRegion, LogWriter, readAll, textOf } from '../../support/log-region.ts';

test('where nothing is synced, a sync makes what was written survive', async () => {
  const region = new LogRegion();
  const logs = await region.open({ durability: 'relaxed' });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  for (let at = 0; at < 20; at += 1) await writer.append(`value ${at}`);
  await logs.sync();
  region.powerCut();
  await logs.stop();
  const again = await region.open({ durability: 'relaxed' });
  expect(await readAll(again.log(0))).toHaveLength(21);
  await again.stop();
});

test('a disk that cannot sync when asked to takes its zone out', async () => {
  const region = new LogRegion();
  const logs = await region.open({ durability: 'relaxed' });
  await new LogWriter(logs.log(0)).open();
  region.disks.a.setFailSyncs(true);
  await logs.sync();
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['failed', 'live', 'live']);
  await logs.stop();
});

test('a log that lost what a copy has applied goes on behind the copy, in every zone', async () => {
  const region = new LogRegion(7);
  const options = { durability: 'relaxed', segmentBytes: 2000 } as const;
  const logs = await region.open(options);
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  for (let at = 0; at < 10; at += 1) await writer.append(`kept ${at}`);
  await logs.sync();
  const saved = ZONES.map((zone) => region.disks[zone].save());
  await logs.stopZone('c');
  for (let at = 0; at < 10; at += 1) await writer.append(`lost ${at}`);
  const applied = writer.end;
  await logs.stop();
  for (const [at, zone] of ZONES.entries()) region.disks[zone].restore(saved[at] ?? new Map());

  const again = await region.open({ ...options, except: ['c'] });
  expect(again.log(0).end.index).toBe(11);
  await again.continueBehind(0, applied);
  expect(again.log(0).end).toEqual(applied);
  expect(again.log(0).first).toBe(applied.index + 1);
  expect(await again.log(0).read(applied.index, 1000)).toEqual([]);
  const other = new LogWriter(again.log(0), 'log-2');
  expect(await other.open()).toBe('durable');
  expect(await other.append('after')).toBe('durable');
  await expect(again.log(0).read(5, 1000)).rejects.toMatchObject({ code: 'trimmed' });

  const { rebuild } = await again.startZone('c');
  expect(rebuild).toEqual([{ partition: 0, startsAfter: applied.index }]);
  await again.storeRebuilt('c');
  await region.clock.settle();
  expect(again.zoneState('c')).toBe('live');
  await again.stop();
  const last = await region.open({ ...options, except: ['b'] });
  const entries = await readAll(last.log(0));
  expect(entries.map(textOf)).toEqual(['', 'after']);
  expect(entries.map(endOf).at(-1)).toEqual(other.end);
  await last.stop();
});

test('a log goes on behind a copy only with two zones that vote', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stopZone('a');
  await logs.stopZone('b');
  const end = { ...writer.end, index: 10, checksum: 1 };
  await expect(logs.continueBehind(0, end)).rejects.toMatchObject({ code: 'unavailable' });
  expect(logs.log(0).end).toEqual(writer.end);
  await logs.stop();
});
