import { expect, test } from 'vitest';

import { sourceOf } from '../../src/daemon/config-file.ts';
import { readConfig } from '../../src/daemon/config.ts';
import { EngineRunner } from '../../src/daemon/engine-runner.ts';
import { RegionMetrics } from '../../src/daemon/region-metrics.ts';
import type { Engine } from '../../src/daemon/served-region.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { CountingMetrics } from '../support/counting-metrics.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { MemoryRegion } from '../support/memory-region.ts';
import { NodeNetwork } from '../support/node-network.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

/** An engine that does nothing, or waits in its start until it is given up. */
class FakeEngine implements Engine {
  readonly region = new MemoryRegion();
  readonly metrics = new RegionMetrics(new CountingMetrics());
  readonly waits: boolean;
  isRunning = false;
  isStopped = false;
  stopError: Error | undefined;
  /** What is done while others are given what this one leads. */
  onHandOver = async (): Promise<void> => {};
  #giveUp = (): void => {};

  constructor(waits: boolean) {
    this.waits = waits;
  }

  async start(): Promise<void> {
    if (this.waits)
      await new Promise<void>((_resolve, reject) => {
        this.#giveUp = () => {
          reject(new Error('given up'));
        };
      });
    this.isRunning = true;
  }

  giveUpStart(): void {
    this.#giveUp();
  }

  async handOver(): Promise<void> {
    await this.onHandOver();
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    this.isStopped = true;
    if (this.stopError !== undefined) throw this.stopError;
  }
}

class World {
  readonly clock = new SystemClock();
  readonly logger = new MemoryLogger();
  readonly engines: FakeEngine[] = [];
  /** What opening the next engine waits for. */
  opening: ((signal: AbortSignal) => Promise<void>) | undefined;
  waits = false;
  isOpening = false;
  fail = (_error: Error): void => {};
  readonly runner = new EngineRunner({
    config: readConfig(
      sourceOf('memory', 'region: us-east-1\nendpoint: { port: 0 }\noperations: { port: 0 }\n'),
      {},
    ),
    bus: new NodeNetwork('us-east-1', this.clock).bus(),
    clock: this.clock,
    random: new SeededRandom(1),
    logger: this.logger,
    open: async (onFailure, signal) => {
      this.fail = onFailure;
      this.isOpening = true;
      await this.opening?.(signal);
      const engine = new FakeEngine(this.waits);
      this.engines.push(engine);
      return engine;
    },
  });

  get last(): FakeEngine | undefined {
    return this.engines.at(-1);
  }
}

/** As a store that waits for its servers does. */
const forEver = async (signal: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('not wanted any more'));
    });
  });

test('an engine is started and stopped again and again, on the same port', async () => {
  const world = new World();
  await world.runner.start();
  const { port } = world.runner;
  await world.runner.stop();
  expect(world.runner.engine).toBeUndefined();
  expect(world.last?.isStopped).toBe(true);
  await world.runner.start();
  expect(world.runner.port).toBe(port);
  await world.runner.start();
  expect(world.engines).toHaveLength(2);
  await world.runner.end();
});

test('clients are answered until what the engine leads is handed over', async () => {
  const { runner, engines } = new World();
  await runner.start();
  const [engine] = engines;
  const url = `http://127.0.0.1:${runner.port}/`;
  let status: number | undefined;
  if (engine !== undefined)
    engine.onHandOver = async () => {
      status = (await fetch(url)).status;
    };
  await runner.stop();
  expect(status).toBe(200);
  expect(engine?.isStopped).toBe(true);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  await runner.end();
});

test('an engine that fails is started anew, once for all that it says', async () => {
  const world = new World();
  await world.runner.start();
  const [engine] = world.engines;
  if (engine !== undefined) engine.stopError = new Error('the stop fails, too');
  for (const word of ['first', 'second']) world.fail(new Error(word));
  expect(world.runner.failure).toBe('first');
  await until('it runs again', async () => world.engines.length === 2 && world.last?.isRunning);
  expect(world.runner.failure).toBeUndefined();
  await world.runner.end();
  expect(world.engines).toHaveLength(2);
});

test('what fails while it is stopped for good is not started again', async () => {
  const world = new World();
  await world.runner.start();
  world.fail(new Error('a fault'));
  await world.runner.end();
  expect(world.runner.engine).toBeUndefined();
  expect(world.engines.filter(({ isRunning }) => isRunning)).toEqual([]);
});

test('a stop ends what is opened and waits for ever', async () => {
  const world = new World();
  world.opening = forEver;
  const started = world.runner.start();
  started.catch(() => {});
  await until('it is being opened', () => world.isOpening);
  await world.runner.end();
  await expect(started).rejects.toThrow('not wanted any more');
  expect(world.engines).toEqual([]);
});

test('a stop ends a start that waits for ever', async () => {
  const world = new World();
  world.waits = true;
  const started = world.runner.start();
  started.catch(() => {});
  await until('it is being started', async () => world.engines.length === 1);
  await world.runner.end();
  await expect(started).rejects.toThrow('given up');
  expect(world.last?.isStopped).toBe(true);
});
