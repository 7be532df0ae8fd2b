export interface PaceOptions {
  /** Between two requests of one connection; 0 for no pause. */
  readonly everyMs: number;
  /** Whether requests are due at that rate even while the one before is not answered. */
  readonly isOpen: boolean;
  /** When the first is due. */
  readonly firstMs: number;
}

export interface Turn {
  /** 0 for at once. */
  readonly waitMs: number;
  /**
   * From when on the request waits for its answer; undefined for from when it is sent. A request that was due while its
   * connection was busy has waited since: without that, whoever is slow is asked less, and seems fast (coordinated
   * omission). How late a timer of the generator is, is not the server's.
   */
  readonly sinceMs: number | undefined;
}

/** When one connection sends its requests. */
export class Pace {
  readonly #everyMs: number;
  readonly #isOpen: boolean;
  #dueMs: number;

  constructor({ everyMs, isOpen, firstMs }: PaceOptions) {
    this.#everyMs = everyMs;
    this.#isOpen = isOpen;
    this.#dueMs = firstMs;
  }

  /** The next request of a connection that is free at `nowMs`. */
  next(nowMs: number): Turn {
    const waitMs = Math.max(0, this.#dueMs - nowMs);
    const isLate = this.#isOpen && waitMs === 0;
    const sinceMs = isLate ? this.#dueMs : undefined;
    // In a closed loop what is late moves all that follows.
    this.#dueMs = (this.#isOpen ? this.#dueMs : nowMs + waitMs) + this.#everyMs;
    return { waitMs, sinceMs };
  }
}
