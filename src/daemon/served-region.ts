import { createApiServer, type ApiServer } from '../api/api-server.ts';
import { PortInUseError as ApiPortInUseError } from '../api/http-server.ts';
import type { Service } from '../base/service.ts';
import { DataDirectory } from './data-directory.ts';
import { PortInUseError } from './listeners.ts';
import { RegionEngine, type RegionEngineOptions } from './region-engine.ts';

export interface ServedRegionOptions extends Omit<RegionEngineOptions, 'place'> {
  /** The region's own. */
  readonly dataDirectory: string;
}

/** A region in its data directory, behind its DynamoDB endpoint: all that a stop of it stops. Started once. */
export class ServedRegion implements Service {
  readonly engine: RegionEngine;
  readonly api: ApiServer;
  readonly #options: ServedRegionOptions;

  /** Opens the data and recovers it. Rejects as `DataDirectory.open` and `RegionCore.open` do. */
  static async open(options: ServedRegionOptions): Promise<ServedRegion> {
    const place = await DataDirectory.open(options.dataDirectory, options.config);
    return new ServedRegion(options, await RegionEngine.open({ ...options, place }));
  }

  private constructor(options: ServedRegionOptions, engine: RegionEngine) {
    const { config, clock, random, logger } = options;
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

  /** Answers what is in flight first, waits for no peer. */
  async stop(): Promise<void> {
    await this.api.stop();
    await this.engine.stop();
  }
}
