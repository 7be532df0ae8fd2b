import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { InProcessEndpoint, InProcessNetwork } from '../bus/in-process-network.ts';
import type { Logger } from '../telemetry/logger.ts';
import { PrometheusMetrics } from '../telemetry/prometheus.ts';
import type { RegionConfig } from './config.ts';
import { OperationsServer } from './operations-server.ts';
import { exportProcessMetrics } from './process-metrics.ts';
import type { RegionEngine } from './region-engine.ts';
import { RegionOperations, type RegionSwitch } from './region-operations.ts';
import type { RunningRegion } from './running-region.ts';
import { ServedRegion } from './served-region.ts';
import { OffsetClock } from './offset-clock.ts';
import { SystemClock } from './system-clock.ts';
import { SystemRandom } from './system-random.ts';

export interface StartRegionOptions {
  readonly config: RegionConfig;
  /** The region's own directory; it is made when it is not there. */
  readonly dataDirectory: string;
  readonly network: InProcessNetwork;
  /** Every region that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly logger: Logger;
}

/**
 * Starts one region: its operations port, then everything else. Resolves when the region answers clients. Rejects with
 * `PortInUseError`, `DataDirectoryError`, `StoreError` (`locked`: another process has the data directory) or
 * `StorageNodeError`, with nothing left running.
 */
export async function startRegion(options: StartRegionOptions): Promise<RunningRegion> {
  const { config, network, logger, regions } = options;
  const peers = peersIn(config, regions);
  const metrics = new PrometheusMetrics();
  const bus = network.endpoint(config.region);
  const runner = new RegionRunner({ ...options, regions: [config.region, ...peers] }, metrics, bus);
  const target = new RegionOperations({
    region: config.region,
    peers,
    endpoint: bus,
    metrics,
    switch: runner,
  });
  const server = new OperationsServer({
    hosts: config.operations.hosts,
    port: config.operations.port,
    token: config.operations.token,
    target,
    logger,
  });
  const offProcessMetrics = exportProcessMetrics(metrics);
  const stop = async (): Promise<void> => {
    await runner.stop();
    await server.stop();
    offProcessMetrics();
  };
  try {
    await server.start();
    await runner.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const endpoint = `http://127.0.0.1:${runner.port}`;
  const operationsEndpoint = `http://127.0.0.1:${server.port}`;
  logger.info({ endpoint, operations: operationsEndpoint }, 'region is ready');
  return { name: config.region, endpoint, operationsEndpoint, operations: target, stop };
}

/** The peers that the configuration names, or every other region. */
const peersIn = (config: RegionConfig, regions: readonly string[]): readonly string[] =>
  Object.keys(config.peers ?? Object.fromEntries(regions.map((region) => [region, {}]))).filter(
    (peer) => peer !== config.region,
  );

/** Starts and stops the engine of one region, one after the other, on the same ports. */
class RegionRunner implements RegionSwitch {
  readonly #options: StartRegionOptions;
  readonly #metrics: PrometheusMetrics;
  readonly #bus: InProcessEndpoint;
  readonly #clock: Clock;
  readonly #random: Random = new SystemRandom();
  #served: ServedRegion | undefined;
  /** Opened, and not yet running. */
  #starting: ServedRegion | undefined;
  #failure: string | undefined;
  #port: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: StartRegionOptions, metrics: PrometheusMetrics, bus: InProcessEndpoint) {
    const { config } = options;
    const clock = new SystemClock();
    const { offsetMs } = config.clock;
    this.#options = options;
    this.#metrics = metrics;
    this.#bus = bus;
    this.#clock = offsetMs === 0 ? clock : new OffsetClock(clock, offsetMs);
    this.#port = config.endpoint.port;
  }

  get engine(): RegionEngine | undefined {
    return this.#served?.engine;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** The endpoint's, once it has started. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#served !== undefined) return;
      this.#failure = undefined;
      try {
        await this.#startServed();
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        throw error;
      }
    });
  }

  async stop(): Promise<void> {
    this.#starting?.engine.core.giveUpStart();
    return this.#inTurn(async () => {
      const served = this.#served;
      this.#served = undefined;
      await served?.stop();
      await this.#bus.stop();
    });
  }

  async #startServed(): Promise<void> {
    const { config, dataDirectory, regions, logger } = this.#options;
    await this.#bus.start();
    const served = await ServedRegion.open({
      config: { ...config, endpoint: { ...config.endpoint, port: this.#port } },
      dataDirectory,
      regions,
      endpoint: this.#bus,
      clock: this.#clock,
      random: this.#random,
      logger,
      metrics: this.#metrics,
    });
    this.#starting = served;
    try {
      await served.start();
    } catch (error) {
      await served.stop();
      throw error;
    } finally {
      this.#starting = undefined;
    }
    this.#served = served;
    this.#port = served.api.port;
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
