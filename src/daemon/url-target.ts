import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';

import {
  EVENT_BYTES_MAX,
  type InvocationOutcome,
  type TargetInvocation,
  type TriggerTarget,
} from '../triggers/trigger-target.ts';

/** Connections to one address. */
const SOCKETS_MAX = 64;

const THROTTLED = 429;

/** What RFC 9110 calls successful. */
const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/**
 * A consumer behind an address: each batch is a POST of the event as JSON. 2xx is success, with what the body says where it is
 * JSON; 429 is "not now", which uses up no attempt; everything else is failure, a redirect too. The header
 * `x-amz-function-error` is failure whatever the status is, as the emulator of Lambda's runtime answers.
 */
export class UrlTarget implements TriggerTarget {
  readonly eventBytesMax = EVENT_BYTES_MAX;
  readonly #url: URL;
  readonly #agent: http.Agent;

  constructor(url: string) {
    this.#url = new URL(url);
    const options = { keepAlive: true, maxSockets: SOCKETS_MAX };
    this.#agent = this.#isSecure ? new https.Agent(options) : new http.Agent(options);
  }

  get #isSecure(): boolean {
    return this.#url.protocol === 'https:';
  }

  async invoke(invocation: TargetInvocation): Promise<InvocationOutcome> {
    const { event, requestId, timeoutMs, signal } = invocation;
    return new Promise((resolve) => {
      const request = (this.#isSecure ? https : http).request(this.#url, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(event),
          'x-tidemark-request-id': requestId,
        },
      });
      const connection = { isMade: false };
      const cut = (): void => {
        request.destroy(new Error('the daemon stops'));
      };
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${timeoutMs / MS_PER_SECOND} s`));
      }, timeoutMs);
      const settle = (outcome: InvocationOutcome): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', cut);
        resolve(outcome);
      };
      signal.addEventListener('abort', cut, { once: true });
      request.on('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => (connection.isMade = true));
        else connection.isMade = true;
      });
      request.on('error', (error) => {
        settle(brokenOff(request, connection.isMade, error));
      });
      request.on('response', (response) => {
        answerOf(response).then(settle, (error: unknown) => {
          settle(failed(response.statusCode ?? 0, wordsOf(error)));
        });
      });
      if (signal.aborted) cut();
      else request.end(event);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
  }
}

const MS_PER_SECOND = 1000;

function brokenOff(request: ClientRequest, wasConnected: boolean, error: Error): InvocationOutcome {
  const words = wordsOf(error);
  // A connection kept from before may have been closed by the other side just now.
  const isStale = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
  return wasConnected && !isStale ? failed(504, words) : { kind: 'unreachable', words };
}

/** Rejects when the answer ends early, or is longer than it may be. */
async function answerOf(response: IncomingMessage): Promise<InvocationOutcome> {
  const { statusCode = 0, headers } = response;
  const body = await bodyOf(response);
  const functionError = headers['x-amz-function-error'];
  if (functionError !== undefined)
    return { ...failed(statusCode, shortened(body)), functionError: String(functionError) };
  if (isSuccess(statusCode)) return { kind: 'answered', payload: jsonIn(body) };
  const words = `it answers ${statusCode}${body === '' ? '' : `: ${shortened(body)}`}`;
  return statusCode === THROTTLED ? { kind: 'unreachable', words } : failed(statusCode, words);
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > EVENT_BYTES_MAX) throw new Error(`it answers more than ${EVENT_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no JSON: it says nothing of records. */
function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

const failed = (
  statusCode: number,
  words: string,
): InvocationOutcome & { readonly kind: 'failed' } => ({
  kind: 'failed',
  words,
  statusCode,
  functionError: undefined,
});

const SHOWN_CHARACTERS_MAX = 200;

const shortened = (text: string): string =>
  text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
