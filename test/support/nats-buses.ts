import type { Clock } from '../../src/base/clock.ts';
import { NatsBus, type NatsBusOptions } from '../../src/bus/nats-bus.ts';
import type { NatsAccess } from '../../src/bus/nats-connection.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { SystemRandom } from '../../src/daemon/system-random.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { MemoryLogger } from './memory-logger.ts';
import { startNatsServer, type TestNatsOptions, type TestNatsServer } from './nats-servers.ts';

const clock: Clock = new SystemClock();

/** A bus with what it said. */
export interface TestBus {
  readonly bus: NatsBus;
  readonly logger: MemoryLogger;
  readonly metrics: CountingMetrics;
}

export function natsBus(
  region: string,
  access: NatsAccess,
  more: Partial<NatsBusOptions> = {},
): TestBus {
  const logger = new MemoryLogger();
  const metrics = new CountingMetrics();
  const random = new SystemRandom();
  const options = { region, access, peers: {}, release: '0.1.0', clock, random, logger, metrics };
  return { bus: new NatsBus({ ...options, ...more }), logger, metrics };
}

/** Two regions, east and west, each with a NATS of its own, that can reach each other. */
export interface TwoRegions {
  readonly east: TestBus;
  readonly west: TestBus;
  readonly eastServer: TestNatsServer;
  readonly westServer: TestNatsServer;
  /** Resolves when both servers know what is served. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export async function startTwoRegions(servers: TestNatsOptions = {}): Promise<TwoRegions> {
  const [eastServer, westServer] = await Promise.all([
    startNatsServer(servers),
    startNatsServer(servers),
  ]);
  const east = { servers: [eastServer.url] };
  const west = { servers: [westServer.url] };
  const buses = [
    natsBus('east', east, { peers: { west } }),
    natsBus('west', west, { peers: { east } }),
  ] as const;
  await Promise.all(buses.map(async ({ bus }) => bus.start()));
  return {
    east: buses[0],
    west: buses[1],
    eastServer,
    westServer,
    ready: async () => {
      await Promise.all(buses.map(async ({ bus }) => bus.flush()));
    },
    close: async () => {
      await Promise.all(buses.map(async ({ bus }) => bus.stop()));
      await Promise.all([eastServer.remove(), westServer.remove()]);
    },
  };
}
