import { expect, test } from 'vitest';

import { diskSuite } from '../suites/disk-suite.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

diskSuite('SimulatedDisk', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  return {
    disk,
    reopen: async () => disk,
    remove: async () => undefined,
    powerCut: () => {
      disk.powerCut();
    },
  };
});

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function afterPowerCut(seed: number): Promise<string | undefined> {
  const disk = new SimulatedDisk({ random: new SeededRandom(seed) });
  const file = await disk.open('log');
  await file.append([bytes('synced')]);
  await file.sync();
  await file.append([bytes(' forgotten')]);
  disk.powerCut();
  await expect(file.append([bytes('x')])).rejects.toMatchObject({ code: 'io' });
  const left = await disk.readAll('log');
  return left === undefined ? undefined : Buffer.from(left).toString();
}

test('a power cut leaves what was synced, and any part of the rest, whole or torn', async () => {
  const left = await Promise.all(
    Array.from({ length: 50 }, async (_, seed) => afterPowerCut(seed)),
  );
  expect(left.every((each) => each?.startsWith('synced') === true)).toBe(true);
  expect(new Set(left.map((each) => each?.length)).size).toBeGreaterThan(3);
  expect(left.some((each) => each !== undefined && !'synced forgotten'.startsWith(each))).toBe(
    true,
  );
});

test('a full disk takes a part, says so, and takes all when there is space', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(2) });
  const file = await disk.open('log');
  disk.setFull(true);
  await expect(file.append([bytes('too much')])).rejects.toMatchObject({ code: 'full' });
  expect(file.sizeBytes).toBeLessThan(8);
  disk.setFull(false);
  await file.truncate(0);
  await file.append([bytes('fits')]);
  expect(file.sizeBytes).toBe(4);
});

test('one bit is flipped, and a sync fails, when asked for', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(3) });
  const file = await disk.open('log');
  await file.append([bytes('abc')]);
  disk.corrupt('log', 1);
  const [a, b, c] = await file.read(0, 3);
  expect([a, c]).toEqual([97, 99]);
  expect(b).not.toBe(98);
  disk.setFailSyncs(true);
  await expect(file.sync()).rejects.toMatchObject({ code: 'io' });
});

test('an append that cannot be flushed fails, and a reader finds its bytes all the same', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(4) });
  const file = await disk.open('log');
  disk.setFailAppends(true);
  await expect(file.append([bytes('abc')])).rejects.toMatchObject({ code: 'io' });
  expect(file.sizeBytes).toBe(3);
  await file.truncate(0);
  disk.setFailAppends(false);
  await file.append([bytes('d')]);
  expect(Buffer.from(await file.read(0, 3)).toString()).toBe('d');
});
