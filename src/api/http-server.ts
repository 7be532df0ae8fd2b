import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

import { assert } from '../base/assert.ts';
import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { REQUEST_BODY_BYTES_MAX } from '../model/limits.ts';

/** What `stop` gives the requests in flight before their connections are cut. */
const DRAIN_LIMIT_MS = 5_000;

/** How often `stop` looks whether what was answered is on its way. */
const DRAIN_LOOK_MS = 10;

/** A client that goes on sending past this loses its connection instead of an answer. */
const DISCARDED_BYTES_MAX = 4 * REQUEST_BODY_BYTES_MAX;

/** An idle connection is kept this long, longer than the SDKs keep theirs. */
const IDLE_CONNECTION_MS = 75_000;

/**
 * Answers that are ready in one turn of the event loop are written together at its end, but no more than so many: each
 * write may wake its client, and one that is awake already is not woken again.
 */
const GATHERED_ANSWERS_MAX = 16;

/** Bodies up to this length go out as one text with their head; of longer ones it costs more to make a text. */
const ONE_WRITE_BYTES_MAX = 2 * 1024;

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

/** Answers at once where nothing has to be waited for. Must not fail: a failure is an answer too. */
export type HttpHandler = (request: HttpRequest) => Awaitable<HttpAnswer>;

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
  readonly #sockets = new Set<Socket>();
  #servers: readonly Server[] = [];
  #port: number;
  #stopping = false;
  #gathered: AnsweredRequest[] = [];

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

  /** Stops accepting, lets what is in flight be answered, and answers be sent, for `DRAIN_LIMIT_MS`, then cuts the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const servers = this.#servers;
    this.#servers = [];
    const drained = new AbortController();
    const closed = Promise.all(servers.map(stopAccepting)).finally(() => {
      drained.abort();
    });
    await this.#drain(servers, drained.signal);
    for (const server of servers) server.closeAllConnections();
    await closed;
  }

  /** Resolves when `over` aborts, or `DRAIN_LIMIT_MS` are over. */
  async #drain(servers: readonly Server[], over: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + DRAIN_LIMIT_MS;
    while (!over.aborted && clock.monotonicMs() < endMs) {
      // Node takes a connection for idle as soon as its answer is handed over, sent or not.
      const isSending = [...this.#sockets].some(({ writableLength }) => writableLength > 0);
      if (!isSending) for (const server of servers) server.closeIdleConnections();
      await clock.sleep(DRAIN_LOOK_MS, over);
    }
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
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
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
      this.#handle(request, response, bodyBytes > REQUEST_BODY_BYTES_MAX ? undefined : body);
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse, body: Buffer | undefined): void {
    const { method = 'GET', url = '/', headers } = request;
    try {
      const answer = this.#options.handle({ method, url, headers, body });
      if (answer instanceof Promise) void this.#handleLater(response, answer);
      else this.#gather(response, answer);
    } catch {
      response.destroy();
    }
  }

  async #handleLater(response: ServerResponse, answering: Promise<HttpAnswer>): Promise<void> {
    try {
      this.#gather(response, await answering);
    } catch {
      // Against the handler's contract: one connection is lost then, and not the process.
      response.destroy();
    }
  }

  #gather(response: ServerResponse, answer: HttpAnswer): void {
    const count = this.#gathered.push({ response, answer });
    if (count >= GATHERED_ANSWERS_MAX) this.#writeGathered();
    else if (count === 1) this.#options.clock.defer(this.#writeGathered);
  }

  /** There may be none, when they were written before the end of the turn. */
  readonly #writeGathered = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const { response, answer } of gathered) {
      if (!response.destroyed) this.#write(response, answer);
    }
  };

  /** What Node refuses to write, such as a header that may not be one, costs its own connection and no answer beside it. */
  #write(response: ServerResponse, answer: HttpAnswer): void {
    try {
      writeAnswer(response, answer, this.#stopping);
    } catch {
      response.destroy();
    }
  }
}

interface AnsweredRequest {
  readonly response: ServerResponse;
  readonly answer: HttpAnswer;
}

/** `last`: the connection is closed behind it. */
function writeAnswer(
  response: ServerResponse,
  { status, headers, body }: HttpAnswer,
  last: boolean,
): void {
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  const lines = [...headers, 'content-length', String(bodyBytes)];
  if (last) lines.push('connection', 'close');
  response.writeHead(status, lines);
  const { socket } = response;
  if (bodyBytes === 0 || bodyBytes > ONE_WRITE_BYTES_MAX || socket === null) {
    response.end(body);
    return;
  }
  // With the end Node writes an empty text besides, and the two go a longer way than one that is written by itself.
  socket.cork();
  // One character a byte, as the head is, so that Node joins the two.
  if (typeof body !== 'string') response.write(bufferOf(body).toString('latin1'), 'latin1');
  else response.write(body, body.length === bodyBytes ? 'latin1' : 'utf8');
  socket.uncork();
  response.end();
}

const EMPTY = Buffer.alloc(0);

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A connection that breaks is the client's affair: there is nobody left to tell. */
const ignore = (): void => undefined;

const isMissingAddress = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT' || error.code === 'EINVAL';

function portOf(server: Server): number {
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'a listening server has a port');
  return address.port;
}

/** Resolves once all connections are closed, too. The HTTP server's own `close` would cut those that are being sent to. */
async function stopAccepting(server: Server): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server, () => {
      // Ends its timers; there is nothing left to close.
      server.close(() => {
        resolve();
      });
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
  });
}
