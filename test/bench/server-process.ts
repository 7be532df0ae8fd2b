import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;
const STOP_MS_MAX = 15_000;
/** How much of what a server wrote is kept for the message of a failure. */
const OUTPUT_CHARACTERS_MAX = 4000;

export interface ServerCommand {
  readonly program: string;
  readonly parameters: readonly string[];
  /** Answers 200 once it serves. */
  readonly readyUrl: string;
}

/** A server in a process of its own, over a temporary folder. */
export interface ServerProcess {
  readonly pid: number;
  /** Ends the process and removes the folder. */
  stop(): Promise<void>;
}

/** Rejects, with what it wrote, when it is not ready within `READY_MS_MAX`. `commandIn` is given its folder. */
export async function startServer(
  name: string,
  commandIn: (folder: string) => ServerCommand,
): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), `tidemark-bench-${name}-`));
  const { program, parameters, readyUrl } = commandIn(folder);
  const child = spawn(program, parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
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
  return { pid: child.pid ?? 0, stop };
}

/** The folder of the package that this file, compiled or not, belongs to. */
export function packageFolder(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error('no package.json above the benchmark');
    folder = above;
  }
  return fileURLToPath(folder);
}

export async function freePort(): Promise<number> {
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
  child.once('error', keep);
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

const isAlive = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null;

async function end(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}
