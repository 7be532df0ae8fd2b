import type { Clock } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import type { Bus, BusMessage, RequestHandler, RequestOptions } from '../../src/bus/bus.ts';
import { BusError } from '../../src/bus/bus.ts';

/** Chances in [0, 1] of each message, and the longest delay; different delays reorder. */
export interface BusFaults {
  readonly dropRequest: number;
  readonly dropAnswer: number;
  readonly duplicate: number;
  readonly delayMsMax: number;
}

export const NO_FAULTS: BusFaults = {
  dropRequest: 0,
  dropAnswer: 0,
  duplicate: 0,
  delayMsMax: 0,
};

export interface LossyBusOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: BusFaults;
}

/** A bus that loses, repeats, delays and reorders what another one carries, by one seed. */
export class LossyBus implements Bus {
  readonly region: string;
  readonly #inner: Bus;
  readonly #clock: Clock;
  readonly #random: Random;
  #faults: BusFaults;

  constructor(inner: Bus, options: LossyBusOptions) {
    this.region = inner.region;
    this.#inner = inner;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#faults = options.faults;
  }

  /** From now on these faults: `NO_FAULTS` heals. */
  set(faults: BusFaults): void {
    this.#faults = faults;
  }

  serve(subject: string, handle: RequestHandler): () => void {
    return this.#inner.serve(subject, handle);
  }

  async request(region: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    const faults = this.#faults;
    const deadlineMs = this.#clock.monotonicMs() + options.timeoutMs;
    const isLost = this.#happens(faults.dropRequest);
    const isAnswerLost = this.#happens(faults.dropAnswer);
    if (this.#happens(faults.duplicate)) void this.#repeat(region, message, options);
    await this.#clock.sleep(this.#random.next() * faults.delayMsMax, options.signal);
    if (isLost) return this.#lose(message, deadlineMs, options.signal);
    const timeoutMs = deadlineMs - this.#clock.monotonicMs();
    if (timeoutMs <= 0) throw lost(message);
    const answer = await this.#inner.request(region, message, { ...options, timeoutMs });
    return isAnswerLost ? this.#lose(message, deadlineMs, options.signal) : answer;
  }

  /** The same message once more, some time later; nobody waits for its answer. */
  async #repeat(region: string, message: BusMessage, options: RequestOptions): Promise<void> {
    await this.#clock.sleep(this.#random.next() * 2 * this.#faults.delayMsMax, options.signal);
    await this.#inner.request(region, message, options).catch(() => undefined);
  }

  async #lose(
    message: BusMessage,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<never> {
    await this.#clock.sleep(Math.max(0, deadlineMs - this.#clock.monotonicMs()), signal);
    throw signal?.aborted === true ? new BusError('stopped', 'the asker gave up') : lost(message);
  }

  #happens(chance: number): boolean {
    return this.#random.next() < chance;
  }
}

const lost = (message: BusMessage): BusError =>
  new BusError('timeout', `no answer to ${message.subject}`);
