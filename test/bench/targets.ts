import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BENCH_REGION } from './raw-request.ts';

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;
const STOP_MS_MAX = 15_000;
/** How much of what a target wrote is kept for the message of a failure. */
const OUTPUT_CHARACTERS_MAX = 4000;

const require = createRequire(import.meta.url);

export type TargetName = 'bare' | 'dynalite' | 'tidemark';

/** A server in a process of its own, over a temporary folder. */
export interface Target {
  readonly name: TargetName;
  readonly port: number;
  readonly pid: number;
  /** Ends the process and removes the folder. */
  stop(): Promise<void>;
}

/** Starts a target on a free port. Rejects, with what it wrote, when it is not ready within `READY_MS_MAX`. */
export async function startTarget(name: TargetName): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), `tidemark-bench-${name}-`));
  const ports = { port: await freePort(), operationsPort: await freePort() };
  const { file, parameters, readyUrl } = COMMANDS[name](folder, ports);
  const child = spawn(process.execPath, [file, ...parameters], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, readyUrl);
  } catch (error) {
    await stop();
    throw new Error(`${name} did not start`, { cause: error });
  }
  return { name, port: ports.port, pid: child.pid ?? 0, stop };
}

interface Ports {
  readonly port: number;
  readonly operationsPort: number;
}

interface Command {
  readonly file: string;
  readonly parameters: readonly string[];
  /** Answers 200 once the target serves. */
  readonly readyUrl: string;
}

const COMMANDS: Readonly<Record<TargetName, (folder: string, ports: Ports) => Command>> = {
  bare: (_folder, { port }) => ({
    file: fileURLToPath(new URL(`./bare-server${extname(import.meta.url)}`, import.meta.url)),
    parameters: [String(port)],
    readyUrl: `http://127.0.0.1:${port}/`,
  }),
  dynalite: (folder, { port }) => ({
    file: require.resolve('dynalite/cli.js'),
    parameters: [
      '--host=127.0.0.1',
      `--port=${port}`,
      `--path=${join(folder, 'data')}`,
      '--createTableMs=0',
    ],
    readyUrl: `http://127.0.0.1:${port}/`,
  }),
  tidemark: (folder, { port, operationsPort }) => {
    const config = join(folder, 'region.yaml');
    writeFileSync(config, regionConfig({ port, operationsPort }));
    return {
      file: join(packageFolder(), 'dist', 'cli', 'main.js'),
      parameters: ['serve', '--config', config, '--data', join(folder, 'data')],
      readyUrl: `http://127.0.0.1:${operationsPort}/readyz`,
    };
  },
};

/** YAML, of which JSON is a part. */
function regionConfig({ port, operationsPort }: Ports): string {
  return JSON.stringify({
    region: BENCH_REGION,
    endpoint: { hosts: ['127.0.0.1'], port },
    operations: { hosts: ['127.0.0.1'], port: operationsPort },
    peers: {},
    log: { level: 'warn' },
  });
}

/** The folder of the package that this file, compiled or not, belongs to. */
function packageFolder(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error('no package.json above the benchmark');
    folder = above;
  }
  return fileURLToPath(folder);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  let output = '';
  const keep = (text: unknown): void => {
    output = (output + String(text)).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const deadlineMs = performance.now() + READY_MS_MAX;
  while (performance.now() < deadlineMs && isAlive(child)) {
    if (await answers(url)) return;
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  throw new Error(`not ready; it wrote:\n${output}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

async function end(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}
