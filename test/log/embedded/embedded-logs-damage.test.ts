import { crc32 } from 'node:zlib';

import { expect, test } from 'vitest';

import type { Disk } from '../../../src/base/disk.ts';
import type { EmbeddedLogs } from '../../../src/log/embedded/embedded-logs.ts';
import { entryFrame, segmentFrame } from '../../../src/log/embedded/frame.ts';
import { type Zone, ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import { makeEntry } from '../../../src/log/entry-codec.ts';
import { LogRegion, LogWriter, readAll, textOf } from '../../support/log-region.ts';

const COUNT = 200;
const SEGMENT_BYTES = 4096;
const DAMAGED = 'log-00000003.seg';
const LAST = 'log-00000001.seg';
const FRAME_HEAD_BYTES = 20;

/** A region whose complete segments stand beside summaries, opened again, with `damaged` damaged where nobody has looked. */
async function damagedRegion(
  damaged: readonly Zone[],
): Promise<{ readonly region: LogRegion; readonly logs: EmbeddedLogs; readonly seen: string[] }> {
  const region = new LogRegion(3);
  const first = await region.open({ segmentBytes: SEGMENT_BYTES });
  const writer = new LogWriter(first.log(0));
  await writer.open();
  for (let at = 0; at < COUNT; at += 1) await writer.append(`value ${at} ${'x'.repeat(300)}`);
  await first.stop();
  const seen: string[] = [];
  const logs = await region.open({
    segmentBytes: SEGMENT_BYTES,
    onZoneChange: (zone, state, error) =>
      seen.push(error instanceof Error ? `${zone} ${state}: ${error.message}` : `${zone} ${state}`),
  });
  for (const zone of damaged) region.disks[zone].corrupt(DAMAGED, 2000);
  return { region, logs, seen };
}

const held = async (logs: EmbeddedLogs): Promise<number> =>
  readAll(logs.log(0), 500).then((entries) => entries.length);

/** What a zone has by itself, as the only one of those that hold the log to be asked. */
async function heldBy(region: LogRegion, logs: EmbeddedLogs, zone: Zone): Promise<number> {
  for (const other of ZONES) if (other !== zone) await logs.stopZone(other);
  return region.clock.runUntilSettled(held(logs));
}

test('a zone whose log a read found damaged begins anew when it is stopped and started', async () => {
  const { region, logs, seen } = await damagedRegion(['a', 'b']);
  expect(await held(logs)).toBe(COUNT + 1);
  expect(logs.zoneState('a')).toBe('damaged');
  expect(seen.filter((each) => each.startsWith(`a damaged: ${DAMAGED} is damaged`))).toHaveLength(
    1,
  );
  await logs.stopZone('a');
  expect(logs.zoneState('a')).toBe('damaged');
  await (
    await logs.startZone('a')
  ).caughtUp;
  expect(logs.zoneState('a')).toBe('live');
  expect(await held(logs)).toBe(COUNT + 1);
  expect(logs.zoneState('a')).toBe('live');
  if (logs.zoneState('b') === 'damaged') await (await logs.startZone('b')).caughtUp;
  expect(await heldBy(region, logs, 'a')).toBe(COUNT + 1);
  expect(logs.zoneState('a')).toBe('live');
  await logs.stop();
});

test('damage that a read found is known to the next process', async () => {
  const { region, logs } = await damagedRegion(['a']);
  await held(logs);
  expect(logs.zoneState('a')).toBe('damaged');
  await logs.stop();
  const without = await region.open({ segmentBytes: SEGMENT_BYTES, except: ['c'] });
  expect(without.zoneState('a')).toBe('damaged');
  expect(without.available).toBe(false);
  await without.stop();

  const again = await region.open({ segmentBytes: SEGMENT_BYTES });
  await region.clock.settle();
  expect(again.zoneState('a')).toBe('live');
  expect(await heldBy(region, again, 'a')).toBe(COUNT + 1);
  expect(again.zoneState('a')).toBe('live');
  await again.stop();
});

test('damage that recovery itself comes upon is mended without anybody asking', async () => {
  const region = new LogRegion();
  const options = { segmentBytes: 2000 };
  const first = await region.open(options);
  const writer = new LogWriter(first.log(0));
  await writer.open();
  await first.stopZone('b');
  for (let at = 0; at < 50; at += 1) await writer.append(`value ${at}`.padEnd(100));
  await first.stopZone('c');
  const pending = writer.append('a alone has this');
  await region.clock.settle();
  await first.stop();
  expect(await pending).toBe('unknown');
  // What c lacks is in the last segment; what b lacks begins in the second.
  region.disks.a.corrupt('log-00000002.seg', 700);
  const states: string[] = [];
  const logs = await region.open({
    ...options,
    except: ['c'],
    onZoneChange: (zone, state) => states.push(`${zone} ${state}`),
  });
  expect(logs.zoneState('a')).toBe('damaged');
  expect(logs.available).toBe(false);
  await logs.startZone('c');
  await region.clock.advance(10_000);
  expect(states).toContain('a damaged');
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['live', 'live', 'live']);
  expect(await heldBy(region, logs, 'a')).toBe(51);
  await logs.stop();
});

test('a damaged zone that nobody can fill up yet keeps what it has, and begins anew when somebody can', async () => {
  const { region, logs } = await damagedRegion(['a']);
  const writer = new LogWriter(logs.log(0));
  await logs.stopZone('c');
  await writer.open();
  for (let at = 0; at < 20; at += 1) await writer.append(`later ${at}`);
  await held(logs);
  expect(logs.zoneState('a')).toBe('damaged');
  await logs.stopZone('b');
  const kept = region.disks.a.sizeBytes(DAMAGED);
  await logs.startZone('a');
  await logs.startZone('c');
  await region.clock.advance(10_000);
  // Zone c lacks what a and b have acknowledged.
  expect(logs.zoneState('a')).toBe('damaged');
  expect(region.disks.a.sizeBytes(DAMAGED)).toBe(kept);
  await logs.startZone('b');
  await region.clock.advance(10_000);
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['live', 'live', 'live']);
  expect(await heldBy(region, logs, 'a')).toBe(COUNT + 22);
  await logs.stop();
});

test('a zone that waits to begin anew stays stopped once it is stopped', async () => {
  const { region, logs } = await damagedRegion(['a']);
  await held(logs);
  await logs.stopZone('b');
  await logs.stopZone('c');
  await logs.startZone('a');
  await logs.stopZone('a');
  await logs.startZone('b');
  await logs.startZone('c');
  await region.clock.advance(10_000);
  expect(ZONES.map((zone) => logs.zoneState(zone))).toEqual(['damaged', 'live', 'live']);
  await logs.stop();
});

test('a group whose flush failed is cut off, so that the next process does not take it for synced', async () => {
  const region = new LogRegion();
  const errors: unknown[] = [];
  const logs = await region.open({ onZoneChange: (_zone, _state, error) => errors.push(error) });
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await writer.append('before');
  const sizeBytes = region.disks.a.sizeBytes(LAST);
  region.disks.a.setFailAppends(true);
  expect(await writer.append('b and c have it')).toBe('durable');
  await region.clock.settle();
  expect(logs.zoneState('a')).toBe('failed');
  expect(errors.map(String).filter((each) => each.includes('flush of log'))).toHaveLength(1);
  expect(region.disks.a.sizeBytes(LAST)).toBe(sizeBytes);
  await logs.stop();
  region.disks.a.setFailAppends(false);
  const again = await region.open({ except: ['c'] });
  expect((await readAll(again.log(0))).map(textOf)).toEqual(['', 'before', 'b and c have it']);
  await again.stop();
});

/** Tells of each file that is opened, and of each that is closed. */
function countingOpen(disk: Disk, changed: (by: number) => void): Disk {
  return {
    open: async (name) => {
      const file = await disk.open(name);
      const close = file.close.bind(file);
      changed(1);
      return Object.assign(file, {
        close: async () => {
          changed(-1);
          await close();
        },
      });
    },
    list: async () => disk.list(),
    delete: async (name) => disk.delete(name),
    readAll: async (name) => disk.readAll(name),
    replace: async (name, bytes) => disk.replace(name, bytes),
  };
}

/** The same frame as a version would write it that knows more kinds. */
function ofLaterKind(frame: Uint8Array): Uint8Array {
  const bytes = Buffer.from(frame);
  bytes[7] = 200;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}

/** The same entry in another format. */
function ofLaterFormat(frame: Uint8Array): Uint8Array {
  const bytes = Buffer.from(frame);
  bytes[FRAME_HEAD_BYTES + 4] = 2;
  const checksum = crc32(bytes.subarray(FRAME_HEAD_BYTES + 4));
  bytes.writeUInt32LE(checksum, FRAME_HEAD_BYTES);
  bytes.writeUInt32LE(checksum, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}

test('what a later version wrote is refused in words, and neither cut off nor replaced', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  const writer = new LogWriter(logs.log(0));
  await writer.open();
  await logs.stop();
  const content = { epoch: 1, logId: 'log-1', kind: 'records', partitionTime: 9 } as const;
  const entry = makeEntry(writer.end, { ...content, payload: Buffer.from('later') });
  const later = [ofLaterKind(segmentFrame(1)), ofLaterFormat(entryFrame(0, entry).bytes)];
  const saved = region.disks.c.save();
  for (const bytes of later) {
    region.disks.c.restore(saved);
    const file = await region.disks.c.open(LAST);
    await file.append([bytes]);
    await file.sync();
    let openFiles = 0;
    const count = (by: number): void => {
      openFiles += by;
    };
    const refused = region.open({}, (disk) => countingOpen(disk, count));
    await expect(refused).rejects.toMatchObject({ name: 'StorageNodeError', code: 'format' });
    await expect(refused).rejects.toThrow(/has format 2|of a kind that this program/);
    expect(openFiles).toBe(0);
    expect(region.disks.c.sizeBytes(LAST)).toBe(file.sizeBytes);
  }
  region.disks.c.restore(saved);
  const whole = await region.open({ except: ['a'] });
  expect(await held(whole)).toBe(1);
  await whole.stop();
});
