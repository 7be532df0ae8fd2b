import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { type OffsetEstimate, OffsetWindow } from '../clock/offset.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { PeerLine } from './peer-line.ts';
import { decodeClockReading, encodeClockReading, encodeNothing } from './wire.ts';

const PROBE_MS = 1000;
const ANSWER_MS_MAX = 5000;

/** Asks each peer for its wall clock, about every second, so that offsets are known. */
export class ClockProbe implements Service {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lines: readonly PeerLine[];
  readonly #onEstimate: (peer: string, estimate: OffsetEstimate) => void;
  readonly #windows = new Map<string, OffsetWindow>();
  readonly #stopping = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly lines: readonly PeerLine[];
    /** After each exchange: the peer's wall clock less this process's monotonic clock. */
    readonly onEstimate: (peer: string, estimate: OffsetEstimate) => void;
  }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#lines = options.lines;
    this.#onEstimate = options.onEstimate;
    for (const { peer } of options.lines) this.#windows.set(peer, new OffsetWindow());
  }

  async start(): Promise<void> {
    this.#running = Promise.all(this.#lines.map(async (line) => this.#probe(line)));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** The peer's wall clock less this process's monotonic clock; undefined when not measured lately. */
  estimate(peer: string): OffsetEstimate | undefined {
    return this.#windows.get(peer)?.estimate(this.#clock.monotonicMs());
  }

  async #probe(line: PeerLine): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#exchange(line);
      } catch (error) {
        // A peer out of reach is the outboxes' news; here it is only an offset that gets old.
        this.#logger.debug({ peer: line.peer, error }, 'clock not read');
      }
      await this.#clock.sleep(PROBE_MS, this.#stopping.signal);
    }
  }

  async #exchange(line: PeerLine): Promise<void> {
    const sentMonotonicMs = this.#clock.monotonicMs();
    const answer = await line.ask('clock.read', encodeNothing(), {
      timeoutMs: ANSWER_MS_MAX,
      signal: this.#stopping.signal,
    });
    const returnedMonotonicMs = this.#clock.monotonicMs();
    const { receivedWallMs, answeredWallMs } = decodeClockReading(answer);
    const window = this.#windows.get(line.peer);
    window?.add({
      sentMonotonicMs,
      peerReceivedWallMs: receivedWallMs,
      peerAnsweredWallMs: answeredWallMs,
      returnedMonotonicMs,
    });
    const estimate = window?.estimate(returnedMonotonicMs);
    if (estimate !== undefined) this.#onEstimate(line.peer, estimate);
  }
}

/** The answer to a probe that came in just now. */
export const answerProbe = (clock: Clock): Uint8Array => {
  const wallMs = clock.wallMs();
  return encodeClockReading({ receivedWallMs: wallMs, answeredWallMs: wallMs });
};
