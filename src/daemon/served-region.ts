import { createApiServer, type ApiServer } from '../api/api-server.ts';
import { PortInUseError as ApiPortInUseError } from '../api/http-server.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Region } from '../region/region.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import { PortInUseError } from './listeners.ts';
import type { RegionMetrics } from './region-metrics.ts';

/** What is behind an endpoint: a whole region, or a node of one. Started once. */
export interface Engine extends Service {
  readonly region: Region;
  readonly metrics: RegionMetrics;
  /** A start that waits for something rejects now. */
  giveUpStart(): void;
  /** Before a stop, while clients are still answered: others go on with what this one leads. */
  handOver?(): Promise<void>;
}

export interface ServedRegionOptions<E extends Engine> {
  readonly engine: E;
  readonly config: RegionConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** An engine behind its DynamoDB endpoint: all that a stop of it stops. Started once. */
export class ServedRegion<E extends Engine> implements Service {
  readonly engine: E;
  readonly api: ApiServer;
  readonly #options: ServedRegionOptions<E>;

  constructor(options: ServedRegionOptions<E>) {
    const { engine, config, clock, random, logger } = options;
    this.#options = options;
    this.engine = engine;
    this.api = createApiServer({
      region: engine.region,
      clock,
      random,
      port: config.endpoint.port,
      hosts: config.endpoint.hosts,
      credentials: config.credentials,
      checkRegionScope: config.checkRegionScope,
      observe: (observation) => {
        engine.metrics.requested(observation);
      },
      log: logger,
    });
  }

  /** Rejects with `PortInUseError` too. */
  async start(): Promise<void> {
    await this.engine.start();
    try {
      await this.api.start();
    } catch (error) {
      if (!(error instanceof ApiPortInUseError)) throw error;
      const { host, port } = error;
      const { region } = this.#options.config;
      throw new PortInUseError({ region, what: 'DynamoDB', host, port }, { cause: error });
    }
  }

  /** Hands over, then answers what is in flight; waits for no peer. */
  async stop(): Promise<void> {
    await this.engine.handOver?.();
    await this.api.stop();
    await this.engine.stop();
  }
}
