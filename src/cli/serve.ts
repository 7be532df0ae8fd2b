import { InProcessNetwork } from '../bus/in-process-network.ts';
import { loadConfigFiles } from '../daemon/config-file.ts';
import { startRegion } from '../daemon/start-region.ts';
import { SystemClock } from '../daemon/system-clock.ts';
import { createPinoLogger } from '../telemetry/pino-logger.ts';
import type { ServeOptions } from './command-line.ts';
import { regionFolder } from './data-folder.ts';
import { EXIT } from './exit-code.ts';
import { startFailureText } from './start-failure.ts';
import type { Shutdown } from './shutdown.ts';

/**
 * Runs one region until it is asked to stop; resolves with what the process exits with. Rejects with `ConfigError`
 * before anything is started.
 */
export async function runServe(options: ServeOptions, shutdown: Shutdown): Promise<number> {
  const [config] = await loadConfigFiles([options.config], process.env);
  if (config === undefined) return EXIT.usage;
  const { stdout } = process;
  const logger = createPinoLogger({
    level: config.log.level,
    pretty: stdout.isTTY,
    output: stdout,
  }).child({ region: config.region });
  const network = new InProcessNetwork(new SystemClock());
  const dataDirectory = regionFolder(options.data, config.region);
  const regions = [config.region, ...Object.keys(config.peers ?? {})];
  try {
    const running = await startRegion({ config, dataDirectory, network, logger, regions });
    await shutdown.requested;
    logger.info({}, 'region stops');
    await running.stop();
    return EXIT.ok;
  } catch (error) {
    process.stderr.write(`${startFailureText(error, config.region, dataDirectory)}\n`);
    return EXIT.failed;
  } finally {
    await network.close();
  }
}
