import { createWriteStream, type WriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { ChildService } from '../../src/cli/process-child.ts';
import { NodeOperations } from '../../src/cli/process-operations.ts';
import { guardOfTests } from './nats-servers.ts';

const HOST = '127.0.0.1';
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const CONNECT_MS_MAX = 500;

export type ZoneName = 'a' | 'b' | 'c';

export interface ClusterNodeOptions {
  readonly region: string;
  /** Undefined for the only node of a region. */
  readonly zone: ZoneName | undefined;
  readonly port: number;
  readonly operationsPort: number;
  /** Of the region's file, without what is told here. */
  readonly config: object;
  /** Where its files go. */
  readonly folder: string;
  /** Where what it writes goes; undefined for nowhere. */
  readonly logFolder: string | undefined;
  /** The command's `main.js`. */
  readonly program: string;
}

/** A daemon as a process that is killed, frozen and started again, and an SDK client of its endpoint that does not retry. */
export class ClusterNode {
  readonly region: string;
  readonly zone: ZoneName | undefined;
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  readonly operations: NodeOperations;
  readonly #daemon: ChildService;
  readonly #log: WriteStream | undefined;

  constructor(options: ClusterNodeOptions) {
    const { region, zone, port, operationsPort, config, folder, logFolder, program } = options;
    const name = zone === undefined ? region : `${region}-${zone}`;
    this.region = region;
    this.zone = zone;
    this.endpoint = `http://${HOST}:${port}`;
    this.operationsEndpoint = `http://${HOST}:${operationsPort}`;
    this.operations = new NodeOperations(this.operationsEndpoint);
    this.client = new DynamoDBClient({
      endpoint: this.endpoint,
      region,
      maxAttempts: 1,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: { connectionTimeout: CONNECT_MS_MAX },
    });
    const file = join(folder, `${name}.yaml`);
    const whole = {
      ...config,
      region,
      endpoint: { hosts: [HOST], port },
      operations: { hosts: [HOST], port: operationsPort },
      ...(zone === undefined ? {} : { node: { zone } }),
    };
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify(whole));
    this.#log =
      logFolder === undefined ? undefined : createWriteStream(join(logFolder, `${name}.log`));
    this.#daemon = new ChildService({
      name: `the daemon of ${name}`,
      program: process.execPath,
      parameters: [program, 'serve', '--config', file, '--data', join(folder, name)],
      environment: process.env,
      guard: guardOfTests(),
      onLine: (line) => this.#log?.write(`${line}\n`),
      onEnd: ({ exitCode, signal }) => {
        this.#log?.write(`ended by itself: ${signal ?? exitCode ?? 'it could not be started'}\n`);
      },
    });
  }

  get isAlive(): boolean {
    return this.#daemon.isAlive;
  }

  /** Unless it runs; resolves once it answers clients. Rejects with `ChildFailedError`. */
  async start(): Promise<void> {
    this.#daemon.start();
    await this.#daemon.untilReady(async () => this.operations.isOk('/readyz'), READY_MS_MAX);
  }

  /** In order, as by SIGTERM. */
  async stop(): Promise<void> {
    await this.#daemon.stop(STOP_MS_MAX);
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    this.#daemon.kill();
    await this.#daemon.ended();
  }

  /** As SIGSTOP: its connections stay, and nothing is answered. */
  freeze(): void {
    this.#daemon.signal('SIGSTOP');
  }

  thaw(): void {
    this.#daemon.signal('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    this.client.destroy();
    this.#log?.end();
  }
}
