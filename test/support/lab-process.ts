import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { type ConfigChoices, createClient, type TableReport } from './test-lab.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const HOST = '127.0.0.1';
const READY_MS_MAX = 30_000;
/** Of what the lab wrote, for the message of a failure. */
const OUTPUT_CHARACTERS_MAX = 6000;

export interface LabProcessRegion {
  readonly name: string;
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  readonly dataDirectory: string;
}

/** A lab in a process of its own, as the command starts it, on free ports that stay the same over its restarts. */
export class LabProcess {
  readonly folder: string;
  readonly regions: readonly LabProcessRegion[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(folder: string, regions: readonly LabProcessRegion[]) {
    this.folder = folder;
    this.regions = regions;
  }

  /** Builds what is not built, and starts. Everything goes when the test has finished. */
  static async start(names: readonly string[], choices: ConfigChoices = {}): Promise<LabProcess> {
    build();
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
    const ports = await freePorts(names.length * 2);
    await mkdir(join(folder, 'regions'));
    const regions: LabProcessRegion[] = [];
    for (const [at, name] of names.entries()) {
      const [port, operationsPort] = [ports[at], ports[at + names.length]];
      const config = {
        ...choices,
        region: name,
        endpoint: { hosts: [HOST], port },
        operations: { hosts: [HOST], port: operationsPort },
      };
      // JSON is YAML too.
      await writeFile(join(folder, 'regions', `${name}.yaml`), JSON.stringify(config));
      regions.push({
        name,
        client: createClient(`http://${HOST}:${port}`, name),
        endpoint: `http://${HOST}:${port}`,
        operationsEndpoint: `http://${HOST}:${operationsPort}`,
        dataDirectory: join(folder, 'data', name),
      });
    }
    const lab = new LabProcess(folder, regions);
    onTestFinished(async () => lab.#close());
    await lab.start();
    return lab;
  }

  region(name: string): LabProcessRegion {
    return present(
      this.regions.find((region) => region.name === name),
      `region ${name}`,
    );
  }

  async start(): Promise<void> {
    const program = join(ROOT, 'dist', 'cli', 'main.js');
    const folders = [
      '--config-dir',
      join(this.folder, 'regions'),
      '--data',
      join(this.folder, 'data'),
    ];
    const child = spawn(process.execPath, [program, 'lab', ...folders], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#output = '';
    const keep = (text: unknown): void => {
      this.#output = (this.#output + String(text)).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await until('the lab to be ready', async () => this.#isReady(child), {
      limitMs: READY_MS_MAX,
      detail: () => this.#output,
    });
  }

  /** `SIGKILL` is the end at once; `SIGINT` is Ctrl-C. Resolves with the exit code, null for a killed process. */
  async end(signal: 'SIGKILL' | 'SIGINT'): Promise<number | null> {
    const child = present(this.#child, 'a running lab');
    this.#child = undefined;
    if (!isAlive(child)) throw new Error(`the lab had ended by itself; it wrote:\n${this.#output}`);
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** What `GET /replication` says of a table; undefined when the region has none of that name. */
  async table(region: LabProcessRegion, name: string): Promise<TableReport | undefined> {
    const response = await fetch(`${region.operationsEndpoint}/replication`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer of our own operations port
    const { tables } = (await response.json()) as { readonly tables: readonly TableReport[] };
    return tables.find((table) => table.name === name);
  }

  async #isReady(child: ChildProcess): Promise<boolean> {
    if (!isAlive(child)) throw new Error(`the lab did not start; it wrote:\n${this.#output}`);
    const ready = await Promise.all(
      this.regions.map(async ({ operationsEndpoint }) =>
        fetch(`${operationsEndpoint}/readyz`)
          .then(async (response) => {
            await response.arrayBuffer();
            return response.ok;
          })
          .catch(() => false),
      ),
    );
    return ready.every(Boolean);
  }

  async #close(): Promise<void> {
    for (const { client } of this.regions) client.destroy();
    if (this.#child !== undefined && isAlive(this.#child)) await this.end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** As `npm run build`: no work when the build is of these sources. */
function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'src', 'cli', 'ready.mjs')]);
  if (status !== 0) throw new Error(`it does not build:\n${stderr.toString('utf8')}`);
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;
