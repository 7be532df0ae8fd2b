import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { connectNats } from '../../src/bus/nats-connection.ts';
import { nodeSubjectOf, subjectOf } from '../../src/bus/subjects.ts';
import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { storedSubjectOf, streamSubjectOf } from '../../src/log/jetstream/stream-names.ts';
import { parsePrometheusText } from '../../src/cli/prometheus-text.ts';
import {
  type ComposeDaemon,
  startComposeNats,
  startComposeProcesses,
} from '../compose/compose-processes.ts';
import { runSession, type SessionRegion } from '../compose/session.ts';
import { natsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';

const TEST_MS_MAX = 180_000;
/** What compose.yaml grants. */
const STOP_MS_MAX = 15_000;

const regionsOf = (daemons: readonly ComposeDaemon[]): readonly SessionRegion[] =>
  [...new Set(daemons.map(({ region }) => region))].map((name) => ({
    name,
    clients: daemons.filter(({ region }) => region === name).map(({ client }) => client),
  }));

await natsSuite('the topology of compose.yaml, as processes', JETSTREAM_VERSION_MIN, () => {
  test('the three servers of a region are one system, in which peers have no say', async () => {
    const servers = await startComposeNats({
      profile: 'ha',
      regions: ['us-east-1'],
      natsServer: present(await natsServer(JETSTREAM_VERSION_MIN), 'a nats-server'),
    });
    expect(servers).toHaveLength(3);
    const asked = async (user: string, password: string, subject: string): Promise<string> => {
      const { url } = present(servers[0], 'a server');
      const connection = await connectNats({ servers: [url], user, password }, { name: user });
      try {
        const answer = await connection.request(subject, undefined, { timeout: 2000 });
        return answer.string();
      } catch (error) {
        return String(error);
      } finally {
        await connection.close();
      }
    };
    const information = async (user: string, password: string): Promise<string> =>
      asked(user, password, '$JS.API.INFO');
    expect(JSON.parse(await information('region', 'tidemark-region'))).toMatchObject({
      streams: 0,
    });
    expect(await information('peer', 'tidemark-peer')).toMatch(/permission/iu);
    const log = { partition: 0, generation: 1 };
    const own = [
      nodeSubjectOf('us-east-1', 'a', 'node.trigger'),
      nodeSubjectOf('us-east-1', 'b', 'node.call'),
      streamSubjectOf('us-east-1', log),
      storedSubjectOf('us-east-1', log),
    ];
    for (const subject of own)
      expect(await asked('peer', 'tidemark-peer', subject)).toMatch(/permission/iu);
    const served = subjectOf('us-east-1', 'replication.hello');
    expect(await asked('peer', 'tidemark-peer', served)).toMatch(/no responders/iu);
    await expect(information('region', 'tidemark-peer')).rejects.toMatchObject({
      code: 'credentials',
    });
  });

  test(
    'a session in the lab: three regions, a daemon and a NATS server each',
    async () => {
      const daemons = await startComposeProcesses({
        profile: 'lab',
        regions: ['us-east-1', 'eu-west-1', 'ap-northeast-1'],
        natsServer: present(await natsServer(JETSTREAM_VERSION_MIN), 'a nats-server'),
      });
      expect(daemons).toHaveLength(3);
      await runSession(regionsOf(daemons));
      const connected = await Promise.all(daemons.map(natsConnected));
      expect(connected).toEqual(daemons.map(() => [1, 1, 1]));
      await Promise.all(daemons.map(async ({ process }) => process.stop(STOP_MS_MAX)));
      // As a container is stopped: in order, by the signal alone.
      expect(daemons.map(({ process }) => process.end?.exitCode)).toEqual(daemons.map(() => 0));
    },
    TEST_MS_MAX,
  );

  test(
    'a session with two regions of three nodes',
    async () => {
      const daemons = await startComposeProcesses({
        profile: 'ha',
        regions: ['us-east-1', 'eu-west-1'],
        natsServer: present(await natsServer(JETSTREAM_VERSION_MIN), 'a nats-server'),
      });
      expect(daemons).toHaveLength(6);
      await runSession(regionsOf(daemons));
      const connected = await Promise.all(daemons.map(natsConnected));
      // The third region, which the configuration names, is not there.
      expect(connected).toEqual(daemons.map(() => [1, 1, 0]));
    },
    TEST_MS_MAX,
  );
});

/** Of a daemon's own NATS and its peers', whether it is connected. */
async function natsConnected({ operationsEndpoint }: ComposeDaemon): Promise<readonly number[]> {
  const response = await fetch(`${operationsEndpoint}/metrics`);
  return parsePrometheusText(await response.text())
    .filter(({ name }) => name === 'tidemark_nats_connected')
    .map(({ value }) => value)
    .toSorted((one, other) => other - one);
}
