import type { Clock } from '../base/clock.ts';

/** How many callers' targets are known at a time; a target that is forgotten begins anew. */
const targetsMax = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** How often each of many targets may be called: so many times at once, and so many per second on and on. */
export class CallRates {
  readonly #clock: Clock;
  readonly #perSecond: number;
  /** The one used last stands last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Whether a call of `target` may be made now; it counts if so. */
  admit(target: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(target) ?? { tokens: this.#perSecond, atMs: nowMs };
    const gained = ((nowMs - bucket.atMs) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + gained);
    bucket.atMs = nowMs;
    this.#buckets.delete(target);
    this.#buckets.set(target, bucket);
    if (this.#buckets.size > targetsMax) this.#forgetOldest();
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #forgetOldest(): void {
    for (const target of this.#buckets.keys()) {
      this.#buckets.delete(target);
      return;
    }
  }
}
