import { type Clock, WOKEN } from '../../src/base/clock.ts';
import {
  BusError,
  type BusMessage,
  type RequestHandler,
  type RequestOptions,
} from '../../src/bus/bus.ts';
import type { LinkedBus, OutgoingLinks } from '../../src/bus/linked-bus.ts';
import { aborted, outcomeOf, stopped, timedOut } from '../../src/bus/outcome.ts';

const wayMs = 0.5;

/** The messages of one region's nodes among themselves, each with a bus of its own. There are no other regions. */
export class NodeNetwork {
  readonly #region: string;
  readonly #clock: Clock;
  readonly #buses = new Set<NodeBus>();

  constructor(region: string, clock: Clock) {
    this.#region = region;
    this.#clock = clock;
  }

  bus(): NodeBus {
    const bus = new NodeBus(this.#region, this.#clock, (subject) => this.#serving(subject));
    this.#buses.add(bus);
    return bus;
  }

  #serving(subject: string): readonly NodeBus[] {
    return [...this.#buses].filter((bus) => bus.serves(subject));
  }
}

/** One node's. */
export class NodeBus implements LinkedBus {
  readonly region: string;
  readonly links: OutgoingLinks = { get: () => ({ up: true, delayMs: 0 }), set: () => {} };
  /** Neither what it sends arrives, nor what is sent to it. */
  isCut = false;
  readonly #clock: Clock;
  readonly #serving: (subject: string) => readonly NodeBus[];
  readonly #handlers = new Map<string, RequestHandler>();
  #isRunning = true;

  constructor(region: string, clock: Clock, serving: (subject: string) => readonly NodeBus[]) {
    this.region = region;
    this.#clock = clock;
    this.#serving = serving;
  }

  async start(): Promise<void> {
    this.#isRunning = true;
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#handlers.clear();
  }

  serves(subject: string): boolean {
    return this.#isRunning && this.#handlers.has(subject);
  }

  serve(subject: string, handle: RequestHandler): () => void {
    this.#handlers.set(subject, handle);
    return () => {
      if (this.#handlers.get(subject) === handle) this.#handlers.delete(subject);
    };
  }

  async request(to: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    if (!this.#isRunning) throw stopped(this.region);
    const { signal, timeoutMs } = options;
    const { subject } = message;
    if (isAborted(signal)) throw aborted(subject);
    const [target] = to === this.region ? this.#serving(subject) : [];
    if (target === undefined) throw new BusError('unreachable', `nobody serves ${subject}`);
    const ended = new AbortController();
    const end = (): void => {
      ended.abort(WOKEN);
    };
    signal?.addEventListener('abort', end, { once: true });
    const timeout = this.#clock.sleep(timeoutMs, ended.signal);
    const answer = await Promise.race([target.#answer(message, this), timeout]);
    signal?.removeEventListener('abort', end);
    if (answer === undefined) {
      if (isAborted(signal)) throw aborted(subject);
      throw timedOut(subject, timeoutMs);
    }
    end();
    if (answer.kind === 'failed') throw answer.error;
    return answer.payload;
  }

  async #answer(message: BusMessage, asker: NodeBus): ReturnType<typeof outcomeOf> {
    await this.#way(asker);
    const handle = this.#handlers.get(message.subject);
    const outcome =
      handle === undefined || !this.#isRunning
        ? never()
        : await outcomeOf(handle, message, this.region);
    await this.#way(asker);
    return outcome;
  }

  /** For ever when one of the two is cut off. */
  async #way(asker: NodeBus): Promise<void> {
    await this.#clock.sleep(wayMs);
    if (this.isCut || asker.isCut) await never();
  }
}

/** It may change while a request is on its way. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

const never = async (): Promise<never> => new Promise<never>(() => {});
