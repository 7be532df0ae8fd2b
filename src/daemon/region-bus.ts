import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { InProcessNetwork } from '../bus/in-process-network.ts';
import type { LinkedBus } from '../bus/linked-bus.ts';
import { NatsBus } from '../bus/nats-bus.ts';
import type { NatsAccess } from '../bus/nats-connection.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RegionConfig } from './config.ts';
import { release } from './release.ts';

export interface RegionBusOptions {
  readonly config: RegionConfig;
  /** For a region without NATS. */
  readonly network: InProcessNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** How a region is joined to its peers: over NATS where its configuration names one, else within this process. */
export function regionBus(options: RegionBusOptions): LinkedBus {
  const { config, network, clock, random, logger, metrics } = options;
  if (config.nats === undefined) return network.endpoint(config.region);
  const peers: Record<string, NatsAccess> = {};
  for (const [peer, { nats }] of Object.entries(config.peers ?? {}))
    if (nats !== undefined) peers[peer] = nats;
  return new NatsBus({
    region: config.region,
    access: config.nats,
    peers,
    release: release(),
    name: config.node === undefined ? config.region : `${config.region} node ${config.node.zone}`,
    clock,
    random,
    logger,
    metrics,
  });
}
