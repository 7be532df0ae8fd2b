import { afterAll, beforeAll } from 'vitest';

import { NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { registerBusSuite } from '../suites/bus-suite.ts';
import { natsBus } from '../support/nats-buses.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';

await natsSuite('the bus over NATS', NATS_VERSION_MIN, () => {
  for (const [what, maxPayload] of [
    ['8 MB', 8 * 1024 * 1024],
    ['64 KB', 64 * 1024],
  ] as const) {
    const servers: TestNatsServer[] = [];
    beforeAll(async () => {
      servers.push(...(await Promise.all([0, 1].map(async () => startNatsServer({ maxPayload })))));
    });
    afterAll(async () => {
      await Promise.all(servers.map(async (server) => server.remove()));
    });
    registerBusSuite(`NATS with messages of ${what}`, async () => {
      const [east = '', west = ''] = servers.map(({ url }) => url);
      const buses = [
        natsBus('east', { servers: [east] }, { peers: { west: { servers: [west] } } }).bus,
        natsBus('west', { servers: [west] }, { peers: { east: { servers: [east] } } }).bus,
      ] as const;
      await Promise.all(buses.map(async (bus) => bus.start()));
      return {
        east: buses[0],
        west: buses[1],
        settle: async (promise) => promise,
        answerMs: 20_000,
        ready: async () => void (await Promise.all(buses.map(async (bus) => bus.flush()))),
        close: async () => void (await Promise.all(buses.map(async (bus) => bus.stop()))),
      };
    });
  }
});
