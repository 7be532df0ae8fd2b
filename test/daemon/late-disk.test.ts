import { expect, test } from 'vitest';

import { LateDisk } from '../../src/daemon/late-disk.ts';
import { diskSuite } from '../suites/disk-suite.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const newDisk = (): SimulatedDisk =>
  new SimulatedDisk({ random: new SeededRandom(1), clock: new VirtualClock(), latencyMs: 0 });

diskSuite('LateDisk', async () => {
  const disk = newDisk();
  return {
    disk: new LateDisk(async () => disk),
    reopen: async () => new LateDisk(async () => disk),
    remove: async () => {},
  };
});

test('a disk that does not open fails as a broken one, until it opens', async () => {
  let opens = false;
  const disk = new LateDisk(async () => {
    if (!opens) throw new Error('not a directory');
    return newDisk();
  });
  await expect(disk.list()).rejects.toMatchObject({ name: 'DiskError', code: 'io' });
  opens = true;
  expect(await disk.list()).toEqual([]);
});
