import { WOKEN, type Clock } from '../base/clock.ts';

/** The longest that a timer can wait. */
const FOREVER_MS = 2 ** 31 - 1;

/** Wakes those who wait for something that others do. Ask again whether it has come after every wait. */
export class Bell {
  readonly #clock: Clock;
  readonly #waiting = new Set<AbortController>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    for (const waiting of this.#waiting) waiting.abort(WOKEN);
    this.#waiting.clear();
  }

  /** Resolves at the next `ring`, and after `ms` at the latest. */
  async wait(ms = FOREVER_MS): Promise<void> {
    const waiting = new AbortController();
    this.#waiting.add(waiting);
    await this.#clock.sleep(ms, waiting.signal);
    this.#waiting.delete(waiting);
  }
}
