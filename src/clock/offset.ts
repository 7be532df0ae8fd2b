import { assert } from '../base/assert.ts';

/** One exchange with a peer, in milliseconds. This side reads its monotonic clock, the peer its wall clock. */
export interface OffsetSample {
  readonly sentMonotonicMs: number;
  readonly peerReceivedWallMs: number;
  readonly peerAnsweredWallMs: number;
  readonly returnedMonotonicMs: number;
}

/** The truth lies within `errorMs` of `offsetMs`, either way. */
export interface OffsetEstimate {
  readonly offsetMs: number;
  readonly errorMs: number;
}

interface Measured extends OffsetEstimate {
  readonly atMs: number;
}

const WINDOW_MS = 60_000;
const SAMPLES_MAX = 16;
/** What two clocks may drift apart while a sample ages: 200 ppm, more than quartz does. */
const DRIFT_PER_MS = 0.0002;
/** Wall clocks are read in whole milliseconds. */
const READING_MS = 1;

/**
 * How far a peer's wall clock is ahead of this process's monotonic clock, as NTP measures it (RFC 5905, section
 * 8): the middle of the peer's two times less the middle of this side's, wrong by at most half of what the
 * way took. Of the samples of the last minute the one with the smallest error counts, grown by its age.
 *
 * This side takes its monotonic clock so that a jump of its own wall clock falsifies nothing. When the peer's
 * is set, a sample and the estimate exclude each other; the older ones are dropped then.
 */
export class OffsetWindow {
  #samples: Measured[] = [];

  /** A sample in which time goes back on either side, as when the peer's clock was set within it, is left out. */
  add(sample: OffsetSample): void {
    const { sentMonotonicMs, peerReceivedWallMs, peerAnsweredWallMs, returnedMonotonicMs } = sample;
    const heldMs = peerAnsweredWallMs - peerReceivedWallMs;
    const wayMs = returnedMonotonicMs - sentMonotonicMs - heldMs;
    assert(Number.isFinite(wayMs), 'times are numbers');
    if (heldMs < 0 || wayMs < -2 * READING_MS) return;
    const measured: Measured = {
      offsetMs:
        (peerReceivedWallMs + peerAnsweredWallMs - sentMonotonicMs - returnedMonotonicMs) / 2,
      errorMs: Math.max(0, wayMs) / 2 + READING_MS,
      atMs: returnedMonotonicMs,
    };
    const before = this.estimate(returnedMonotonicMs);
    if (before !== undefined && excludes(before, measured)) this.#samples = [];
    this.#samples.push(measured);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** The best that is known at a reading of the monotonic clock; undefined when nothing was measured lately. */
  estimate(monotonicMs: number): OffsetEstimate | undefined {
    let best: OffsetEstimate | undefined;
    for (const { offsetMs, errorMs, atMs } of this.#samples) {
      const ageMs = monotonicMs - atMs;
      const agedMs = errorMs + ageMs * DRIFT_PER_MS;
      if (ageMs > WINDOW_MS || (best !== undefined && best.errorMs < agedMs)) continue;
      best = { offsetMs, errorMs: agedMs };
    }
    return best;
  }
}

const excludes = (a: OffsetEstimate, b: OffsetEstimate): boolean =>
  Math.abs(a.offsetMs - b.offsetMs) > a.errorMs + b.errorMs;
