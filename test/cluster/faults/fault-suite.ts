import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { JETSTREAM_VERSION_MIN } from '../../../src/cli/nats-server.ts';
import { natsServer } from '../../support/nats-servers.ts';
import { natsSuite } from '../../support/nats-suite.ts';
import { PROJECT_ROOT } from '../../support/project-root.ts';
import { isSurvived, reportText } from './fault-report.ts';
import type { Fault } from './fault.ts';
import { playFault } from './play-fault.ts';

/** Each takes a minute on a slow machine. */
const FAULT_MS_MAX = 180_000;

/** A suite that plays faults against real processes under load, one after the other; skipped aloud where no nats-server is found. */
export async function faultSuite(title: string, faults: readonly Fault[]): Promise<void> {
  await natsSuite(title, JETSTREAM_VERSION_MIN, () => {
    beforeAll(async () => {
      process.env['NATS_SERVER'] = await natsServer(JETSTREAM_VERSION_MIN);
      const ready = join(PROJECT_ROOT, 'src', 'cli', 'ready.mjs');
      const { status } = spawnSync(process.execPath, [ready], { stdio: 'inherit' });
      if (status !== 0) throw new Error('the build failed');
    }, FAULT_MS_MAX);

    test.each(faults.map((fault) => [fault.name, fault] as const))(
      '%s loses nothing that was acknowledged, and regions converge',
      async (_name, fault) => {
        const result = await playFault(fault);
        if (!isSurvived(result)) throw new Error(reportText([result]));
        expect(result.lost).toBe(0);
        expect(result.acknowledged).toBeGreaterThan(0);
      },
      FAULT_MS_MAX,
    );
  });
}
