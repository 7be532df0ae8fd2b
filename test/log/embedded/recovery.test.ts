import { expect, test } from 'vitest';

import { LogRegion, LogWriter, readAll, textOf } from '../../support/log-region.ts';

const SEGMENT = 'log-00000001.seg';

/** A region whose log of partition 0 holds `count` values, stopped in good order. */
async function written(count: number, segmentBytes?: number): Promise<LogRegion> {
  const region = new LogRegion();
  const logs = await region.open(segmentBytes === undefined ? {} : { segmentBytes });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  for (let at = 0; at < count; at += 1) await writer.append(`value ${at}`);
  await logs.stop();
  return region;
}

const values = (count: number): string[] => Array.from({ length: count }, (_, at) => `value ${at}`);

test('a torn last entry is dropped, and the zone still votes', async () => {
  const region = await written(10);
  region.disks.a.corrupt(SEGMENT, -3);
  const logs = await region.open({ except: ['c'] });
  expect(logs.zoneState('a')).toBe('live');
  expect((await readAll(logs.log(0))).slice(1).map(textOf)).toEqual(values(10));
  await logs.stop();
  // What it dropped was filled up again from zone b.
  const alone = await region.open({ except: ['b'] });
  expect((await readAll(alone.log(0))).slice(1).map(textOf)).toEqual(values(10));
  await alone.stop();
});

test('a bad frame in the middle, which was synced, takes the vote until the zone is filled up again', async () => {
  const region = await written(50);
  region.disks.a.corrupt(SEGMENT, 700);
  const without = await region.open({ except: ['c'] });
  expect(without.zoneState('a')).toBe('damaged');
  expect(without.available).toBe(false);
  await without.stop();

  const logs = await region.open();
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('live');
  await logs.stop();
  const again = await region.open({ except: ['c'] });
  expect(again.available).toBe(true);
  expect((await readAll(again.log(0))).slice(1).map(textOf)).toEqual(values(50));
  await again.stop();
});

test('a missing segment in the middle is damage', async () => {
  const region = await written(50, 1000);
  await region.disks.b.delete('log-00000003.seg');
  const logs = await region.open({ except: ['a'] });
  expect(logs.zoneState('b')).toBe('damaged');
  await logs.stop();
});

test('a blank zone has no vote, is filled up from the others, and votes then', async () => {
  const region = await written(20);
  region.disks.b.erase();
  const two = await region.open({ except: ['c'] });
  expect(two.available).toBe(false);
  await expect(two.confirm()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await new LogWriter(two.log(0)).open()).toBe('refused');
  expect((await two.startZone('c')).rebuild).toEqual([]);
  await region.clock.settle();
  expect(two.available).toBe(true);
  expect(two.zoneState('b')).toBe('live');
  await two.stop();
  const logs = await region.open({ except: ['a'] });
  expect(logs.available).toBe(true);
  expect((await readAll(logs.log(0))).slice(1).map(textOf)).toEqual(values(20));
  await logs.stop();
});

test('an old disk that was replaced has no vote when it comes back', async () => {
  const region = await written(5);
  const old = (await region.disks.b.readAll('storage-node.json')) ?? new Uint8Array(0);
  region.disks.b.erase();
  const logs = await region.open();
  await region.clock.settle();
  expect(logs.zoneState('b')).toBe('live');
  await logs.stop();
  await region.disks.b.replace('storage-node.json', old);
  const again = await region.open({ except: ['c'] });
  expect(again.available).toBe(false);
  await again.stop();
});

test('a tail that forked while a zone was away is cut when it returns', async () => {
  const region = await written(5);
  // Zone a alone has two entries more, which nobody was told of.
  const logs = await region.open();
  region.disks.b.setFull(true);
  region.disks.c.setFull(true);
  const writer = new LogWriter(logs.log(0));
  void writer.open();
  void writer.append('forked');
  await region.clock.settle();
  region.powerCut();
  region.disks.b.setFull(false);
  region.disks.c.setFull(false);
  await logs.stop();

  const without = await region.open({ except: ['a'] });
  const other = new LogWriter(without.log(0), 'log-2');
  await other.open();
  for (let at = 0; at < 3; at += 1) await other.append(`other ${at}`);
  expect(await without.startZone('a')).toMatchObject({ rebuild: [] });
  await region.clock.settle();
  expect(without.zoneState('a')).toBe('live');
  const expected = [...values(5), '', 'other 0', 'other 1', 'other 2'];
  expect((await readAll(without.log(0))).slice(1).map(textOf)).toEqual(expected);
  await without.stop();

  const again = await region.open({ except: ['b'] });
  expect((await readAll(again.log(0))).slice(1).map(textOf)).toEqual(expected);
  await again.stop();
});

test('what one of two voters has more becomes durable before the log is open', async () => {
  const region = await written(5);
  const logs = await region.open({ except: ['c'] });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await writer.append('acknowledged by a and b');
  await logs.stop();
  const open = await region.open({ except: ['a'] });
  expect((await readAll(open.log(0))).map(textOf)).toContain('acknowledged by a and b');
  await open.stop();
  const again = await region.open({ except: ['b'] });
  expect((await readAll(again.log(0))).map(textOf)).toContain('acknowledged by a and b');
  await again.stop();
});

test('with one zone only nothing is available until a second one is started', async () => {
  const region = await written(5);
  const logs = await region.open({ except: ['a', 'b'] });
  const seen: boolean[] = [];
  logs.log(0).onAvailability((available) => seen.push(available));
  expect(logs.available).toBe(false);
  await logs.startZone('b');
  await region.clock.settle();
  expect(seen).toEqual([true]);
  expect((await readAll(logs.log(0))).slice(1).map(textOf)).toEqual(values(5));
  await logs.stop();
});

test('another format or region is refused in words', async () => {
  const region = await written(1);
  await expect(region.open({ region: 'eu-west-1' })).rejects.toMatchObject({
    name: 'StorageNodeError',
    code: 'region',
  });
  const text = Buffer.from((await region.disks.a.readAll('storage-node.json')) ?? []).toString();
  await region.disks.a.replace(
    'storage-node.json',
    Buffer.from(text.replace('"format": 1', '"format": 2')),
  );
  await expect(region.open()).rejects.toThrow('has format 2; this program reads format 1');
});

test('a region whose forming was interrupted is formed again', async () => {
  const region = await written(0);
  region.disks.b.erase();
  region.disks.c.erase();
  const text = Buffer.from((await region.disks.a.readAll('storage-node.json')) ?? []).toString();
  region.disks.a.erase();
  await region.disks.a.replace(
    'storage-node.json',
    Buffer.from(text.replace('"formed": true', '"formed": false')),
  );
  const logs = await region.open();
  expect(logs.available).toBe(true);
  await logs.stop();
});

test('complete segments are opened by their summaries, and read in full without', async () => {
  const region = await written(50, 1000);
  expect(await region.disks.a.readAll('log-00000001.idx')).toBeDefined();
  region.disks.a.corrupt('log-00000001.idx', -20);
  await region.disks.b.delete('log-00000002.idx');
  const logs = await region.open({ segmentBytes: 1000 });
  expect(await logs.log(0).read(0, 1_000_000)).toHaveLength(51);
  await logs.stop();

  // Damage in a segment that opening does not read is found by the read, and a new start fills it up.
  region.disks.b.corrupt('log-00000003.seg', 500);
  const two = await region.open({ segmentBytes: 1000, except: ['c'] });
  await two.stopZone('a');
  await expect(two.log(0).read(0, 1_000_000)).rejects.toMatchObject({ code: 'damaged' });
  expect(two.zoneState('b')).toBe('damaged');
  await two.startZone('a');
  await two.startZone('b');
  await region.clock.advance(10_000);
  expect(two.zoneState('b')).toBe('live');
  await two.stopZone('a');
  expect(await two.log(0).read(0, 1_000_000)).toHaveLength(51);
  await two.stop();
});

test('a cut and a new base are remembered by summaries too', async () => {
  const region = await written(5, 400);
  const logs = await region.open({ segmentBytes: 400 });
  region.disks.b.setFull(true);
  region.disks.c.setFull(true);
  const forked = new LogWriter(logs.log(0));
  void forked.open();
  void forked.append('forked');
  await region.clock.settle();
  region.powerCut();
  region.disks.b.setFull(false);
  region.disks.c.setFull(false);
  await logs.stop();
  const without = await region.open({ segmentBytes: 400, except: ['a'] });
  await new LogWriter(without.log(0), 'log-2').open();
  await without.startZone('a');
  await region.clock.settle();
  const writer = new LogWriter(without.log(0), 'log-2');
  await writer.open();
  for (let at = 0; at < 20; at += 1) await writer.append(`other ${at}`);
  await without.stop();
  const again = await region.open({ segmentBytes: 400, except: ['c'] });
  await again.stopZone('b');
  const entries = await readAll(again.log(0));
  expect(entries.map((entry) => entry.index)).toEqual(entries.map((_, at) => at + 1));
  expect(entries.map(textOf)).not.toContain('forked');
  expect(entries).toHaveLength(28);
  await again.stop();
});
