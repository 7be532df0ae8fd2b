import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Logger } from '../telemetry/logger.ts';
import { natsConfigText } from './nats-config.ts';
import type { ChildEnd } from './process-child.ts';
import { ChildService, endText } from './process-child.ts';
import { NODE_FLAGS } from './node-flags.ts';
import type { ProcessGuard } from './process-guard.ts';
import { isDaemonEntry, relayDaemonLine, relayServerLine } from './process-log.ts';
import { NodeOperations } from './process-operations.ts';
import type { NodePlan } from './process-plan.ts';

const DAEMON = fileURLToPath(new URL('main.js', import.meta.url));
const NATS_READY_MS_MAX = 60_000;
const DAEMON_READY_MS_MAX = 60_000;
/** A daemon answers what is in flight for 5 seconds, and syncs. */
const DAEMON_STOP_MS_MAX = 15_000;
const NATS_STOP_MS_MAX = 5000;
/** Settings of the lab's own environment are in the daemons' files already. */
const SETTING = 'TIDEMARK_';

export interface ProcessNodeOptions {
  readonly plan: NodePlan;
  /** The path of a nats-server. */
  readonly natsServer: string;
  readonly guard: ProcessGuard;
  readonly logger: Logger;
}

/** A daemon and the nats-server beside it, as processes. */
export class ProcessNode {
  readonly plan: NodePlan;
  readonly operations: NodeOperations;
  readonly #nats: ChildService;
  readonly #daemon: ChildService;

  constructor({ plan, natsServer, guard, logger: regions }: ProcessNodeOptions) {
    const { name, zone, daemon, nats } = plan;
    const logger = zone === undefined ? regions : regions.child({ node: zone });
    this.plan = plan;
    this.operations = new NodeOperations(plan.operationsEndpoint);
    this.#nats = new ChildService({
      name: `the nats-server of ${name}`,
      program: natsServer,
      parameters: ['--config', nats.configFile],
      environment: process.env,
      guard,
      onLine: (line) => relayServerLine(line, logger),
      onEnd: (end) => tellEnd(end, 'nats-server', logger),
    });
    this.#daemon = new ChildService({
      name: `the daemon of ${name}`,
      program: process.execPath,
      parameters: [
        ...NODE_FLAGS,
        DAEMON,
        'serve',
        '--config',
        daemon.configFile,
        '--data',
        daemon.dataFolder,
      ],
      environment: withoutSettings(process.env),
      guard,
      onLine: (line) => relayDaemonLine(line, logger),
      onEnd: (end) => {
        const lastLines = end.lastLines.filter((line) => !isDaemonEntry(line));
        tellEnd({ ...end, lastLines }, 'daemon', logger);
      },
    });
  }

  get isDaemonAlive(): boolean {
    return this.#daemon.isAlive;
  }

  /** Starts the nats-server unless it runs; it serves once all of its cluster do. Rejects with `ChildFailedError`. */
  async startNats(): Promise<void> {
    const { nats } = this.plan;
    if (!this.#nats.isAlive) writeSecret(nats.configFile, natsConfigText(nats.config));
    this.#nats.start();
    const monitor = new NodeOperations(nats.monitorEndpoint);
    await this.#nats.untilReady(async () => monitor.isOk('/healthz'), NATS_READY_MS_MAX);
  }

  /** Starts the daemon unless it runs, and waits until its region answers clients. Rejects with `ChildFailedError`. */
  async startDaemon(): Promise<void> {
    const { daemon } = this.plan;
    if (!this.#daemon.isAlive) writeSecret(daemon.configFile, JSON.stringify(daemon.config));
    this.#daemon.start();
    await this.#daemon.untilReady(async () => this.operations.isOk('/readyz'), DAEMON_READY_MS_MAX);
  }

  /** In order: what is in flight is answered. */
  async stopDaemon(): Promise<void> {
    await this.#daemon.stop(DAEMON_STOP_MS_MAX);
  }

  async stopNats(): Promise<void> {
    await this.#nats.stop(NATS_STOP_MS_MAX);
  }

  /** At once. */
  kill(): void {
    this.#daemon.kill();
    this.#nats.kill();
  }
}

function tellEnd(end: ChildEnd, what: string, logger: Logger): void {
  const { exitCode, signal } = end;
  const lastLines = end.lastLines.length === 0 ? undefined : end.lastLines;
  logger.error({ exitCode, signal, lastLines }, `${what} ${endText(end)}`);
}

function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}

const withoutSettings = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith(SETTING)));
