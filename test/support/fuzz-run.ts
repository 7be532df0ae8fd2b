import { connect, type Socket } from 'node:net';

import { AnswerReader } from '../bench/answer-reader.ts';
import { fuzzRequest, type FuzzRequest, isMiscoded } from './fuzz-requests.ts';
import { SeededRandom } from './seeded-random.ts';

export interface FuzzRun {
  readonly port: number;
  readonly seed: number;
  readonly requests: number;
}

/** How many requests are under way at once. */
const AT_ONCE = 16;

const TOO_LARGE = 413;

/** Answers that are no failure of the daemon. */
const ANSWERS: ReadonlySet<number> = new Set([200, 400, 404, TOO_LARGE]);

/**
 * Sends the first `requests` of the seed's requests, in that order but several at once. Resolves to the share that was
 * answered with 200; rejects, naming the request, for one that is not answered, or with a failure.
 */
export async function runFuzz({ port, seed, requests }: FuzzRun): Promise<number> {
  const random = new SeededRandom(seed);
  let accepted = 0;
  let left = requests;
  const sendSome = async (): Promise<void> => {
    const connection = new Connection(port);
    while (left > 0) {
      left -= 1;
      const request = fuzzRequest(random);
      const status = await connection.send(request);
      if (status === 200) accepted += 1;
      if (ANSWERS.has(status) || (status === 500 && isMiscoded(request))) continue;
      left = 0;
      throw new Error(`${status} to ${shown(request)}`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
  return accepted / requests;
}

const shown = (request: FuzzRequest): string =>
  JSON.stringify({ ...request, body: String(request.body) });

/** One request at a time, written as they are: a client of HTTP would take longer than the server. */
class Connection {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async send(request: FuzzRequest): Promise<number> {
    const socket = (this.#socket ??= connect({ port: this.#port, host: '127.0.0.1' }));
    const reader = new AnswerReader();
    try {
      const status = await new Promise<number>((resolve, reject) => {
        socket.on('data', (chunk) => {
          const answered = reader.push(chunk);
          if (answered !== undefined) resolve(answered);
        });
        socket.on('error', reject);
        socket.on('close', () => {
          reject(new Error('the connection was closed'));
        });
        socket.write(bytesOf(request));
      });
      // The server closes then.
      if (status === TOO_LARGE) this.close();
      return status;
    } catch (cause) {
      throw new Error(`no answer to ${shown(request)}`, { cause });
    } finally {
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

function bytesOf({ method, headers, body }: FuzzRequest): Buffer {
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const head = [
    `${method} / HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${content.length}`,
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), content]);
}
