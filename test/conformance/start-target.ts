import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { startRegion } from '../../src/daemon/start-region.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { testConfig, US } from '../support/test-lab.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Undefined stands for the region's own endpoint at AWS. */
    readonly conformanceEndpoint: string | undefined;
    readonly conformanceRegion: string;
  }
}

/**
 * What is tested: `ENDPOINT` (an address, or `aws`) in `AWS_REGION`, with credentials as any SDK finds them; when it is not
 * set, a region in this process, which is gone afterwards.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { ENDPOINT: endpoint, AWS_REGION: region = US } = process.env;
  project.provide('conformanceRegion', region);
  if (endpoint !== undefined) {
    project.provide('conformanceEndpoint', endpoint === 'aws' ? undefined : endpoint);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-conformance-'));
  const network = new InProcessNetwork(new SystemClock());
  const running = await startRegion({
    config: testConfig(region),
    dataDirectory: join(folder, region),
    network,
    regions: [region],
    logger: new MemoryLogger(),
  });
  project.provide('conformanceEndpoint', running.endpoint);
  return async () => {
    await running.stop();
    await network.close();
    await rm(folder, { recursive: true, force: true });
  };
}
