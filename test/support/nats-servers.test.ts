import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';

import { JETSTREAM_VERSION_MIN, NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { startNatsCluster, startNatsServer } from './nats-servers.ts';
import { natsSuite } from './nats-suite.ts';

const view = async (url: string): Promise<Record<string, unknown>> => {
  const response = await fetch(url);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor's answer
  return (await response.json()) as Record<string, unknown>;
};

await natsSuite('a nats-server of a test', NATS_VERSION_MIN, () => {
  test('is stopped, killed, started again on its port, and removed', async () => {
    const server = await startNatsServer({ maxPayload: 4096 });
    onTestFinished(async () => server.remove());
    expect(await view(`${server.monitorUrl}/varz`)).toMatchObject({
      port: server.port,
      max_payload: 4096,
    });
    const { pid } = server;
    await server.kill();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await server.restart();
    expect(await view(`${server.monitorUrl}/varz`)).toMatchObject({ port: server.port });
    await server.stop();
    expect(() => server.pid).toThrow('a running nats-server');
    await server.remove();
  });
});

await natsSuite('nats-servers as a cluster', JETSTREAM_VERSION_MIN, () => {
  test('have JetStream with a leader', async () => {
    const cluster = await startNatsCluster(3, { jetStream: true, syncAlways: true });
    onTestFinished(async () => cluster.remove());
    for (const { monitorUrl, storeDir } of cluster.servers) {
      const { meta_cluster: meta } = await view(`${monitorUrl}/jsz`);
      expect(meta).toMatchObject({ cluster_size: 3, leader: expect.stringContaining('test-') });
      expect(existsSync(storeDir)).toBe(true);
    }
    await cluster.remove();
    for (const { storeDir } of cluster.servers) expect(existsSync(storeDir)).toBe(false);
  }, 30_000);
});
