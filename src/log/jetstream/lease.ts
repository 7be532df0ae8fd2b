import type { Clock } from '../../base/clock.ts';

/** How long a leader may answer without asking. With the margin, a killed leader is replaced within 3 s. */
export const leaseMsDefault = 2000;

/** By how much clocks may run apart during a lease, as a part of it: far more than clocks that work do. */
const marginPart = 0.1;

/** When something was sent, by both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * Until when a leader may answer for its partition without asking, and from when on another may take the epoch.
 *
 * A leader counts from before it *sent* a message that is durable; a challenger from when it *received* the last one,
 * and for longer, by the margin. Whoever opens an epoch knows every message in front of it, so it received each one
 * after that was sent: the leader's time is always over first. The leader goes by whichever clock says that more time
 * has passed, since a machine that sleeps may stop its monotonic clock; the challenger by its monotonic clock alone.
 */
export class Lease {
  readonly leaseMs: number;
  readonly #clock: Clock;
  #sent: Moment | undefined;
  #heardMs: number | undefined;

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.leaseMs = leaseMs;
  }

  now(): Moment {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() };
  }

  /** What was sent after `sent` is durable, in this leader's epoch. */
  renew(sent: Moment): void {
    this.#sent = sent;
  }

  /** The epoch is no longer this leader's, or will not be. */
  drop(): void {
    this.#sent = undefined;
  }

  /** A message of somebody else was received. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  /** By the monotonic clock; undefined while nothing was received from anybody else. */
  get lastHeardMs(): number | undefined {
    return this.#heardMs;
  }

  get isHeld(): boolean {
    if (this.#sent === undefined) return false;
    const { monotonicMs, wallMs } = this.#sent;
    const passedMs = Math.max(
      this.#clock.monotonicMs() - monotonicMs,
      this.#clock.wallMs() - wallMs,
    );
    return passedMs < this.leaseMs;
  }

  /** Nobody else can hold one, as far as what was received tells. */
  get isOverElsewhere(): boolean {
    return this.overElsewhereInMs === 0;
  }

  /** How long nothing must be received until `isOverElsewhere`. */
  get overElsewhereInMs(): number {
    if (this.#heardMs === undefined) return 0;
    const silentMs = this.#clock.monotonicMs() - this.#heardMs;
    return Math.max(0, this.leaseMs * (1 + marginPart) - silentMs);
  }
}
