import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { natsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { PROJECT_ROOT } from '../support/project-root.ts';
import { SPLIT_FAULTS } from './faults/split-faults.ts';
import { isSurvived, reportText } from './faults/fault-report.ts';
import { playFault } from './faults/play-fault.ts';

const FAULT_MS_MAX = 180_000;

await natsSuite('splits under load with real processes', JETSTREAM_VERSION_MIN, () => {
  beforeAll(async () => {
    process.env['NATS_SERVER'] = await natsServer(JETSTREAM_VERSION_MIN);
    const ready = join(PROJECT_ROOT, 'src', 'cli', 'ready.mjs');
    const { status } = spawnSync(process.execPath, [ready], { stdio: 'inherit' });
    if (status !== 0) throw new Error('the build failed');
  }, FAULT_MS_MAX);

  test.each(SPLIT_FAULTS.map(({ name }) => name))(
    '%s loses nothing that was acknowledged, and regions converge',
    async (name) => {
      const fault = present(
        SPLIT_FAULTS.find((each) => each.name === name),
        name,
      );
      const result = await playFault(fault);
      if (!isSurvived(result)) throw new Error(reportText([result]));
      expect(result.lost).toBe(0);
      expect(result.acknowledged).toBeGreaterThan(0);
    },
    FAULT_MS_MAX,
  );
});
