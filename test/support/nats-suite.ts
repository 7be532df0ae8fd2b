import { describe } from 'vitest';

import { natsServer } from './nats-servers.ts';

/**
 * Tests that need a nats-server: registered as a suite, and skipped where there is none that is recent enough. What is
 * skipped is told once, at the end of the run: see `nats-setup.ts`, which finds the files by this function's name.
 *
 *     await natsSuite('the bus over NATS', NATS_VERSION_MIN, () => { test(...) });
 */
export async function natsSuite(
  name: string,
  versionMin: string,
  define: () => void,
): Promise<void> {
  const server = await natsServer(versionMin);
  // oxlint-disable-next-line vitest/valid-title, vitest/valid-describe-callback -- both are the caller's
  describe.runIf(server !== undefined)(name, define);
}
