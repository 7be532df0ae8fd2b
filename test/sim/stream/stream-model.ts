import type { Clock } from '../../../src/base/clock.ts';
import type { Random } from '../../../src/base/random.ts';
import { pickFrom } from '../world-options.ts';
import {
  BrokerError,
  type Published,
  type StreamBroker,
  type StreamMessage,
} from '../../../src/log/jetstream/stream-broker.ts';

const answerMsDefault = 800;
/** At least, and at random so much more. */
interface Delay {
  readonly least: number;
  readonly spread: number;
}

const defaultWayMs: Delay = { least: 0.5, spread: 2 };
/** By how much a straggler is late: a little, or past a timeout or two. */
const lateMs: readonly Delay[] = [
  { least: 1, spread: 20 },
  { least: 5, spread: 300 },
  { least: 5, spread: 2000 },
];
const stragglerTriesMax = 4;

/** What goes wrong at the broker, each with a chance per request. */
export interface BrokerFaults {
  /** There is no leader of the stream just now: it takes nothing. */
  refused: number;
  /** The answer does not come, whatever became of the message. */
  unknown: number;
  /** The answer does not come, and the message is stored later, if at all. */
  straggler: number;
  notFound: number;
}

/** How a process is connected. It outlives the process. */
export interface BrokerLink {
  readonly name: string;
  isCut: boolean;
}

export interface ModelMessage extends StreamMessage {
  /** Whose. */
  readonly by: string;
}

export interface StreamModelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: BrokerFaults;
  readonly count: (event: string) => void;
  /** How long a process waits for the broker's answer. */
  readonly answerMs?: number;
  /** How long the way between a process and the broker is. */
  readonly wayMs?: Delay;
  readonly onStored?: (message: ModelMessage, stream: StreamModel) => void;
}

/**
 * One stream as a broker has it, replicated and synced before it acknowledges, and not trusted: its answers are lost,
 * messages whose answer was lost are stored late, and one that it has judged to be in turn it may store after
 * another (as when a new leader of the stream takes over what the old one had checked).
 */
export class StreamModel {
  readonly name: string;
  readonly #options: StreamModelOptions;
  #messages: ModelMessage[] = [];
  #first = 1;
  #last = 0;
  #exists = true;
  readonly #watchers = new Set<(last: number) => void>();

  constructor(name: string, options: StreamModelOptions) {
    this.name = name;
    this.#options = options;
  }

  get exists(): boolean {
    return this.#exists;
  }

  get #answerMs(): number {
    return this.#options.answerMs ?? answerMsDefault;
  }

  get last(): number {
    return this.#last;
  }

  get #bytes(): number {
    return this.#messages.reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** It is gone, with all that was in it. */
  disappear(): void {
    this.#exists = false;
    this.#messages = [];
  }

  /** The last messages are gone, as if they had never been. */
  goBack(count: number): void {
    const lost = Math.min(count, this.#messages.length);
    this.#messages = this.#messages.slice(0, this.#messages.length - lost);
    this.#last -= lost;
  }

  /** For one process, which hears of nothing once `link` is cut. */
  connect(link: BrokerLink): StreamBroker {
    const line = { link, free: Promise.resolve() };
    return {
      publish: async (payload, expectedLast) => this.#publish(line, payload, expectedLast),
      bounds: async () =>
        this.#ask(line, () => ({ first: this.#first, last: this.#last, bytes: this.#bytes })),
      read: async (from, limitBytes) => this.#ask(line, () => this.#read(from, limitBytes)),
      purge: async (below) => this.#ask(line, () => this.#purge(below)),
      watch: (listener) => {
        const tell = (last: number): void => {
          void this.#tell(link, () => {
            listener(last);
          });
        };
        this.#watchers.add(tell);
        return () => this.#watchers.delete(tell);
      },
    };
  }

  async #tell(link: BrokerLink, listener: () => void): Promise<void> {
    await this.#way();
    if (!isCut(link)) listener();
  }

  #chance(chance: number): boolean {
    return chance > 0 && this.#options.random.next() < chance;
  }

  async #way({ least, spread } = this.#options.wayMs ?? defaultWayMs): Promise<void> {
    await this.#options.clock.sleep(least + this.#options.random.next() * spread);
  }

  /** What one connection carries arrives in order. */
  async #arrive(line: Line): Promise<void> {
    const before = line.free;
    const way = this.#way();
    line.free = (async (): Promise<void> => {
      await before;
      await way;
    })();
    await line.free;
  }

  async #publish(line: Line, payload: Uint8Array, expectedLast: number): Promise<Published> {
    const { faults, count, clock } = this.#options;
    const { link } = line;
    await this.#arrive(line);
    if (isCut(link)) return this.#noAnswer();
    if (!this.#exists) return { kind: 'refused' };
    if (this.#chance(faults.refused)) {
      count('append refused');
      return { kind: 'refused' };
    }
    if (this.#chance(faults.straggler)) {
      void this.#straggle(link, payload, expectedLast);
      return this.#noAnswer();
    }
    const isUnknown = this.#chance(faults.unknown);
    if (isUnknown) count('append unknown');
    if (isUnknown && this.#chance(0.5)) return this.#noAnswer();
    if (expectedLast !== this.#last) return { kind: 'refused' };
    const sequence = this.#store(link, payload);
    if (isUnknown) return this.#noAnswer();
    const startedMs = clock.monotonicMs();
    await this.#way();
    return isCut(link)
      ? this.#noAnswer(this.#answerMs - (clock.monotonicMs() - startedMs))
      : { kind: 'stored', sequence };
  }

  async #noAnswer(ms = this.#answerMs): Promise<Published> {
    await this.#options.clock.sleep(ms);
    return { kind: 'unknown' };
  }

  /**
   * Comes later, and again if it was not in turn then: a client's library tries more than once. Or it was judged to be
   * in turn now.
   */
  async #straggle(link: BrokerLink, payload: Uint8Array, expectedLast: number): Promise<void> {
    const wasInTurn = this.#chance(0.5) && expectedLast === this.#last;
    const way = pickFrom(this.#options.random, lateMs);
    for (let tries = 0; tries < stragglerTriesMax; tries += 1) {
      await this.#way(way);
      if (!this.#exists) return;
      if (!wasInTurn && expectedLast !== this.#last) continue;
      this.#options.count('straggler');
      this.#store(link, payload);
      return;
    }
  }

  #store({ name: by }: BrokerLink, payload: Uint8Array): number {
    this.#last += 1;
    const message = { sequence: this.#last, payload, by };
    this.#messages.push(message);
    this.#options.onStored?.(message, this);
    for (const tell of this.#watchers) tell(this.#last);
    return this.#last;
  }

  async #ask<T>(line: Line, answer: () => T): Promise<T> {
    await this.#arrive(line);
    if (!isCut(line.link)) {
      if (!this.#exists) throw new BrokerError('not found', `no stream ${this.name}`);
      if (this.#chance(this.#options.faults.notFound)) {
        this.#options.count('read not found');
        throw new BrokerError('not found', `${this.name} is not to be had now`);
      }
      const found = answer();
      await this.#way();
      if (!isCut(line.link)) return found;
    }
    await this.#options.clock.sleep(this.#answerMs);
    throw new BrokerError('unreachable', 'the broker does not answer');
  }

  #read(from: number, limitBytes: number): readonly StreamMessage[] {
    if (from < this.#first || from > this.#last)
      throw new BrokerError('not found', `no message ${from} in ${this.name}`);
    const found: StreamMessage[] = [];
    let bytes = 0;
    for (const message of this.#messages.slice(from - this.#first)) {
      bytes += message.payload.length;
      if (found.length > 0 && bytes > limitBytes) break;
      found.push(message);
    }
    return found;
  }

  #purge(below: number): void {
    if (below <= this.#first) return;
    this.#options.count('log trimmed');
    const first = Math.min(below, this.#last);
    this.#messages = this.#messages.slice(first - this.#first);
    this.#first = first;
  }
}

/** It may change while a request is on its way. */
const isCut = ({ isCut: now }: BrokerLink): boolean => now;

/** One process's connection. */
interface Line {
  readonly link: BrokerLink;
  /** Resolves when all that was sent has arrived. */
  free: Promise<void>;
}
