import type { Clock } from '../../src/base/clock.ts';

/** Time in which turns of the event loop take as long as is said, the last of them for ever, and sleeps are over at once. */
export class TurningClock implements Clock {
  readonly rests: number[] = [];
  readonly #turnsMs: readonly number[];
  #turn = 0;
  #nowMs = 0;

  constructor(...turnsMs: readonly number[]) {
    this.#turnsMs = turnsMs;
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
    this.#nowMs += this.#turnsMs[this.#turn] ?? this.#turnsMs.at(-1) ?? 0;
    this.#turn += 1;
    queueMicrotask(task);
  }
}
