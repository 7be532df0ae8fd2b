import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { InProcessNetwork } from '../bus/in-process-network.ts';
import type { LinkedBus } from '../bus/linked-bus.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { Logger } from '../telemetry/logger.ts';
import { PrometheusMetrics } from '../telemetry/prometheus.ts';
import type { RegionConfig } from './config.ts';
import { DataDirectory } from './data-directory.ts';
import { EngineRunner } from './engine-runner.ts';
import { NodeEngine } from './node-engine.ts';
import { NodeOperations } from './node-operations.ts';
import { StreamsLine } from './streams-line.ts';
import { OffsetClock } from './offset-clock.ts';
import { OperationsServer } from './operations-server.ts';
import type { ServedOperations } from './operations-target.ts';
import { exportProcessMetrics } from './process-metrics.ts';
import { regionBus } from './region-bus.ts';
import { RegionEngine } from './region-engine.ts';
import { OnlyNode } from './only-node.ts';
import { RegionOperations } from './region-operations.ts';
import type { RunningRegion } from './running-region.ts';
import type { Engine } from './served-region.ts';
import { SystemClock } from './system-clock.ts';
import { SystemRandom } from './system-random.ts';

export interface StartRegionOptions {
  readonly config: RegionConfig;
  /** The region's own directory, or the node's; it is made when it is not there. */
  readonly dataDirectory: string;
  /** Joins it to the regions of this process, when its configuration names no NATS. */
  readonly network: InProcessNetwork;
  /** Every region that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly logger: Logger;
}

/**
 * Starts one region, or the node of one that the configuration names: its operations port, then everything else. Resolves when
 * clients are answered. Rejects with `PortInUseError`, `DataDirectoryError`, `StoreError` (`locked`: another process has the
 * data directory), `StorageNodeError` or `NatsUnfitError`, with nothing left running.
 */
export async function startRegion(options: StartRegionOptions): Promise<RunningRegion> {
  const { config, network, logger } = options;
  const peers = peersIn(config, options.regions);
  const metrics = new PrometheusMetrics();
  const clock = regionClock(config);
  const random = new SystemRandom();
  const bus = regionBus({ config, network, clock: new SystemClock(), random, logger, metrics });
  const regions = [config.region, ...peers];
  const base: Base = { ...options, regions, peers, metrics, clock, random, bus };
  return config.node === undefined ? startWhole(base) : startNode(base, config.node.zone);
}

interface Base extends StartRegionOptions {
  readonly peers: readonly string[];
  readonly metrics: PrometheusMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: LinkedBus;
}

async function startWhole(base: Base): Promise<RunningRegion> {
  const { config, dataDirectory, bus, metrics, peers } = base;
  const runner = new EngineRunner({
    ...base,
    open: async () => {
      const place = await DataDirectory.open(dataDirectory, config);
      return RegionEngine.open({ ...base, endpoint: bus, place });
    },
  });
  return served(
    base,
    runner,
    (addresses) =>
      new RegionOperations({
        region: config.region,
        peers,
        endpoint: bus,
        metrics,
        switch: runner,
        node: new OnlyNode({
          region: config.region,
          isRunning: () => runner.engine !== undefined,
          ...addresses,
        }),
      }),
  );
}

async function startNode(base: Base, zone: Zone): Promise<RunningRegion> {
  const { config, dataDirectory, bus, metrics, peers } = base;
  let known: Addresses | undefined;
  let opened: StreamsLine | undefined;
  const word = { withoutMissing: false };
  const runner = new EngineRunner({
    ...base,
    open: async (onFailure, signal) => {
      const place = await DataDirectory.open(dataDirectory, config);
      const line = await StreamsLine.open(base, signal);
      opened = line;
      return NodeEngine.open({
        ...base,
        endpoint: bus,
        place,
        zone,
        line,
        withoutMissing: () => word.withoutMissing,
        addresses: () => ({ endpoint: known?.endpoint(), operations: known?.operations() }),
        onFailure,
      });
    },
  });
  return served(base, runner, (addresses) => {
    known = addresses;
    return new NodeOperations({
      region: config.region,
      zone,
      peers,
      endpoint: bus,
      metrics,
      switch: runner,
      addresses,
      word,
      natsAlarms: () => opened?.alarms ?? [],
    });
  });
}

/** Where a daemon is reached, once it listens. */
export interface Addresses {
  readonly endpoint: () => string;
  readonly operations: () => string;
}

async function served<E extends Engine>(
  { config, logger, metrics }: Base,
  runner: EngineRunner<E>,
  targetAt: (addresses: Addresses) => ServedOperations,
): Promise<RunningRegion> {
  const addresses: Addresses = {
    endpoint: () => `http://127.0.0.1:${runner.port}`,
    operations: () => `http://127.0.0.1:${server.port}`,
  };
  const target = targetAt(addresses);
  const { hosts, port, token } = config.operations;
  const server: OperationsServer = new OperationsServer({ hosts, port, token, target, logger });
  const offProcessMetrics = exportProcessMetrics(metrics);
  const stop = async (): Promise<void> => {
    await runner.end();
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
  const endpoint = addresses.endpoint();
  const operationsEndpoint = addresses.operations();
  logger.info({ endpoint, operations: operationsEndpoint }, 'region is ready');
  return { name: config.region, endpoint, operationsEndpoint, operations: target, stop };
}

function regionClock({ clock: { offsetMs } }: RegionConfig): Clock {
  const clock = new SystemClock();
  return offsetMs === 0 ? clock : new OffsetClock(clock, offsetMs);
}

/** The peers that the configuration names, or every other region. */
const peersIn = (config: RegionConfig, regions: readonly string[]): readonly string[] =>
  Object.keys(config.peers ?? Object.fromEntries(regions.map((region) => [region, {}]))).filter(
    (peer) => peer !== config.region,
  );
