import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { startNatsServer, type TestNatsOptions, type TestNatsServer } from './nats-servers.ts';
import { type ConfigChoices, TestRegion } from './test-lab.ts';

export interface NatsLab {
  readonly regions: readonly TestRegion[];
  region(name: string): TestRegion;
  /** The NATS of a region. */
  nats(name: string): TestNatsServer;
}

/** Real regions in this process, each with a nats-server of its own, joined over NATS alone. All of it goes with the test. */
export async function startNatsLab(
  names: readonly string[],
  { servers = {}, choices = {} }: { servers?: TestNatsOptions; choices?: ConfigChoices } = {},
): Promise<NatsLab> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
  const network = new InProcessNetwork(new SystemClock());
  const nats = new Map<string, TestNatsServer>();
  for (const name of names) nats.set(name, await startNatsServer({ ...servers, name }));
  const access = (name: string) => ({ servers: [present(nats.get(name), name).url] });
  const regions = names.map((name) => {
    const others = names.filter((other) => other !== name);
    const peers = Object.fromEntries(others.map((other) => [other, { nats: access(other) }]));
    const place = { name, regions: names, network, folder };
    return new TestRegion({ ...place, choices: { ...choices, nats: access(name), peers } });
  });
  onTestFinished(async () => {
    await Promise.all(regions.map(async (region) => region.stop()));
    await network.close();
    await Promise.all([...nats.values()].map(async (server) => server.remove()));
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all(regions.map(async (region) => region.start()));
  return {
    regions,
    region: (name) =>
      present(
        regions.find((region) => region.name === name),
        `region ${name}`,
      ),
    nats: (name) => present(nats.get(name), `the NATS of ${name}`),
  };
}
