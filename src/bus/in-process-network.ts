import { assert } from '../base/assert.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import type { BusMessage, RequestHandler, RequestOptions } from './bus.ts';
import { BusError, PAYLOAD_BYTES_MAX } from './bus.ts';
import { Link } from './link.ts';
import type { LinkedBus, OutgoingLinks } from './linked-bus.ts';
import { aborted, type Outcome, outcomeOf, stopped, timedOut, tooLarge } from './outcome.ts';

/**
 * The regions of one process, joined by links that can be cut and slowed. A request travels on the link from
 * the asker to the asked and its answer on the link back, each subject to its own direction alone: a request
 * over a link that is down is `unreachable` at once, one whose answer cannot come back is a `timeout`.
 */
export class InProcessNetwork {
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #endpoints = new Map<string, InProcessEndpoint>();
  readonly #links = new Map<string, Link>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one endpoint of that region, in reach of the others once it is started. */
  endpoint(region: string): InProcessEndpoint {
    let endpoint = this.#endpoints.get(region);
    if (endpoint === undefined) {
      endpoint = new InProcessEndpoint({
        region,
        clock: this.#clock,
        find: (name) => this.#endpoints.get(name),
        link: (from, to) => this.#link(from, to),
      });
      this.#endpoints.set(region, endpoint);
    }
    return endpoint;
  }

  /** Stops every endpoint and drops what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#endpoints.values()].map(async (endpoint) => endpoint.stop()));
  }

  #link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new Link(this.#clock, this.#closing.signal);
      this.#links.set(name, link);
    }
    return link;
  }
}

interface Surroundings {
  readonly region: string;
  readonly clock: Clock;
  readonly find: (region: string) => InProcessEndpoint | undefined;
  readonly link: (from: string, to: string) => Link;
}

interface Asked {
  readonly settle: (outcome: Outcome) => void;
}

/** A request at its target. */
interface Arrived extends Asked {
  readonly from: string;
  readonly message: BusMessage;
  readonly refuse: (why: string) => void;
}

/** A region's `Bus`. Stopped, it neither receives nor answers; it may be started again, without handlers. */
export class InProcessEndpoint implements LinkedBus {
  readonly region: string;
  readonly links: OutgoingLinks;
  readonly #surroundings: Surroundings;
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #asked = new Set<Asked>();
  #running = false;
  /** Counts starts, so that what was asked of an earlier life is not answered in a later one. */
  #life = 0;

  constructor(surroundings: Surroundings) {
    const { region, link } = surroundings;
    this.region = region;
    this.#surroundings = surroundings;
    this.links = {
      get: (to) => link(region, to).state,
      set: (to, change) => link(region, to).set(change),
    };
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#life += 1;
  }

  /** Rejects what this side has asked with `stopped`; answers that it still owes are never sent. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#handlers.clear();
    const error = stopped(this.region);
    for (const asked of this.#asked) asked.settle({ kind: 'failed', error });
  }

  serve(subject: string, handle: RequestHandler): () => void {
    assert(!this.#handlers.has(subject), `${subject} is served already`);
    this.#handlers.set(subject, handle);
    return () => {
      if (this.#handlers.get(subject) === handle) this.#handlers.delete(subject);
    };
  }

  async request(to: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    if (!this.#running) throw stopped(this.region);
    if (options.signal?.aborted === true) throw aborted(message.subject);
    const { length } = message.payload;
    if (length > PAYLOAD_BYTES_MAX) throw tooLarge(message.subject, length);
    return new Promise((resolve, reject) => {
      const settle = this.#ask({ message, options, resolve, reject });
      const target = this.#surroundings.find(to);
      const refuse = (why: string): void =>
        settle({ kind: 'failed', error: new BusError('unreachable', `${to} ${why}`) });
      const sent =
        target?.inReach === true &&
        this.#surroundings
          .link(this.region, to)
          .send(length, () => target.#receive({ from: this.region, message, settle, refuse }));
      if (!sent) refuse('is not in reach');
    });
  }

  /** Whether it is started, as its peers see it. */
  get inReach(): boolean {
    return this.#running;
  }

  /** Books a request, with its timeout and its signal; the first outcome settles it. */
  #ask(request: {
    readonly message: BusMessage;
    readonly options: RequestOptions;
    readonly resolve: (payload: Uint8Array) => void;
    readonly reject: (error: BusError) => void;
  }): (outcome: Outcome) => void {
    const { message, options, resolve, reject } = request;
    const timer = new AbortController();
    const onAbort = (): void => asked.settle({ kind: 'failed', error: aborted(message.subject) });
    const asked: Asked = {
      settle: (outcome) => {
        if (!this.#asked.delete(asked)) return;
        timer.abort(WOKEN);
        options.signal?.removeEventListener('abort', onAbort);
        if (outcome.kind === 'answer') resolve(outcome.payload);
        else reject(outcome.error);
      },
    };
    this.#asked.add(asked);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    void this.#expire(request, { settle: asked.settle, signal: timer.signal });
    return asked.settle;
  }

  async #expire(
    { message, options }: { readonly message: BusMessage; readonly options: RequestOptions },
    asked: Asked & { readonly signal: AbortSignal },
  ): Promise<void> {
    await this.#surroundings.clock.sleep(options.timeoutMs, asked.signal);
    const error = timedOut(message.subject, options.timeoutMs);
    asked.settle({ kind: 'failed', error });
  }

  #receive(arrived: Arrived): void {
    const { from, message, refuse } = arrived;
    if (!this.#running) {
      refuse('has stopped');
      return;
    }
    const handle = this.#handlers.get(message.subject);
    if (handle === undefined) {
      this.#send(from, 0, () => refuse(`serves no ${message.subject}`));
      return;
    }
    void this.#answer(handle, arrived);
  }

  async #answer(handle: RequestHandler, { from, message, settle }: Arrived): Promise<void> {
    const life = this.#life;
    const outcome = await outcomeOf(handle, message, from);
    if (!this.#running || this.#life !== life) return;
    const bytes = outcome.kind === 'answer' ? outcome.payload.length : 0;
    this.#send(from, bytes, () => settle(outcome));
  }

  /** An answer that the link does not take is lost: the asker's timeout is what tells it. */
  #send(to: string, bytes: number, deliver: () => void): void {
    this.#surroundings.link(this.region, to).send(bytes, deliver);
  }
}
