import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { REQUEST_BODY_BYTES_MAX } from '../model/limits.ts';

/** What `stop` gives the requests in flight before their connections are cut. */
const DRAIN_LIMIT_MS = 5_000;

/** A client that goes on sending past this loses its connection instead of an answer. */
const DISCARDED_BYTES_MAX = 4 * REQUEST_BODY_BYTES_MAX;

/** An idle connection is kept this long, longer than the SDKs keep theirs. */
const IDLE_CONNECTION_MS = 75_000;

/** How often a free port is asked of the system again when another host has it taken. */
const FREE_PORT_ATTEMPTS = 5;

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came; undefined when it was larger than `REQUEST_BODY_BYTES_MAX`. */
  readonly body: Buffer | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names and values in turn, without `content-length`, `date` and `connection`. */
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

/** Must not reject: a failure of the handler is an answer too. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

export interface HttpServerOptions {
  /** Addresses to listen on. One that this machine does not have is passed over, except the first. */
  readonly hosts: readonly string[];
  /** 0 for any free port, the same on every host. */
  readonly port: number;
  readonly clock: Clock;
  readonly handle: HttpHandler;
}

/** Another process listens on the port. The operator's error: choose another port or end that process. */
export class PortInUseError extends Error {
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, options?: ErrorOptions) {
    super(`port ${port} of ${host} is in use`, options);
    this.name = 'PortInUseError';
    this.host = host;
    this.port = port;
  }
}

/** An HTTP/1.1 server with keep-alive: whole bodies in, whole answers out. */
export class HttpServer implements Service {
  readonly #options: HttpServerOptions;
  #servers: readonly Server[] = [];
  #port: number;
  #stopping = false;

  constructor(options: HttpServerOptions) {
    assert(options.hosts.length > 0, 'a server listens on one host at least');
    this.#options = options;
    this.#port = options.port;
  }

  /** The port that it listens on, once started. */
  get port(): number {
    return this.#port;
  }

  /** Rejects with `PortInUseError`, or with the system's error for anything else. */
  async start(): Promise<void> {
    const attempts = this.#options.port === 0 ? FREE_PORT_ATTEMPTS : 1;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#listenOnAll();
        return;
      } catch (error) {
        if (!(error instanceof PortInUseError) || attempt === attempts) throw error;
      }
    }
  }

  /** Stops accepting, lets what is in flight be answered for `DRAIN_LIMIT_MS`, then cuts the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const servers = this.#servers;
    this.#servers = [];
    const drained = new AbortController();
    const waited = this.#options.clock.sleep(DRAIN_LIMIT_MS, drained.signal);
    const closed = Promise.all(servers.map(closeServer));
    await Promise.race([closed, waited]);
    drained.abort();
    for (const server of servers) server.closeAllConnections();
    await closed;
  }

  async #listenOnAll(): Promise<void> {
    const servers: Server[] = [];
    let port = this.#options.port;
    try {
      for (const host of this.#options.hosts) {
        const server = await this.#listen(host, port, servers.length > 0);
        if (server === undefined) continue;
        servers.push(server);
        port = portOf(server);
      }
    } catch (error) {
      await Promise.all(servers.map(closeServer));
      throw error;
    }
    this.#servers = servers;
    this.#port = port;
  }

  async #listen(host: string, port: number, optional: boolean): Promise<Server | undefined> {
    const server = createServer({ keepAliveTimeout: IDLE_CONNECTION_MS }, (request, response) => {
      this.#receive(request, response);
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          reject(new PortInUseError(host, port, { cause: error }));
        } else if (optional && isMissingAddress(error)) {
          resolve(undefined);
        } else {
          reject(error);
        }
      });
      server.listen({ host, port }, () => {
        resolve(server);
      });
    });
  }

  /** Gathers the body. Most come in one chunk, which is then passed on as it is. */
  #receive(request: IncomingMessage, response: ServerResponse): void {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let bodyBytes = 0;
    request.on('error', ignore);
    response.on('error', ignore);
    request.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length;
      if (bodyBytes > REQUEST_BODY_BYTES_MAX) {
        first = undefined;
        rest = undefined;
        if (bodyBytes > DISCARDED_BYTES_MAX) request.destroy();
      } else if (first === undefined) first = chunk;
      else if (rest === undefined) rest = [first, chunk];
      else rest.push(chunk);
    });
    request.on('end', () => {
      const body = rest === undefined ? (first ?? EMPTY) : Buffer.concat(rest, bodyBytes);
      void this.#answer(request, response, bodyBytes > REQUEST_BODY_BYTES_MAX ? undefined : body);
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
  ): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    let answer: HttpAnswer;
    try {
      answer = await this.#options.handle({ method, url, headers, body });
    } catch {
      // Against the handler's contract: one connection is lost then, and not the process.
      response.destroy();
      return;
    }
    if (response.destroyed) return;
    const bodyBytes =
      typeof answer.body === 'string' ? Buffer.byteLength(answer.body) : answer.body.byteLength;
    const lines = [...answer.headers, 'content-length', String(bodyBytes)];
    if (this.#stopping) lines.push('connection', 'close');
    response.writeHead(answer.status, lines);
    response.end(answer.body);
  }
}

const EMPTY = Buffer.alloc(0);

/** A connection that breaks is the client's affair: there is nobody left to tell. */
const ignore = (): void => undefined;

const isMissingAddress = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT' || error.code === 'EINVAL';

function portOf(server: Server): number {
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'a listening server has a port');
  return address.port;
}

async function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
  });
}
