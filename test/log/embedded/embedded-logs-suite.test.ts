import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SystemClock } from '../../../src/daemon/system-clock.ts';
import { NodeDisk } from '../../../src/daemon/node-disk.ts';
import { EmbeddedLogs } from '../../../src/log/embedded/embedded-logs.ts';
import { ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import { replicatedLogSuite } from '../../suites/replicated-log-suite.ts';
import { LogRegion } from '../../support/log-region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

replicatedLogSuite('the embedded log on simulated disks', async () => {
  const region = new LogRegion();
  let logs = await region.open();
  return {
    log: logs.log(3),
    reopen: async () => {
      await logs.stop();
      logs = await region.open();
      return logs.log(3);
    },
    remove: async () => logs.stop(),
  };
});

replicatedLogSuite('the embedded log on files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-log-'));
  const open = async (): Promise<EmbeddedLogs> =>
    EmbeddedLogs.open({
      region: 'us-east-1',
      zones: await Promise.all(
        ZONES.map(async (zone) => ({
          zone,
          disk: await NodeDisk.open(join(folder, zone), { aheadBytes: 4096 }),
        })),
      ),
      clock: new SystemClock(),
      random: new SeededRandom(1),
    });
  let logs = await open();
  return {
    log: logs.log(3),
    reopen: async () => {
      await logs.stop();
      logs = await open();
      return logs.log(3);
    },
    remove: async () => {
      await logs.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
