import { fileURLToPath } from 'node:url';

import { present } from '../base/assert.ts';
import { InProcessNetwork } from '../bus/in-process-network.ts';
import { loadConfigFolder } from '../daemon/config-file.ts';
import type { RegionConfig } from '../daemon/config.ts';
import type { RunningRegion } from '../daemon/running-region.ts';
import { startRegion } from '../daemon/start-region.ts';
import { SystemClock } from '../daemon/system-clock.ts';
import { createPinoLogger } from '../telemetry/pino-logger.ts';
import type { LabOptions } from './command-line.ts';
import { createEphemeralFolder, regionFolder } from './data-folder.ts';
import { EXIT } from './exit-code.ts';
import { startFailureText } from './start-failure.ts';
import type { LabDisplay } from './lab-display.ts';
import { createLabDisplay } from './lab-display.ts';
import { labGreeting } from './lab-greeting.ts';
import { planLab } from './lab-plan.ts';
import type { LinkDelay } from './link-delay.ts';
import type { Shutdown } from './shutdown.ts';

const REGIONS = fileURLToPath(new URL('../../regions', import.meta.url));

/**
 * Runs a lab until it is asked to stop; resolves with what the process exits with. Rejects with `ConfigError` or
 * `UsageError` before anything is started.
 */
export async function runLab(options: LabOptions, shutdown: Shutdown): Promise<number> {
  const loaded = await loadConfigFolder(options.configFolder ?? REGIONS, process.env);
  const configs = planLab(loaded, options);
  const data = options.ephemeral ? await createEphemeralFolder(options.data) : options.data;
  const clock = new SystemClock();
  const display = displayFor(shutdown, clock);
  const network = new InProcessNetwork(clock);
  setDelays(network, options.delays);
  const outcomes = await startAll({ configs, data, network, display });
  const running = outcomes.flatMap((outcome) => ('running' in outcome ? [outcome.running] : []));
  const failures = outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome.failure] : []));
  if (failures.length > 0) {
    for (const failure of failures) process.stderr.write(`${failure}\n`);
  } else if (!shutdown.isRequested) {
    const greeted = running.map(({ endpoint, operationsEndpoint }, at) => {
      const config = present(configs[at], 'the configuration of a running region');
      return { config, endpoint, operationsEndpoint };
    });
    display.print(labGreeting(greeted, data ?? regionFolder(undefined, '')));
    display.start(running);
    await shutdown.requested;
    await display.stop();
    display.print('Stopping.');
  }
  await Promise.all(running.map(async (region) => region.stop()));
  await network.close();
  return failures.length > 0 ? EXIT.failed : EXIT.ok;
}

function displayFor(shutdown: Shutdown, clock: SystemClock): LabDisplay {
  const { stdout, stderr, stdin, env } = process;
  const live = stdout.isTTY && env['TERM'] !== 'dumb';
  // A reader that has gone, as behind `| head`, wants no more.
  stdout.on('error', () => shutdown.request());
  const display: LabDisplay = createLabDisplay({
    live,
    clock,
    output: stdout,
    errors: stderr,
    input: stdin,
    color: live && (env['NO_COLOR'] ?? '') === '',
    onQuit: () => shutdown.request(),
    onError: (error) => {
      const logger = createPinoLogger({ level: 'info', ...display.log });
      logger.error({ error }, 'lab display failed');
    },
  });
  return display;
}

function setDelays(network: InProcessNetwork, delays: readonly LinkDelay[]): void {
  for (const { from, to, bothWays, delayMs } of delays) {
    network.endpoint(from).links.set(to, { delayMs });
    if (bothWays) network.endpoint(to).links.set(from, { delayMs });
  }
}

type Outcome = { readonly running: RunningRegion } | { readonly failure: string };

interface Start {
  readonly configs: readonly RegionConfig[];
  readonly data: string | undefined;
  readonly network: InProcessNetwork;
  readonly display: LabDisplay;
}

/** Starts every region at once; what became of each, in the order of the configurations. */
async function startAll({ configs, data, network, display }: Start): Promise<readonly Outcome[]> {
  const regions = configs.map(({ region }) => region);
  return Promise.all(
    configs.map(async (config): Promise<Outcome> => {
      const dataDirectory = regionFolder(data, config.region);
      const logger = createPinoLogger({ level: config.log.level, ...display.log }).child({
        region: config.region,
      });
      try {
        const start = { config, dataDirectory, network, logger, regions };
        return { running: await startRegion(start) };
      } catch (error) {
        return { failure: startFailureText(error, config.region, dataDirectory) };
      }
    }),
  );
}
