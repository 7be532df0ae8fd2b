import { expect, test } from 'vitest';

import { NatsWatch } from '../../src/daemon/nats-watch.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MONITORS = [1, 2, 3].map((server) => `http://127.0.0.1:500${server}`);
/** As long as two looks take. */
const NOTICED_MS = 11_000;

class World {
  readonly clock = new VirtualClock();
  readonly logger = new MemoryLogger();
  readonly away = new Set<string>();
  syncsAlways = true;
  looks = 0;
  readonly watch = new NatsWatch({
    monitors: MONITORS,
    readMonitor: async (address, path) => this.#read(address, path),
    connectedTo: () => MONITORS[0],
    clock: this.clock,
    logger: this.logger,
  });

  async #read(address: string, path: string): Promise<unknown> {
    this.looks += 1;
    if (this.away.has(address)) throw new Error('nobody is there');
    if (path === '/varz')
      return { server_id: address, version: '2.15.2', max_payload: 8 * 1024 ** 2 };
    return {
      config: { store_dir: '/data', sync_always: this.syncsAlways },
      meta_cluster: { cluster_size: MONITORS.length },
    };
  }
}

test('a server that is away is told until it is back, once in the log', async () => {
  const world = new World();
  await world.watch.start();
  await world.clock.advance(NOTICED_MS);
  expect(world.watch.alarms).toEqual([]);
  world.away.add('http://127.0.0.1:5002');
  await world.clock.advance(3 * NOTICED_MS);
  expect(world.watch.alarms).toHaveLength(1);
  expect(world.watch.alarms[0]).toContain('http://127.0.0.1:5002');
  expect(world.logger.messages('warn')).toHaveLength(1);
  world.away.clear();
  await world.clock.advance(NOTICED_MS);
  expect(world.watch.alarms).toEqual([]);
  expect(world.logger.messages('info')).toEqual([
    'the NATS servers of the region are all there again',
  ]);
  await world.watch.stop();
});

test('a server that does not answer one look is not told', async () => {
  const world = new World();
  await world.watch.start();
  await world.clock.advance(6000);
  world.away.add('http://127.0.0.1:5003');
  await world.clock.advance(5000);
  world.away.clear();
  await world.clock.advance(NOTICED_MS);
  expect(world.watch.alarms).toEqual([]);
  expect(world.logger.messages('warn')).toEqual([]);
  await world.watch.stop();
});

test('servers that do not sync any more are told, and nobody looks after the stop', async () => {
  const world = new World();
  await world.watch.start();
  world.syncsAlways = false;
  await world.clock.advance(NOTICED_MS);
  expect(world.watch.alarms.join()).toContain('sync_interval: always');
  await world.watch.stop();
  const { looks } = world;
  await world.clock.advance(NOTICED_MS);
  expect(world.looks).toBe(looks);
});
