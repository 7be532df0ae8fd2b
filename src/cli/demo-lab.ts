import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OperationsClient } from './demo-operations.ts';
import { freePorts } from './free-ports.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { poll } from './poll.ts';

const WAIT = { limitMs: 30_000, everyMs: 50 };
const STOP_MS_MAX = 15_000;
/** How much of what the lab wrote is kept for the message of a failure. */
const OUTPUT_CHARACTERS_MAX = 4000;
const HOST = '127.0.0.1';

export interface DemoLabRegion {
  readonly name: string;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  readonly operations: OperationsClient;
}

/** A lab in a process of its own, on free ports, over a temporary folder that goes with it. */
export class DemoLab {
  readonly regions: readonly DemoLabRegion[];
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';
  #stopping: Promise<void> | undefined;
  /** For every way in which this process may end. */
  readonly #removeAtExit = (): void => this.#endNow();

  private constructor(regions: readonly DemoLabRegion[], child: ChildProcess, folder: string) {
    this.regions = regions;
    this.#child = child;
    this.#folder = folder;
    process.once('exit', this.#removeAtExit);
    const keep = (text: unknown): void => {
      this.#output = (this.#output + String(text)).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /**
   * Runs `program`, the compiled command line, and waits until every region is ready. Rejects, with what the lab
   * wrote, when they are not in time; then nothing is left behind.
   */
  static async start(options: {
    readonly program: string;
    readonly regionNames: readonly string[];
    readonly signal: AbortSignal;
  }): Promise<DemoLab> {
    const { program, regionNames, signal } = options;
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-demo-'));
    const regions = await placeRegions(regionNames);
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, program, ...labParameters(folder, regions)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Not in the terminal's process group: Ctrl-C reaches the demo, and the demo ends the lab, once.
        detached: true,
      },
    );
    const lab = new DemoLab(regions, child, folder);
    try {
      await lab.#untilReady(signal);
    } catch (error) {
      await lab.stop();
      throw error;
    }
    return lab;
  }

  /** What the lab wrote last when it has ended; undefined while it runs. */
  get lastWords(): string | undefined {
    return isAlive(this.#child) ? undefined : this.#output;
  }

  /** As Ctrl-C in the lab, and what remains removed. Never rejects; called again, it is the same stop. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (isAlive(this.#child)) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGINT');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
    }
    process.off('exit', this.#removeAtExit);
    this.#endNow();
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    await poll('the lab to be ready', WAIT, async () => {
      signal.throwIfAborted();
      const ready = this.regions.map(async ({ operations }) => operations.isReady());
      return !isAlive(this.#child) || (await Promise.all(ready)).every(Boolean);
    });
    if (isAlive(this.#child)) return;
    throw new Error(`the lab did not start; it wrote:\n${this.#output}`);
  }

  #endNow(): void {
    if (isAlive(this.#child)) this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Writes a file for each region, so that what else is in `regions/` does not matter. */
function labParameters(folder: string, regions: readonly DemoLabRegion[]): readonly string[] {
  const configFolder = join(folder, 'regions');
  mkdirSync(configFolder);
  for (const { name, endpoint, operationsEndpoint } of regions) {
    const config = {
      region: name,
      endpoint: { hosts: [HOST], port: Number(new URL(endpoint).port) },
      operations: { hosts: [HOST], port: Number(new URL(operationsEndpoint).port) },
    };
    // JSON is YAML too.
    writeFileSync(join(configFolder, `${name}.yaml`), JSON.stringify(config));
  }
  return ['lab', '--config-dir', configFolder, '--data', join(folder, 'data')];
}

async function placeRegions(names: readonly string[]): Promise<readonly DemoLabRegion[]> {
  const ports = await freePorts(names.length * 2);
  return names.map((name, at) => {
    const operationsEndpoint = `http://${HOST}:${ports[names.length + at]}`;
    return {
      name,
      endpoint: `http://${HOST}:${ports[at]}`,
      operationsEndpoint,
      operations: new OperationsClient(operationsEndpoint),
    };
  });
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;
