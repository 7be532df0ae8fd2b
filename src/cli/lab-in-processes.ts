import { present } from '../base/assert.ts';
import type { RegionConfig } from '../daemon/config.ts';
import { SystemRandom } from '../daemon/system-random.ts';
import { createPinoLogger } from '../telemetry/pino-logger.ts';
import type { LabDisplay } from './lab-display.ts';
import type { LinkDelay } from './link-delay.ts';
import { ProcessGuard } from './process-guard.ts';
import { ProcessNode } from './process-node.ts';
import type { RegionPlan } from './process-plan.ts';
import { planProcesses } from './process-plan.ts';
import { ProcessRegion } from './process-region.ts';
import type { GreetedNode } from './lab-greeting.ts';
import type { StartedLab } from './started-lab.ts';
import { startFailureText } from './start-failure.ts';

const PASSWORD_BYTES = 16;

export interface ProcessLabOptions {
  readonly configs: readonly RegionConfig[];
  readonly nodes: 1 | 3;
  readonly dataFolder: string;
  /** The data folder goes when this process does, however it ends. */
  readonly ephemeral: boolean;
  readonly delays: readonly LinkDelay[];
  /** The path of a nats-server. */
  readonly natsServer: string;
  readonly display: LabDisplay;
  /** Resolves when the lab shall stop, also before it has started. */
  readonly stopAsked: Promise<void>;
}

/**
 * Starts a nats-server and a daemon for each node of each region as processes that end with this one. Throws
 * `UsageError` before anything is started; what did not start is in `failures`.
 */
export async function startLabInProcesses(options: ProcessLabOptions): Promise<StartedLab> {
  const { configs, nodes, dataFolder, delays } = options;
  const random = new SystemRandom();
  const newPassword = (): string => Buffer.from(random.bytes(PASSWORD_BYTES)).toString('hex');
  const plans = planProcesses(configs, { nodes, dataFolder, newPassword });
  const guard = new ProcessGuard();
  if (options.ephemeral) guard.removeAtEnd(dataFolder);
  const regions = plans.map((plan) => regionOf(plan, guard, options));
  const killAll = (): void => {
    for (const region of regions) region.kill();
  };
  process.once('exit', killAll);
  const ended = new AbortController();
  const starting = startAll(regions, delays, ended.signal);
  const failures = await Promise.race([starting, options.stopAsked.then(() => [])]);
  return {
    regions,
    failures,
    greeted: plans.flatMap(greetedNodes),
    stop: async () => {
      ended.abort();
      await Promise.all(regions.map(async (region) => region.stop()));
      process.off('exit', killAll);
      guard.close();
    },
  };
}

function regionOf(
  { region, config, nodes }: RegionPlan,
  guard: ProcessGuard,
  { natsServer, display, configs }: ProcessLabOptions,
): ProcessRegion {
  const level = config.log.level;
  const logger = createPinoLogger({ level, ...display.log }).child({ region });
  const peers = Object.keys(config.peers ?? {});
  const others = configs.map((other) => other.region).filter((name) => name !== region);
  return new ProcessRegion(
    region,
    nodes.map((plan) => new ProcessNode({ plan, natsServer, guard, logger })),
    config.peers === undefined ? others : peers,
  );
}

/** First every NATS, then every daemon, then the delays; what went wrong. */
async function startAll(
  regions: readonly ProcessRegion[],
  delays: readonly LinkDelay[],
  ended: AbortSignal,
): Promise<readonly string[]> {
  const steps: readonly ((region: ProcessRegion) => Promise<void>)[] = [
    async (region) => region.startNats(),
    async (region) => region.startDaemons(),
    async (region) => {
      for (const { from, to, bothWays, delayMs } of delays) {
        if (region.name === from) await region.setLink(to, { delayMs });
        if (region.name === to && bothWays) await region.setLink(from, { delayMs });
      }
    },
  ];
  for (const step of steps) {
    if (ended.aborted) return [];
    const failures = await failuresOf(regions, step);
    if (failures.length > 0) return failures;
  }
  return [];
}

async function failuresOf(
  regions: readonly ProcessRegion[],
  step: (region: ProcessRegion) => Promise<void>,
): Promise<readonly string[]> {
  const outcomes = await Promise.allSettled(regions.map(step));
  return outcomes.flatMap((outcome, at) => {
    if (outcome.status === 'fulfilled') return [];
    const { name } = present(regions[at], 'the region of an outcome');
    return [startFailureText(outcome.reason, name, '')];
  });
}

const greetedNodes = ({ config, nodes }: RegionPlan): readonly GreetedNode[] =>
  nodes.map(({ name, endpoint, operationsEndpoint, natsUrl }) => ({
    name,
    config,
    endpoint,
    operationsEndpoint,
    natsUrl,
  }));
