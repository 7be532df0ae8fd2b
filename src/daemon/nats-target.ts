import type { Clock } from '../base/clock.ts';
import {
  connectNats,
  isNoResponders,
  natsHeaders,
  type NatsAccess,
  type NatsConnection,
} from '../bus/nats-connection.ts';
import {
  EVENT_BYTES_MAX,
  type DeadLetters,
  type InvocationOutcome,
  type TargetInvocation,
  type TriggerTarget,
} from '../triggers/trigger-target.ts';

/** A server's default, taken until it has told its own. */
const PAYLOAD_BYTES = 1024 * 1024;
/** What headers take of a message. */
const HEADER_BYTES = 1024;
/** How long a letter may be on its way to the server. */
const FLUSH_MS_MAX = 5000;

/** The connection that all triggers of a region share to the region's NATS: made when it is first needed. */
export class TriggerNats {
  readonly #access: NatsAccess;
  readonly #name: string;
  readonly #clock: Clock;
  #connection: NatsConnection | undefined;
  #connecting: Promise<NatsConnection> | undefined;

  constructor({
    access,
    name,
    clock,
  }: {
    readonly access: NatsAccess;
    readonly name: string;
    readonly clock: Clock;
  }) {
    this.#access = access;
    this.#name = name;
    this.#clock = clock;
  }

  /** Rejects with `NatsConnectError`. One that was lost for good is replaced. */
  async connection(): Promise<NatsConnection> {
    if (this.#connection?.isClosed() === false) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** What a message may have. */
  get payloadBytesMax(): number {
    return (this.#connection?.info?.max_payload ?? PAYLOAD_BYTES) - HEADER_BYTES;
  }

  async stop(): Promise<void> {
    await this.#connecting?.catch(() => undefined);
    await this.#connection?.close();
  }

  async #connect(): Promise<NatsConnection> {
    // A message that waits for a connection would come late and again: there is none without one.
    const options = { name: this.#name, clock: this.#clock, reconnect: false };
    this.#connection = await connectNats(this.#access, options);
    return this.#connection;
  }
}

/**
 * A subject of the region's NATS: each batch is a request, so that somebody says that it has taken it. That is a consumer, whose
 * answer is as a function's, or a JetStream stream on the subject. An answer with `error` or `errorMessage` is failure, as is the
 * header `Nats-Service-Error-Code`.
 */
export class NatsTarget implements TriggerTarget {
  readonly #nats: TriggerNats;
  readonly #subject: string;

  constructor(nats: TriggerNats, subject: string) {
    this.#nats = nats;
    this.#subject = subject;
  }

  get eventBytesMax(): number {
    return Math.min(EVENT_BYTES_MAX, this.#nats.payloadBytesMax);
  }

  async invoke(invocation: TargetInvocation): Promise<InvocationOutcome> {
    const { signal } = invocation;
    const cut = new AbortController();
    const stopped = new Promise<InvocationOutcome>((resolve) => {
      const stop = (): void => {
        resolve(failed('the daemon stops'));
      };
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true, signal: cut.signal });
    });
    const outcome = await Promise.race([this.#request(invocation), stopped]);
    cut.abort();
    return outcome;
  }

  async #request({ event, requestId, timeoutMs }: TargetInvocation): Promise<InvocationOutcome> {
    let connection: NatsConnection;
    try {
      connection = await this.#nats.connection();
    } catch (error) {
      return { kind: 'unreachable', words: wordsOf(error) };
    }
    try {
      const message = await connection.request(this.#subject, event, {
        timeout: timeoutMs,
        headers: natsHeaders({ 'Tidemark-Request-Id': requestId }),
      });
      const code = message.headers?.get('Nats-Service-Error-Code') ?? '';
      if (code !== '')
        return failed(`${code} ${message.headers?.get('Nats-Service-Error') ?? ''}`.trim());
      return outcomeOf(message.string());
    } catch (error) {
      return isNoResponders(error)
        ? { kind: 'unreachable', words: `nobody listens to ${this.#subject}` }
        : failed(wordsOf(error));
    }
  }

  async stop(): Promise<void> {}
}

/** Letters as messages of a subject. Kept once the server has them, which keeps them only where a stream takes the subject. */
export class NatsDeadLetters implements DeadLetters {
  readonly #nats: TriggerNats;
  readonly #subject: string;

  constructor(nats: TriggerNats, subject: string) {
    this.#nats = nats;
    this.#subject = subject;
  }

  async put(letter: string): Promise<void> {
    const connection = await this.#nats.connection();
    connection.publish(this.#subject, this.#fitting(letter));
    await within(FLUSH_MS_MAX, connection.flush());
  }

  async stop(): Promise<void> {}

  /** Without the event where that is too long for a message: where it is in the stream stays. */
  #fitting(letter: string): string {
    if (Buffer.byteLength(letter) <= this.#nats.payloadBytesMax) return letter;
    const parsed: unknown = JSON.parse(letter);
    return JSON.stringify({ ...Object(parsed), payload: undefined });
  }
}

function outcomeOf(said: string): InvocationOutcome {
  let payload: unknown;
  try {
    payload = JSON.parse(said);
  } catch {
    return { kind: 'answered', payload: undefined };
  }
  const error =
    typeof payload === 'object' && payload !== null
      ? 'errorMessage' in payload
        ? payload.errorMessage
        : 'error' in payload
          ? payload.error
          : undefined
      : undefined;
  if (error === undefined) return { kind: 'answered', payload };
  return failed(typeof error === 'string' ? error : JSON.stringify(error));
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the NATS server does not answer'));
    }, limitMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const failed = (words: string): InvocationOutcome => ({
  kind: 'failed',
  words,
  statusCode: 500,
  functionError: 'Unhandled',
});

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
