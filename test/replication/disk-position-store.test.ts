import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import { DiskPositionStore } from '../../src/replication/disk-position-store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

const position = { logId: 'x', epoch: 2, index: 7, checksum: 9, partitionTime: 5_000_000_000 };

test('positions survive a power cut, per origin', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const saved = { logs: 4, positions: new Map([[3, position]]), ownEnds: [position] };
  await new DiskPositionStore(disk).save('eu-west-1', saved);
  disk.powerCut();
  const store = new DiskPositionStore(disk);
  expect(await store.load('eu-west-1')).toEqual(saved);
  expect(await store.load('us-east-1')).toBeUndefined();
});

test('a damaged file is refused', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) });
  const store = new DiskPositionStore(disk);
  await store.save('eu-west-1', {
    logs: 4,
    positions: new Map([[3, position]]),
    ownEnds: [position],
  });
  const bytes = Buffer.from((await disk.readAll('inbox.eu-west-1')) ?? []);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await disk.replace('inbox.eu-west-1', bytes);
  await expect(store.load('eu-west-1')).rejects.toMatchObject({ code: 'damaged' });
});
