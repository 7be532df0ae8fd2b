import type { Clock } from '../base/clock.ts';

/** A clock whose wall time is set ahead of another's, to try out skew. */
export class OffsetClock implements Clock {
  readonly #clock: Clock;
  readonly #offsetMs: number;

  constructor(clock: Clock, offsetMs: number) {
    this.#clock = clock;
    this.#offsetMs = offsetMs;
  }

  wallMs(): number {
    return this.#clock.wallMs() + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }

  defer(task: () => void): void {
    this.#clock.defer(task);
  }
}
