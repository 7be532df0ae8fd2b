import { expect, test } from 'vitest';

import { connectNats } from '../../src/bus/nats-connection.ts';
import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { readNatsMonitor } from '../../src/daemon/nats-monitor.ts';
import { type FoundNats, lookAtNats } from '../../src/log/jetstream/requirements.ts';
import { startNatsCluster, startNatsServer, type TestNatsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';

const PAYLOAD = 8 * 1024 * 1024;

/** As a daemon does at its start. */
async function look(servers: readonly TestNatsServer[]): Promise<FoundNats> {
  const access = { servers: servers.map(({ url }) => url) };
  const connection = await connectNats(access, { name: 'test' });
  try {
    return await lookAtNats({
      monitors: servers.map(({ monitorUrl }) => monitorUrl),
      readMonitor: readNatsMonitor,
      connectedTo: connection.info?.server_id,
    });
  } finally {
    await connection.close();
  }
}

await natsSuite('what a region of nodes needs of NATS', JETSTREAM_VERSION_MIN, () => {
  test('a server as it must be is taken, and one that acknowledges before it syncs is not', async () => {
    const good = await startNatsServer({ jetStream: true, syncAlways: true, maxPayload: PAYLOAD });
    const bad = await startNatsServer({ jetStream: true });
    try {
      expect(await look([good])).toEqual({ problems: [], unseen: [], replicas: 1 });
      const { problems } = await look([bad]);
      expect(problems.join('\n')).toContain('set `sync_interval: always`');
      expect(problems.join('\n')).toContain('set `max_payload: 8MB`');
      expect(problems).toHaveLength(2);
    } finally {
      await Promise.all([good.remove(), bad.remove()]);
    }
  });

  test('a cluster of three is taken when each of them is named, and one may be down', async () => {
    const options = { jetStream: true, syncAlways: true, maxPayload: PAYLOAD };
    const cluster = await startNatsCluster(3, options);
    try {
      expect(await look(cluster.servers)).toEqual({ problems: [], unseen: [], replicas: 3 });
      const { problems } = await look(cluster.servers.slice(0, 2));
      expect(problems.join('\n')).toContain('has 3 servers and nats.monitor names 2');
      await cluster.servers[2]?.kill();
      const found = await look(cluster.servers);
      expect(found.problems).toEqual([]);
      expect(found.unseen).toHaveLength(1);
    } finally {
      await cluster.remove();
    }
  });
});
