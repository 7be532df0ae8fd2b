import { type Clock, WOKEN } from '../../base/clock.ts';

/** Wakes who waits for a partition to come to another leader than it has. */
export class LeadershipNews {
  readonly #clock: Clock;
  readonly #waiting = new Set<AbortController>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who leads, or is to, may be another from now on. */
  tell(): void {
    for (const waited of this.#waiting) waited.abort(WOKEN);
  }

  /** Resolves at the next `tell`, or after `ms`. */
  async next(ms: number): Promise<void> {
    const waited = new AbortController();
    this.#waiting.add(waited);
    await this.#clock.sleep(ms, waited.signal);
    this.#waiting.delete(waited);
  }
}
