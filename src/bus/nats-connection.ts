import type { ConnectionOptions, NatsConnection, Status } from '@nats-io/transport-node';
import { connect, createInbox, errors, headers, nkeyAuthenticator } from '@nats-io/transport-node';

import { backoffMs } from '../base/backoff.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

export type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';

/** A NATS system as its clients know it. Secrets, never shown nor logged. */
export interface NatsAccess {
  /** `nats://host:port` or `tls://host:port`: one server, or some of a cluster. */
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** The seed of a user's nkey, `SU...`. */
  readonly nkeySeed?: string | undefined;
  /** Paths of PEM files. Present, even empty, nothing but TLS will do. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
}

/** What became of a connection. After `closed` it never comes back. */
export type NatsStatus =
  | { readonly kind: 'connected'; readonly server: string }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'error'; readonly words: string }
  | { readonly kind: 'closed' };

export interface NatsConnectOptions {
  /** How the server's monitoring shows the connection. */
  readonly name: string;
  /** Told of every change after the first connection. Does not throw. */
  readonly onStatus?: (status: NatsStatus) => void;
  /**
   * Whether the client comes back by itself, with its subscriptions, for ever; true unless said otherwise. While it is
   * away the client keeps what is published without bound: publish nothing after `disconnected` until `connected`.
   * **A server that hangs with much unsent data on its way to it is never left by the client itself**: with `clock` such
   * a connection is closed instead, and whoever sees `closed` without having closed it connects anew.
   */
  readonly reconnect?: boolean;
  readonly clock?: Clock;
  /** Whether the client finds out by pings that a server is gone; true unless whoever connects does that better. */
  readonly pings?: boolean;
}

/** `credentials`: a server is there and does not want us. `unreachable`: everything else. */
export type NatsConnectErrorCode = 'credentials' | 'unreachable';

export class NatsConnectError extends Error {
  readonly code: NatsConnectErrorCode;

  constructor(code: NatsConnectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NatsConnectError';
    this.code = code;
  }
}

/** How long one server may take to let a client in. */
const CONNECT_MS_MAX = 3000;

/** A server that answers none of three pings, one a second, is left. */
const PING_MS = 1000;
const PINGS_UNANSWERED_MAX = 3;

const NO_PING_MS = 2 ** 31 - 1;

/** How long a connection given up for dead may take to be taken down. */
const TEARDOWN_MS_MAX = 1000;

/** Between attempts: `RECONNECT_MS` and a random part of `RECONNECT_JITTER_MS`; at the first connection doubling up to their sum. */
const RECONNECT_MS = 1500;
const RECONNECT_JITTER_MS = 500;
const RETRY_FIRST_MS = 250;

/**
 * Connects to one of the servers, each tried once in a random order. Only these are ever used: what a cluster says of its
 * other servers is ignored. Rejects with `NatsConnectError`, in words that hold no secret.
 */
export async function connectNats(
  access: NatsAccess,
  options: NatsConnectOptions,
): Promise<NatsConnection> {
  let connection: NatsConnection;
  try {
    connection = await connect(connectionOptionsOf(access, options));
  } catch (error) {
    throw connectError(access, error);
  }
  // The client forgets the servers that did not answer its first attempts.
  if (options.reconnect !== false) connection.setServers(access.servers.map(addressOf));
  void follow(connection, options);
  return connection;
}

export interface NatsPatience {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
  /** Told of every attempt that failed. */
  readonly onFailure?: (error: NatsConnectError) => void;
}

/** As `connectNats`, again and again until a server is there; undefined when `signal` aborts before. */
export async function connectNatsPatiently(
  access: NatsAccess,
  options: NatsConnectOptions,
  { clock, random, signal, onFailure }: NatsPatience,
): Promise<NatsConnection | undefined> {
  const bounds = { firstMs: RETRY_FIRST_MS, maxMs: RECONNECT_MS + RECONNECT_JITTER_MS };
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const connection = await connectNats(access, options);
      if (!isAborted(signal)) return connection;
      await connection.close();
    } catch (error) {
      if (!(error instanceof NatsConnectError)) throw error;
      onFailure?.(error);
      await clock.sleep(backoffMs(random, failures, bounds), signal);
    }
  }
  return undefined;
}

/** Read anew, because it changes while something is awaited. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Headers of a message, by name. */
export function natsHeaders(values: Readonly<Record<string, string>>): ReturnType<typeof headers> {
  const made = headers();
  for (const [name, value] of Object.entries(values)) made.set(name, value);
  return made;
}

/** Whether a request failed because nobody listens to its subject: it was not carried out. */
export const isNoResponders = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError ||
  (error instanceof errors.RequestError && error.isNoResponders());

/** A subject that nobody else has: `_INBOX.` and one token. */
export const newInbox = (): string => createInbox();

/** The client's options for an access. */
export function connectionOptionsOf(
  access: NatsAccess,
  { name, reconnect = true, pings = true }: NatsConnectOptions,
): ConnectionOptions {
  const { servers, user, password, nkeySeed } = access;
  const tls = tlsOf(access);
  return {
    servers: servers.map(addressOf),
    name,
    timeout: CONNECT_MS_MAX,
    pingInterval: pings ? PING_MS : NO_PING_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    reconnect,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(nkeySeed === undefined
      ? {}
      : { authenticator: nkeyAuthenticator(new TextEncoder().encode(nkeySeed)) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function tlsOf({ servers, tls }: NatsAccess): ConnectionOptions['tls'] {
  if (tls === undefined && !servers.some((server) => server.startsWith('tls://'))) return undefined;
  const { ca, cert, key } = tls ?? {};
  return {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
  };
}

const addressOf = (server: string): string => server.replace(/^[a-z]+:\/\//u, '');

async function follow(
  connection: NatsConnection,
  { onStatus, clock, reconnect }: NatsConnectOptions,
): Promise<void> {
  let watch: AbortController | undefined;
  for await (const status of connection.status()) {
    if (status.type === 'staleConnection') {
      if (reconnect === false) void connection.close();
      else if (clock !== undefined) {
        watch = new AbortController();
        void closeUnlessTornDown(connection, clock, watch.signal);
      }
    }
    if (status.type === 'disconnect') watch?.abort(WOKEN);
    const known = statusOf(status);
    if (known !== undefined) onStatus?.(known);
  }
  watch?.abort(WOKEN);
  // The iteration ends with the connection, and may do so without its last word.
  onStatus?.({ kind: 'closed' });
}

/** The client waits for its last bytes to be taken before it lets go of a server, which one that hangs never does. */
async function closeUnlessTornDown(
  connection: NatsConnection,
  clock: Clock,
  tornDown: AbortSignal,
): Promise<void> {
  await clock.sleep(TEARDOWN_MS_MAX, tornDown);
  if (!tornDown.aborted) await connection.close();
}

function statusOf(status: Status): NatsStatus | undefined {
  if (status.type === 'disconnect') return { kind: 'disconnected' };
  if (status.type === 'reconnect') return { kind: 'connected', server: status.server };
  return status.type === 'error' ? { kind: 'error', words: status.error.message } : undefined;
}

function connectError(access: NatsAccess, error: unknown): NatsConnectError {
  const where = access.servers.map(addressOf).join(', ');
  if (error instanceof errors.AuthorizationError) {
    const words = `the NATS server at ${where} refuses the credentials`;
    return new NatsConnectError('credentials', words, { cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  const words = `no NATS server can be reached at ${where}: ${why}`;
  return new NatsConnectError('unreachable', words, { cause: error });
}
