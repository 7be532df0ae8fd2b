import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BusMessage, RequestOptions } from './bus.ts';
import { BusError } from './bus.ts';
import type { Link } from './link.ts';
import type { NatsLine } from './nats-line.ts';
import { NatsRequests, type RequestLine } from './nats-requests.ts';
import { PartExchange, type PartLine } from './part-exchange.ts';
import { helloSubjectOf } from './subjects.ts';
import { mismatchOf, readHello } from './wire-hello.ts';

/** How long a peer may take to say which versions it speaks, and how long a wrong answer is believed. */
const HELLO_MS_MAX = 2000;
const MISMATCH_MS = 1000;

/** The connection to the peer's NATS. */
export type PeerLine = RequestLine & PartLine & Pick<NatsLine, 'start' | 'stop'>;

export interface NatsPeerOptions {
  /** This region and its release. */
  readonly region: string;
  readonly release: string;
  readonly line: PeerLine;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A peer as this region asks it, over a connection to the peer's NATS. Before anything else, and again after whatever may
 * have put another release there, the peer is asked which versions of the wire it speaks: while none is ours, every request
 * is `unreachable`, with words that name both.
 */
export class NatsPeer implements Service {
  readonly #options: NatsPeerOptions;
  readonly #requests: NatsRequests;
  #isAgreed = false;
  #agreeing: Promise<void> | undefined;
  /** What does not fit, and until when it is believed. */
  #mismatch = '';
  #mismatchUntilMs = 0;

  constructor(options: NatsPeerOptions) {
    const { region, line, clock } = options;
    this.#options = options;
    this.#requests = new NatsRequests({
      region,
      line,
      parts: new PartExchange(line, clock),
      clock,
      // Another release does not serve the subjects of this one.
      onUnserved: () => {
        this.#isAgreed = false;
      },
    });
    line.watch({
      connected: () => {
        this.#forgetAgreement();
        this.#agree().catch(() => {});
      },
      lost: () => this.#forgetAgreement(),
    });
  }

  async start(): Promise<void> {
    await this.#options.line.start();
  }

  async stop(): Promise<void> {
    this.#requests.stop();
    await this.#options.line.stop();
  }

  get owner(): string {
    return this.#options.line.owner;
  }

  get isConnected(): boolean {
    return this.#options.line.isConnected;
  }

  /** Rejects as `Bus.request` does. */
  async request(message: BusMessage, options: RequestOptions, link: Link): Promise<Uint8Array> {
    if (this.#isAgreed) return this.#requests.ask(message, options, { link });
    const ready = link.state.up ? this.#agree() : Promise.resolve();
    ready.catch(() => {});
    return this.#requests.ask(message, options, { link, ready });
  }

  #forgetAgreement(): void {
    this.#isAgreed = false;
    this.#mismatchUntilMs = 0;
  }

  /** What a hello found that was underway when this was asked may be of the time before the peer served: then another is said. */
  async #agree(): Promise<void> {
    if (this.#options.clock.monotonicMs() < this.#mismatchUntilMs)
      throw new BusError('unreachable', this.#mismatch);
    const underway = this.#agreeing;
    if (underway === undefined) return this.#agreeOnce();
    try {
      await underway;
    } catch (error) {
      if (!isUnheard(error)) throw error;
      await this.#agreeOnce();
    }
  }

  /** One hello at a time, however many wait for it. */
  async #agreeOnce(): Promise<void> {
    this.#agreeing ??= this.#sayHello().finally(() => {
      this.#agreeing = undefined;
    });
    return this.#agreeing;
  }

  async #sayHello(): Promise<void> {
    const { release, line, clock, logger } = this.#options;
    const { owner } = line;
    const payload = await this.#hello();
    const mismatch = mismatchOf(owner, readHello(payload), release);
    this.#isAgreed = mismatch === undefined;
    if (mismatch === undefined) {
      if (this.#mismatch !== '') logger.info({ peer: owner }, 'the peer speaks our version now');
      this.#mismatch = '';
      return;
    }
    if (mismatch !== this.#mismatch)
      logger.error({ peer: owner, why: mismatch }, 'the peer is refused');
    this.#mismatch = mismatch;
    this.#mismatchUntilMs = clock.monotonicMs() + MISMATCH_MS;
    throw new BusError('unreachable', mismatch);
  }

  async #hello(): Promise<Uint8Array> {
    const { owner } = this.#options.line;
    const message = { subject: helloSubjectOf(owner), payload: new Uint8Array(0) };
    try {
      return await this.#requests.ask(message, { timeoutMs: HELLO_MS_MAX }, { isExtra: true });
    } catch (error) {
      if (error instanceof BusError && error.code === 'stopped') throw error;
      const words = `no daemon of ${owner} says which version it speaks`;
      throw new BusError('unreachable', words, { cause: error });
    }
  }
}

/** Whether no daemon was there to take the hello; not of one that took it and said nothing in time. */
const isUnheard = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof BusError && error.cause.code === 'unreachable';
