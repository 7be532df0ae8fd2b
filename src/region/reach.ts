import type { Clock } from '../base/clock.ts';

/** A peer that has been asked for so long without any answer is lost. */
const lostAfterMs = 3000;

interface Silence {
  readonly sinceMs: number;
  readonly lastMs: number;
}

/**
 * Which peers are lost: asked again and again, and silent all the while. What lies between two askings that are far
 * apart does not count, because nobody would have answered then.
 */
export class Reach {
  readonly #clock: Clock;
  readonly #silences = new Map<string, Silence>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  answered(peer: string): void {
    this.#silences.delete(peer);
  }

  /** It has not answered what it was asked at `askedMs`, of the monotonic clock. */
  silent(peer: string, askedMs: number): void {
    const known = this.#silences.get(peer);
    const isLasting = known !== undefined && askedMs - known.lastMs < lostAfterMs;
    this.#silences.set(peer, {
      sinceMs: isLasting ? known.sinceMs : askedMs,
      lastMs: this.#clock.monotonicMs(),
    });
  }

  isLost(peer: string): boolean {
    const silence = this.#silences.get(peer);
    return silence !== undefined && silence.lastMs - silence.sinceMs >= lostAfterMs;
  }
}
