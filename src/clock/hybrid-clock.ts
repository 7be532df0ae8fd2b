import { assert } from '../base/assert.ts';
import { hybridTimeOf, wallMsOf, type HybridTime } from './hybrid-time.ts';

/** Where a hybrid clock has its physical time from: see `WallJudge`. It may go back. */
export interface BelievedTime {
  /** Milliseconds since 1970. */
  believedMs(): number;
}

/**
 * A region's hybrid logical clock (Kulkarni and others, "Logical Physical Clocks", 2014): close to wall time,
 * and strictly increasing, because two writes of one region with the same time would be the same version.
 *
 * The hazards of skew, and what becomes of them here:
 *
 * - **Last writer wins by the writer's clock.** Of two writes that had not seen each other the one from the region
 *   whose clock is ahead wins, however they were in truth ordered. Skew is therefore a bias between regions; it is
 *   measured and exported per peer, and bounded by disbelief (`WallJudge`), never by refusing a write.
 * - **A write that has seen another always beats it.** The leader stamps a version later than the item's own, so
 *   that skew can never make a read-then-write lose to what was read.
 * - **A clock that runs ahead is contagious** in the classic algorithm: a receiver moves its clock past all that it
 *   receives, and one bad machine drags every region into the future for good. Here a received version far ahead
 *   moves only that item's time; nothing received comes near this clock. The price is that times of different
 *   items in different regions are not causally ordered, which last writer wins on single items never needs.
 * - **A wall clock set back** would repeat times. This clock then counts single ticks on its last time until wall
 *   time has caught up; it stands still in milliseconds, still orders, and shows how far it is ahead.
 * - **A restart forgets.** What was stamped before is known from the partitions' logs only, and a wall clock may
 *   have been set back meanwhile; so at start `moveTo` takes the latest time of every log.
 * - **An old disk comes back**: peers then hold newer versions of this region's making than it knows itself. Until
 *   `moveTo` has taken the latest of them, a new write could carry a version that was given away before.
 * - **A tick is 1/1024 ms**: who stamps more than 1024 versions in a millisecond runs ahead of the wall, a little.
 */
export class HybridClock {
  readonly #time: BelievedTime;
  #latest: HybridTime = 0;

  constructor(time: BelievedTime) {
    this.#time = time;
  }

  /** A time greater than every one before, and than every one given to `moveTo`. */
  now(): HybridTime {
    const physical = hybridTimeOf(this.#time.believedMs());
    this.#latest = physical > this.#latest ? physical : this.#latest + 1;
    return this.#latest;
  }

  /** All later times are greater than `time`. Only for times of this region's own making: see above. */
  moveTo(time: HybridTime): void {
    assert(Number.isSafeInteger(time) && time >= 0, 'a hybrid time is a whole number');
    if (time > this.#latest) this.#latest = time;
  }

  /** What `now` would show in milliseconds since 1970, fractional, without using up a time: for ages and lag. */
  nowMs(): number {
    return Math.max(this.#time.believedMs(), wallMsOf(this.#latest));
  }

  /** How far in milliseconds the clock stands ahead of the time it believes: 0, but after that went back. */
  aheadMs(): number {
    return Math.max(0, wallMsOf(this.#latest) - this.#time.believedMs());
  }
}
