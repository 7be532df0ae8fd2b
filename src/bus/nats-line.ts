import { backoffMs } from '../base/backoff.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { CounterOf, Metrics } from '../telemetry/metrics.ts';
import {
  connectNatsPatiently,
  type Msg,
  type MsgHdrs,
  type NatsAccess,
  type NatsConnection,
  newInbox,
  type Subscription,
} from './nats-connection.ts';
import { partBytesFor } from './parts.ts';

/**
 * What is on its way to the server and not known to have arrived; more waits here, so that what asks whether the server is
 * alive never stands behind more than this. Short messages go ahead of those that wait.
 */
const PIPE_BYTES_MAX = 1024 * 1024;
const SHORT_BYTES_MAX = 16 * 1024;

/** What may wait, short messages on their way included. More is refused. */
const QUEUED_BYTES_MAX = 32 * 1024 * 1024;

/** Of what is on its way, as much is not worth asking for. */
const FLUSH_BYTES_MIN = 256 * 1024;

/** What a message costs besides its bytes, roughly. */
const MESSAGE_BYTES = 256;

/**
 * How often a server is looked after, and how many times in a row nothing may have been heard. Looks are counted, not time:
 * when this process was held up, what has come meanwhile is heard before the next look.
 */
const LOOK_MS = 1000;
const SILENT_LOOKS_MAX = 3;

/** What is on its way allows for a longer silence, up to a limit: the link may be as slow as this. */
const SLOW_BYTES_PER_LOOK = 64 * 1024;
const SLOW_LOOKS_MAX = 9;

/** How long `start` waits for a server, and `stop` for the last messages to be taken. */
const START_MS_MAX = 1500;
const STOP_MS_MAX = 500;

/** A connection that lasted no longer is followed by a longer and longer wait. */
const STEADY_MS = 5000;
const AGAIN_MS = { firstMs: 100, maxMs: 2000 };

export interface NatsLineOptions {
  /** Whose NATS it is. */
  readonly owner: string;
  readonly access: NatsAccess;
  /** How the servers' monitoring shows the connection. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface PublishOptions {
  readonly reply?: string;
  readonly headers?: MsgHdrs;
  /** Asked when the message has waited: whether it is still to be sent. */
  readonly isWanted?: () => boolean;
}

interface Waiting {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly options: PublishOptions;
}

/** What follows the name of the inbox in a subject: its kind, and what that makes of the rest. */
export type InboxHandler = (message: Msg, tokens: readonly string[]) => void;

interface Subscribed {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly onMessage: (message: Msg) => void;
  live: Subscription | undefined;
}

/**
 * A connection to one region's NATS that comes back by itself, with its subscriptions, for ever. What is published while it
 * is away is refused, and so is what would make more than `QUEUED_BYTES_MAX` wait for the server, so that one that is slow
 * or gone costs bounded memory. One from which nothing is heard is left after a few seconds.
 */
export class NatsLine implements Service {
  readonly owner: string;
  /** Unique; only this line has it. */
  readonly inbox: string = newInbox();
  readonly #options: NatsLineOptions;
  readonly #subscribed = new Set<Subscribed>();
  readonly #inboxHandlers = new Map<string, InboxHandler>();
  readonly #onConnected: (() => void)[] = [];
  readonly #onLost: (() => void)[] = [];
  readonly #reconnects: CounterOf<'tidemark_nats_reconnects_total'>;
  #connection: NatsConnection | undefined;
  #partBytes = 0;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #unflushedBytes = 0;
  #isFlushing = false;
  /** What others have been asked to send here. */
  #expectedBytes = 0;
  #complaint = '';

  constructor(options: NatsLineOptions) {
    this.#options = options;
    this.owner = options.owner;
    this.#reconnects = options.metrics.counter('tidemark_nats_reconnects_total', {
      region: options.owner,
    });
    this.subscribe(`${this.inbox}.>`, undefined, (message) => this.#dispatch(message));
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** How long a part of a message may be on this connection. */
  get partBytes(): number {
    return this.#partBytes;
  }

  /** Tells of every connection, after its subscriptions are made, and of its loss. */
  watch(told: { readonly connected?: () => void; readonly lost?: () => void }): void {
    if (told.connected !== undefined) this.#onConnected.push(told.connected);
    if (told.lost !== undefined) this.#onLost.push(told.lost);
  }

  /** Takes what arrives at `INBOX.kind.…`. */
  onInbox(kind: string, handle: InboxHandler): void {
    this.#inboxHandlers.set(kind, handle);
  }

  /** Connected when it resolves, or still trying: an absent server is no failure. */
  async start(): Promise<void> {
    const stopping = new AbortController();
    const tried = new AbortController();
    this.#stopping = stopping;
    this.#running = this.#keepConnected(stopping.signal, tried);
    await this.#options.clock.sleep(START_MS_MAX, tried.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(WOKEN);
    const connection = this.#connection;
    if (connection === undefined) return;
    // So that from now on nothing is sent here to be lost.
    for (const { live } of this.#subscribed) live?.unsubscribe();
    const flushed = new AbortController();
    void this.flush().then(() => flushed.abort(WOKEN));
    await this.#options.clock.sleep(STOP_MS_MAX, flushed.signal);
    await connection.close();
    await this.#running;
  }

  /** Resolves when the server has taken what was subscribed and published before; at once while there is none. */
  async flush(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    // One that is closed meanwhile says nothing more of it.
    await Promise.race([connection.flush().catch(() => {}), connection.closed()]);
  }

  /** False, and nothing sent, while there is no connection or too much waits for it. */
  publish(subject: string, payload: Uint8Array, options: PublishOptions): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    const isShort = payload.length <= SHORT_BYTES_MAX;
    if (this.#unflushedBytes < (isShort ? QUEUED_BYTES_MAX : PIPE_BYTES_MAX))
      return this.#send(connection, { subject, payload, options });
    if (this.#waitingBytes + payload.length > QUEUED_BYTES_MAX) return false;
    this.#waiting.push({ subject, payload, options });
    this.#waitingBytes += payload.length;
    return true;
  }

  /** Adds to what is to come over this connection, or takes from it: the more, the longer a silence is borne. */
  expect(bytes: number): void {
    this.#expectedBytes += bytes;
  }

  /** Over every connection to come, until the function it returns is called. Members of a `queue` share the messages. */
  subscribe(
    subject: string,
    queue: string | undefined,
    onMessage: (message: Msg) => void,
  ): () => void {
    const subscribed: Subscribed = { subject, queue, onMessage, live: undefined };
    this.#subscribed.add(subscribed);
    if (this.#connection !== undefined) this.#subscribe(this.#connection, subscribed);
    return () => {
      this.#subscribed.delete(subscribed);
      subscribed.live?.unsubscribe();
    };
  }

  async #keepConnected(signal: AbortSignal, tried: AbortController): Promise<void> {
    const { clock, random, access, name } = this.#options;
    for (let short = 0; !signal.aborted;) {
      const lost = new AbortController();
      const connection = await connectNatsPatiently(
        access,
        {
          name,
          clock,
          pings: false,
          reconnect: false,
          onStatus: (status) => {
            if (status.kind === 'error') this.#complain(status.words);
            else lost.abort(WOKEN);
          },
        },
        {
          clock,
          random,
          signal,
          onFailure: ({ message }) => {
            this.#complain(message);
            tried.abort(WOKEN);
          },
        },
      );
      if (connection === undefined) return;
      const sinceMs = clock.monotonicMs();
      this.#attach(connection);
      tried.abort(WOKEN);
      void this.#keepWatch(connection, lost.signal);
      if (!lost.signal.aborted) await aborting(lost.signal);
      this.#detach();
      await connection.close();
      if (this.#stopping.signal.aborted) return;
      this.#reconnects.add(1);
      short = clock.monotonicMs() - sinceMs < STEADY_MS ? short + 1 : 1;
      await clock.sleep(backoffMs(random, short, AGAIN_MS), signal);
    }
  }

  #attach(connection: NatsConnection): void {
    this.#complaint = '';
    this.#partBytes = partBytesFor(connection.info?.max_payload ?? 0);
    this.#connection = connection;
    for (const subscribed of this.#subscribed) this.#subscribe(connection, subscribed);
    const fields = { natsOf: this.owner, server: connection.getServer() };
    this.#options.logger.info(fields, 'NATS is connected');
    for (const tell of this.#onConnected) tell();
  }

  #detach(): void {
    this.#connection = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#unflushedBytes = 0;
    this.#isFlushing = false;
    for (const subscribed of this.#subscribed) subscribed.live = undefined;
    if (!this.#stopping.signal.aborted)
      this.#options.logger.warn({ natsOf: this.owner }, 'the connection to NATS is lost');
    for (const tell of this.#onLost) tell();
  }

  /** Once for every reason, not for every attempt. */
  #complain(words: string): void {
    if (words === this.#complaint) return;
    this.#complaint = words;
    this.#options.logger.warn({ natsOf: this.owner, why: words }, 'NATS cannot be used');
  }

  #subscribe(connection: NatsConnection, subscribed: Subscribed): void {
    const { subject, queue, onMessage } = subscribed;
    try {
      subscribed.live = connection.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => {
          if (error === null) this.#take(onMessage, message);
          else this.#complain(error.message);
        },
      });
    } catch (error) {
      this.#options.logger.warn({ error, subject }, 'a subject could not be subscribed to');
    }
  }

  /** What a callback of the client throws would end the reading of its connection. */
  #take(onMessage: (message: Msg) => void, message: Msg): void {
    try {
      onMessage(message);
    } catch (error) {
      this.#options.logger.error({ error, subject: message.subject }, 'a message was not taken');
    }
  }

  #dispatch(message: Msg): void {
    const [kind = '', ...tokens] = message.subject.slice(this.inbox.length + 1).split('.');
    this.#inboxHandlers.get(kind)?.(message, tokens);
  }

  #send(connection: NatsConnection, { subject, payload, options }: Waiting): boolean {
    const { reply, headers } = options;
    try {
      connection.publish(subject, payload, {
        ...(reply === undefined ? {} : { reply }),
        ...(headers === undefined ? {} : { headers }),
      });
    } catch (error) {
      this.#options.logger.warn({ error, subject }, 'a message could not be handed to NATS');
      return false;
    }
    this.#unflushedBytes += payload.length + MESSAGE_BYTES;
    if (this.#unflushedBytes >= FLUSH_BYTES_MIN) void this.#settleUnflushed(connection);
    return true;
  }

  /** A flush is answered behind all that was published before it. */
  async #settleUnflushed(connection: NatsConnection): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#connection === connection && this.#unflushedBytes >= FLUSH_BYTES_MIN) {
      const bytes = this.#unflushedBytes;
      try {
        await connection.flush();
      } catch {
        return;
      }
      if (this.#connection !== connection) return;
      this.#unflushedBytes -= bytes;
      this.#sendWaiting(connection);
    }
    this.#isFlushing = false;
  }

  #sendWaiting(connection: NatsConnection): void {
    let sent = 0;
    for (const waiting of this.#waiting) {
      if (this.#unflushedBytes >= PIPE_BYTES_MAX) break;
      sent += 1;
      this.#waitingBytes -= waiting.payload.length;
      if (waiting.options.isWanted?.() !== false) this.#send(connection, waiting);
    }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent);
  }

  /** Leaves a server from which neither a message nor a sign of life has come for too long. */
  async #keepWatch(connection: NatsConnection, lost: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    let silent = 0;
    let messages = 0;
    let isAsking = false;
    const hear = (): void => {
      isAsking = false;
      silent = -1;
    };
    for (;;) {
      if (!isAsking) {
        isAsking = true;
        connection.flush().then(hear, () => {});
      }
      await clock.sleep(LOOK_MS, lost);
      if (lost.aborted) return;
      const { inMsgs } = connection.stats();
      silent = inMsgs === messages ? silent + 1 : 0;
      messages = inMsgs;
      const slow = (this.#unflushedBytes + this.#expectedBytes) / SLOW_BYTES_PER_LOOK;
      if (silent <= SILENT_LOOKS_MAX + Math.min(SLOW_LOOKS_MAX, slow)) continue;
      logger.warn({ natsOf: this.owner }, 'NATS is silent, and is left');
      await connection.close();
      return;
    }
  }
}

const aborting = async (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
