import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DockerComposeEnvironment,
  getContainerRuntimeClient,
  type StartedDockerComposeEnvironment,
  Wait,
} from 'testcontainers';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

import { until } from '../support/until.ts';
import { readComposeFile, ROOT } from './compose-file.ts';
import { runSession, type SessionRegion, writeAndRead } from './session.ts';

const PROJECT = 'tidemark-test';
const HEALTHY_MS_MAX = 120_000;
const TOKEN = 'only-for-this-test';

const TARGETS = z.object({
  data: z.object({ activeTargets: z.array(z.object({ health: z.string() })) }),
});

/** Starts services of a profile, all of them when none is named, and takes everything away when the test has finished. */
async function start(
  profile: string,
  services?: readonly string[],
): Promise<StartedDockerComposeEnvironment> {
  const environment = await new DockerComposeEnvironment(ROOT, 'compose.yaml')
    .withProjectName(PROJECT)
    .withProfiles(profile)
    .withEnvironment({ TIDEMARK_OPERATIONS_TOKEN: TOKEN })
    .withBuild()
    .withDefaultWaitStrategy(Wait.forHealthCheck().withStartupTimeout(HEALTHY_MS_MAX))
    .up(services === undefined ? undefined : [...services]);
  onTestFinished(async () => {
    await environment.down({ removeVolumes: true });
  });
  return environment;
}

/** The regions of a profile, with a client for each daemon of theirs. */
function regionsOf(profile: string, names: readonly string[]): readonly SessionRegion[] {
  const daemons = readComposeFile().services.filter(
    ({ image, profiles }) => image === 'tidemark:local' && profiles.includes(profile),
  );
  return names.map((region) => {
    const clients = daemons
      .filter(({ name }) => name.startsWith(region))
      .map(
        ({ ports: [endpoint] }) =>
          new DynamoDBClient({
            endpoint: `http://${endpoint?.host}:${endpoint?.published}`,
            region,
            credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
          }),
      );
    onTestFinished(() => {
      for (const client of clients) client.destroy();
    });
    return { name: region, clients };
  });
}

const jsonOf = async (url: string): Promise<unknown> => {
  const response = await fetch(url);
  return response.json();
};

test('the lab: a session, a region that is cut off and comes back, dashboards', async () => {
  const environment = await start('lab');
  const regions = regionsOf('lab', ['us-east-1', 'eu-west-1', 'ap-northeast-1']);
  await runSession(regions);

  const { container } = await getContainerRuntimeClient();
  const links = container.dockerode.getNetwork(`${PROJECT}_links`);
  const cut = ['eu-west-1', 'nats-eu-west-1'].map((service) => ({
    service,
    id: environment.getContainer(`${service}-1`).getId(),
  }));
  for (const { id } of cut) await links.disconnect({ Container: id });
  await writeAndRead(
    regions.filter(({ name }) => name === 'eu-west-1'),
    'alone',
  );
  await writeAndRead(
    regions.filter(({ name }) => name !== 'eu-west-1'),
    'without',
  );
  for (const { service, id } of cut)
    await links.connect({ Container: id, EndpointConfig: { Aliases: [service] } });
  await writeAndRead(regions, 'together');

  await until('Prometheus to reach every daemon', async () => {
    const { data } = TARGETS.parse(await jsonOf('http://127.0.0.1:9090/api/v1/targets'));
    const healths = data.activeTargets.map(({ health }) => health);
    return healths.length === 3 && healths.every((health) => health === 'up');
  });
  const found = z
    .array(z.object({ uid: z.string() }))
    .parse(await jsonOf('http://127.0.0.1:3000/api/search?type=dash-db'));
  expect(new Set(found.map(({ uid }) => uid))).toEqual(
    new Set(['tidemark-regions', 'tidemark-requests', 'tidemark-zones']),
  );
});

test('two regions of three nodes: a session, and another one after a daemon was killed', async () => {
  const names = ['us-east-1', 'eu-west-1'];
  const nodes = names.flatMap((region) => ['a', 'b', 'c'].map((zone) => `${region}-${zone}`));
  await start('ha', nodes);
  const regions = regionsOf('ha', names);
  expect(regions.map(({ clients }) => clients.length)).toEqual([3, 3]);
  await runSession(regions);

  const { container } = await getContainerRuntimeClient();
  const killed = container.dockerode.getContainer(`${PROJECT}-us-east-1-a-1`);
  await killed.kill();
  const survivors = regions.map(({ name, clients }) => ({
    name,
    clients: name === 'us-east-1' ? clients.slice(1) : clients,
  }));
  await until('the others to take writes', async () =>
    writeAndRead(survivors, 'after').then(
      () => true,
      () => false,
    ),
  );
  await killed.start();
  await until('the one that was killed to serve again', async () =>
    writeAndRead(regions, 'again').then(
      () => true,
      () => false,
    ),
  );
});
