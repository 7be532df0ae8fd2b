import { type Clock, WOKEN } from '../base/clock.ts';
import type { BusMessage, RequestOptions } from './bus.ts';
import { BusError } from './bus.ts';
import type { Link } from './link.ts';
import type { Msg, MsgHdrs } from './nats-connection.ts';
import type { NatsLine } from './nats-line.ts';
import { failureOf, firstPartOf, isUnserved, requestHeaders, withRest } from './nats-message.ts';
import { aborted, type Outcome, stopped, timedOut } from './outcome.ts';
import type { PartExchange } from './part-exchange.ts';
import { cutOf, partOf } from './parts.ts';

/** What may be asked of one region, or of the nodes of one's own, without an answer. More is `unreachable`. */
export const WINDOW_BYTES_MAX = 64 * 1024 * 1024;
export const WINDOW_MESSAGES_MAX = 4096;

/** How a request gets to its connection. */
export interface Route {
  /** Delays it or holds it back. */
  readonly link?: Link;
  /** Rejects with `BusError` when there is no asking. */
  readonly ready?: Promise<void>;
  /** Not counted in the window: for the one request that the others wait for. */
  readonly isExtra?: boolean;
}

interface Asked {
  readonly message: BusMessage;
  readonly timeoutMs: number;
  /** When it is given up, on the monotonic clock. */
  readonly untilMs: number;
  /** Must not throw: whoever settles one goes on to the next. */
  readonly settle: (outcome: Outcome) => void;
  /** Whether it may have arrived. */
  isSent: boolean;
  /** Lets go of what is held and gathered for it. */
  readonly releases: (() => void)[];
}

/** The connection that requests go over, and where long ones are held and long answers put together. */
export type RequestLine = Pick<
  NatsLine,
  'owner' | 'inbox' | 'partBytes' | 'isConnected' | 'publish' | 'onInbox' | 'watch'
>;
export type RequestParts = Pick<PartExchange, 'hold' | 'gather' | 'decline'>;

export interface NatsRequestsOptions {
  /** Who asks. */
  readonly region: string;
  readonly line: RequestLine;
  readonly parts: RequestParts;
  readonly clock: Clock;
  /** Told when nobody serves what was asked. */
  readonly onUnserved?: () => void;
}

/** The requests over one connection, each settled once: by its answer, its timeout, its signal, or the connection's loss. */
export class NatsRequests {
  readonly #region: string;
  readonly #line: RequestLine;
  readonly #parts: RequestParts;
  readonly #clock: Clock;
  readonly #asked = new Map<string, Asked>();
  readonly #onUnserved: () => void;
  /** The same of every request in one piece. Never changed. */
  readonly #headers: MsgHdrs;
  /** Ends the wait for the earliest timeout. */
  #waiting: AbortController | undefined;
  /** When that wait is over; requests that time out earlier begin another. */
  #waitsUntilMs = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #messages = 0;
  #count = 0;

  constructor(options: NatsRequestsOptions) {
    const { region, line, parts, clock, onUnserved } = options;
    this.#region = region;
    this.#headers = requestHeaders(region);
    this.#onUnserved = onUnserved ?? (() => {});
    this.#line = line;
    this.#parts = parts;
    this.#clock = clock;
    line.onInbox('answer', (message, [id = '']) => this.#take(message, id));
    line.watch({ lost: () => this.#lose() });
  }

  /** Rejects as `Bus.request` does. */
  async ask(message: BusMessage, options: RequestOptions, route: Route): Promise<Uint8Array> {
    const { length } = message.payload;
    const { owner } = this.#line;
    if (!this.#line.isConnected) throw unreachable(`the NATS of ${owner} is not connected`);
    const isFull = this.#messages >= WINDOW_MESSAGES_MAX || this.#bytes + length > WINDOW_BYTES_MAX;
    if (isFull && route.isExtra !== true)
      throw unreachable(`the window to ${owner} is full: it has not answered what was asked`);
    return new Promise((resolve, reject) => {
      const { id, asked } = this.#book({ message, options, route, resolve, reject });
      if (route.ready === undefined) this.#depart(id, asked, route.link);
      else
        route.ready.then(
          () => this.#depart(id, asked, route.link),
          (error: unknown) => asked.settle(failed(errorOf(error))),
        );
    });
  }

  /** Settles everything with `stopped`. */
  stop(): void {
    for (const asked of this.#asked.values()) asked.settle(failed(stopped(this.#region)));
    this.#waiting?.abort(WOKEN);
    this.#waiting = undefined;
    this.#waitsUntilMs = Number.POSITIVE_INFINITY;
  }

  /** Books a request, with its timeout and its signal; the first outcome settles it. */
  #book(request: {
    readonly message: BusMessage;
    readonly options: RequestOptions;
    readonly route: Route;
    readonly resolve: (payload: Uint8Array) => void;
    readonly reject: (error: BusError) => void;
  }): { readonly id: string; readonly asked: Asked } {
    const { message, options, route, resolve, reject } = request;
    const messages = route.isExtra === true ? 0 : 1;
    const id = (this.#count++).toString(36);
    const { timeoutMs } = options;
    const onAbort = (): void => asked.settle(failed(aborted(message.subject)));
    const asked: Asked = {
      message,
      timeoutMs,
      untilMs: this.#clock.monotonicMs() + timeoutMs,
      isSent: false,
      releases: [],
      settle: (outcome) => {
        if (!this.#asked.delete(id)) return;
        this.#bytes -= message.payload.length;
        this.#messages -= messages;
        options.signal?.removeEventListener('abort', onAbort);
        const failure = released(asked) ?? (outcome.kind === 'failed' ? outcome.error : undefined);
        if (failure !== undefined) reject(failure);
        else if (outcome.kind === 'answer') resolve(outcome.payload);
      },
    };
    this.#asked.set(id, asked);
    this.#bytes += message.payload.length;
    this.#messages += messages;
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (asked.untilMs < this.#waitsUntilMs) void this.#expire(asked.untilMs);
    return { id, asked };
  }

  /**
   * Waits for the earliest timeout, for all requests: most are answered long before theirs, and a timer for each costs more
   * than the rest of a short one.
   */
  async #expire(firstMs: number): Promise<void> {
    this.#waiting?.abort(WOKEN);
    const waiting = new AbortController();
    this.#waiting = waiting;
    for (let untilMs = firstMs; untilMs < Number.POSITIVE_INFINITY; untilMs = this.#giveUp()) {
      this.#waitsUntilMs = untilMs;
      await this.#clock.sleep(untilMs - this.#clock.monotonicMs(), waiting.signal);
      if (this.#waiting !== waiting) return;
    }
    this.#waiting = undefined;
    this.#waitsUntilMs = Number.POSITIVE_INFINITY;
  }

  /** Settles what is over; returns when the next is. */
  #giveUp(): number {
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { message, timeoutMs, untilMs, settle } of this.#asked.values())
      if (untilMs <= nowMs) settle(failed(timedOut(message.subject, timeoutMs)));
      else nextMs = Math.min(nextMs, untilMs);
    return nextMs;
  }

  #depart(id: string, asked: Asked, link: Link | undefined): void {
    if (link === undefined || link.isDirect) this.#send(id, asked);
    else if (!link.send(asked.message.payload.length, () => this.#send(id, asked)))
      asked.settle(failed(unreachable(`${this.#line.owner} is not in reach`)));
  }

  #send(id: string, asked: Asked): void {
    if (this.#asked.get(id) !== asked) return;
    const { subject, payload } = asked.message;
    const { partBytes, inbox } = this.#line;
    const reply = `${inbox}.answer.${id}`;
    const cut = cutOf(payload, partBytes);
    let headers = this.#headers;
    let first = payload;
    if (cut !== undefined) {
      const held = this.#parts.hold(payload, partBytes);
      asked.releases.push(() => held.release());
      headers = withRest(requestHeaders(this.#region), cut, held.pull);
      first = partOf(payload, partBytes, 0);
    }
    asked.isSent = true;
    const isWanted = (): boolean => this.#asked.has(id);
    if (!this.#line.publish(subject, first, { reply, headers, isWanted }))
      asked.settle(failed(unreachable(`the NATS of ${this.#line.owner} takes nothing now`)));
  }

  #take(message: Msg, id: string): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) {
      const late = firstPartOf(message);
      if (late !== undefined && late !== 'damaged') this.#parts.decline(late.pull);
      return;
    }
    const { subject } = asked.message;
    if (isUnserved(message)) {
      this.#onUnserved();
      asked.settle(failed(unreachable(`${this.#line.owner} serves no ${subject}`)));
      return;
    }
    const failure = failureOf(message, subject);
    if (failure !== undefined) {
      asked.settle(failed(failure));
      return;
    }
    const first = firstPartOf(message);
    if (first === undefined) asked.settle({ kind: 'answer', payload: message.data });
    else if (first === 'damaged') asked.settle(failed(damaged(subject)));
    else this.#gather(asked, first);
  }

  #gather(asked: Asked, first: Parameters<PartExchange['gather']>[0]): void {
    const { subject } = asked.message;
    const cancel = this.#parts.gather(first, (whole) =>
      asked.settle(
        whole === undefined ? failed(damaged(subject)) : { kind: 'answer', payload: whole },
      ),
    );
    if (cancel !== undefined) asked.releases.push(cancel);
    else {
      const words = `the answer to ${subject} is more than can be taken in now`;
      asked.settle(failed(new BusError('remote', words, { remoteCode: 'busy' })));
    }
  }

  /** What was sent may have been carried out, and its answer has no way back. */
  #lose(): void {
    const words = `the connection to the NATS of ${this.#line.owner} was lost`;
    for (const asked of this.#asked.values())
      if (asked.isSent) asked.settle(failed(new BusError('timeout', words)));
  }
}

const unreachable = (words: string): BusError => new BusError('unreachable', words);

const damaged = (subject: string): BusError =>
  new BusError('timeout', `the answer to ${subject} did not arrive whole`);

/** What broke while everything was let go that a request held. */
function released({ message, releases }: Asked): BusError | undefined {
  let failure: BusError | undefined;
  for (const release of releases) {
    try {
      release();
    } catch (cause) {
      failure ??= new BusError('timeout', `asking ${message.subject} broke: ${String(cause)}`, {
        cause,
      });
    }
  }
  return failure;
}

const failed = (error: BusError): Outcome => ({ kind: 'failed', error });

const errorOf = (error: unknown): BusError =>
  error instanceof BusError ? error : unreachable(String(error));
