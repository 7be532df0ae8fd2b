import type { Clock } from '../../src/base/clock.ts';

/** Time in which each turn of the event loop takes as long as is said, and sleeps are over at once. */
export class TurningClock implements Clock {
  readonly rests: number[] = [];
  readonly #turnMs: number;
  #nowMs = 0;

  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.rests.push(ms);
    this.#nowMs += ms;
  }

  defer(task: () => void): void {
    this.#nowMs += this.#turnMs;
    queueMicrotask(task);
  }
}
