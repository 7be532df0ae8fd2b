import { yieldTo, type Clock } from '../base/clock.ts';

/** Of the writers that were under way at once lately, so many come before a group is closed. */
const shareOfWriters = 0.9;

/**
 * How long whoever waits does so at the most for others, give or take a turn of a timer; from when those were answered who were on
 * their way, who come again then.
 */
export const gateWaitMs = 1;

/** How long whoever waits does so for the end of appends under way, which what is sent now would wait for in the log. */
export const gateHeldMs = 20;

/** So many groups wait for nobody after one that did so in vain: who writes at times of its own does not come sooner for it. */
export const hastyGroups = 12;

/** With so many writers at once or more it takes longer than `gateWaitMs` to take them in again: that is not in vain. */
export const manyWriters = 32;

/** With fewer writers at once there is nothing to be gained, and nobody waits. */
export const gateWritersMin = 4;

/** By this part the writers at once are forgotten with each group. */
const forgottenPart = 1 / 16;

/**
 * When what single writers have gathered is closed into entries, for all partitions of a region together. An entry, and a group
 * of a zone's log, costs about the same for one record and for fifty, and whoever was answered by a group usually writes again at
 * once. So a group begins when nearly all have come who are under way at once, or `gateWaitMs` after the last of them was
 * answered; and where that was in vain the next groups wait for nobody. Whoever writes alone, or with few others, never waits.
 */
export class CommitGate {
  readonly #clock: Clock;
  #waiting = 0;
  #sent = 0;
  /** Writers under way at once, as seen lately. */
  #atOnce = 0;
  #flushes = new Set<() => void>();
  /** When the first came that waits. */
  #sinceMs = 0;
  /** When the last was answered that was on its way. */
  #endedMs = 0;
  #opens = false;
  /** So many groups are yet to wait for nobody. */
  #hasty = 0;
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A writer has come, and `flush` closes what it is in: at the end of this turn or later, once for all that named it. */
  wait(flush: () => void): void {
    if (this.#waiting === 0) this.#sinceMs = this.#clock.monotonicMs();
    this.#waiting += 1;
    this.#flushes.add(flush);
    this.#atOnce = Math.max(this.#atOnce, this.#waiting + this.#sent);
    if (this.#opens) return;
    const isEnough = this.#waiting >= this.#atOnce * shareOfWriters;
    if (isEnough || this.#hasty > 0 || this.#atOnce < gateWritersMin) {
      this.#opens = true;
      this.#clock.defer(() => {
        this.#open();
      });
    } else if (!this.#isTimed) void this.#openInTime();
  }

  /** The records of so many writers are on their way into a log. */
  sent(writers: number): void {
    this.#sent += writers;
  }

  /** They are in the log, or never will be, or nobody knows. */
  ended(writers: number): void {
    this.#sent -= writers;
    if (this.#sent === 0) this.#endedMs = this.#clock.monotonicMs();
  }

  /** When whoever waits goes on without the others. */
  get #dueMs(): number {
    return this.#sent > 0
      ? this.#sinceMs + gateHeldMs
      : Math.min(Math.max(this.#sinceMs, this.#endedMs) + gateWaitMs, this.#sinceMs + gateHeldMs);
  }

  async #openInTime(): Promise<void> {
    this.#isTimed = true;
    while (this.#waiting > 0) {
      const leftMs = this.#dueMs - this.#clock.monotonicMs();
      if (leftMs > 0) await this.#clock.sleep(Math.min(leftMs, gateWaitMs));
      else if (this.#opens) await yieldTo(this.#clock);
      else {
        const isVain = this.#atOnce < manyWriters;
        this.#atOnce = this.#waiting + this.#sent;
        this.#open();
        if (isVain) this.#hasty = hastyGroups;
      }
    }
    this.#isTimed = false;
  }

  #open(): void {
    this.#opens = false;
    const flushes = this.#flushes;
    if (flushes.size === 0) return;
    this.#flushes = new Set();
    this.#waiting = 0;
    this.#hasty = Math.max(0, this.#hasty - 1);
    this.#atOnce -= this.#atOnce * forgottenPart;
    for (const flush of flushes) flush();
  }
}
