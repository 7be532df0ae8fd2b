import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts } from '../../src/cli/free-ports.ts';
import { call } from './call.ts';
import { createTable, writeBatches } from './fill.ts';
import { GROWN, GROWN_WORKLOADS, grownBatches, lineKey } from './grown-table.ts';
import { LoadProcess } from './load-process.ts';
import { endServer, spawnServer, untilReady } from './server-process.ts';
import type { StartRun } from './start-report.ts';
import { daemonCommand } from './targets.ts';

const POLL_MS = 5;
const CONNECTIONS = 16;
/** How long there are writes before a daemon is killed among them. */
const WRITING_MS = 2000;

export interface StartBenchOptions {
  readonly items: number;
  readonly rounds: number;
  /** Ends it between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** Fills a daemon, and measures how soon it serves after it was stopped, and after it was killed among writes. */
export async function startBench(options: StartBenchOptions): Promise<readonly StartRun[]> {
  const { items, rounds, stopped, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-start-'));
  const [port = 0, operationsPort = 0] = await freePorts(2);
  const daemon = new Restarted(folder, { port, operationsPort });
  try {
    await daemon.start(async () => isAnswered(daemon.port, 'ListTables', {}));
    say(`filling in ${items.toLocaleString('en-US')} items...`);
    await createTable(daemon.port, GROWN);
    await writeBatches(daemon.port, grownBatches(0, items));
    const runs: StartRun[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      stopped.throwIfAborted();
      await daemon.end('SIGINT');
      const cleanMs = await daemon.start(async () => hasAnItem(daemon.port, items));
      stopped.throwIfAborted();
      await daemon.killAmongWrites(items);
      const killedMs = await daemon.start(async () => hasAnItem(daemon.port, items));
      say(
        `round ${round}: serves ${cleanMs.toFixed(0)} ms after a clean stop, ${killedMs.toFixed(0)} ms after kill -9`,
      );
      runs.push({ round, items, cleanMs, killedMs });
    }
    return runs;
  } finally {
    await daemon.end('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One daemon's data, with one process after the other. */
class Restarted {
  readonly port: number;
  readonly #folder: string;
  readonly #operationsPort: number;
  #child: ChildProcess | undefined;

  constructor(
    folder: string,
    { port, operationsPort }: { readonly port: number; readonly operationsPort: number },
  ) {
    this.port = port;
    this.#folder = folder;
    this.#operationsPort = operationsPort;
  }

  /** Milliseconds from before there was a process until it served. */
  async start(serves: () => Promise<boolean>): Promise<number> {
    const command = daemonCommand({
      folder: this.#folder,
      port: this.port,
      operationsPort: this.#operationsPort,
    });
    const startedMs = performance.now();
    this.#child = spawnServer(command, this.#folder);
    await untilReady(this.#child, serves, POLL_MS);
    return performance.now() - startedMs;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child !== undefined) await endServer(this.#child, signal);
  }

  async killAmongWrites(items: number): Promise<void> {
    const load = new LoadProcess();
    const writing = load.run({
      workload: GROWN_WORKLOADS.put.name,
      items,
      connections: CONNECTIONS,
      warmUpMs: 0,
      measuredMs: 10 * WRITING_MS,
      port: this.port,
      serverPid: this.#child?.pid ?? 0,
    });
    // Its connections are cut: that is the point.
    const cut = writing.then(
      () => false,
      () => true,
    );
    await new Promise((resolve) => setTimeout(resolve, WRITING_MS));
    await this.end('SIGKILL');
    const wasCut = await cut;
    await load.stop();
    if (!wasCut) throw new Error('a daemon that was killed went on answering');
  }
}

/** The first item and the last one: what serves has all. */
async function hasAnItem(port: number, items: number): Promise<boolean> {
  const { TableName } = GROWN;
  for (const at of [0, items - 1])
    if (!(await isAnswered(port, 'GetItem', { TableName, Key: lineKey(at) }, '"Item"')))
      return false;
  return true;
}

async function isAnswered(
  ...[port, operation, input, holds = '']: [...Parameters<typeof call>, string?]
): Promise<boolean> {
  try {
    return (await call(port, operation, input)).includes(holds);
  } catch {
    return false;
  }
}
