import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DaemonProbe, PROBE_URL } from './daemon-probe.ts';

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;
const STOP_MS_MAX = 15_000;
/** How much of what a server wrote is kept for the message of a failure. */
const OUTPUT_CHARACTERS_MAX = 4000;

export interface ServerCommand {
  readonly program: string;
  readonly parameters: readonly string[];
  /** Answers 200 once it serves, or anything at all where that is said. */
  readonly readyUrl: string;
  readonly isReadyWhenRefusing?: boolean;
  /** Whether it is a program of Node that is to be looked into: see `DaemonProbe`. */
  readonly isProbed?: boolean;
}

/** A server in a process of its own, over a temporary folder. */
export interface ServerProcess {
  readonly pid: number;
  readonly folder: string;
  /** Undefined unless it was asked for. */
  readonly probe: DaemonProbe | undefined;
  /** Ends the process and removes the folder. */
  stop(): Promise<void>;
}

/** Rejects, with what it wrote, when it is not ready within `READY_MS_MAX`. `commandIn` is given its folder. */
export async function startServer(
  name: string,
  commandIn: (folder: string) => ServerCommand,
): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), `tidemark-bench-${name}-`));
  const { program, parameters, readyUrl, isReadyWhenRefusing, isProbed } = commandIn(folder);
  const child = spawnServer({ program, parameters, isProbed: isProbed ?? false }, folder);
  const stop = async (): Promise<void> => {
    await endServer(child, 'SIGINT');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, async () => answers(readyUrl, isReadyWhenRefusing));
  } catch (error) {
    await stop();
    throw new Error(`${name} did not start`, { cause: error });
  }
  const probe = isProbed === true ? new DaemonProbe(child) : undefined;
  return { pid: child.pid ?? 0, folder, probe, stop };
}

/** The process of a server, not yet ready. Its folder is there. */
export function spawnServer(
  {
    program,
    parameters,
    isProbed = false,
  }: Pick<ServerCommand, 'program' | 'parameters' | 'isProbed'>,
  folder: string,
): ChildProcess {
  const all = isProbed ? ['--import', PROBE_URL, ...parameters] : parameters;
  return spawn(program, all, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', ...(isProbed ? (['ipc'] as const) : [])],
  });
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

/** Rejects, with what it wrote, when it ends or is not ready in time. */
export async function untilReady(
  child: ChildProcess,
  isReady: () => Promise<boolean>,
  pollMs = READY_POLL_MS,
): Promise<void> {
  let output = '';
  const keep = (text: unknown): void => {
    output = (output + String(text)).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.once('error', keep);
  const deadlineMs = performance.now() + READY_MS_MAX;
  while (performance.now() < deadlineMs && isAlive(child)) {
    if (await isReady()) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`not ready; it wrote:\n${output}`);
}

async function answers(url: string, evenRefusing = false): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok || evenRefusing;
  } catch {
    return false;
  }
}

const isAlive = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null;

/** Resolves when it has ended, by force if it takes too long. */
export async function endServer(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(child)) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}
