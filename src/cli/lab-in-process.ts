import { InProcessNetwork } from '../bus/in-process-network.ts';
import type { Clock } from '../base/clock.ts';
import type { RegionConfig } from '../daemon/config.ts';
import type { RunningRegion } from '../daemon/running-region.ts';
import { startRegion } from '../daemon/start-region.ts';
import { createPinoLogger } from '../telemetry/pino-logger.ts';
import { regionFolder } from './data-folder.ts';
import type { LabDisplay } from './lab-display.ts';
import type { LinkDelay } from './link-delay.ts';
import { startFailureText } from './start-failure.ts';
import type { StartedLab } from './started-lab.ts';

export interface LabStart {
  readonly configs: readonly RegionConfig[];
  readonly data: string | undefined;
  readonly delays: readonly LinkDelay[];
  readonly clock: Clock;
  readonly display: LabDisplay;
}

/** Starts every region at once, in this process. */
export async function startLabInProcess(options: LabStart): Promise<StartedLab> {
  const { configs, delays, clock } = options;
  const network = new InProcessNetwork(clock);
  setDelays(network, delays);
  const outcomes = await Promise.all(
    configs.map(async (config) => outcomeOf(config, network, options)),
  );
  const running = outcomes.flatMap((outcome) => ('running' in outcome ? [outcome] : []));
  return {
    regions: running.map((outcome) => outcome.running),
    failures: outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome.failure] : [])),
    greeted: running.map(({ config, running: { name, endpoint, operationsEndpoint } }) => ({
      name,
      config,
      endpoint,
      operationsEndpoint,
      natsUrl: undefined,
    })),
    stop: async () => {
      await Promise.all(running.map(async (outcome) => outcome.running.stop()));
      await network.close();
    },
  };
}

function setDelays(network: InProcessNetwork, delays: readonly LinkDelay[]): void {
  for (const { from, to, bothWays, delayMs } of delays) {
    network.endpoint(from).links.set(to, { delayMs });
    if (bothWays) network.endpoint(to).links.set(from, { delayMs });
  }
}

type Outcome =
  | { readonly config: RegionConfig; readonly running: RunningRegion }
  | { readonly failure: string };

async function outcomeOf(
  config: RegionConfig,
  network: InProcessNetwork,
  { configs, data, display }: LabStart,
): Promise<Outcome> {
  const regions = configs.map(({ region }) => region);
  const dataDirectory = regionFolder(data, config.region);
  const level = config.log.level;
  const logger = createPinoLogger({ level, ...display.log }).child({ region: config.region });
  try {
    const start = { config, dataDirectory, network, logger, regions };
    return { config, running: await startRegion(start) };
  } catch (error) {
    return { failure: startFailureText(error, config.region, dataDirectory) };
  }
}
