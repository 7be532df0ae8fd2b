import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { connectNats, type NatsConnection } from '../../src/bus/nats-connection.ts';
import { LatencyHistogram } from './latency-histogram.ts';

const SUBJECT = 'bench.echo';
const TIMEOUT_MS = 10_000;

/** What each answer is made of: little, as the answer to a batch of records. */
const ANSWER = new Uint8Array(64);

/**
 * Request and reply over a nats-server with nothing of Tidemark's but the client: the roof over replication. Who answers is
 * a process of its own.
 */
export class NatsEcho {
  readonly #child: ChildProcess;
  readonly #connection: NatsConnection;

  constructor(child: ChildProcess, connection: NatsConnection) {
    this.#child = child;
    this.#connection = connection;
  }

  static async start(url: string): Promise<NatsEcho> {
    const child = fork(fileURLToPath(import.meta.url), ['--echo', url]);
    const ended = once(child, 'exit').then(() => {
      throw new Error('who answers over bare NATS has ended');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return new NatsEcho(child, await connectNats({ servers: [url] }, { name: 'bench asker' }));
  }

  /** Asks `ratePerSecond` times a second, one after the other, until `done` settles. */
  async ask(order: {
    readonly payloadBytes: number;
    readonly ratePerSecond: number;
    readonly done: Promise<unknown>;
  }): Promise<LatencyHistogram> {
    const histogram = new LatencyHistogram();
    const payload = new Uint8Array(order.payloadBytes).fill('x'.charCodeAt(0));
    const everyMs = 1000 / order.ratePerSecond;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    order.done.then(end, end);
    let dueMs = performance.now();
    while (!ended.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      const askedMs = performance.now();
      await this.#connection.request(SUBJECT, payload, { timeout: TIMEOUT_MS });
      histogram.record(performance.now() - askedMs);
      dueMs = Math.max(dueMs + everyMs, performance.now());
    }
    return histogram;
  }

  async stop(): Promise<void> {
    await this.#connection.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** The answering side: until the channel closes. */
async function answerAll(url: string): Promise<void> {
  const connection = await connectNats({ servers: [url] }, { name: 'bench answerer' });
  connection.subscribe(SUBJECT, { callback: (_, message) => void message.respond(ANSWER) });
  await connection.flush();
  process.once('disconnect', () => void connection.close());
  process.send?.('ready');
}

if (extname(import.meta.filename) === '.js' && process.argv[2] === '--echo')
  await answerAll(process.argv[3] ?? '');
