import { fileURLToPath } from 'node:url';

import { loadConfigFolder } from '../daemon/config-file.ts';
import { SystemClock } from '../daemon/system-clock.ts';
import { createPinoLogger } from '../telemetry/pino-logger.ts';
import type { LabOptions } from './command-line.ts';
import { createEphemeralFolder, regionFolder } from './data-folder.ts';
import { EXIT } from './exit-code.ts';
import type { LabDisplay } from './lab-display.ts';
import { createLabDisplay } from './lab-display.ts';
import { labGreeting } from './lab-greeting.ts';
import { startLabInProcess } from './lab-in-process.ts';
import { startLabInProcesses } from './lab-in-processes.ts';
import { planLab } from './lab-plan.ts';
import { findNatsServer, JETSTREAM_VERSION_MIN, NATS_VERSION_MIN } from './nats-server.ts';
import type { Shutdown } from './shutdown.ts';

const REGIONS = fileURLToPath(new URL('../../regions', import.meta.url));

/**
 * Runs a lab until it is asked to stop; resolves with what the process exits with. Rejects with `ConfigError`,
 * `UsageError` or `NatsServerMissingError` before anything is started.
 */
export async function runLab(options: LabOptions, shutdown: Shutdown): Promise<number> {
  const loaded = await loadConfigFolder(options.configFolder ?? REGIONS, process.env);
  const configs = planLab(loaded, options);
  const { delays, nats, nodes = 1, ephemeral } = options;
  const natsServer = nats ? await natsServerFor(nodes) : undefined;
  const data = ephemeral ? await createEphemeralFolder(options.data) : options.data;
  const dataFolder = data ?? regionFolder(undefined, '');
  const clock = new SystemClock();
  const display = displayFor(shutdown, clock);
  const lab =
    natsServer === undefined
      ? await startLabInProcess({ configs, data, delays, clock, display })
      : await startLabInProcesses({
          configs,
          nodes,
          dataFolder,
          ephemeral,
          delays,
          display,
          natsServer,
          stopAsked: shutdown.requested,
        });
  if (lab.failures.length > 0) {
    for (const failure of lab.failures) process.stderr.write(`${failure}\n`);
  } else if (!shutdown.isRequested) {
    display.print(labGreeting(lab.greeted, dataFolder));
    display.start(lab.regions);
    await shutdown.requested;
    await display.stop();
    display.print('Stopping.');
  }
  await lab.stop();
  return lab.failures.length > 0 ? EXIT.failed : EXIT.ok;
}

const sayToErrors = (line: string): void => void process.stderr.write(`${line}\n`);

/** The path of a nats-server; one is built where there is none and Go is. */
async function natsServerFor(nodes: 1 | 3): Promise<string> {
  const versionMin = nodes === 1 ? NATS_VERSION_MIN : JETSTREAM_VERSION_MIN;
  const { path } = await findNatsServer({ versionMin, say: sayToErrors });
  return path;
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
