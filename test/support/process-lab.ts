import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { type ConfigChoices, createClient } from './test-lab.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const HOST = '127.0.0.1';
const START_TRIES_MAX = 3;
const READY_MS_MAX = 60_000;
const OUTPUT_CHARACTERS_MAX = 20_000;
/** Ports of a lab with `--port-base` 0, for three regions of three nodes. */
const PORTS = [-4000, -3000, -2000, 0, 1000].flatMap((from) =>
  [0, 10, 20].flatMap((node) => [1, 2, 3].map((region) => from + node + region)),
);
/** Below those that systems give to outgoing connections. */
const BASES = { from: 10_000, to: 30_000, step: 50 } as const;

export interface ProcessLabRegion {
  readonly name: string;
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
}

interface StartOptions {
  /** Further words of the command line. */
  readonly parameters?: readonly string[];
  readonly choices?: ConfigChoices;
}

interface Place {
  readonly folder: string;
  readonly base: number;
  readonly regions: readonly ProcessLabRegion[];
  readonly parameters: readonly string[];
}

/** `tidemark lab --nats` in a process of its own, as the command starts it, on ports that are free. */
export class ProcessLab {
  readonly folder: string;
  readonly regions: readonly ProcessLabRegion[];
  /** As of `--port-base`. */
  readonly base: number;
  readonly #parameters: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor({ folder, base, regions, parameters }: Place) {
    this.folder = folder;
    this.base = base;
    this.regions = regions;
    this.#parameters = parameters;
  }

  /** Builds what is not built, and starts. Everything goes when the test has finished. */
  static async start(
    names: readonly string[],
    { parameters = [], choices = {} }: StartOptions = {},
  ): Promise<ProcessLab> {
    build();
    for (let tries = 1; ; tries++) {
      const lab = await ProcessLab.#create(names, { parameters, choices });
      try {
        await lab.start();
        return lab;
      } catch (error) {
        // Ports that were free may be taken meanwhile.
        const wasFree = lab.output.includes('in use') && !parameters.includes('--port-base');
        if (!wasFree || tries === START_TRIES_MAX) throw error;
      }
    }
  }

  static async #create(
    names: readonly string[],
    { parameters, choices }: Required<StartOptions>,
  ): Promise<ProcessLab> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
    const base = await freeBase();
    const configFolder = join(folder, 'regions');
    await mkdir(configFolder);
    const regions = names.map((name, at): ProcessLabRegion => {
      const endpoint = `http://${HOST}:${base + 1 + at}`;
      const operationsEndpoint = `http://${HOST}:${base + 1001 + at}`;
      return { name, client: createClient(endpoint, name), endpoint, operationsEndpoint };
    });
    for (const [at, region] of names.entries()) {
      const config = {
        ...choices,
        region,
        endpoint: { hosts: [HOST], port: base + 1 + at },
        operations: { hosts: [HOST], port: base + 1001 + at },
      };
      // JSON is YAML too.
      await writeFile(join(configFolder, `${region}.yaml`), JSON.stringify(config));
    }
    const places = ['--config-dir', configFolder, '--data', join(folder, 'data')];
    const words = ['lab', '--nats', ...places, ...parameters];
    const lab = new ProcessLab({ folder, base, regions, parameters: words });
    onTestFinished(async () => lab.#close());
    return lab;
  }

  region(name: string): ProcessLabRegion {
    return present(
      this.regions.find((region) => region.name === name),
      `region ${name}`,
    );
  }

  /** What it wrote last. */
  get output(): string {
    return this.#output;
  }

  /** The processes that it has started: daemons, nats-servers, and what ends them with it. */
  children(): readonly number[] {
    const lab = present(this.#child?.pid, 'a running lab');
    const table = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString('utf8');
    const rows = table.split('\n').map((row) => row.trim().split(/\s+/u).map(Number));
    return rows.flatMap(([pid = 0, parent]) => (parent === lab ? [pid] : []));
  }

  /** The daemon, or the nats-server, whose configuration file is called so. */
  pidOf(file: string): number {
    const table = execFileSync('ps', ['-eo', 'pid=,args=']).toString('utf8');
    const path = join(this.folder, 'data', 'nats', file);
    const row = table.split('\n').find((each) => each.includes(path));
    return Number.parseInt(present(row, `a process with ${path}`), 10);
  }

  async start(): Promise<void> {
    const program = join(ROOT, 'dist', 'cli', 'main.js');
    const child = spawn(process.execPath, [program, ...this.#parameters], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#output = '';
    const keep = (text: unknown): void => {
      this.#output = (this.#output + String(text)).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const isReady = (): boolean => {
      if (!isAlive(child)) throw new Error(`the lab did not start; it wrote:\n${this.#output}`);
      return this.#output.includes('\nReady.\n');
    };
    await until('the lab to be ready', isReady, {
      limitMs: READY_MS_MAX,
      detail: () => this.#output,
    });
  }

  signal(signal: NodeJS.Signals): void {
    present(this.#child, 'a running lab').kill(signal);
  }

  /** `SIGKILL` is the end at once; `SIGINT` is Ctrl-C. Resolves with the exit code, null for a killed process. */
  async end(signal: 'SIGKILL' | 'SIGINT'): Promise<number | null> {
    const child = present(this.#child, 'a running lab');
    this.#child = undefined;
    if (!isAlive(child)) throw new Error(`the lab had ended by itself; it wrote:\n${this.#output}`);
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** A change through a region's operations port. Rejects unless the answer is 200. */
  async post(region: string, path: string, body: object = {}): Promise<void> {
    const url = `${this.region(region).operationsEndpoint}${path}`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  }

  async #close(): Promise<void> {
    for (const { client } of this.regions) client.destroy();
    if (this.#child !== undefined && isAlive(this.#child)) await this.end('SIGINT');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Whether it runs; one that has ended and that nobody has asked for does not. */
export function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)]);
  const state = stdout.toString('utf8').trim();
  return state !== '' && !state.startsWith('Z');
}

/** As `npm run build`: no work when the build is of these sources. */
function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'src', 'cli', 'ready.mjs')]);
  if (status !== 0) throw new Error(`it does not build:\n${stderr.toString('utf8')}`);
}

/** A base of which nobody listens on any port; where the search begins differs by process. */
async function freeBase(): Promise<number> {
  const { from, to, step } = BASES;
  const count = (to - from) / step;
  for (let tries = 0; tries < count; tries++) {
    const base = from + ((process.pid + tries) % count) * step;
    const free = await Promise.all(PORTS.map(async (port) => isFree(base + port)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  try {
    listener.listen(port, HOST);
    await once(listener, 'listening');
    listener.close();
    await once(listener, 'close');
    return true;
  } catch {
    return false;
  }
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;
