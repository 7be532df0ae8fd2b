import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { workloadNamed } from './workloads.ts';
import { runLoad } from './load.ts';
import { scanPages } from './scan-pages.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** What the generator's process is asked: requests are named, not sent over, because there are megabytes of them. */
export interface LoadOrder extends Omit<LoadOptions, 'requests'> {
  readonly workload: string;
  /** How many items its table has, where that is not always the same. */
  readonly items?: number;
}

/** What a run tells, and how many items each of its requests is about. */
export interface WorkloadResult extends LoadResult {
  readonly itemsPerRequest: number;
}

type Reply = { readonly result: WorkloadResult } | { readonly error: string };

/** The load generator in a process of its own, so that it shares no event loop with what directs it. */
export class LoadProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(import.meta.url), ['--generate']);
  }

  /** One run. Rejects with what went wrong in the generator, or when that has ended. */
  async run(order: LoadOrder): Promise<WorkloadResult> {
    const child = this.#child;
    if (!child.connected) throw new Error('the load generator has ended');
    child.send(order);
    const reply: Reply = await new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the load generator has ended'));
      child.once('exit', onExit);
      child.once('message', (message) => {
        child.off('exit', onExit);
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other side is below
        resolve(message as Reply);
      });
    });
    if ('error' in reply) throw new Error(reply.error);
    return reply.result;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** The generator's side: answers one order after the other until the channel closes. */
function serveOrders(): void {
  const known = new Map<string, Prepared>();
  process.on('message', (order: LoadOrder) => {
    void answer(order, known).then((reply) => process.send?.(reply));
  });
}

interface Prepared {
  readonly requests: readonly Buffer[];
  readonly itemsPerRequest: number;
}

async function answer(
  { workload, items, ...options }: LoadOrder,
  known: Map<string, Prepared>,
): Promise<Reply> {
  try {
    const { requests, itemsPerRequest } = await prepared(
      { workload, items, port: options.port },
      known,
    );
    return { result: { ...(await runLoad({ ...options, requests })), itemsPerRequest } };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Where pages begin is each target's own, and is asked once. */
async function prepared(
  {
    workload: name,
    items,
    port,
  }: Pick<LoadOrder, 'workload' | 'port'> & { items: number | undefined },
  known: Map<string, Prepared>,
): Promise<Prepared> {
  const workload = workloadNamed(name);
  const { scans, itemsPerRequest } = workload;
  const key = scans === undefined ? `${name} ${items ?? ''}` : `${name} ${port}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const own =
    scans === undefined
      ? { requests: workload.requests(items), itemsPerRequest }
      : await scanPages(port, scans);
  // The requests of a table that has grown since are no longer needed, and there are many.
  if (items !== undefined) known.clear();
  known.set(key, own);
  return own;
}

if (extname(import.meta.filename) === '.js' && process.argv.includes('--generate')) serveOrders();
