import { type Clock, WOKEN } from '../../../src/base/clock.ts';
import type { Random } from '../../../src/base/random.ts';
import {
  type Bus,
  BusError,
  type BusMessage,
  type RequestHandler,
  type RequestOptions,
} from '../../../src/bus/bus.ts';
import { aborted, type Outcome, outcomeOf, timedOut } from '../../../src/bus/outcome.ts';

/** How long a message is on its way: at least, and at random so much more. */
const wayMs = { least: 0.3, spread: 2 };

/** What goes wrong with each message between two nodes. Nothing is repeated: core NATS does not. */
export interface NetworkFaults {
  /** The chance that it does not arrive. */
  lost: number;
  /** It comes up to so much later. */
  lateMsMax: number;
}

export interface NodeNetworkOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The messages between the nodes of a region. It outlives the processes, each of which has an endpoint of its own. */
export class NodeNetwork {
  readonly faults: NetworkFaults = { lost: 0, lateMsMax: 0 };
  readonly #options: NodeNetworkOptions;
  readonly #endpoints = new Map<string, NodeEndpoint>();
  /** `a>b`: what a sends to b does not arrive. A way may be cut more than once. */
  readonly #cuts = new Map<string, number>();

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
  }

  /** For a process that begins. That of the one before must have been closed. */
  endpoint(zone: string): NodeEndpoint {
    const { region, clock } = this.#options;
    const endpoint = new NodeEndpoint({
      region,
      clock,
      request: async (message) => this.#request(zone, message),
      onClose: () => {
        if (this.#endpoints.get(zone) === endpoint) this.#endpoints.delete(zone);
      },
    });
    this.#endpoints.set(zone, endpoint);
    return endpoint;
  }

  /** What is sent that way arrives no more, and no answer does; returns how to end that. */
  cut(from: string, to: string): () => void {
    const way = `${from}>${to}`;
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + 1);
    return () => this.#cuts.set(way, (this.#cuts.get(way) ?? 0) - 1);
  }

  async #request(from: string, message: BusMessage): Promise<Outcome> {
    const { region } = this.#options;
    const [to, target] = this.#serving(message.subject) ?? [undefined, undefined];
    await this.#way(from, to);
    const handle = target?.handler(message.subject);
    if (handle === undefined || to === undefined)
      return {
        kind: 'failed',
        error: new BusError('unreachable', `nobody serves ${message.subject}`),
      };
    const outcome = await outcomeOf(handle, message, region);
    await this.#way(to, from);
    return outcome;
  }

  #serving(subject: string): readonly [string, NodeEndpoint] | undefined {
    return [...this.#endpoints].find(([, endpoint]) => endpoint.handler(subject) !== undefined);
  }

  /** Never ends where a message is lost. */
  async #way(from: string, to: string | undefined): Promise<void> {
    const { clock, random } = this.#options;
    const { lost, lateMsMax } = this.faults;
    const lateMs = lateMsMax > 0 ? random.next() * lateMsMax : 0;
    await clock.sleep(wayMs.least + random.next() * wayMs.spread + lateMs);
    const isLost = lost > 0 && random.next() < lost;
    if (isLost || (to !== undefined && (this.#cuts.get(`${from}>${to}`) ?? 0) > 0))
      await new Promise<never>(() => {});
  }
}

interface EndpointOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly request: (message: BusMessage) => Promise<Outcome>;
  readonly onClose: () => void;
}

/** One process's connection. */
export class NodeEndpoint implements Bus {
  readonly region: string;
  readonly #options: EndpointOptions;
  readonly #handlers = new Map<string, RequestHandler>();

  constructor(options: EndpointOptions) {
    this.region = options.region;
    this.#options = options;
  }

  handler(subject: string): RequestHandler | undefined {
    return this.#handlers.get(subject);
  }

  serve(subject: string, handle: RequestHandler): () => void {
    this.#handlers.set(subject, handle);
    return () => {
      if (this.#handlers.get(subject) === handle) this.#handlers.delete(subject);
    };
  }

  async request(region: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    const { signal, timeoutMs } = options;
    const { subject } = message;
    if (isAborted(signal)) throw aborted(subject);
    if (region !== this.region) throw new BusError('unreachable', `there is no ${region}`);
    const ended = new AbortController();
    const end = (): void => {
      ended.abort(WOKEN);
    };
    signal?.addEventListener('abort', end, { once: true });
    const timeout = this.#options.clock.sleep(timeoutMs, ended.signal);
    const outcome = await Promise.race([this.#options.request(message), timeout]);
    signal?.removeEventListener('abort', end);
    if (outcome === undefined)
      throw isAborted(signal) ? aborted(subject) : timedOut(subject, timeoutMs);
    end();
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.payload;
  }

  close(): void {
    this.#handlers.clear();
    this.#options.onClose();
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
